"""Mailgun: mail forwarded by a route, parsed or raw, and tracking events."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from app.channels import documents, forms, signatures
from app.channels.base import Adapter, Nonce, SourceConfig, Unreadable, WebhookRequest
from app.channels.digests import digest
from app.channels.documents import Document, fingerprint, section, text
from app.channels.email import mime
from app.channels.email.headers import Headers
from app.channels.email.mail import Mail, message_key, to_inbound
from app.channels.email.mailgun_events import receipt
from app.channels.forms import Field
from app.messages import Channel, Inbound

# Mailgun is not known to renew the timestamp when it tries again after 10, 15, 30 minutes and 1 hour.
_TOLERANCE_S = 7_200
_PROOF = ("timestamp", "token", "signature")


class Mailgun(Adapter):
    """Mailgun, "Receiving, Forwarding, and Storing Messages", "Tracking Messages" and "Securing Webhooks"."""

    provider = "mailgun"
    title = "Mailgun"
    channel = Channel.email
    schemes: ClassVar = {"mailgun_hmac": ("signing_key",)}
    delivers = ("messages", "receipts")
    limits = ("Mailgun signs a token, not the mail: a token that comes back with another mail is refused.",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        key = signatures.credential(source, "signing_key")
        proof = _proof(_signature(request) if _is_event(request) else forms.values(_fields(request)))
        signatures.hmac_hex(key, f"{proof['timestamp']}{proof['token']}".encode(), proof["signature"])
        signatures.fresh(proof["timestamp"], request, source, _TOLERANCE_S)

    def nonce(self, request: WebhookRequest, source: SourceConfig) -> Nonce | None:
        if _is_event(request):
            event = section(documents.read(request.body), "event-data")
            return Nonce(_proof(_signature(request))["token"], bytes.fromhex(fingerprint(event)))
        fields = _fields(request)
        return Nonce(_proof(forms.values(fields))["token"], _digest(fields))

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        if _is_event(request):
            return [receipt(section(documents.read(request.body), "event-data"))]
        fields = _fields(request)
        values = forms.values(fields)
        recipient = values.get("recipient", "")
        mail = _raw(fields) or _parsed(fields, values)
        return to_inbound(
            mail,
            external_id=message_key(mail.headers.message_id or _digest(fields).hex(), recipient),
            recipient=recipient,
            envelope_from=values.get("sender"),
        )


def _is_event(request: WebhookRequest) -> bool:
    return documents.is_json(request.headers.get("content-type", ""))


def _fields(request: WebhookRequest) -> list[Field]:
    return forms.read(request.body, request.headers.get("content-type", ""))


def _signature(request: WebhookRequest) -> Document:
    return section(documents.read(request.body), "signature")


def _proof(given: Document) -> dict[str, str]:
    """Of repeated fields the last is Mailgun's own; the others are variables of whoever sent the mail."""
    return {name: text(given, name) for name in _PROOF}


def _digest(fields: Sequence[Field]) -> bytes:
    """Of the content alone: a second delivery has another boundary, and may have other proof."""
    content = sorted((field for field in fields if field.name not in _PROOF), key=lambda field: field.name)
    return digest(part for field in content for part in (field.name.encode(), field.raw, repr(field.file).encode()))


def _raw(fields: Sequence[Field]) -> Mail | None:
    return next((mime.read(field.raw) for field in fields if field.name == "body-mime"), None)


def _parsed(fields: Sequence[Field], values: Mapping[str, str]) -> Mail:
    if "from" not in values and "sender" not in values:
        raise Unreadable("a mail without sender")
    headers = Headers([*_headers(values), *values.items()])
    return Mail(
        headers=headers,
        sender=headers.sender,
        text=values.get("body-plain", ""),
        html=values.get("body-html"),
        reply_text=values.get("stripped-text"),
        attachments=forms.attachments(fields),
    )


def _headers(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The headers in their order; the form has most of them as fields too."""
    try:
        for name, value in json.loads(values.get("message-headers") or "[]"):
            yield str(name), str(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unreadable("message-headers is not a list of pairs") from error
