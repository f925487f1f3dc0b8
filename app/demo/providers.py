"""The other side of the webhooks: providers as they deliver and sign, each as its documentation says."""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from time import time
from typing import Any

import httpx

Request = Mapping[str, Any]
"""What `httpx.Client.request` takes."""

_INGEST = "/v1/ingest/"


@dataclass(frozen=True, slots=True)
class Source:
    """A provider account as the provider knows it: where to deliver, and how to prove itself."""

    provider: str
    url: str
    credentials: Mapping[str, str]

    def post(self, **content: Any) -> Request:
        """A request to the service on this machine, whatever its public URL."""
        return {"method": "POST", "url": _INGEST + self.url.partition(_INGEST)[2], **content}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One e-mail, as the mail providers take it apart."""

    id: str
    sender: str
    name: str
    recipient: str
    subject: str
    written: str
    quoted: str
    answers: str
    date: datetime


def connect(api: httpx.Client, wanted: Mapping[str, str]) -> dict[str, Source]:
    """Sources by name, with secrets made for this run; those of an earlier run go, and their secrets with them."""
    schemes = {each["name"]: each["schemes"] for each in api.get("/v1/providers").raise_for_status().json()}
    sources = {}
    for name, provider in wanted.items():
        needed = next(iter(schemes[provider].values()))
        credentials = {credential: secrets.token_hex(16) for credential in needed}
        api.delete(f"/v1/sources/{name}")
        body = {"name": name, "provider": provider, "credentials": credentials, "default_region": "IR"}
        told = api.post("/v1/sources", json=body).raise_for_status().json()
        url = told["webhook_url"].replace("{path_token}", credentials.get("path_token", ""))
        sources[name] = Source(provider, url, credentials)
    return sources


def kavenegar(source: Source, sender: str, text: str) -> Request:
    """Kavenegar signs nothing; the path is the secret."""
    message_id = str(secrets.randbelow(10**12))
    return source.post(data={"messageid": message_id, "from": sender, "to": "30004505", "message": text})


def web_form(source: Source, fields: Mapping[str, str]) -> Request:
    return source.post(data={**fields, "nonce": secrets.token_hex(8)})


def twilio(source: Source, sender: str, text: str) -> Request:
    """HMAC-SHA1 over the URL and the sorted fields."""
    sid = f"SM{secrets.token_hex(16)}"
    fields = {"MessageSid": sid, "From": sender, "To": "+15005550006", "Body": text, "NumMedia": "0"}
    signed = source.url + "".join(name + value for name, value in sorted(fields.items()))
    signature = base64.b64encode(hmac.digest(source.credentials["auth_token"].encode(), signed.encode(), "sha1"))
    return source.post(data=fields, headers={"X-Twilio-Signature": signature.decode()})


def whatsapp(source: Source, sender: str, name: str, text: str, sent_at: datetime) -> Request:
    """HMAC-SHA256 over the body."""
    message = {
        "from": sender,
        "id": f"wamid.{secrets.token_hex(16)}",
        "timestamp": str(int(sent_at.timestamp())),
        "type": "text",
        "text": {"body": text},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15005550006", "phone_number_id": "110022"},
        "contacts": [{"profile": {"name": name}, "wa_id": sender}],
        "messages": [message],
    }
    entry = {"id": "88001", "changes": [{"field": "messages", "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    signature = hmac.new(source.credentials["app_secret"].encode(), body, "sha256").hexdigest()
    return source.post(content=body, headers=_JSON | {"X-Hub-Signature-256": f"sha256={signature}"})


def mailgun(source: Source, mail: Mail) -> Request:
    """HMAC-SHA256 over a timestamp and a token that serves once."""
    timestamp, token = str(int(time())), secrets.token_hex(25)
    signed = f"{timestamp}{token}".encode()
    fields = {
        "recipient": mail.recipient,
        "sender": mail.sender,
        "from": f'"{mail.name}" <{mail.sender}>',
        "subject": mail.subject,
        "message-headers": json.dumps(list(_headers(mail).items())),
        "body-plain": f"{mail.written}\n\n{mail.quoted}\n",
        "stripped-text": mail.written,
        "timestamp": timestamp,
        "token": token,
        "signature": hmac.new(source.credentials["signing_key"].encode(), signed, "sha256").hexdigest(),
    }
    return source.post(data=fields)


def postmark(source: Source, mail: Mail) -> Request:
    """A user name and a password, as HTTP basic authentication."""
    payload = {
        "FromFull": {"Email": mail.sender, "Name": mail.name, "MailboxHash": ""},
        "ToFull": [{"Email": mail.recipient, "Name": "", "MailboxHash": ""}],
        "OriginalRecipient": mail.recipient,
        "Subject": mail.subject,
        "MessageID": secrets.token_hex(16),
        "Date": format_datetime(mail.date),
        "TextBody": f"{mail.written}\n\n{mail.quoted}\n",
        "StrippedTextReply": mail.written,
        "Headers": [{"Name": name, "Value": value} for name, value in _headers(mail).items()],
        "Attachments": [],
    }
    login = ":".join(source.credentials[name] for name in ("username", "password"))
    proof = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    return source.post(content=json.dumps(payload).encode(), headers=_JSON | proof)


def _headers(mail: Mail) -> dict[str, str]:
    return {"Message-Id": f"<{mail.id}>", "In-Reply-To": f"<{mail.answers}>", "Date": format_datetime(mail.date)}


_JSON = {"Content-Type": "application/json"}
