"""Erasing a person leaves no row of theirs; what must not come back is recognised by hashes."""

import hmac
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.ids import uuid7
from app.customers.erasure import ANONYMIZING
from app.rights.subject import tables_of
from tests.channels.samples import sample
from tests.conftest import SavepointDatabase, open_client
from tests.core.test_errors import assert_problem
from tests.customers.test_erasure import TRACES, URL, do_jobs, everything, make_maryam
from tests.factories import all_pages, make_customer, make_source, signed_sms, tell, whatsapp_texts
from tests.ingest.test_growth import tell_stage
from tests.rights.test_export import mail

Client = httpx.AsyncClient
PHONE = "+989121234567"


async def erase(client: Client, customer_id: str) -> None:
    response = await client.delete(f"/v1/customers/{customer_id}", params={"mode": "erase"})
    assert response.status_code == 204, response.text


async def opted_out(client: Client, customer: dict[str, Any]) -> dict[str, bool]:
    shown = (await client.get(f"/v1/customers/{customer['id']}")).json()["identifiers"]
    return {each["value"]: each["opted_out_at"] is not None for each in shown}


async def opt_out(client: Client, customer: dict[str, Any]) -> None:
    for each in customer["identifiers"]:
        path = f"/v1/customers/{customer['id']}/identifiers/{each['id']}"
        assert (await client.patch(path, json={"opted_out": True})).status_code == 200


async def test_no_row_and_no_trace_is_left(client: Client, database: SavepointDatabase) -> None:
    customer_id = await make_maryam(client)
    await erase(client, customer_id)
    left = await everything(database)
    assert [trace for trace in TRACES if trace in left] == []
    for name in {table.name for table, _ in tables_of(uuid7())} - {"audit_entry", "change"}:
        count = await database.driver.fetchval(
            f"SELECT count(*) FROM {name} AS t WHERE t::text LIKE $1",  # noqa: S608  its own tables
            f"%{customer_id}%",
        )
        assert count == 0, name
    assert await database.driver.fetchval("SELECT count(*) FROM inbound_request") == 0


async def test_the_id_answers_that_it_was_erased(client: Client) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    path = f"/v1/customers/{customer['id']}"
    await erase(client, customer["id"])
    for response in (
        await client.get(path),
        await client.get(f"{path}/file"),
        await client.get(f"{path}/timeline"),
        await client.get(f"{path}/export"),
        await client.patch(path, json={"display_name": "Ali"}),
        await client.delete(path, params={"mode": "erase"}),
    ):
        assert_problem(response, 410, "erased")
    assert_problem(await client.get("/v1/lookup", params={"phone": PHONE}), 404, "unknown_identifier")


async def test_ids_merged_into_it_answer_so_too(client: Client) -> None:
    survivor, other = await make_customer(client), await make_customer(client)
    merged = await client.post(f"/v1/customers/{survivor['id']}/merge", json={"customer_ids": [other["id"]]})
    assert merged.status_code == 200, merged.text
    await erase(client, other["id"])
    for customer in (survivor, other):
        assert_problem(await client.get(f"/v1/customers/{customer['id']}"), 410, "erased")


async def test_a_redelivered_message_does_not_come_back(client: Client, database: SavepointDatabase) -> None:
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    await client.post(URL, **signed_sms(PHONE, "whisper", "SM1", url=URL))
    customer = (await client.get("/v1/lookup", params={"phone": PHONE})).json()["customer"]
    await erase(client, customer["id"])
    again = await client.post(URL, **signed_sms(PHONE, "whisper", "SM1", url=URL))
    assert again.status_code == 200
    assert "whisper" not in await everything(database)
    assert_problem(await client.get("/v1/lookup", params={"phone": PHONE}), 404, "unknown_identifier")
    await client.post(URL, **signed_sms(PHONE, "a new one", "SM2", url=URL))
    assert (await client.get("/v1/lookup", params={"phone": PHONE})).json()["customer"]["id"] != customer["id"]


async def test_a_touch_of_a_forgotten_customer_is_refused_with_the_reason(client: Client) -> None:
    anonymized, erased = (await make_customer(client))["id"], (await make_customer(client))["id"]
    await client.delete(f"/v1/customers/{anonymized}")
    await erase(client, erased)
    for customer_id, status, code in ((anonymized, 409, "anonymized"), (erased, 410, "erased")):
        response = await client.post("/v1/interactions", json={"channel": "visit", "customer_id": customer_id})
        assert_problem(response, status, code)


async def test_a_touch_told_again_is_refused_as_erased(client: Client) -> None:
    customer = await make_customer(client)
    await tell(client, customer_id=customer["id"], external_id="pbx-1", source="pbx")
    await erase(client, customer["id"])
    touch = {"channel": "voice", "external_id": "pbx-1", "source": "pbx", "from": {"kind": "phone", "value": PHONE}}
    assert_problem(await client.post("/v1/interactions", json=touch), 410, "erased")
    batch = await client.post("/v1/interactions/batch", content=json.dumps(touch))
    assert batch.json()["results"][0]["code"] == "erased"


