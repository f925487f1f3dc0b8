"""Every list of the API: pages, cursors, filters by time, order."""

import base64
import json
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import SavepointDatabase
from tests.core.test_errors import assert_problem
from tests.factories import (
    all_pages,
    give_feedback,
    invite,
    make_customer,
    make_key,
    make_source,
    make_survey,
    merge,
    tell,
)

PHONE = ("phone", "+989121234567")
Client = httpx.AsyncClient
Maker = Callable[[Client, str, int], Awaitable[object]]


async def _identifier(client: Client, customer_id: str, n: int) -> object:
    body = {"kind": "external", "value": f"erp:{n}"}
    return await client.post(f"/v1/customers/{customer_id}/identifiers", json=body)


async def _consent(client: Client, customer_id: str, n: int) -> object:
    body = {"purpose": f"purpose {n}", "status": "granted"}
    return await client.post(f"/v1/customers/{customer_id}/consents", json=body)


async def _request(client: Client, customer_id: str, n: int) -> object:
    body = {"name": "form", "provider": "web_form", "settings": {"scheme": "none"}}
    await client.post("/v1/sources", json=body)
    return await client.post("/v1/ingest/form", data={"message": f"hello {n}", "email": f"a{n}@example.ir"})


async def _duplicate(client: Client, customer_id: str, n: int) -> object:
    """One form names the addresses of two customers."""
    await make_customer(client, ("email", f"a{n}@example.ir"))
    await make_customer(client, ("phone", f"+98912123{4000 + n}"))
    await client.post("/v1/sources", json={"name": "form", "provider": "web_form", "settings": {"scheme": "none"}})
    fields = {"message": "hello", "email": f"a{n}@example.ir", "phone": f"+98912123{4000 + n}"}
    return await client.post("/v1/ingest/form", data=fields)


async def _recovery(client: Client, customer_id: str, n: int) -> object:
    return await give_feedback(client, ("email", f"a{n}@example.ir"), scores=[{"measure": "nps", "value": 0}])


async def _merge(client: Client, customer_id: str, n: int) -> object:
    return await merge(client, customer_id, (await make_customer(client))["id"])


async def _invitation(client: Client, customer_id: str, n: int) -> object:
    survey = await make_survey(client, recontact_days=0)
    return await invite(client, survey["id"], customer_id)


async def _version(client: Client, survey_id: str, n: int) -> object:
    return await client.patch(f"/v1/surveys/{survey_id}", json={"title": {"en": f"Title {n}"}})


_VERSIONS = "/v1/surveys/{}/versions"
# What makes an item of each list; {} is the id of one customer, or survey.
LISTS: dict[str, Maker] = {
    "/v1/customers": lambda client, _, n: make_customer(client),
    "/v1/interactions": lambda client, customer_id, n: tell(client, customer_id=customer_id),
    "/v1/customers/{}/timeline": lambda client, customer_id, n: tell(client, customer_id=customer_id),
    "/v1/customers/{}/identity-log": _identifier,
    "/v1/customers/{}/consents": _consent,
    "/v1/conversations": lambda client, customer_id, n: tell(client, customer_id=customer_id, channel="email"),
    "/v1/duplicates": _duplicate,
    "/v1/merges": _merge,
    "/v1/sources": lambda client, _, n: make_source(client, name=f"s{n}", credentials={"auth_token": "12345"}),
    "/v1/inbound-requests": _request,
    "/v1/feedback": lambda client, customer_id, n: give_feedback(client, customer_id=customer_id),
    "/v1/audit": lambda client, _, n: make_customer(client),
    "/v1/recoveries": _recovery,
    "/v1/imports": lambda client, _, n: client.post("/v1/imports", content=f"name\nN{n}\n"),
    "/v1/surveys": lambda client, _, n: make_survey(client),
    _VERSIONS: _version,
    "/v1/invitations": _invitation,
    "/v1/api-keys": lambda client, _, n: make_key(client, "read"),
}
each_list = pytest.mark.parametrize("path", LISTS)


@pytest.fixture
async def customer_id(client: Client, request: pytest.FixtureRequest) -> str:
    """For the list of a survey's versions, the survey's."""
    if getattr(request.node, "callspec", None) and request.node.callspec.params.get("path") == _VERSIONS:
        return str((await make_survey(client))["id"])
    return str((await make_customer(client, PHONE))["id"])


