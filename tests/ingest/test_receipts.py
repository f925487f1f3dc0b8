"""What providers tell of what we sent and of whom we may write to: receipts, opt-outs, moved numbers, requests kept."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.channels.base import Unreadable
from app.channels.registry import ADAPTERS
from app.identity.moving import move_identifier
from app.messages import Identifier, IdentifierChange, IdentifierKind
from tests.channels.samples import sample
from tests.conftest import SavepointDatabase, open_client
from tests.factories import (
    all_pages,
    make_customer,
    make_source,
    notice,
    signed_sms,
    tell,
    whatsapp_statuses,
    whatsapp_texts,
)

Client = httpx.AsyncClient
PHONE = "+989121234567"
NEW = "+989351234567"
SMS = "http://onefile.test/v1/ingest/sms"
WHATSAPP = "http://onefile.test/v1/ingest/whatsapp"
AT = datetime(2026, 3, 21, 8, 30, tzinfo=UTC)


async def connect_whatsapp(client: Client) -> None:
    await make_source(client, "whatsapp_cloud", name="whatsapp", credentials={"app_secret": "s", "verify_token": "v"})


async def sent(client: Client, external_id: str = "wamid.1") -> dict[str, Any]:
    return await tell(
        client,
        channel="whatsapp",
        direction="outbound",
        to={"kind": "whatsapp", "value": PHONE},
        source="whatsapp",
        external_id=external_id,
    )


async def identifiers(client: Client) -> dict[str, dict[str, Any]]:
    """Of the only customer, by kind."""
    (customer,) = await all_pages(client, "/v1/customers")
    found = (await client.get(f"/v1/customers/{customer['id']}")).json()["identifiers"]
    return {each["kind"]: each for each in found}


async def events(database: SavepointDatabase) -> list[str]:
    return [row["event"] for row in await database.driver.fetch("SELECT event FROM interaction_status ORDER BY event")]


async def test_all_messages_of_one_request_are_filed(client: Client) -> None:
    await connect_whatsapp(client)
    numbers = {f"wamid.{number}": f"98912123456{number}" for number in range(5)}
    for _ in range(2):
        assert (await client.post(WHATSAPP, **whatsapp_texts(numbers, secret="s"))).is_success
    filed = await all_pages(client, "/v1/interactions")
    assert {item["external_id"] for item in filed} == numbers.keys()
    assert len({item["customer_id"] for item in filed}) == 5
    assert len(await all_pages(client, "/v1/inbound-requests")) == 1


@pytest.mark.parametrize("order", [("sent", "delivered", "read"), ("read", "delivered", "sent")])
async def test_receipts_become_rows_and_move_a_message_forward_only(
    client: Client, database: SavepointDatabase, order: tuple[str, ...]
) -> None:
    await connect_whatsapp(client)
    message = await sent(client)
    for status in (*order, *order):
        assert (await client.post(WHATSAPP, **whatsapp_statuses({"wamid.1": status}, secret="s"))).is_success
    shown = (await client.get(f"/v1/interactions/{message['id']}")).json()
    assert shown["status"] == "read"
    assert {each["event"] for each in shown["statuses"]} == {"sent", "delivered", "read"}
    assert await events(database) == ["delivered", "read", "sent"]
    assert len(await all_pages(client, "/v1/inbound-requests")) == 3


async def test_a_handshake_of_bytes_nobody_can_read_is_refused(client: Client) -> None:
    await connect_whatsapp(client)
    response = await client.get(f"{WHATSAPP}?{'&' * 2_000}")
    assert (response.status_code, response.json()["code"]) == (403, "bad_signature")


async def test_a_receipt_of_a_message_nobody_knows_is_kept_and_filed_once_the_message_is_told(
    client: Client, database: SavepointDatabase
) -> None:
    await connect_whatsapp(client)
    await client.post(WHATSAPP, **whatsapp_statuses({"wamid.1": "read"}, secret="s"))
    (kept,) = await all_pages(client, "/v1/inbound-requests")
    assert (kept["status"], await events(database)) == ("ignored", [])
    message = await sent(client)
    replayed = await client.post(f"/v1/inbound-requests/{kept['id']}/replay")
    assert (replayed.status_code, replayed.json()["status"]) == (200, "filed")
    assert (await client.get(f"/v1/interactions/{message['id']}")).json()["status"] == "read"
    assert (await client.post(f"/v1/inbound-requests/{kept['id']}/replay")).status_code == 409


@pytest.mark.parametrize(
    ("case", "flag"),
    [
        ("event_complained", "opted_out_at"),
        ("event_unsubscribed", "opted_out_at"),
        ("event_failed_for_good", "undeliverable_at"),
    ],
)
async def test_complaints_bounces_and_unsubscribes_mark_the_address_once(
    client: Client, database: SavepointDatabase, monkeypatch: pytest.MonkeyPatch, case: str, flag: str
) -> None:
    told = sample("mailgun", case)
    (receipt,) = told.expected
    monkeypatch.setattr("app.ingest.endpoints.now", lambda: datetime.fromisoformat(told.data["received_at"]))
    await make_source(client, "mailgun", name="mail", credentials=told.data["source"]["credentials"])
    await make_customer(client, ("email", receipt["recipient"]["value"]))
    for _ in range(3):
        assert (await client.request(**told.as_httpx("mail"))).is_success
    address = (await identifiers(client))["email"]
    assert address[flag] is not None
    assert {address["opted_out_at"], address["undeliverable_at"]} == {address[flag], None}
    requests = await all_pages(client, "/v1/inbound-requests")
    assert [each["status"] for each in requests] == ["filed"]


@pytest.mark.parametrize(("stop", "start"), [("STOP", "start"), ("لغو ۱۱", "شروع"), ("إيقاف", "ابدأ"), ("הסר", "התחל")])
async def test_stop_and_start_in_each_language_change_the_address(client: Client, stop: str, start: str) -> None:
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    states = []
    for number, text in enumerate((stop, "hello", start, "hello")):
        assert (await client.post(SMS, **signed_sms(PHONE, text, f"SM{number}", url=SMS))).is_success
        states.append((await identifiers(client))["phone"]["opted_out_at"] is not None)
    assert states == [True, True, False, False]


async def test_a_stop_delivered_again_after_start_changes_nothing(client: Client) -> None:
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    for number, text in ((1, "STOP"), (2, "START"), (1, "STOP")):
        await client.post(SMS, **signed_sms(PHONE, text, f"SM{number}", url=SMS))
    assert (await identifiers(client))["phone"]["opted_out_at"] is None


async def test_a_start_that_arrives_late_does_not_undo_a_later_stop(client: Client) -> None:
    await make_source(client, name="whatsapp", provider="whatsapp_cloud", credentials={"app_secret": "s"})
    states = []
    for number, (text, minutes_ago) in enumerate((("STOP", 10), ("START", 20), ("START", 5))):
        told = whatsapp_texts({f"w{number}": PHONE[1:]}, secret="s", text=text, minutes_ago=minutes_ago)
        assert (await client.post(WHATSAPP, **told)).is_success
        states.append((await identifiers(client))["whatsapp"]["opted_out_at"] is not None)
    assert states == [True, True, False]


async def test_the_providers_own_word_on_opting_out_counts(client: Client) -> None:
    told = sample("twilio_sms", "stop_keyword")
    await make_source(client, name="sms", credentials=told.data["source"]["credentials"], public_url=told.public_url)
    assert (await client.request(**told.as_httpx("sms"))).is_success
    assert (await identifiers(client))["phone"]["opted_out_at"] is not None


def change(old: str = PHONE, new: str = NEW) -> IdentifierChange:
    kind = IdentifierKind.whatsapp
    return IdentifierChange(external_id="wamid.9", old=Identifier(kind, old), new=Identifier(kind, new))


async def test_a_changed_number_moves_and_the_log_tells(client: Client, database: SavepointDatabase) -> None:
    customer = await make_customer(client, ("whatsapp", PHONE))
    assert await move_identifier(database, change(), notice(at=AT)) is True
    assert (await identifiers(client))["whatsapp"]["value"] == NEW
    log = await all_pages(client, f"/v1/customers/{customer['id']}/identity-log")
    (entry,) = [each for each in log if each["rule"] == "moved"]
    assert (entry["identifier_value"], entry["details"]["moved_from"]) == (NEW, PHONE)
    assert await move_identifier(database, change(), notice(at=AT)) is False
    assert len(await all_pages(client, f"/v1/customers/{customer['id']}/identity-log")) == len(log)


async def test_who_opted_out_has_opted_out_under_the_new_number(client: Client, database: SavepointDatabase) -> None:
    await make_customer(client, ("whatsapp", PHONE))
    await database.driver.execute("UPDATE customer_identifier SET opted_out_at = $1", AT)
    await move_identifier(database, change(), notice(at=AT))
    moved = (await identifiers(client))["whatsapp"]
    assert (moved["value"], moved["opted_out_at"] is not None) == (NEW, True)


async def test_a_new_number_of_somebody_else_stays_there_and_the_pair_is_suggested(
    client: Client, database: SavepointDatabase
) -> None:
    one = await make_customer(client, ("whatsapp", PHONE))
    other = await make_customer(client, ("whatsapp", NEW))
    assert await move_identifier(database, change(), notice(at=AT)) is True
    found = (await client.get(f"/v1/customers/{other['id']}")).json()
    assert [each["value"] for each in found["identifiers"]] == [NEW]
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert {*pair["customer_ids"]} == {one["id"], other["id"]}


async def test_a_number_that_changed_into_itself_stays(client: Client, database: SavepointDatabase) -> None:
    await make_customer(client, ("whatsapp", PHONE))
    assert await move_identifier(database, change(new=PHONE), notice(at=AT)) is None
    assert (await identifiers(client))["whatsapp"]["value"] == PHONE


@pytest.mark.parametrize(("known", "status"), [(True, "filed"), (False, "ignored")])
async def test_a_notice_of_a_changed_number_is_kept_once(client: Client, known: bool, status: str) -> None:
    told = sample("whatsapp_cloud", "number_changed")
    await make_source(client, "whatsapp_cloud", name="whatsapp", credentials=told.data["source"]["credentials"])
    if known:
        await make_customer(client, ("whatsapp", PHONE))
    for _ in range(2):
        assert (await client.request(**told.as_httpx("whatsapp"))).is_success
    assert [each["status"] for each in await all_pages(client, "/v1/inbound-requests")] == [status]
    if known:
        assert (await identifiers(client))["whatsapp"]["value"] == NEW


async def test_what_the_database_refuses_waits_in_quarantine_until_it_can_be_filed(served: FastAPI) -> None:
    database = served.state.database
    async with open_client(served) as client:
        await make_source(client, name="sms", credentials={"auth_token": "12345"})
        async with database.hot() as connection:
            await connection.execute("ALTER TABLE interaction ADD CONSTRAINT none CHECK (text <> 'hello')")
        assert (await client.post(SMS, **signed_sms(PHONE, "hello", "SM1", url=SMS))).status_code == 200
        (kept,) = await all_pages(client, "/v1/inbound-requests")
        assert (kept["status"], kept["reason"]) == ("quarantined", "CheckViolationError")
        assert await all_pages(client, "/v1/interactions") == []
        async with database.hot() as connection:
            await connection.execute("ALTER TABLE interaction DROP CONSTRAINT none")
        replayed = await client.post(f"/v1/inbound-requests/{kept['id']}/replay")
        assert (replayed.status_code, replayed.json()["status"]) == (200, "filed")
        assert [each["text"] for each in await all_pages(client, "/v1/interactions")] == ["hello"]


async def test_a_request_that_reads_as_nothing_once_the_adapter_is_mended_leaves_the_quarantine(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect_whatsapp(client)

    def fail(*_: Any) -> Any:
        raise Unreadable("not yet")

    with monkeypatch.context() as broken:
        broken.setattr(type(ADAPTERS["whatsapp_cloud"]), "parse", fail)
        await client.post(WHATSAPP, **whatsapp_statuses({"wamid.1": "read"}, secret="s"))
    (kept,) = await all_pages(client, "/v1/inbound-requests")
    assert (kept["status"], kept["reason"]) == ("quarantined", "Unreadable")
    replayed = (await client.post(f"/v1/inbound-requests/{kept['id']}/replay")).json()
    assert (replayed["status"], replayed["reason"]) == ("ignored", "speaks of nothing known here")
