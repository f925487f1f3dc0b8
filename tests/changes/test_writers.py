"""What the feed is told: each change once, by whatever causes it, and nothing by what changes nothing."""

import json
from typing import Any

import httpx
import pytest

from app.identity.moving import move_identifier
from app.messages import Identifier, IdentifierChange, IdentifierKind
from tests.conftest import SavepointDatabase
from tests.factories import make_customer, make_source, notice, signed_sms, tell, whatsapp_statuses
from tests.ingest.test_growth import tell_stage
from tests.ingest.test_receipts import AT, connect_whatsapp, sent

Client = httpx.AsyncClient
PHONE = "+989121234567"
SMS = "http://onefile.test/v1/ingest/sms"
_NEW = """
    SELECT number, type, customer_id::text AS customer, subject_id::text AS subject, data::text FROM change
    WHERE number > $1 ORDER BY number"""


class Told:
    """`await told()`: what was told since it was last asked, as (type, customer, subject, data)."""

    def __init__(self, database: SavepointDatabase) -> None:
        self._database = database
        self._seen = 0

    async def __call__(self) -> list[tuple[str, str | None, str, dict[str, Any]]]:
        rows = await self._database.driver.fetch(_NEW, self._seen)
        self._seen = max([self._seen, *(row["number"] for row in rows)])
        return [(row["type"], row["customer"], row["subject"], json.loads(row["data"])) for row in rows]

    async def types(self) -> list[str]:
        return [change[0] for change in await self()]


@pytest.fixture
async def told(database: SavepointDatabase) -> Told:
    told = Told(database)
    await told()
    return told


async def test_opening_and_changing_a_file_is_told_by_the_names_of_fields(client: Client, told: Told) -> None:
    customer = await make_customer(client, ("phone", PHONE), display_name="Ali", kind="person")
    phone = customer["identifiers"][0]["id"]
    own = customer["id"]
    assert await told() == [
        ("customer.created", own, own, {"kind": "person", "status": "active"}),
        ("identifier.added", own, phone, {"kind": "phone"}),
    ]
    await client.patch(f"/v1/customers/{own}", json={"given_name": "Ali", "attributes": {"secret": 1}})
    assert await told() == [("customer.updated", own, own, {"fields": ["attributes", "given_name"]})]


async def test_adding_changing_and_releasing_an_identifier_is_told_once_each(client: Client, told: Told) -> None:
    own = (await make_customer(client))["id"]
    path = f"/v1/customers/{own}/identifiers"
    await told()
    for _ in range(2):
        identifier = (await client.post(path, json={"kind": "phone", "value": PHONE})).json()["id"]
    await client.patch(f"{path}/{identifier}", json={"opted_out": True, "label": "home"})
    assert (await client.delete(f"{path}/{identifier}")).status_code == 204
    assert (await client.delete(f"{path}/{identifier}")).status_code == 404
    assert await told() == [
        ("identifier.added", own, identifier, {"kind": "phone"}),
        ("identifier.updated", own, identifier, {"kind": "phone", "fields": ["label", "opted_out_at"]}),
        ("identifier.released", own, identifier, {"kind": "phone"}),
    ]


async def test_a_strangers_message_tells_file_address_and_interaction_in_this_order(client: Client, told: Told) -> None:
    answer = await tell(client, ("phone", PHONE), channel="sms", occurred_at="2026-11-20T10:00:00+00:00")
    own = answer["customer_id"]
    created, added, received = await told()
    assert created == ("customer.created", own, own, {"kind": "person", "status": "provisional"})
    assert (added[0], added[1], added[3]) == ("identifier.added", own, {"kind": "phone"})
    assert received == (
        "interaction.received",
        own,
        answer["id"],
        {
            "channel": "sms",
            "direction": "inbound",
            "kind": "message",
            "source": answer["source"],
            "conversation_id": answer["conversation_id"],
            "occurred_at": "2026-11-20T10:00:00+00:00",
        },
    )


async def test_a_redelivered_webhook_tells_nothing(client: Client, told: Told) -> None:
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    await client.post(SMS, **signed_sms(PHONE, "hello", "SM1", url=SMS))
    assert await told.types() == ["customer.created", "identifier.added", "interaction.received"]
    for _ in range(2):
        response = await client.post(SMS, **signed_sms(PHONE, "hello", "SM1", url=SMS))
        assert response.status_code == 200
    assert await told() == []


