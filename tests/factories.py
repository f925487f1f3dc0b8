"""Data for tests, made through the API as other systems would."""

import base64
import hmac
import json
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI

from app.core.ids import uuid7
from app.identity.moving import Notice
from app.main import furnish
from tests.conftest import make_settings


async def make_customer(client: httpx.AsyncClient, *identifiers: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """`make_customer(client, ("phone", "+98…"), display_name="…")`."""
    body = {"identifiers": [{"kind": kind, "value": value} for kind, value in identifiers], **fields}
    response = await client.post("/v1/customers", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def make_source(client: httpx.AsyncClient, provider: str = "twilio_sms", **fields: Any) -> dict[str, Any]:
    body = {"name": provider.replace("_", "-"), "provider": provider} | fields
    response = await client.post("/v1/sources", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def tell(client: httpx.AsyncClient, sender: tuple[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """An interaction as another system tells it; `sender` is the customer."""
    body: dict[str, Any] = {"channel": "voice", "text": "hello"} | fields
    if sender is not None:
        body["from"] = {"kind": sender[0], "value": sender[1]}
    response = await client.post("/v1/interactions", json=body)
    assert response.status_code in (200, 201), response.text
    return dict(response.json())


async def get_file(client: httpx.AsyncClient, customer_id: str) -> dict[str, Any]:
    response = await client.get(f"/v1/customers/{customer_id}/file")
    assert response.status_code == 200, response.text
    return dict(response.json())


def notice(*, at: datetime, source: str = "whatsapp") -> Notice:
    """How a provider told that an address moved."""
    told = uuid7()
    request = (told, source, "whatsapp_cloud", "POST", "", b"", "{}", b"{}", told.bytes)
    return Notice(source, at, request, lambda kind, value: [])


def signed_sms(sender: str, text: str, message_id: str, *, url: str, token: str = "12345") -> dict[str, Any]:
    """A Twilio SMS as `httpx` keyword arguments, signed for `url`."""
    fields = {"MessageSid": message_id, "From": sender, "To": "+18005550199", "Body": text, "NumMedia": "0"}
    signed = url + "".join(name + value for name, value in sorted(fields.items()))
    signature = base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
    return {
        "content": urlencode(fields),
        "headers": {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"},
    }


def whatsapp_texts(
    messages: dict[str, str], *, secret: str, text: str = "hello", minutes_ago: int = 0
) -> dict[str, Any]:
    """WhatsApp texts in one request as `httpx` keyword arguments; `messages`: id → number of the sender."""
    at = int(time.time()) - 60 * minutes_ago
    content = {"timestamp": at, "type": "text", "text": {"body": text}}
    return _signed_whatsapp(
        {"messages": [content | {"id": message_id, "from": number} for message_id, number in messages.items()]}, secret
    )


def whatsapp_statuses(statuses: dict[str, str], *, secret: str) -> dict[str, Any]:
    """WhatsApp receipts in one request; `statuses`: id of the message → what became of it."""
    told = [{"id": message_id, "status": status, "timestamp": "1"} for message_id, status in statuses.items()]
    return _signed_whatsapp({"statuses": told}, secret)


def _signed_whatsapp(value: dict[str, Any], secret: str) -> dict[str, Any]:
    value |= {"metadata": {"display_phone_number": "4930901820"}}
    body = json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()
    return {
        "content": body,
        "headers": {"X-Hub-Signature-256": f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"},
    }


async def make_key(client: httpx.AsyncClient, *scopes: str, name: str = "another system") -> dict[str, Any]:
    """A new API key; `authorization` in the answer is the header that presents it."""
    response = await client.post("/v1/api-keys", json={"name": name, "scopes": scopes})
    assert response.status_code == 201, response.text
    return dict(response.json()) | {"authorization": {"Authorization": f"Bearer {response.json()['key']}"}}


def configure(app: FastAPI, **settings: object) -> None:
    """Run the service under other settings until the end of the test."""
    furnish(app, make_settings(**settings), app.state.database, app.state.secrets)


async def all_pages(client: httpx.AsyncClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """The items of every page of a list, in order."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        response = await client.get(path, params=parameters | cursor)
        assert response.status_code == 200, response.text
        items += response.json()["items"]
        if response.json()["next_cursor"] is None:
            return items
        cursor = {"cursor": response.json()["next_cursor"]}


async def give_feedback(
    client: httpx.AsyncClient, customer: tuple[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    """An answer as another system tells it; by default one csat of 4."""
    body: dict[str, Any] = {"scores": [{"measure": "csat", "value": 4}]} | fields
    if customer is not None:
        body["from"] = {"kind": customer[0], "value": customer[1]}
    response = await client.post("/v1/feedback", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 201), response.text
    return dict(response.json())


async def merge(client: httpx.AsyncClient, survivor: str, *others: str, **options: Any) -> dict[str, Any]:
    """Merge the other files into the survivor's."""
    response = await client.post(f"/v1/customers/{survivor}/merge", json={"customer_ids": others} | options)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def undo(client: httpx.AsyncClient, merge_id: str) -> dict[str, Any]:
    response = await client.post(f"/v1/merges/{merge_id}/undo")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def make_survey(client: httpx.AsyncClient, template: str | None = "nps", **fields: Any) -> dict[str, Any]:
    body = {"name": "A survey"} | ({"template": template} if template else {}) | fields
    response = await client.post("/v1/surveys", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def invite(client: httpx.AsyncClient, survey_id: str, customer_id: str, **fields: Any) -> dict[str, Any]:
    response = await client.post(f"/v1/surveys/{survey_id}/invitations", json={"customer_id": customer_id} | fields)
    assert response.status_code == 201, response.text
    return dict(response.json())