async def test_others_stay_whole(client: Client, database: SavepointDatabase) -> None:
    source = await make_source(client, "whatsapp_cloud", name="wa", credentials={"app_secret": "s"})
    both = whatsapp_texts({"w1": "989121234567", "w2": "989351234567"}, secret="s")
    assert (await client.post(f"/v1/ingest/{source['name']}", **both)).is_success
    ali = (await client.get("/v1/lookup", params={"whatsapp": "+989121234567"})).json()["customer"]
    maryam = (await client.get("/v1/lookup", params={"whatsapp": "+989351234567"})).json()["customer"]
    before = await all_pages(client, f"/v1/customers/{maryam['id']}/timeline")
    await erase(client, ali["id"])
    assert await all_pages(client, f"/v1/customers/{maryam['id']}/timeline") == before
    assert "989121234567" not in await everything(database)


async def test_an_answer_to_a_message_that_is_erased_stays_with_its_giver(
    client: Client, database: SavepointDatabase
) -> None:
    ali, maryam = await make_customer(client), await make_customer(client)
    call = await tell(client, customer_id=ali["id"])
    body = {"customer_id": maryam["id"], "scores": [{"measure": "csat", "value": 4}]}
    given = (await client.post("/v1/feedback", json=body)).json()
    await database.driver.execute("UPDATE feedback SET interaction_id = $1", call["id"])
    await erase(client, ali["id"])
    kept = (await client.get(f"/v1/feedback/{given['id']}")).json()
    assert (kept["customer_id"], kept["interaction_id"]) == (maryam["id"], None)


@pytest.mark.parametrize("mode", ["anonymize", "erase"])
async def test_an_address_that_opted_out_is_not_written_to_again(
    client: Client, database: SavepointDatabase, mode: str
) -> None:
    customer = await make_customer(client, ("phone", PHONE), ("email", "ali@example.ir"))
    await opt_out(client, customer)
    await client.delete(f"/v1/customers/{customer['id']}", params={"mode": mode})
    left = await everything(database)
    assert [trace for trace in ("9121234567", "ali@example.ir") if trace in left] == []
    stated = await make_customer(client, ("email", "ali@example.ir"), ("email", "other@example.ir"))
    assert await opted_out(client, stated) == {"ali@example.ir": True, "other@example.ir": False}
    heard = await tell(client, ("phone", PHONE))
    assert await opted_out(client, {"id": heard["customer_id"]}) == {PHONE: True}


async def test_a_webhook_opens_a_file_that_is_opted_out_already(client: Client) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    await opt_out(client, customer)
    await erase(client, customer["id"])
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    await client.post(URL, **signed_sms(PHONE, "hello", "SM1", url=URL))
    opened = (await client.get("/v1/lookup", params={"phone": PHONE})).json()["customer"]
    assert await opted_out(client, opened) == {PHONE: True}


async def test_who_did_not_opt_out_leaves_no_hash(client: Client, database: SavepointDatabase) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    await erase(client, customer["id"])
    assert await database.driver.fetchval("SELECT count(*) FROM suppressed_address") == 0


@pytest.fixture
async def own_client(served: FastAPI) -> AsyncIterator[Client]:
    async with open_client(served) as client:
        await make_source(client, "raw_mime", name="mail", credentials={"username": "relay", "password": "12345"})
        yield client


async def test_the_files_content_goes_too(served: FastAPI, own_client: Client) -> None:
    own, shared = uuid7().bytes, uuid7().bytes
    for sender, content in (("ali@example.ir", own), ("ali@example.ir", shared), ("maryam@example.ir", shared)):
        await mail(own_client, sender, "a.bin", content)
    ali = (await own_client.get("/v1/lookup", params={"email": "ali@example.ir"})).json()["customer"]
    async with served.state.database.hot() as connection:
        before = {row[0] for row in await connection.fetch("SELECT storage_key FROM attachment")}
    await erase(own_client, ali["id"])
    await do_jobs(served)
    async with served.state.database.hot() as connection:
        (kept,) = [row[0] for row in await connection.fetch("SELECT storage_key FROM attachment")]
    assert await served.state.intake.storage.get(kept) == shared
    (gone,) = before - {kept}
    with pytest.raises(FileNotFoundError):
        await served.state.intake.storage.get(gone)


