"""Forgetting a person leaves nothing of them anywhere, and everything of others."""

import base64
import json
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.ids import uuid7
from app.core.jobs import drain
from app.ingest.fetching import handlers
from app.interactions.models import AttachmentState
from tests.conftest import SavepointDatabase, open_client
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, get_file, make_customer, make_source, merge, signed_sms, tell

Client = httpx.AsyncClient
URL = "http://onefile.test/v1/ingest/sms"
TRACES = ("۰۹۱۲۱۲۳۴۵۶۷", "9121234567", "maryam", "Rezaei", "مریم", "Valiasr", "Saffron", "Boof", "whisper")


async def everything(database: SavepointDatabase) -> str:
    """Every row of every table as text, bytes included."""
    tables = await database.driver.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) >= 12
    rows = []
    for (table,) in tables:
        rows += await database.driver.fetch(f'SELECT * FROM "{table}"')  # noqa: S608  its own tables
    return "\n".join(str(dict(row)) for row in rows)


async def make_maryam(client: Client) -> str:
    """A customer who left traces in every table."""
    body = {
        "display_name": "مریم Rezaei",
        "given_name": "مریم",
        "family_name": "Rezaei",
        "attributes": {"Saffron": ["Saffron"]},
        "preferences": {"hand": "whisper"},
        "identifiers": [{"kind": "email", "value": "maryam@example.ir", "label": "Boof"}],
    }
    made = await client.post("/v1/customers", json=body, headers={"Idempotency-Key": "make"})
    customer_id = str(made.json()["id"])
    phone = {"kind": "phone", "value": "۰۹۱۲۱۲۳۴۵۶۷", "region": "IR", "label": "Boof"}
    await client.post(f"/v1/customers/{customer_id}/identifiers", json=phone, headers={"Idempotency-Key": "add"})
    old = await client.post(
        f"/v1/customers/{customer_id}/identifiers", json={"kind": "telegram", "value": "@maryam_rezaei"}
    )
    await client.delete(f"/v1/customers/{customer_id}/identifiers/{old.json()['id']}")
    call = {
        "channel": "voice",
        "external_id": "pbx-1",
        "from": {"kind": "phone", "value": "۰۹۱۲۱۲۳۴۵۶۷", "region": "IR", "name": "مریم"},
        "subject": "Saffron",
        "text": "whisper",
        "location": "Valiasr",
        "attributes": {"note": "Boof"},
    }
    told = await client.post("/v1/interactions", json=call, headers={"Idempotency-Key": "call"})
    assert told.json()["customer_id"] == customer_id
    line = json.dumps(call | {"external_id": "pbx-2", "channel": "email"})
    await client.post("/v1/interactions/batch", content=line, headers={"Idempotency-Key": "batch"})
    consent = {"purpose": "marketing", "status": "granted", "source": "Valiasr", "proof": {"said": "whisper"}}
    await client.post(f"/v1/customers/{customer_id}/consents", json=consent, headers={"Idempotency-Key": "consent"})
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    await client.post(URL, **signed_sms("+989121234567", "whisper Saffron", "SM1", url=URL))
    form = {"name": "form", "provider": "web_form", "settings": {"scheme": "none"}}
    await client.post("/v1/sources", json=form)
    await make_customer(client, ("external", "erp:7"), display_name="Other")
    fields = {"email": "maryam@example.ir", "phone": "+989121234567", "name": "مریم", "message": "whisper"}
    await client.post("/v1/ingest/form?from=maryam", data=fields)
    await make_source(client, "raw_mime", name="mail", credentials={"username": "relay", "password": "12345"})
    await mail(client, "maryam@example.ir", ("Boof.txt", b"whisper"), message_id="1@example.ir")
    return customer_id


async def mail(client: Client, sender: str, *files: tuple[str, bytes], message_id: str) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, "office@example.org", "Saffron"
    letter["Message-ID"], letter["In-Reply-To"] = f"<{message_id}>", "<Boof-0@example.org>"
    letter.set_content("whisper")
    for name, content in files:
        letter.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    headers = {"Content-Type": "message/rfc822"}
    response = await client.post("/v1/ingest/mail", content=letter.as_bytes(), headers=headers, auth=("relay", "12345"))
    assert response.is_success, response.text


async def test_nothing_that_names_the_person_is_left_in_any_table(client: Client, database: SavepointDatabase) -> None:
    customer_id = await make_maryam(client)
    before = await everything(database)
    assert [trace for trace in TRACES if trace not in before] == []
    assert (await client.delete(f"/v1/customers/{customer_id}")).status_code == 204
    after = await everything(database)
    assert [trace for trace in TRACES if trace in after] == []