async def make(client: Client, path: str, customer_id: str, numbers: range) -> None:
    for number in numbers:
        await LISTS[path](client, customer_id, number)


def test_no_list_is_forgotten(app: FastAPI) -> None:
    described = {
        path.replace("{customer_id}", "{}").replace("{survey_id}", "{}")
        for path, methods in app.openapi()["paths"].items()
        if "cursor" in {each["name"] for each in methods.get("get", {}).get("parameters", ())}
    }
    assert described == LISTS.keys()


@each_list
async def test_a_walk_meets_each_item_once_newest_first(client: Client, customer_id: str, path: str) -> None:
    await make(client, path, customer_id, range(5))
    address = path.format(customer_id)
    whole = await all_pages(client, address, limit=200)
    walked = await all_pages(client, address, limit=2)
    assert walked == whole
    assert len(whole) >= 5
    ids = [item["id"] for item in whole]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids, reverse=True)


@each_list
async def test_a_walk_is_not_disturbed_by_what_is_added_meanwhile(client: Client, customer_id: str, path: str) -> None:
    await make(client, path, customer_id, range(4))
    address = path.format(customer_id)
    before = [item["id"] for item in await all_pages(client, address)]
    page = (await client.get(address, params={"limit": 2})).json()
    await make(client, path, customer_id, range(4, 6))
    rest = await all_pages(client, address, cursor=page["next_cursor"], limit=2)
    assert [item["id"] for item in page["items"] + rest] == before


@each_list
@pytest.mark.parametrize("limit", ["0", "-1", "201", "ten", "1.5", ""])
async def test_a_limit_out_of_bounds_is_422(client: Client, customer_id: str, path: str, limit: str) -> None:
    response = await client.get(path.format(customer_id), params={"limit": limit})
    assert_problem(response, 422, "validation_failed")


async def test_a_page_has_50_items_unless_asked_otherwise_and_at_most_200(
    client: Client, database: SavepointDatabase
) -> None:
    await database.driver.execute(
        "INSERT INTO customer (id, created_at, updated_at, kind, status, attributes, preferences, version) "
        "SELECT gen_random_uuid(), now(), now(), 'person', 'active', '{}', '{}', 1 FROM generate_series(1, 201)"
    )
    for parameters, size in (({}, 50), ({"limit": 1}, 1), ({"limit": 200}, 200)):
        page = (await client.get("/v1/customers", params=parameters)).json()
        assert len(page["items"]) == size
        assert page["next_cursor"] is not None


@each_list
async def test_the_last_page_says_so_also_when_it_is_full(client: Client, customer_id: str, path: str) -> None:
    await make(client, path, customer_id, range(2))
    address = path.format(customer_id)
    size = len(await all_pages(client, address))
    assert (await client.get(address, params={"limit": size})).json()["next_cursor"] is None
    assert (await client.get(address, params={"limit": size - 1})).json()["next_cursor"] is not None


@each_list
async def test_a_cursor_of_another_list_is_400(client: Client, customer_id: str, path: str) -> None:
    other = "/v1/api-keys" if path == "/v1/customers" else "/v1/customers"
    await make(client, other, customer_id, range(3))
    cursor = (await client.get(other, params={"limit": 1})).json()["next_cursor"]
    response = await client.get(path.format(customer_id), params={"cursor": cursor})
    assert_problem(response, 400, "bad_cursor")


def cursor_of(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


SOME_ID = "01a20351-8849-7262-b2fa-12638c68a45b"


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "é",
        "===",
        "e30",
        "bnVsbA",
        "[" * 500,
        cursor_of(),
        cursor_of("Interaction"),
        cursor_of("Interaction", "yesterday", SOME_ID),
        cursor_of("Interaction", "2026-01-01T00:00:00", SOME_ID),
        cursor_of("Interaction", "0001-01-01T00:00:00+14:00", SOME_ID),
        cursor_of("Interaction", "9999-12-31T23:59:59.999999+00:00", SOME_ID),
        cursor_of("Interaction", "2026-01-01T00:00:00+00:00", "1"),
        cursor_of("Interaction", "2026-01-01T00:00:00+00:00", 1),
        cursor_of("Interaction", 5, SOME_ID),
        cursor_of("Interaction", "2026-01-01T00:00:00+00:00", SOME_ID, "more"),
        cursor_of({"a": "b"}, "2026-01-01T00:00:00+00:00", SOME_ID),
    ],
)
async def test_a_cursor_nobody_issued_is_400(client: Client, cursor: str) -> None:
    assert_problem(await client.get("/v1/interactions", params={"cursor": cursor}), 400, "bad_cursor")


