"""Who read or changed which file."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlalchemy import text

from app.core import audit
from app.core.audit import AuditLog
from app.core.db import Database
from tests.conftest import AUTHORIZED, make_settings, open_client
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, make_customer, make_key, merge, tell

Client = httpx.AsyncClient
PHONE = "+989121234567"


async def entries(client: Client, **filters: Any) -> list[tuple[str, str, str | None]]:
    """Action, route and file of each, the oldest first."""
    found = await all_pages(client, "/v1/audit", **filters)
    return [(each["action"], each["route"].removeprefix("/v1"), each["customer_id"]) for each in reversed(found)]


async def test_reading_a_file_in_any_way_is_noted(client: Client) -> None:
    customer_id = (await make_customer(client, ("phone", PHONE)))["id"]
    call = await tell(client, ("phone", PHONE), channel="email")
    reads = ("/lookup?phone=" + PHONE[1:], f"/customers/{customer_id}", f"/customers/{customer_id}/file")
    for path in (
        *reads,
        f"/customers/{customer_id}/timeline",
        f"/interactions/{call['id']}",
        f"/conversations/{call['conversation_id']}",
    ):
        assert (await client.get(f"/v1{path}")).status_code == 200
    assert await entries(client, customer_id=customer_id, action="read") == [
        ("read", "/lookup", customer_id),
        ("read", "/customers/{customer_id}", customer_id),
        ("read", "/customers/{customer_id}/file", customer_id),
        ("read", "/customers/{customer_id}/timeline", customer_id),
        ("read", "/interactions/{interaction_id}", customer_id),
        ("read", "/conversations/{conversation_id}", customer_id),
    ]


async def test_changing_a_file_is_noted(client: Client) -> None:
    customer_id = (await make_customer(client))["id"]
    path = f"/v1/customers/{customer_id}"
    identifier = (await client.post(f"{path}/identifiers", json={"kind": "phone", "value": PHONE})).json()
    await client.patch(path, json={"display_name": "Ali"})
    await client.delete(f"{path}/identifiers/{identifier['id']}")
    call = await tell(client, customer_id=customer_id)
    await client.post(f"/v1/interactions/{call['id']}/file", json={"customer_id": customer_id})
    await client.delete(path)
    assert await entries(client, customer_id=customer_id) == [
        ("change", "/customers", customer_id),
        ("change", "/customers/{customer_id}/identifiers", customer_id),
        ("change", "/customers/{customer_id}", customer_id),
        ("change", "/customers/{customer_id}/identifiers/{identifier_id}", customer_id),
        ("change", "/interactions", customer_id),
        ("change", "/interactions/{interaction_id}/file", customer_id),
        ("erase", "/customers/{customer_id}", customer_id),
    ]
    listed = await all_pages(client, "/v1/audit", customer_id=customer_id)
    assert listed[3]["subject_id"] == identifier["id"]


async def test_an_entry_tells_who_and_which_request(app: FastAPI, client: Client) -> None:
    customer = await make_customer(client)
    key = await make_key(client, "read")
    async with open_client(app, headers=key["authorization"] | {"X-Request-Id": "call-17"}) as reader:
        await reader.get(f"/v1/customers/{customer['id']}/file")
    (entry,) = await all_pages(client, "/v1/audit", actor=key["id"])
    assert (entry["request_id"], entry["method"], entry["customer_id"]) == ("call-17", "GET", customer["id"])
    assert await entries(client, actor="somebody else") == []


async def test_moving_an_interaction_is_noted_for_both_files(client: Client) -> None:
    ali, maryam = (await make_customer(client))["id"], (await make_customer(client))["id"]
    call = await tell(client, customer_id=ali)
    await client.post(f"/v1/interactions/{call['id']}/file", json={"customer_id": maryam})
    route = "/interactions/{interaction_id}/file"
    assert {entry for entry in await entries(client) if entry[1] == route} == {
        ("change", route, ali),
        ("change", route, maryam),
    }


async def test_a_merged_file_is_found_by_any_of_its_ids(client: Client) -> None:
    kept, merged = (await make_customer(client))["id"], (await make_customer(client))["id"]
    await merge(client, kept, merged)
    await client.get(f"/v1/customers/{merged}")
    found = await entries(client, customer_id=kept)
    assert ("change", "/customers", merged) in found
    assert ("read", "/customers/{customer_id}", kept) in found
    assert await entries(client, customer_id=merged) == found


async def test_what_was_refused_is_not_noted(client: Client, stranger: Client) -> None:
    customer = await make_customer(client)
    before = await entries(client)
    assert (await client.get(f"/v1/customers/{uuid4()}/file")).status_code == 404
    assert (await stranger.get(f"/v1/customers/{customer['id']}/file")).status_code == 401
    assert await entries(client) == before


async def test_a_list_is_noted_without_files(client: Client) -> None:
    await make_customer(client)
    await client.get("/v1/customers")
    assert ("read", "/customers", None) in await entries(client)


async def test_entries_are_found_by_time(client: Client) -> None:
    await make_customer(client)
    (entry,) = await all_pages(client, "/v1/audit")
    assert await entries(client, before=entry["at"]) == await entries(client, after=entry["at"]) == []
    assert len(await entries(client, after="2026-01-01T00:00:00Z", before="2999-01-01T00:00:00Z")) == 1


async def test_only_an_administrator_reads_the_log(app: FastAPI, client: Client) -> None:
    key = await make_key(client, "write")
    async with open_client(app, headers=key["authorization"]) as writer:
        assert_problem(await writer.get("/v1/audit"), 403, "wrong_scope")


async def test_noting_a_read_asks_the_database_nothing(
    client: Client, round_trips: Callable[[], AbstractAsyncContextManager[list[str]]]
) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    async with round_trips() as statements:
        for _ in range(3):
            await client.get(f"/v1/customers/{customer['id']}/file")
    assert len(statements) == 3
    assert len(await entries(client, action="read")) == 3


async def test_entries_are_written_by_themselves_and_at_the_end(served: FastAPI) -> None:
    async with open_client(served, headers=AUTHORIZED) as client:
        customer = await make_customer(client)
    log: AuditLog = served.state.audit
    await log.flush()
    async with served.state.database.hot() as connection:
        assert await connection.fetchval("SELECT customer_id::text FROM audit_entry") == customer["id"]


def one_trail(log: AuditLog, actor: str = "a key") -> None:
    log.note(audit.Trail(actor=actor), "GET", "/v1/customers", {}, "1")


async def test_while_the_database_is_away_entries_wait(served: FastAPI) -> None:
    impatient = Database(served.state.database.url, make_settings(database_timeout_s=0.2))
    log = AuditLog(impatient)
    one_trail(log)
    async with served.state.database.session() as session:
        await session.execute(text("LOCK TABLE audit_entry"))
        await log.flush()
    await log.flush()
    await impatient.close()
    assert await written(served) == 1


async def written(app: FastAPI) -> int:
    async with app.state.database.session() as session:
        return int(await session.scalar(text("SELECT count(*) FROM audit_entry")) or 0)


async def test_too_many_entries_are_dropped_and_counted(served: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_MOST", 2)
    before = dropped()
    log = AuditLog(served.state.database)
    for _ in range(5):
        one_trail(log)
    assert dropped() - before == 3
    await log.flush()
    assert await written(served) == 2


def dropped() -> float:
    return REGISTRY.get_sample_value("onefile_audit_dropped_total") or 0


async def test_what_cannot_be_written_does_not_hold_up_the_rest(served: FastAPI) -> None:
    log = AuditLog(served.state.database)
    one_trail(log, actor="\x00")
    await log.flush()
    one_trail(log)
    await log.flush()
    assert await written(served) == 1