async def test_that_something_happened_stays(client: Client) -> None:
    customer_id = await make_maryam(client)
    before = await all_pages(client, f"/v1/customers/{customer_id}/timeline")
    log = await all_pages(client, f"/v1/customers/{customer_id}/identity-log")
    await client.delete(f"/v1/customers/{customer_id}")
    after = await all_pages(client, f"/v1/customers/{customer_id}/timeline")
    lasting = ("id", "channel", "direction", "kind", "occurred_at", "source", "external_id", "status", "duration_s")
    assert [{name: item[name] for name in lasting} for item in after] == [
        {name: item[name] for name in lasting} for item in before
    ]
    assert {item["text"] for item in after} == {""}
    kept = await all_pages(client, f"/v1/customers/{customer_id}/identity-log")
    assert [entry["rule"] for entry in kept] == [entry["rule"] for entry in log]
    assert {entry["identifier_value"] for entry in kept} == {None}


async def test_the_file_of_a_forgotten_customer_says_so(client: Client) -> None:
    customer_id = await make_maryam(client)
    await client.delete(f"/v1/customers/{customer_id}")
    file = await get_file(client, customer_id)
    customer = file["customer"]
    assert (customer["status"], customer["display_name"], customer["identifiers"]) == ("anonymized", None, [])
    assert (file["conversations"], file["suggested_duplicates"]) == ([], [])
    assert file["channels"]["voice"]["inbound"] == 1


async def test_who_writes_again_is_a_stranger(client: Client) -> None:
    customer_id = await make_maryam(client)
    await client.delete(f"/v1/customers/{customer_id}")
    assert (await client.get("/v1/lookup", params={"phone": "+989121234567"})).status_code == 404
    call = await tell(client, ("phone", "+989121234567"))
    assert call["customer_id"] not in (None, customer_id)


async def test_a_redelivered_message_does_not_come_back(client: Client, database: SavepointDatabase) -> None:
    customer_id = await make_maryam(client)
    await client.delete(f"/v1/customers/{customer_id}")
    response = await client.post(URL, **signed_sms("+989121234567", "whisper Saffron", "SM1", url=URL))
    assert response.status_code == 200
    assert "whisper" not in await everything(database)


async def test_a_repeated_creation_does_not_bring_the_person_back(client: Client, database: SavepointDatabase) -> None:
    customer_id = await make_maryam(client)
    body = {"display_name": "Boof"}
    await client.post("/v1/customers", json=body, headers={"Idempotency-Key": "other"})
    await client.delete(f"/v1/customers/{customer_id}")
    again = await client.post("/v1/customers", json=body, headers={"Idempotency-Key": "other"})
    assert (again.headers["idempotent-replayed"], again.json()["display_name"]) == ("true", "Boof")
    kept = await database.driver.fetch("SELECT key, body FROM idempotency_key WHERE key <> 'other' ORDER BY key")
    assert {(row["key"], bytes(row["body"])) for row in kept} == {
        (key, b"{}") for key in ("add", "batch", "call", "consent", "make")
    }


async def test_a_repetition_tells_nothing_of_a_file_that_was_merged_and_then_forgotten(client: Client) -> None:
    key, body = {"Idempotency-Key": "make"}, {"display_name": "Saffron"}
    merged = (await client.post("/v1/customers", json=body, headers=key)).json()
    survivor = await make_customer(client)
    await merge(client, survivor["id"], merged["id"])
    assert (await client.delete(f"/v1/customers/{survivor['id']}")).status_code == 204
    assert "Saffron" not in (await client.post("/v1/customers", json=body, headers=key)).text


async def test_others_are_not_touched(client: Client) -> None:
    customer_id = await make_maryam(client)
    ali = await make_customer(client, ("phone", "+989351234567"), display_name="Ali", attributes={"a": 1})
    await tell(client, ("phone", "+989351234567"), text="hello", channel="sms")
    await client.post(URL, **signed_sms("+989351234567", "hello", "SM9", url=URL))
    before = await get_file(client, ali["id"])
    requests = {each["id"]: each for each in await all_pages(client, "/v1/inbound-requests")}
    own = [item for item in before["recent_interactions"] if item["source"] == "sms"]
    full = (await client.get(f"/v1/interactions/{own[0]['id']}")).json()
    await client.delete(f"/v1/customers/{customer_id}")
    assert await get_file(client, ali["id"]) == before
    kept = (await client.get(f"/v1/inbound-requests/{full['inbound_request_id']}")).json()
    assert kept["id"] in requests
    assert "hello" in (
        kept["body"] if kept["body_encoding"] == "utf-8" else base64.b64decode(kept["body"]).decode("latin-1")
    )