async def test_a_name_learned_from_a_message_is_told_once(client: Client, told: Told) -> None:
    own = (await make_customer(client, ("phone", PHONE)))["id"]
    await told()
    for number in range(2):
        sender = {"kind": "phone", "value": PHONE, "name": "Ali"}
        body = {"channel": "voice", "from": sender, "external_id": str(number)}
        assert (await client.post("/v1/interactions", json=body)).status_code == 201
    changes = await told()
    assert [change[0] for change in changes] == ["customer.updated", "interaction.received", "interaction.received"]
    assert changes[0] == ("customer.updated", own, own, {"fields": ["display_name"]})


async def test_nobodys_message_is_told_without_a_customer_and_filing_it_is_told(client: Client, told: Told) -> None:
    interaction = (await tell(client, ("phone", "anonymous")))["id"]
    assert [(change[0], change[1]) for change in await told()] == [("interaction.received", None)]
    ali, sara = [(await make_customer(client))["id"] for _ in range(2)]
    await told()
    for customer in (ali, sara, sara):
        body = {"customer_id": customer}
        response = await client.post(f"/v1/interactions/{interaction}/file", json=body)
        assert response.status_code == 200, response.text
    assert await told() == [
        ("interaction.filed", ali, interaction, {"from": None}),
        ("interaction.filed", sara, interaction, {"from": ali}),
    ]


async def test_a_call_told_from_its_middle_is_filed_and_grows_and_told_again_tells_nothing(
    client: Client, told: Told
) -> None:
    await make_source(client, "twilio_voice", name="calls", credentials={"auth_token": "12345"})
    for stage in ("recording", "incoming", "completed"):
        await tell_stage(client, stage)
    changes = await told()
    filed = [change for change in changes if change[0] == "interaction.filed"]
    assert [change[0] for change in changes if change[0] != "interaction.status"] == [
        *("interaction.received", "customer.created", "identifier.added", "interaction.filed"),
    ]
    assert (changes[0][1], filed[0][2], filed[0][3]) == (None, changes[0][2], {"from": None})
    grown = [change for change in changes if change[0] == "interaction.status"]
    assert grown[-1][1:3] == filed[0][1:3]
    assert "duration_s" in grown[-1][3]["fields"]
    for stage in ("recording", "incoming", "completed"):
        await tell_stage(client, stage)
    assert await told() == []


async def test_a_receipt_tells_a_status_that_moved_and_only_then(client: Client, told: Told) -> None:
    await connect_whatsapp(client)
    interaction = await sent(client)
    await told()
    for status in ("delivered", "delivered", "sent"):
        await client.post("/v1/ingest/whatsapp", **whatsapp_statuses({"wamid.1": status}, secret="s"))
    data = {"status": "delivered", "fields": ["status"]}
    assert await told() == [("interaction.status", interaction["customer_id"], interaction["id"], data)]


async def test_opting_out_by_message_is_told_of_the_address(client: Client, told: Told) -> None:
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    customer = await make_customer(client, ("phone", PHONE))
    await told()
    for number in range(2):
        await client.post(SMS, **signed_sms(PHONE, "STOP", f"SM{number}", url=SMS))
    updated = [change for change in await told() if change[0] == "identifier.updated"]
    data = {"kind": "phone", "fields": ["opted_out_at"]}
    assert updated == [("identifier.updated", customer["id"], customer["identifiers"][0]["id"], data)]


async def test_a_moved_number_is_told_as_released_and_added(
    client: Client, told: Told, database: SavepointDatabase
) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    await told()
    old, new = (Identifier(IdentifierKind.phone, value, value) for value in (PHONE, "+989351234567"))
    for _ in range(2):
        await move_identifier(database, IdentifierChange(external_id="notice", old=old, new=new), notice(at=AT))
    assert [(change[0], change[1], change[3]) for change in await told()] == [
        ("identifier.released", customer["id"], {"kind": "phone"}),
        ("identifier.added", customer["id"], {"kind": "phone"}),
    ]


async def test_an_erased_customer_is_told_and_nothing_told_before_names_them(
    client: Client, told: Told, database: SavepointDatabase
) -> None:
    fields = {"display_name": "Ali Rezaei", "attributes": {"club": "gold"}}
    own = (await make_customer(client, ("phone", PHONE), ("email", "ali@example.org"), **fields))["id"]
    await tell(client, ("phone", PHONE), text="my secret", channel="sms")
    await client.patch(f"/v1/customers/{own}", json={"family_name": "Rezaei"})
    await told()
    assert (await client.delete(f"/v1/customers/{own}")).status_code == 204
    assert await told() == [("customer.erased", own, own, {})]
    everything = str(await database.driver.fetch("SELECT * FROM change"))
    for personal in ("Ali", "Rezaei", "9121234567", "ali@example.org", "secret", "gold", "club"):
        assert personal not in everything
