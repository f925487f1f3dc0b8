"""Whatever goes wrong is told as RFC 9457 problem details, and never as a failure of the service."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.config import MEBIBYTE
from app.main import create_app
from tests.conftest import SECRET, make_settings, open_client
from tests.factories import make_customer

JSON = {"Content-Type": "application/json"}
SOMEBODY = "/v1/customers/01a20351-8849-7262-b2fa-12638c68a45b"

UNSEEN_KEY = {"Authorization": "Bearer of_write-01a2035188497262b2fa12638c68a45b_secret"}


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["request_id"] == response.headers["x-request-id"]
    assert {"type", "title", "detail"} <= problem.keys()
    return problem


@pytest.mark.parametrize("path", ["/", "/v1/nothing", "/v1/customers/", f"{SOMEBODY}/nothing"])
async def test_an_unknown_route_is_a_404_problem(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 404, "not_found")


async def test_a_method_the_route_does_not_have_is_a_405_problem_that_names_those_it_has(
    client: httpx.AsyncClient,
) -> None:
    response = await client.put("/v1/customers")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"]


async def test_a_request_keeps_the_id_its_caller_gave_it(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/nothing", headers={"X-Request-Id": "call-17.4:a_b"})
    assert assert_problem(response, 404, "not_found")["request_id"] == "call-17.4:a_b"


@pytest.mark.parametrize("given", ["", "with space", "x" * 65, '"><script>'])
async def test_a_request_id_that_could_not_stand_in_a_log_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/health/live", headers={"X-Request-Id": given})
    assert response.headers["x-request-id"] not in {"", given}


@pytest.mark.parametrize("body", [b"{", b"", b"{'a':1}", b'{"display_name":"\xff"}', b"[" * 100_000, b"nul"])
async def test_a_body_that_is_no_json_is_refused_as_the_callers_mistake(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/customers", content=body, headers=JSON)
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body", [b'{"a":', '{"display_name": "مرحبا"}'.encode("cp1256"), b'{"a": ' + b"9" * 5000 + b"}"]
)
async def test_malformed_json_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    assert_problem(await client.post("/v1/customers", content=body, headers=JSON), 400, "malformed_json")


async def test_each_wrong_field_is_named_by_its_path(client: httpx.AsyncClient) -> None:
    body = {"kind": "robot", "time_zone": "Tehran", "identifiers": [{"kind": "phone"}], "nickname": "Ali"}
    problem = assert_problem(await client.post("/v1/customers", json=body), 422, "validation_failed")
    fields = {error["field"] for error in problem["errors"]}
    assert fields == {"kind", "time_zone", "identifiers.0.value", "nickname"}


async def test_a_refusal_never_repeats_what_was_sent(client: httpx.AsyncClient) -> None:
    secret = "my-secret-remark"
    answers = [
        await client.post("/v1/customers", json={"kind": secret, "language": secret, "identifiers": secret}),
        await client.post("/v1/customers", json={"identifiers": [{"kind": "phone", "value": secret}]}),
        await client.post("/v1/customers", json={"identifiers": [{"kind": secret, "value": secret}]}),
        await client.post("/v1/interactions", json={"channel": secret, "occurred_at": secret, "text": [secret]}),
        await client.post("/v1/sources", json={"name": f"{secret}!", "provider": secret, "credentials": [secret]}),
        await client.get("/v1/customers", params={"limit": secret, "cursor": secret, "updated_since": secret}),
        await client.get(f"/v1/customers/{secret}"),
        await client.get("/v1/lookup", params={"phone": secret}),
        await client.post("/v1/customers", content=secret, headers=JSON),
    ]
    assert [answer.status_code for answer in answers] == [422] * 8 + [400]
    assert [answer.text for answer in answers if secret in answer.text] == []


@pytest.mark.parametrize(
    "path", ["/v1/customers", "/v1/interactions", "/v1/conversations", "/v1/duplicates", "/v1/sources", "/v1/lookup"]
)
async def test_an_unknown_query_parameter_is_400_and_named(client: httpx.AsyncClient, path: str) -> None:
    problem = assert_problem(await client.get(path, params={"nmae": "Ali"}), 400, "unknown_parameter")
    assert [error["field"] for error in problem["errors"]] == ["query.nmae"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/customers"),
        ("PATCH", SOMEBODY),
        ("POST", f"{SOMEBODY}/identifiers"),
        ("POST", "/v1/interactions"),
        ("POST", "/v1/sources"),
        ("POST", "/v1/api-keys"),
    ],
)
async def test_an_unknown_field_of_a_body_is_422_and_named(client: httpx.AsyncClient, method: str, path: str) -> None:
    problem = assert_problem(await client.request(method, path, json={"nmae": "Ali"}), 422, "validation_failed")
    assert "nmae" in {error["field"] for error in problem["errors"]}


async def test_text_the_database_cannot_hold_is_cleaned_at_every_depth(client: httpx.AsyncClient) -> None:
    body = {
        "display_name": "A\0li \ud800",
        "attributes": {"sh\0oe": {"si\0ze": ["4\0 2", "\udc00"]}},
        "identifiers": [{"kind": "email", "value": "a\0li@example.ir", "label": "wo\0rk"}],
    }
    response = await client.post("/v1/customers", content=json.dumps(body), headers=JSON)
    assert response.status_code == 201, response.text
    assert response.json()["display_name"] == "Ali \ufffd"
    assert response.json()["attributes"] == {"shoe": {"size": ["4 2", "\ufffd"]}}
    assert response.json()["identifiers"][0]["value"] == "ali@example.ir"
    assert response.json()["identifiers"][0]["label"] == "work"


async def test_an_interactions_text_is_cleaned_too_alone_and_in_a_batch(client: httpx.AsyncClient) -> None:
    customer = await make_customer(client)
    body = json.dumps(
        {"channel": "visit", "customer_id": customer["id"], "text": "a\0b\ud800", "subject": "\0s", "agent": "\0n"}
        | {"location": "l\0", "external_id": "e\0", "source": "till\0", "attributes": {"\0k": "\udfff"}}
    )
    one = await client.post("/v1/interactions", content=body, headers=JSON)
    assert one.status_code == 201, one.text
    shown = {name: one.json()[name] for name in ("text", "subject", "agent", "location", "external_id", "attributes")}
    assert shown == {
        "text": "ab\ufffd",
        "subject": "s",
        "agent": "n",
        "location": "l",
        "external_id": "e",
        "attributes": {"k": "\ufffd"},
    }
    batch = await client.post("/v1/interactions/batch", content=body)
    assert batch.json()["results"][0]["id"] == one.json()["id"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/customers?identifier=a%00b",
        "/v1/customers?identifier=%ed%a0%80",
        "/v1/customers?cursor=a%00b",
        "/v1/inbound-requests?source=a%00b",
        "/v1/sources/a%00b",
        "/v1/ingest/a%00b",
        "/v1/ingest/a%00b/c%00d",
        "/v1/ingest/%ff%fe",
        "/v1/lookup?email=a%00b@example.ir",
        "/v1/lookup?telegram=%00",
        f"{SOMEBODY}%00",
    ],
)
async def test_text_the_database_cannot_hold_does_no_harm_in_an_address(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code in (200, 400, 404, 422), response.text


async def test_text_the_database_cannot_hold_does_no_harm_in_names(client: httpx.AsyncClient) -> None:
    key = await client.post("/v1/api-keys", json={"name": "ca\0ll centre", "scopes": ["read"]})
    assert key.json()["name"] == "call centre"
    source = {"name": "sms", "provider": "twilio_sms", "credentials": {"auth_token": "a\0b"}, "settings": {"\0a": "\0"}}
    made = await client.post("/v1/sources", json=source)
    assert made.json()["settings"] == {"a": ""}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
@pytest.mark.parametrize("place", ['{"attributes":{"a":%s}}', '{"attributes":{"a":[{"b":%s}]}}', '{"kind":%s}'])
async def test_a_number_that_json_does_not_have_is_refused(client: httpx.AsyncClient, place: str, number: str) -> None:
    response = await client.post("/v1/customers", content=place % number, headers=JSON)
    assert response.status_code in (400, 422), response.text


async def test_a_huge_integer_is_kept_to_the_last_digit(client: httpx.AsyncClient) -> None:
    customer = await make_customer(client, attributes={"n": 10**1000 + 7})
    assert (await client.get(f"/v1/customers/{customer['id']}")).json()["attributes"] == {"n": 10**1000 + 7}


@pytest.mark.parametrize("depth", [65, 300, 900])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
async def test_json_nested_deeper_than_could_be_shown_again_is_refused(
    client: httpx.AsyncClient, depth: int, opening: str, closing: str
) -> None:
    nested = opening * depth + "1" + closing * depth
    for path, body in {
        "/v1/customers": f'{{"preferences":{{"a":{nested}}}}}',
        "/v1/interactions": f'{{"channel":"visit","attributes":{{"a":{nested}}}}}',
        "/v1/sources": f'{{"name":"a","provider":"twilio_sms","settings":{{"a":{nested}}}}}',
    }.items():
        response = await client.post(path, content=body, headers=JSON)
        assert_problem(response, 422, "validation_failed")


async def test_json_nested_as_deep_as_people_nest_it_is_kept(client: httpx.AsyncClient) -> None:
    nested: dict[str, Any] = {"a": 1}
    for _ in range(40):
        nested = {"a": [nested]} if "b" in nested else {"b": nested}
    customer = await make_customer(client, attributes=nested)
    assert (await client.get(f"/v1/customers/{customer['id']}")).json()["attributes"] == nested


async def _pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536):
        yield b" " * 65_536


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "once"}])
async def test_a_body_over_the_limit_is_413_whether_or_not_its_size_is_announced(
    client: httpx.AsyncClient, key: dict[str, str]
) -> None:
    announced = await client.post("/v1/customers", content=b" " * (MEBIBYTE + 1), headers=JSON | key)
    assert_problem(announced, 413, "payload_too_large")
    unannounced = await client.post("/v1/customers", content=_pieces(2 * MEBIBYTE), headers=JSON | key)
    assert "content-length" not in unannounced.request.headers
    assert_problem(unannounced, 413, "payload_too_large")


async def test_a_webhook_without_announced_size_is_limited_too(client: httpx.AsyncClient) -> None:
    await client.post("/v1/sources", json={"name": "f", "provider": "web_form", "settings": {"scheme": "none"}})
    response = await client.post("/v1/ingest/f", content=_pieces(65 * MEBIBYTE))
    assert_problem(response, 413, "payload_too_large")


async def test_a_stale_version_is_412_and_changes_nothing(client: httpx.AsyncClient) -> None:
    customer = await make_customer(client, display_name="Ali")
    path = f"/v1/customers/{customer['id']}"
    first = await client.patch(path, json={"display_name": "Reza"}, headers={"If-Match": '"1"'})
    assert (first.status_code, first.json()["version"]) == (200, 2)
    assert_problem(
        await client.patch(path, json={"display_name": "Omid"}, headers={"If-Match": '"1"'}), 412, "version_mismatch"
    )
    assert_problem(await client.delete(path, headers={"If-Match": '"1"'}), 412, "version_mismatch")
    assert (await client.get(path)).json()["display_name"] == "Reza"


@pytest.mark.parametrize("if_match", ["*", '"1"', "1"])
async def test_the_current_version_or_any_matches(client: httpx.AsyncClient, if_match: str) -> None:
    customer = await make_customer(client)
    response = await client.patch(f"/v1/customers/{customer['id']}", json={}, headers={"If-Match": if_match})
    assert response.status_code == 200


@pytest.mark.parametrize("if_match", ["abc", '"abc"', '"1', "1.5", "Infinity", '"-1"', "", '"1", "2"', "[" * 50_000])
async def test_a_malformed_if_match_is_400(client: httpx.AsyncClient, if_match: str) -> None:
    customer = await make_customer(client)
    path = f"/v1/customers/{customer['id']}"
    assert_problem(await client.patch(path, json={}, headers={"If-Match": if_match}), 400, "bad_if_match")


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "once"}])
async def test_a_database_that_is_away_is_503_and_says_when_to_try_again(key: dict[str, str]) -> None:
    app = create_app(make_settings(), "postgresql://nobody@127.0.0.1:1/nothing", SECRET)
    async with app.router.lifespan_context(app), open_client(app) as client:
        for response in (
            await client.get("/health/ready"),
            await client.get(SOMEBODY),
            await client.get(f"{SOMEBODY}/file"),
            await client.post("/v1/customers", json={}, headers=key),
            await client.post("/v1/customers", json={}, headers=key | UNSEEN_KEY),
        ):
            assert_problem(response, 503, "unavailable")
            assert response.headers["retry-after"] == "2"