async def test_a_forgotten_customer_is_not_filled_again(client: Client) -> None:
    customer = await make_customer(client)
    path = f"/v1/customers/{customer['id']}"
    call = await tell(client, ("phone", "+989121234567"))
    await client.delete(path)
    for response in (
        await client.patch(path, json={"display_name": "Ali"}),
        await client.post(f"{path}/identifiers", json={"kind": "email", "value": "ali@example.ir"}),
        await client.post(f"/v1/interactions/{call['id']}/file", json={"customer_id": customer["id"]}),
    ):
        assert_problem(response, 409, "anonymized")
    touch = {"channel": "visit", "customer_id": customer["id"], "from": {"kind": "phone", "value": "+989121234567"}}
    assert (await client.post("/v1/interactions", json=touch)).status_code in (404, 409)
    assert await all_pages(client, f"{path}/timeline") == []


async def test_forgetting_twice_is_no_mistake(client: Client) -> None:
    customer = await make_customer(client, display_name="Ali")
    path = f"/v1/customers/{customer['id']}"
    assert [(await client.delete(path)).status_code for _ in range(2)] == [204, 204]
    assert (await client.get(path)).json()["status"] == "anonymized"


@pytest.fixture
async def own_client(served: FastAPI) -> AsyncIterator[Client]:
    """Of a service whose commits are commits, for what happens after them."""
    async with open_client(served) as client:
        await make_source(client, "raw_mime", name="mail", credentials={"username": "relay", "password": "12345"})
        yield client


async def attachments(client: Client, email: str) -> list[str]:
    """The ids of a customer's files."""
    customer = (await client.get("/v1/lookup", params={"email": email})).json()["customer"]
    page = await all_pages(client, f"/v1/customers/{customer['id']}/timeline")
    return [file["id"] for item in page for file in item["attachments"]]


async def forget(client: Client, email: str) -> None:
    customer = (await client.get("/v1/lookup", params={"email": email})).json()["customer"]
    assert (await client.delete(f"/v1/customers/{customer['id']}")).status_code == 204


async def do_jobs(app: FastAPI) -> None:
    """Those that are due, then those of later."""
    await drain(app.state.database, handlers(app.state.intake))
    async with app.state.database.session() as session:
        await session.execute(text("UPDATE pgqueuer SET execute_after = now()"))
    await drain(app.state.database, handlers(app.state.intake))


async def kept_files(app: FastAPI) -> set[str]:
    async with app.state.database.session() as session:
        return set(await session.scalars(text("SELECT storage_key FROM attachment")))


async def test_files_of_the_forgotten_go_and_those_of_others_stay(served: FastAPI, own_client: Client) -> None:
    own, shared = uuid7().bytes, uuid7().bytes
    await mail(own_client, "maryam@example.ir", ("own", own), ("own again", own), ("shared", shared), message_id="1@a")
    await mail(own_client, "ali@example.ir", ("shared", shared), message_id="2@a")
    storage = served.state.intake.storage
    gone = await attachments(own_client, "maryam@example.ir")
    (stays,) = await attachments(own_client, "ali@example.ir")
    before = await kept_files(served)
    await forget(own_client, "maryam@example.ir")
    for attachment_id in gone:
        response = await own_client.get(f"/v1/attachments/{attachment_id}")
        assert_problem(response, 410, "attachment_failed")
    await do_jobs(served)
    for attachment_id in gone:
        assert (await own_client.get(f"/v1/attachments/{attachment_id}")).status_code == 404
    assert (await own_client.get(f"/v1/attachments/{stays}")).content == shared
    (removed,) = before - await kept_files(served)
    with pytest.raises(FileNotFoundError):
        await storage.get(removed)
    await forget(own_client, "ali@example.ir")
    await do_jobs(served)
    for key in before:
        with pytest.raises(FileNotFoundError):
            await storage.get(key)


@pytest.mark.parametrize("when", ["before the first look", "after the first look"])
async def test_the_same_bytes_on_their_way_into_another_message_stay(
    served: FastAPI, own_client: Client, when: str
) -> None:
    """Stored they were when Maryam's were there still; their message is committed later."""
    content = uuid7().bytes
    await mail(own_client, "maryam@example.ir", ("own", content), message_id="1@a")
    await forget(own_client, "maryam@example.ir")
    storage, database = served.state.intake.storage, served.state.database
    if when == "before the first look":
        await storage.put(content)
        await drain(database, handlers(served.state.intake))
    else:
        await drain(database, handlers(served.state.intake))
        await storage.put(content)
    await mail(own_client, "ali@example.ir", ("other", content), message_id="2@a")
    if when == "before the first look":  # where `put` came before the content was put aside
        await storage.remove(next(iter(await kept_files(served))))
    await do_jobs(served)
    (stays,) = await attachments(own_client, "ali@example.ir")
    assert (await own_client.get(f"/v1/attachments/{stays}")).content == content


