"""API keys: who gets in, how far, and for how long."""

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.event import listen

from app.auth import TRUST_S, KeyRing
from tests.conftest import ADMIN, SavepointDatabase, open_client
from tests.core.test_errors import assert_problem
from tests.factories import make_customer, make_key

SOMEBODY = "01a20351-8849-7262-b2fa-12638c68a45b"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(app: FastAPI, database: SavepointDatabase) -> Clock:
    """The time by which keys are trusted."""
    clock = Clock()
    app.state.keys = KeyRing(database, ADMIN, timer=clock)
    return clock


def routes(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    paths = app.openapi()["paths"]
    return [(method.upper(), path, route) for path, methods in paths.items() for method, route in methods.items()]


def at(path: str) -> str:
    return re.sub(r"\{\w+\}", SOMEBODY, path)


async def test_every_route_but_webhooks_and_health_asks_for_a_key(app: FastAPI, stranger: httpx.AsyncClient) -> None:
    for method, path, _ in routes(app):
        if path.startswith(("/v1/ingest/", "/health/", "/metrics")):
            continue
        response = await stranger.request(method, at(path))
        assert_problem(response, 401, "unauthorized")
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        ADMIN,
        "Bearer wrong",
        f"Bearer {ADMIN}x",
        f"Bearer of_admin-{SOMEBODY}_secret",
        "Bearer of_admin-01a20351884972_secret",
        "Bearer of__",
        "Bearer \xff\xfe",
    ],
)
async def test_an_unknown_or_malformed_key_is_401(stranger: httpx.AsyncClient, authorization: str) -> None:
    headers = {b"Authorization": authorization.encode("latin-1")}
    response = await stranger.get("/v1/customers", headers=headers)
    assert_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_another_secret_under_a_known_id_is_401(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    key = await make_key(client, "admin")
    forged = key["key"][:-1] + ("A" if key["key"][-1] != "A" else "B")
    response = await stranger.get("/v1/customers", headers={"Authorization": f"Bearer {forged}"})
    assert_problem(response, 401, "unauthorized")


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["read"], [200, 403, 403]),
        (["write"], [200, 201, 403]),
        (["admin"], [200, 201, 200]),
        (["read", "write"], [200, 201, 403]),
    ],
)
async def test_each_scope_allows_what_the_lesser_ones_do(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, scopes: list[str], allowed: list[int]
) -> None:
    headers = (await make_key(client, *scopes))["authorization"]
    answers = [
        await stranger.get("/v1/customers", headers=headers),
        await stranger.post("/v1/customers", json={}, headers=headers),
        await stranger.get("/v1/api-keys", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == allowed
    for answer in answers:
        if answer.status_code == 403:
            assert_problem(answer, 403, "wrong_scope")


async def test_a_reader_changes_nothing(app: FastAPI, client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    headers = (await make_key(client, "read"))["authorization"]
    for method, path, _ in routes(app):
        if method == "GET" or path.startswith("/v1/ingest/"):
            continue
        response = await stranger.request(method, at(path), headers=headers, json={})
        assert_problem(response, 403, "wrong_scope")


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/sources", f"/v1/sources/{SOMEBODY}"])
async def test_only_an_administrator_sees_keys_and_sources(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, path: str
) -> None:
    headers = (await make_key(client, "write"))["authorization"]
    assert_problem(await stranger.get(path, headers=headers), 403, "wrong_scope")


async def test_a_customer_is_erased_by_an_administrator_only(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    path = f"/v1/customers/{(await make_customer(client))['id']}"
    headers = (await make_key(client, "write"))["authorization"]
    assert_problem(await stranger.delete(path, headers=headers), 403, "wrong_scope")
    assert (await client.delete(path)).status_code == 204


async def test_a_key_tells_its_scope_and_id_and_is_shown_once(client: httpx.AsyncClient) -> None:
    key = await make_key(client, "read", "write", name="till")
    assert re.fullmatch(rf"of_write-{key['id'].replace('-', '')}_[A-Za-z0-9_-]{{43}}", key["key"])
    (listed,) = (await client.get("/v1/api-keys")).json()["items"]
    assert listed == {
        "id": key["id"],
        "name": "till",
        "scopes": ["read", "write"],
        "created_at": key["created_at"],
        "revoked_at": None,
    }


async def test_only_a_hash_of_the_secret_is_stored(client: httpx.AsyncClient, database: SavepointDatabase) -> None:
    key = await make_key(client, "read")
    secret = key["key"].split("_", 2)[2]
    row = await database.driver.fetchval("SELECT api_key::text || encode(secret_hash, 'escape') FROM api_key")
    assert key["id"] in row
    assert secret not in row


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "", "scopes": ["read"]},
        {"name": "a" * 101, "scopes": ["read"]},
        {"name": "a", "scopes": []},
        {"name": "a", "scopes": ["root"]},
        {"name": "a", "scopes": "read"},
    ],
)
async def test_a_key_has_a_name_and_known_scopes(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert_problem(await client.post("/v1/api-keys", json=body), 422, "validation_failed")


async def test_a_key_once_seen_is_checked_without_asking_the_database(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, database: SavepointDatabase
) -> None:
    headers = (await make_key(client, "read"))["authorization"]
    statements: list[str] = []

    def note(*event: Any) -> None:
        statements.append(event[2])

    assert database.connection.sync_connection is not None
    listen(database.connection.sync_connection, "before_cursor_execute", note)
    for asked in (True, False):
        statements.clear()
        assert (await stranger.get("/v1/api-keys", headers=headers)).status_code == 403
        assert any("FROM api_key" in statement for statement in statements) is asked


async def test_a_revoked_key_stops_within_the_time_it_is_trusted(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: Clock
) -> None:
    key = await make_key(client, "read")
    headers = key["authorization"]
    assert (await stranger.get("/v1/customers", headers=headers)).status_code == 200
    assert (await client.delete(f"/v1/api-keys/{key['id']}")).status_code == 204
    clock.now += TRUST_S
    assert_problem(await stranger.get("/v1/customers", headers=headers), 401, "unauthorized")


async def test_trust_runs_out_however_often_the_key_is_used(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: Clock
) -> None:
    key = await make_key(client, "read")
    await stranger.get("/v1/customers", headers=key["authorization"])
    await client.delete(f"/v1/api-keys/{key['id']}")
    statuses = []
    for _ in range(TRUST_S + 1):
        statuses.append((await stranger.get("/v1/customers", headers=key["authorization"])).status_code)
        clock.now += 1
    assert statuses[-1] == 401


async def test_a_key_that_was_never_used_stops_at_once(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    key = await make_key(client, "read")
    await client.delete(f"/v1/api-keys/{key['id']}")
    assert_problem(await stranger.get("/v1/customers", headers=key["authorization"]), 401, "unauthorized")


async def test_revoking_again_keeps_the_first_time(client: httpx.AsyncClient) -> None:
    key = await make_key(client, "read")
    times = []
    for _ in range(2):
        assert (await client.delete(f"/v1/api-keys/{key['id']}")).status_code == 204
        times.append((await client.get("/v1/api-keys")).json()["items"][0]["revoked_at"])
    assert times[0] == times[1] is not None


async def test_an_unknown_key_cannot_be_revoked(client: httpx.AsyncClient) -> None:
    assert_problem(await client.delete(f"/v1/api-keys/{SOMEBODY}"), 404, "not_found")


async def test_without_a_configured_admin_key_nobody_is_administrator(
    app: FastAPI, database: SavepointDatabase
) -> None:
    app.state.keys = KeyRing(database, None)
    for key in (ADMIN, "", "None"):
        async with open_client(app, {"Authorization": f"Bearer {key}"}) as client:
            assert_problem(await client.get("/v1/api-keys"), 401, "unauthorized")