@pytest.mark.parametrize("mode", ["anonymize", "erase"])
async def test_receipts_are_forgotten_and_do_not_come_back(
    client: Client, database: SavepointDatabase, mode: str
) -> None:
    await make_source(client, "whatsapp_cloud", name="wa", credentials={"app_secret": "s"})
    customer = await make_customer(client, ("whatsapp", PHONE))
    to = {"kind": "whatsapp", "value": PHONE}
    sent: dict[str, Any] = {
        "channel": "whatsapp",
        "direction": "outbound",
        "to": to,
        "source": "wa",
        "external_id": "out-1",
    }
    assert (await tell(client, **sent))["customer_id"] == customer["id"]
    await client.post("/v1/ingest/wa", **statuses("delivered"))
    assert "9121234567" in await everything(database)
    await client.delete(f"/v1/customers/{customer['id']}", params={"mode": mode})
    for status in ("delivered", "read"):
        assert (await client.post("/v1/ingest/wa", **statuses(status))).is_success
    assert "9121234567" not in await everything(database)


@pytest.mark.parametrize("mode", ["anonymize", "erase"])
async def test_what_later_stages_of_a_call_told_is_forgotten_and_does_not_come_back(
    client: Client, database: SavepointDatabase, mode: str
) -> None:
    await make_source(client, "twilio_voice", name="calls", credentials={"auth_token": "12345"})
    traces = ("4915112345678", "call me back")
    for case in ("incoming", "completed", "recording", "transcription"):
        await tell_stage(client, case)
    assert await database.driver.fetchval("SELECT count(*) FROM interaction_request") == 3
    before = await everything(database)
    assert [trace for trace in traces if trace not in before] == []
    customer = (await client.get("/v1/lookup", params={"phone": "+4915112345678"})).json()["customer"]
    await client.delete(f"/v1/customers/{customer['id']}", params={"mode": mode})
    await tell_stage(client, "transcription")
    left = await everything(database)
    assert [trace for trace in traces if trace in left] == []


@pytest.mark.parametrize("mode", ["anonymize", "erase"])
@pytest.mark.parametrize(
    ("provider", "case", "address"),
    [
        ("mailgun", "event_unsubscribed", None),
        ("mailgun", "event_failed_for_good", None),
        ("whatsapp_cloud", "number_changed", ("whatsapp", PHONE)),
    ],
)
async def test_requests_that_told_of_an_address_alone_are_forgotten(
    client: Client,
    database: SavepointDatabase,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    case: str,
    address: tuple[str, str] | None,
    mode: str,
) -> None:
    told = sample(provider, case)
    monkeypatch.setattr("app.ingest.endpoints.now", lambda: datetime.fromisoformat(told.data["received_at"]))
    await make_source(client, provider, name="told", credentials=told.data["source"]["credentials"])
    kind, value = address or ("email", told.expected[0]["recipient"]["value"])
    customer = await make_customer(client, (kind, value))
    assert (await client.request(**told.as_httpx("told"))).is_success
    assert value.lstrip("+") in await everything(database)
    await client.delete(f"/v1/customers/{customer['id']}", params={"mode": mode})
    left = await everything(database)
    assert value.lstrip("+") not in left
    bodies = await database.driver.fetch("SELECT body FROM inbound_request")
    assert [row[0] for row in bodies if row[0]] == []


async def test_a_request_that_told_of_an_address_follows_a_merge(client: Client, database: SavepointDatabase) -> None:
    told = sample("whatsapp_cloud", "number_changed")
    await make_source(client, "whatsapp_cloud", name="told", credentials=told.data["source"]["credentials"])
    customer, other = await make_customer(client, ("whatsapp", PHONE)), await make_customer(client)
    await client.request(**told.as_httpx("told"))
    merged = await client.post(f"/v1/customers/{other['id']}/merge", json={"customer_ids": [customer["id"]]})
    assert merged.status_code == 200, merged.text
    await erase(client, other["id"])
    assert await database.driver.fetchval("SELECT count(*) FROM inbound_request") == 0


async def test_an_address_that_opted_out_is_recognised_when_a_number_moves_to_it(client: Client) -> None:
    told = sample("whatsapp_cloud", "number_changed")
    await make_source(client, "whatsapp_cloud", name="told", credentials=told.data["source"]["credentials"])
    gone = await make_customer(client, ("whatsapp", "+989351234567"))
    await opt_out(client, gone)
    await erase(client, gone["id"])
    customer = await make_customer(client, ("whatsapp", PHONE))
    await client.request(**told.as_httpx("told"))
    assert await opted_out(client, customer) == {"+989351234567": True}


def statuses(status: str) -> dict[str, Any]:
    told = {"id": "out-1", "status": status, "timestamp": "1", "recipient_id": PHONE[1:]}
    body = json.dumps({"entry": [{"changes": [{"field": "messages", "value": {"statuses": [told]}}]}]}).encode()
    signature = hmac.digest(b"s", body, "sha256").hex()
    return {"content": body, "headers": {"X-Hub-Signature-256": f"sha256={signature}"}}


def test_anonymizing_knows_every_table_of_persons() -> None:
    """Or the table is known to hold nothing that names one."""
    known = " ".join(ANONYMIZING)
    missed = {table.name for table, _ in tables_of(uuid7()) if not re.search(rf"(UPDATE|FROM) {table.name}\b", known)}
    assert missed <= {"audit_entry", "change", "feedback_score"}