async def test_content_nobody_asked_for_in_time_is_not_kept_aside(served: FastAPI, own_client: Client) -> None:
    await mail(own_client, "maryam@example.ir", ("own", uuid7().bytes), message_id="1@a")
    (key,) = await kept_files(served)
    place = Path(served.state.intake.storage._path(key))
    await forget(own_client, "maryam@example.ir")
    await do_jobs(served)
    assert list(place.parent.iterdir()) == []


async def test_a_mail_delivered_again_does_not_bring_its_files_back(served: FastAPI, own_client: Client) -> None:
    content = uuid7().bytes
    await mail(own_client, "maryam@example.ir", ("own", content), message_id="1@a")
    (key,) = await kept_files(served)
    await forget(own_client, "maryam@example.ir")
    await do_jobs(served)
    await mail(own_client, "maryam@example.ir", ("own", content), message_id="1@a")
    await do_jobs(served)
    with pytest.raises(FileNotFoundError):
        await served.state.intake.storage.get(key)
    assert await kept_files(served) == set()


async def test_a_mail_delivered_again_keeps_its_files(served: FastAPI, own_client: Client) -> None:
    content = uuid7().bytes
    for _ in range(2):
        await mail(own_client, "maryam@example.ir", ("own", content), message_id="1@a")
    await do_jobs(served)
    (stays,) = await attachments(own_client, "maryam@example.ir")
    assert (await own_client.get(f"/v1/attachments/{stays}")).content == content
    async with served.state.database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM attachment")) == 1


async def test_an_erasure_that_fails_removes_no_file(served: FastAPI, own_client: Client) -> None:
    await mail(own_client, "maryam@example.ir", ("own", uuid7().bytes), message_id="1@a")
    (attachment_id,) = await attachments(own_client, "maryam@example.ir")
    customer = (await own_client.get("/v1/lookup", params={"email": "maryam@example.ir"})).json()["customer"]
    response = await own_client.delete(f"/v1/customers/{customer['id']}", headers={"If-Match": '"99"'})
    assert response.status_code == 412
    await do_jobs(served)
    assert (await own_client.get(f"/v1/attachments/{attachment_id}")).status_code == 200


async def test_a_file_still_being_fetched_does_not_come_back(served: FastAPI, own_client: Client) -> None:
    """Its bytes come when the customer is forgotten already."""
    await mail(own_client, "maryam@example.ir", ("own", uuid7().bytes), message_id="1@a")
    async with served.state.database.session() as session:
        await session.execute(
            text("UPDATE attachment SET state = :state, storage_key = NULL, url = 'https://a.example/Boof'"),
            {"state": AttachmentState.pending},
        )
    await forget(own_client, "maryam@example.ir")
    async with served.state.database.session() as session:
        await session.execute(
            text(
                "INSERT INTO pgqueuer (priority, status, entrypoint, payload)"
                " SELECT 0, 'queued', 'fetch_attachment', convert_to(id::text, 'UTF8') FROM attachment"
            )
        )
    await do_jobs(served)
    async with served.state.database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM attachment")) == 0


async def test_whose_receipts_they_were_is_forgotten(client: Client, database: SavepointDatabase) -> None:
    """A message to several recipients has several of one kind."""
    customer = await make_customer(client, ("email", "maryam@example.ir"))
    to = {"kind": "email", "value": "maryam@example.ir"}
    sent = await tell(client, channel="email", direction="outbound", external_id="out-1", to=to)
    assert sent["customer_id"] == customer["id"]
    for event, recipient in (("delivered", "maryam@example.ir"), ("delivered", "Boof@example.ir"), ("read", "Boof")):
        await database.driver.execute(
            "INSERT INTO interaction_status (id, created_at, updated_at, interaction_id, event, recipient, occurred_at)"
            " VALUES (gen_random_uuid(), now(), now(), $1, $2, $3, now())",
            sent["id"],
            event,
            recipient,
        )
    await client.delete(f"/v1/customers/{customer['id']}")
    rows = await database.driver.fetch("SELECT event, recipient FROM interaction_status ORDER BY event")
    assert [tuple(row) for row in rows] == [("delivered", ""), ("read", "")]
