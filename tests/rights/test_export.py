"""A person gets everything that is known of them, and nothing of others."""

import json
from email.message import EmailMessage
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from sqlmodel import SQLModel

from app.core.ids import uuid7
from app.rights.export import safe
from app.rights.subject import tables_of
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, make_customer, make_source, signed_sms, tell

Client = httpx.AsyncClient
URL = "http://onefile.test/v1/ingest/sms"
NOT_OF_PERSONS = {
    *("api_key", "idempotency_key", "source", "webhook_nonce", "inbound_request"),
    *("erased_customer", "suppressed_address", "forgotten_message", "customer_import", "retention_run"),
    *("value_count", "duplicate_scan", "survey", "survey_version", "identifier_policy"),
}
"""Raw requests are exported by the interactions they brought."""


async def export(client: Client, customer_id: str) -> ZipFile:
    response = await client.get(f"/v1/customers/{customer_id}/export")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/zip"
    package = ZipFile(BytesIO(response.content))
    assert package.testzip() is None
    return package


def tables(package: ZipFile) -> dict[str, list[dict[str, Any]]]:
    return dict(json.loads(package.read("customer.json"))["tables"])


async def mail(client: Client, sender: str, name: str, content: bytes) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = sender, "office@example.org", f"<{uuid7()}@a>"
    message.set_content("hello")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    response = await client.post(
        "/v1/ingest/mail",
        content=message.as_bytes(),
        headers={"Content-Type": "message/rfc822"},
        auth=("relay", "12345"),
    )
    assert response.is_success


async def test_an_export_holds_what_is_known(client: Client) -> None:
    ali = await make_customer(client, ("phone", "+989121234567"), display_name="علی", attributes={"a": [1]})
    path = f"/v1/customers/{ali['id']}"
    await client.post(f"{path}/consents", json={"purpose": "marketing", "status": "granted"})
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    await client.post(URL, **signed_sms("+989121234567", "سلام", "SM1", url=URL))
    await tell(client, ("phone", "+989121234567"), text="x" * 5000)
    package = await export(client, ali["id"])
    found = tables(package)
    assert (found["customer"][0]["display_name"], found["customer"][0]["attributes"]) == ("علی", {"a": [1]})
    assert [each["value"] for each in found["customer_identifier"]] == ["+989121234567"]
    assert [each["text"] for each in found["interaction"]] == ["سلام", "x" * 5000]
    assert [each["purpose"] for each in found["consent"]] == ["marketing"]
    assert len(found["identity_journal"]) == 3
    (request,) = found["inbound_request"]
    assert b"SM1" in package.read(f"requests/{request['id']}")
    assert json.loads(package.read("index.json"))["customer_id"] == ali["id"]


async def test_attachments_lie_in_it_under_safe_names(client: Client) -> None:
    await make_source(client, "raw_mime", name="mail", credentials={"username": "relay", "password": "12345"})
    content = uuid7().bytes * 100_000
    await mail(client, "ali@example.ir", "../../رسید.pdf", content)
    ali = (await client.get("/v1/lookup", params={"email": "ali@example.ir"})).json()["customer"]
    package = await export(client, ali["id"])
    (name,) = [name for name in package.namelist() if name.startswith("attachments/")]
    assert name.endswith("-رسید.pdf")
    assert name.count("/") == 1
    assert package.read(name) == content


async def test_nothing_of_others_lies_in_it(client: Client) -> None:
    ali = await make_customer(client, ("phone", "+989121234567"))
    await make_customer(client, ("phone", "+989351234567"), display_name="Maryam")
    await tell(client, ("phone", "+989351234567"), text="whisper")
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    await client.post(URL, **signed_sms("+989351234567", "whisper", "SM2", url=URL))
    package = await export(client, ali["id"])
    assert not any(trace in package.read("customer.json").decode() for trace in ("9351234567", "Maryam", "whisper"))
    assert sorted(package.namelist()) == ["customer.json", "index.json"]


async def test_it_is_had_as_json_alone(client: Client) -> None:
    ali = await make_customer(client, display_name="Ali")
    response = await client.get(f"/v1/customers/{ali['id']}/export", params={"format": "json"})
    assert response.headers["content-type"] == "application/json"
    assert response.json()["tables"]["customer"][0]["display_name"] == "Ali"


async def test_an_export_is_audited_as_such(client: Client) -> None:
    ali = await make_customer(client)
    await export(client, ali["id"])
    (entry,) = await all_pages(client, "/v1/audit", action="export")
    assert entry["customer_id"] == ali["id"]


async def test_nobody_is_404(client: Client) -> None:
    assert_problem(await client.get(f"/v1/customers/{uuid7()}/export"), 404, "not_found")


def test_every_table_is_a_persons_or_known_not_to_be() -> None:
    """A new table with a person's data names the customer, or belongs to a row that does."""
    of_persons = {table.name for table, _ in tables_of(uuid7())}
    assert of_persons | NOT_OF_PERSONS == set(SQLModel.metadata.tables)
    assert not of_persons & NOT_OF_PERSONS


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("invoice.pdf", "invoice.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("a\x00b\r\n:c", "a_b_c"),
        ("\u202efdp.exe", "_fdp.exe"),
        ("..", "file"),
        ("", "file"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
    ],
)
def test_a_files_name_is_made_safe(given: str, kept: str) -> None:
    assert safe(given) == kept
