"""Sources: provider accounts, whose credentials go in and never come out."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.channels.registry import ADAPTERS
from tests.conftest import SavepointDatabase
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, configure, make_source, signed_sms

Client = httpx.AsyncClient
SECRET = "my-very-secret-token"
URL = "http://onefile.test/v1/ingest/sms"


async def make(client: Client, **fields: Any) -> dict[str, Any]:
    return await make_source(client, **{"name": "sms", "credentials": {"auth_token": SECRET}} | fields)


async def deliver(client: Client, message_id: str, token: str = SECRET, url: str = URL) -> int:
    request = signed_sms("+14155552671", "hello", message_id, url=url, token=token)
    return (await client.post(URL, **request)).status_code


async def test_a_source_is_shown_with_its_address_and_without_its_credentials(client: Client) -> None:
    source = await make(client, default_region="US", settings={"note": [1]})
    assert source == {
        "id": source["id"],
        "name": "sms",
        "provider": "twilio_sms",
        "default_region": "US",
        "public_url": None,
        "settings": {"note": [1]},
        "credential_names": ["auth_token"],
        "webhook_url": URL,
        "version": 1,
        "created_at": source["created_at"],
        "updated_at": source["updated_at"],
    }
    assert (await client.get("/v1/sources/sms")).json() == source
    assert (await client.get(f"/v1/sources/{source['id']}")).json() == source
    assert (await client.get("/v1/sources")).json()["items"] == [source]


async def test_no_answer_ever_shows_a_credential(client: Client) -> None:
    body = {"name": "sms", "provider": "twilio_sms", "credentials": {"auth_token": SECRET}}
    answers = [
        await client.post("/v1/sources", json=body, headers={"Idempotency-Key": "1"}),
        await client.post("/v1/sources", json=body, headers={"Idempotency-Key": "1"}),
        await client.post("/v1/sources", json=body),
        await client.get("/v1/sources"),
        await client.get("/v1/sources/sms"),
        await client.patch("/v1/sources/sms", json={"credentials": {"auth_token": SECRET}}),
        await client.patch("/v1/sources/sms", json={"credentials": {"auth_token": SECRET, "other": SECRET}}),
        await client.patch("/v1/sources/sms", json={"credentials": {"auth_token": [SECRET]}}),
        await client.post("/v1/sources", json=body | {"name": "two", "credentials": {"password": SECRET}}),
        await client.delete("/v1/sources/sms"),
    ]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [201, 201, 409, 200, 200, 200, 422, 422, 422, 204]
    assert [answer.text for answer in answers if SECRET in answer.text] == []


async def test_credentials_are_encrypted_at_rest(client: Client, database: SavepointDatabase) -> None:
    await make(client)
    row = await database.driver.fetchrow("SELECT * FROM source")
    assert row["sealed_credentials"]
    assert SECRET not in str(dict(row))
    assert await deliver(client, "SM1") == 200


@pytest.mark.parametrize(
    ("changes", "code", "fields"),
    [
        ({"provider": "carrier-pigeon"}, "unknown_provider", {"provider"}),
        ({"settings": {"scheme": "none"}}, "unknown_scheme", {"settings.scheme"}),
        ({"settings": {"scheme": ["a"]}}, "unknown_scheme", {"settings.scheme"}),
        ({"credentials": {"auth_token": "1", "password": "2"}}, "bad_credentials", {"credentials.password"}),
        ({"credentials": {}}, "bad_credentials", {"credentials.auth_token"}),
        ({"credentials": {"auth_token": ""}}, "bad_credentials", {"credentials.auth_token"}),
        ({"name": "Tehran SMS"}, "validation_failed", {"name"}),
        ({"name": "a/b"}, "validation_failed", {"name"}),
        ({"name": "x" * 64}, "validation_failed", {"name"}),
        ({"public_url": "hooks.example.org"}, "validation_failed", {"public_url"}),
        ({"public_url": "javascript:alert(1)"}, "validation_failed", {"public_url"}),
        ({"default_region": "Iran"}, "validation_failed", {"default_region"}),
        ({"credentials": {"auth_token": 5}}, "validation_failed", {"credentials.auth_token"}),
    ],
)
async def test_a_source_that_could_not_work_is_422(
    client: Client, changes: dict[str, Any], code: str, fields: set[str]
) -> None:
    body = {"name": "sms", "provider": "twilio_sms", "credentials": {"auth_token": SECRET}} | changes
    problem = assert_problem(await client.post("/v1/sources", json=body), 422, code)
    assert {error["field"] for error in problem["errors"]} == fields
    assert (await client.get("/v1/sources")).json()["items"] == []


async def test_a_scheme_that_proves_nothing_must_be_asked_for(client: Client) -> None:
    body = {"name": "form", "provider": "web_form"}
    assert_problem(await client.post("/v1/sources", json=body), 422, "bad_credentials")
    source = await make_source(client, "web_form", settings={"scheme": "none"})
    assert source["credential_names"] == []


async def test_two_sources_cannot_have_one_name(client: Client) -> None:
    await make(client)
    body = {"name": "sms", "provider": "twilio_sms", "credentials": {"auth_token": SECRET}}
    assert_problem(await client.post("/v1/sources", json=body), 409, "source_exists")


async def test_a_change_takes_effect_with_the_next_request(client: Client) -> None:
    await make(client)
    assert await deliver(client, "SM1") == 200
    changed = await client.patch("/v1/sources/sms", json={"credentials": {"auth_token": "newer"}})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert await deliver(client, "SM2") == 401
    assert await deliver(client, "SM3", token="newer") == 200


async def test_a_change_takes_effect_for_those_too_who_call_by_id(client: Client) -> None:
    source = await make(client)
    path = f"/v1/ingest/{source['id']}"
    url = f"http://onefile.test{path}"

    async def call(message_id: str) -> int:
        request = signed_sms("+14155552671", "hello", message_id, url=url, token=SECRET)
        return (await client.post(path, **request)).status_code

    assert await call("SM1") == 200
    await client.patch("/v1/sources/sms", json={"credentials": {"auth_token": "newer"}})
    assert await call("SM2") == 401


async def test_a_change_merges_and_null_empties(client: Client) -> None:
    await make_source(
        client, "mailgun", name="mail", credentials={"signing_key": SECRET}, settings={"a": {"b": 1, "c": 2}, "d": 3}
    )
    path = "/v1/sources/mail"
    changed = (await client.patch(path, json={"settings": {"a": {"b": None}, "d": 4}})).json()
    assert (changed["settings"], changed["credential_names"]) == ({"a": {"c": 2}, "d": 4}, ["signing_key"])
    changed = (await client.patch(path, json={"default_region": "IR", "public_url": "https://x.example/a"})).json()
    assert (changed["default_region"], changed["public_url"]) == ("IR", "https://x.example/a")
    changed = (await client.patch(path, json={"default_region": None, "public_url": None, "settings": None})).json()
    assert (changed["default_region"], changed["public_url"], changed["settings"]) == (None, None, {})
    for credentials in (None, {"signing_key": None}):
        response = await client.patch(path, json={"credentials": credentials})
        assert_problem(response, 422, "bad_credentials")


async def test_a_stale_change_is_412(client: Client) -> None:
    await make(client)
    path = "/v1/sources/sms"
    assert (await client.patch(path, json={}, headers={"If-Match": '"1"'})).status_code == 200
    response = await client.patch(path, json={"default_region": "IR"}, headers={"If-Match": '"1"'})
    assert_problem(response, 412, "version_mismatch")


async def test_name_and_provider_do_not_change(client: Client) -> None:
    await make(client)
    for body in ({"name": "other"}, {"provider": "mailgun"}):
        assert_problem(await client.patch("/v1/sources/sms", json=body), 422, "validation_failed")


async def test_a_deleted_sources_webhook_is_404_and_what_it_delivered_stays(client: Client) -> None:
    await make(client)
    assert await deliver(client, "SM1") == 200
    assert (await client.delete("/v1/sources/sms")).status_code == 204
    assert await deliver(client, "SM2") == 404
    for response in (
        await client.get("/v1/sources/sms"),
        await client.patch("/v1/sources/sms", json={}),
        await client.delete("/v1/sources/sms"),
    ):
        assert_problem(response, 404, "unknown_source")
    assert [item["external_id"] for item in await all_pages(client, "/v1/interactions")] == ["SM1"]


async def test_the_webhook_url_is_what_the_provider_must_be_told(app: FastAPI, client: Client) -> None:
    assert (await make(client))["webhook_url"] == URL
    secret = await make_source(client, "kavenegar", credentials={"path_token": SECRET})
    assert secret["webhook_url"] == "http://onefile.test/v1/ingest/kavenegar/{path_token}"
    configure(app, public_url="https://hooks.example.org/")
    assert (await client.get("/v1/sources/sms")).json()["webhook_url"] == "https://hooks.example.org/v1/ingest/sms"
    own = {"public_url": "https://proxy.example.org/hook"}
    assert (await client.patch("/v1/sources/sms", json=own)).json()["webhook_url"] == own["public_url"]


async def test_a_public_url_is_what_signatures_are_checked_against(client: Client) -> None:
    await make(client, public_url="https://proxy.example.org/hook")
    assert await deliver(client, "SM1") == 401
    assert await deliver(client, "SM2", url="https://proxy.example.org/hook") == 200


async def test_a_path_secret_stands_in_the_path_and_nowhere_else(client: Client) -> None:
    await make_source(client, "web_form", name="form", credentials={"path_token": SECRET})
    statuses = {
        path: (await client.post(f"/v1/ingest/{path}", data={"message": path})).status_code
        for path in (f"form/{SECRET}", "form", f"form?rest={SECRET}", f"form?path_token={SECRET}", "form/wrong")
    }
    assert list(statuses.values()) == [202, 401, 401, 401, 401]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD"])
async def test_a_webhook_may_come_by_any_method_a_provider_uses(client: Client, method: str) -> None:
    await make(client)
    for path in ("/v1/ingest/sms", "/v1/ingest/sms/behind"):
        assert (await client.request(method, path)).status_code == 401


async def test_every_provider_tells_what_it_needs_and_can_do(client: Client) -> None:
    listed = (await client.get("/v1/providers")).json()
    assert {each["name"] for each in listed} == ADAPTERS.keys()
    for each in listed:
        assert each["title"]
        assert each["schemes"]
        assert set(each["delivers"]) <= {"messages", "receipts", "calls"}
    (twilio,) = (each for each in listed if each["name"] == "twilio_sms")
    assert twilio["channel"] == "sms"
    assert ["auth_token"] in twilio["schemes"].values()


@pytest.mark.parametrize("body", [b'{"words": "hello"}', b"{bad", b"[1, 2]", b"\xff\xfe\x00", b"test=1"])
@pytest.mark.parametrize("provider", ["kavenegar", "ghasedak", "melipayamak"])
async def test_what_a_panel_says_in_other_words_waits_in_quarantine(client: Client, provider: str, body: bytes) -> None:
    await make_source(client, name="panel", provider=provider, credentials={"path_token": "word"})
    path = "/v1/ingest/panel/word"
    for _ in range(2):
        assert (await client.post(path, content=body, headers={"Content-Type": "application/json"})).status_code == 200
    (kept,) = await all_pages(client, "/v1/inbound-requests")
    assert kept["status"] == "quarantined"


async def test_kavenegar_is_understood_in_json_too(client: Client) -> None:
    await make_source(client, name="panel", provider="kavenegar", credentials={"path_token": "word"})
    told = {"messageid": 7, "from": "09121234567", "to": "10004346", "message": "سلام"}
    assert (await client.post("/v1/ingest/panel/word", json=told)).status_code == 200
    (interaction,) = await all_pages(client, "/v1/interactions")
    assert (interaction["external_id"], interaction["from"]["value"]) == ("7", "+989121234567")


async def test_an_unreadable_form_is_told_with_the_requests_id(client: Client) -> None:
    await make_source(client, name="form", provider="web_form", credentials={"path_token": "word"})
    problem = assert_problem(await client.post("/v1/ingest/form/word", json={}), 422, "unreadable_form")
    assert [each["field"] for each in problem["errors"]] == ["message"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    ("rest", "status"), [("nobody", 404), ("nobody/word", 404), ("N%00%20", 404), ("سرویس", 404), ("sms", 401)]
)
async def test_every_method_and_name_gets_an_answer(client: Client, method: str, rest: str, status: int) -> None:
    await make(client)
    response = await client.request(method, f"/v1/ingest/{rest}")
    if method == "HEAD":
        assert response.status_code == status
    else:
        assert_problem(response, status, "unknown_source" if status == 404 else "bad_signature")


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"credentials": {"path_token": "a/b"}}, "bad_credentials", "credentials.path_token"),
        ({"name": "01a20351-8849-7262-b2fa-12638c68a45b"}, "bad_name", "name"),
    ],
)
async def test_a_source_that_could_never_be_called_is_refused(
    client: Client, fields: dict[str, Any], code: str, field: str
) -> None:
    body = {"name": "panel", "provider": "kavenegar", "credentials": {"path_token": "word"}} | fields
    problem = assert_problem(await client.post("/v1/sources", json=body), 422, code)
    assert [each["field"] for each in problem["errors"]] == [field]