@pytest.mark.parametrize("cursor", ["x" * 501, base64.urlsafe_b64encode(b"[" * 20_000).decode()])
async def test_a_cursor_longer_than_any_issued_is_400(client: Client, cursor: str) -> None:
    assert_problem(await client.get("/v1/customers", params={"cursor": cursor}), 400, "bad_cursor")


async def test_a_cursor_of_the_same_rows_in_another_list_is_400(client: Client) -> None:
    ali, reza = [await make_customer(client, ("phone", phone)) for phone in ("+989121234567", "+989351234567")]
    lists = ["/v1/interactions", *(f"/v1/customers/{each['id']}/timeline" for each in (ali, reza))]
    for phone in ("+989121234567", "+989351234567") * 2:
        await tell(client, ("phone", phone))
    cursors = {path: (await client.get(path, params={"limit": 1})).json()["next_cursor"] for path in lists}
    for path in lists:
        for issuer, cursor in cursors.items():
            response = await client.get(path, params={"cursor": cursor})
            assert response.status_code == (200 if issuer == path else 400)


@each_list
async def test_updated_since_leaves_out_what_did_not_change_meanwhile(
    client: Client, customer_id: str, path: str, database: SavepointDatabase
) -> None:
    await make(client, path, customer_id, range(3))
    address = path.format(customer_id)
    items = await all_pages(client, address)
    table = {
        "/v1/customers": "customer",
        "/v1/customers/{}/identity-log": "identity_journal",
        "/v1/conversations": "conversation",
        "/v1/customers/{}/consents": "consent",
        "/v1/audit": "audit_entry",
        "/v1/duplicates": "duplicate_suggestion",
        "/v1/merges": "merge",
        "/v1/sources": "source",
        "/v1/inbound-requests": "inbound_request",
        "/v1/imports": "customer_import",
        "/v1/api-keys": "api_key",
        "/v1/feedback": "feedback_score",
        "/v1/recoveries": "recovery",
        "/v1/surveys": "survey",
        _VERSIONS: "survey_version",
        "/v1/invitations": "survey_invitation",
    }.get(path, "interaction")
    await database.driver.execute(f"UPDATE {table} SET updated_at = '2026-03-01T12:00:00Z'")  # noqa: S608  constants
    changed = items[1]["id"]
    await database.driver.execute(f"UPDATE {table} SET updated_at = '2026-03-02T12:00:00Z' WHERE id = $1", changed)  # noqa: S608
    for since, expected in {
        "2026-03-01T12:00:00Z": [item["id"] for item in items],
        "2026-03-01T12:00:00.000001Z": [changed],
        "2026-03-02T15:30:00+03:30": [changed],
        "2026-03-02T12:00:01Z": [],
    }.items():
        found = await all_pages(client, address, updated_since=since)
        assert [item["id"] for item in found] == expected


@each_list
@pytest.mark.parametrize(
    "since", ["yesterday", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
async def test_a_time_that_is_no_moment_is_422(client: Client, customer_id: str, path: str, since: str) -> None:
    response = await client.get(path.format(customer_id), params={"updated_since": since})
    assert_problem(response, 422, "validation_failed")


async def test_interactions_are_listed_by_the_time_they_occurred_and_ties_by_id(
    client: Client, customer_id: str
) -> None:
    for day in (3, 1, 2, 2, 2):
        await tell(client, customer_id=customer_id, occurred_at=f"2026-02-0{day}T12:00:00Z")
    for path in ("/v1/interactions", f"/v1/customers/{customer_id}/timeline"):
        walked = await all_pages(client, path, limit=2)
        keys = [(item["occurred_at"], item["id"]) for item in walked]
        assert len(keys) == 5
        assert all(newer > older for newer, older in pairwise(keys))
