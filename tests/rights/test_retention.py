"""What is older than its setting allows is deleted and counted; everything else stays."""

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from pydantic import ValidationError

from app.core.ids import uuid7
from app.rights import retention
from app.rights.retention import enforce
from tests.conftest import SavepointDatabase, make_settings
from tests.factories import all_pages, configure, make_customer, make_source, signed_sms, tell

Client = httpx.AsyncClient
URL = "http://onefile.test/v1/ingest/sms"
PHONE = "+989121234567"
OLD = "01900000-0000-7000-8000-{:012d}"
"""Ids of June 2024."""


async def age(database: SavepointDatabase, table: str, row_id: str, number: int = 1) -> str:
    """Make a row as old as its id says then; the id."""
    old = OLD.format(number)
    await database.driver.execute(f"UPDATE {table} SET id = $1 WHERE id = $2", old, row_id)  # noqa: S608  its own tables
    return old


async def make_old_entries(database: SavepointDatabase, count: int) -> None:
    for number in range(count):
        await database.driver.execute(
            "INSERT INTO audit_entry (id, created_at, updated_at, actor, action, method, route, request_id)"
            " VALUES ($1, now(), now(), 'a', 'read', 'GET', '/', '1')",
            OLD.format(number),
        )


def counted(kind: str) -> float:
    return REGISTRY.get_sample_value("onefile_retention_deleted_total", {"kind": kind}) or 0


async def request_ids(client: Client) -> list[str]:
    return [each["id"] for each in await all_pages(client, "/v1/inbound-requests")]


async def test_without_settings_everything_is_kept(client: Client, database: SavepointDatabase) -> None:
    await client.post("/v1/sources", json={"name": "form", "provider": "web_form", "settings": {"scheme": "none"}})
    await client.post("/v1/ingest/form", content=b"{", headers={"Content-Type": "application/json"})
    (request_id,) = await request_ids(client)
    old = await age(database, "inbound_request", request_id)
    assert await enforce(database, make_settings()) == {}
    assert await request_ids(client) == [old]


async def test_old_raw_requests_go_and_their_messages_stay(client: Client, database: SavepointDatabase) -> None:
    await make_customer(client, ("phone", PHONE))
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    for number in ("1", "2"):
        await client.post(URL, **signed_sms(PHONE, "hello", f"SM{number}", url=URL))
    newer, older = await request_ids(client)
    old = OLD.format(1)
    await database.driver.execute(
        "WITH copied AS (INSERT INTO inbound_request"
        " SELECT (jsonb_populate_record(r, jsonb_build_object('id', $2::text))).*"
        " FROM inbound_request AS r WHERE id = $1::uuid RETURNING id)"
        " UPDATE interaction SET inbound_request_id = copied.id FROM copied WHERE inbound_request_id = $1::uuid",
        older,
        old,
    )
    await database.driver.execute("DELETE FROM inbound_request WHERE id = $1", older)
    before = counted("raw_requests")
    assert await enforce(database, make_settings(retention_raw_requests_days=30)) == {"raw_requests": 1}
    assert counted("raw_requests") - before == 1
    assert await request_ids(client) == [newer]
    told = await all_pages(client, "/v1/interactions")
    assert [each["external_id"] for each in told] == ["SM2", "SM1"]
    full = (await client.get(f"/v1/interactions/{told[1]['id']}")).json()
    assert full["inbound_request_id"] is None


async def test_old_messages_of_nobody_go(client: Client, database: SavepointDatabase) -> None:
    ali = await make_customer(client, ("phone", PHONE))
    filed = await tell(client, ("phone", PHONE))
    await database.driver.execute("UPDATE identity_journal SET interaction_id = NULL")
    kept_id = await age(database, "interaction", filed["id"], 1)
    for number in (2, 3):
        await make_unfiled(database, client, number)
    young = await make_unfiled(database, client, None)
    assert await enforce(database, make_settings(retention_unfiled_days=30)) == {"unfiled": 2}
    left = {each["id"] for each in await all_pages(client, "/v1/interactions")}
    assert left == {kept_id, young}
    assert [each["id"] for each in await all_pages(client, f"/v1/customers/{ali['id']}/timeline")] == [kept_id]


async def make_unfiled(database: SavepointDatabase, client: Client, number: int | None) -> str:
    """An interaction that is nobody's, old by this number or new."""
    customer = await make_customer(client)
    told = await tell(client, customer_id=customer["id"])
    await database.driver.execute(
        "UPDATE interaction SET customer_id = NULL, conversation_id = NULL WHERE id = $1", told["id"]
    )
    return told["id"] if number is None else await age(database, "interaction", told["id"], number)


async def test_old_recordings_go_and_the_calls_stay(client: Client, database: SavepointDatabase) -> None:
    customer = await make_customer(client)
    call = await tell(client, customer_id=customer["id"], channel="voice")
    mail = await tell(client, customer_id=customer["id"], channel="email")
    young = str(uuid7())
    for number, (interaction, file) in enumerate(
        [(call, OLD.format(1)), (mail, OLD.format(2)), (call, young)], start=1
    ):
        await database.driver.execute(
            "INSERT INTO attachment"
            " (id, created_at, updated_at, interaction_id, state, name, content_type, storage_key)"
            " VALUES ($1, now(), now(), $2, 'stored', 'Boof', 'audio/mpeg', $3)",
            file,
            interaction["id"],
            f"key {number}",
        )
        await database.driver.execute(
            "UPDATE interaction SET attachments = attachments || jsonb_build_array(jsonb_build_object('id', $2::text))"
            " WHERE id = $1",
            interaction["id"],
            file,
        )
    assert await enforce(database, make_settings(retention_recordings_days=30)) == {"recordings": 1}
    shown = await database.driver.fetchval("SELECT attachments::text FROM interaction WHERE id = $1", call["id"])
    assert (young in shown, OLD.format(1) in shown) == (True, False)
    jobs = await database.driver.fetch(
        "SELECT convert_from(payload, 'UTF8') FROM pgqueuer WHERE entrypoint = 'forget_file'"
    )
    assert [row[0] for row in jobs] == [OLD.format(1)]
    assert await enforce(database, make_settings(retention_recordings_days=30)) == {"recordings": 0}


async def test_more_than_fit_into_one_batch_go(
    client: Client, database: SavepointDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    await make_old_entries(database, 5)
    assert await enforce(database, make_settings(retention_audit_days=30)) == {"audit": 5}


async def test_the_rules_and_their_counts_are_shown(app: FastAPI, client: Client, database: SavepointDatabase) -> None:
    configure(app, retention_audit_days=30)
    await make_old_entries(database, 2)
    await enforce(database, app.state.settings)
    await make_old_entries(database, 1)
    await enforce(database, app.state.settings)
    rules = {each["kind"]: each for each in (await client.get("/v1/retention")).json()["rules"]}
    assert rules.keys() == {"raw_requests", "recordings", "unfiled", "audit"}
    assert rules["raw_requests"] == {
        "kind": "raw_requests",
        "days": None,
        "ran_at": None,
        "deleted": 0,
        "deleted_in_all": 0,
    }
    assert (rules["audit"]["days"], rules["audit"]["deleted"], rules["audit"]["deleted_in_all"]) == (30, 1, 3)


def test_a_retention_of_no_days_is_a_mistake() -> None:
    with pytest.raises(ValidationError):
        make_settings(retention_audit_days=0)
