"""Data for tests, made through the API as other systems would."""

import base64
import hmac
from typing import Any
from urllib.parse import urlencode

import httpx


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


def signed_sms(sender: str, text: str, message_id: str, *, url: str, token: str = "12345") -> dict[str, Any]:
    """A Twilio SMS as `httpx` keyword arguments, signed for `url`."""
    fields = {"MessageSid": message_id, "From": sender, "To": "+18005550199", "Body": text, "NumMedia": "0"}
    signed = url + "".join(name + value for name, value in sorted(fields.items()))
    signature = base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
    return {
        "content": urlencode(fields),
        "headers": {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"},
    }
