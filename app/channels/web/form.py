"""Forms of web sites and apps: each is a message of whoever filled it in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from app.channels import signatures
from app.channels.base import Adapter, Answer, SourceConfig, Unreadable, WebhookRequest
from app.channels.digests import bounded
from app.channels.parties import Address, identify, party
from app.channels.web import cross_origin
from app.channels.web.entries import Entries, WrongForm, read
from app.messages import (
    Channel,
    Confidence,
    IdentifierKind,
    Ignored,
    Inbound,
    InboundMessage,
    InteractionKind,
    Party,
)
from app.text.cleaning import clean

# Long enough for an impatient second click; two clicks around the edge of a window are recorded twice, never lost.
_WINDOW_S = 600
_CHECKS: Mapping[str, signatures.Check] = {
    "path_secret": signatures.check_path_secret,
    "none": signatures.check_nothing,
}
_PROBLEM = {"type": "about:blank", "title": "Unprocessable form", "status": 422, "code": "unreadable_form"}


class WebForm(Adapter):
    """No provider, but web sites: HTML "Form submission", RFC 7578, JSON."""

    provider = "web_form"
    title = "Web form"
    channel = Channel.web_form
    schemes: ClassVar = {"path_secret": ("path_token",), "none": ()}
    limits = (
        "A form proves nothing: whoever fills it in can name any address, which is kept as stated.",
        "Without an Idempotency-Key or a nonce field, the same content within 10 minutes is one message.",
    )
    answer = Answer(202, b'{"status":"received"}', "application/json")
    unreadable = Answer(422, json.dumps(_PROBLEM).encode(), "application/problem+json")

    def handshake(self, request: WebhookRequest, source: SourceConfig) -> Answer | None:
        return cross_origin.preflight(request, self._origins(source)) if request.method == "OPTIONS" else None

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check(_CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        entries = read(request, source.settings)
        return [Ignored("honeypot") if entries.trapped else _message(entries, request, source.default_region)]

    def respond(self, request: WebhookRequest, source: SourceConfig) -> Answer:
        redirect_url = source.settings.get("redirect_url")
        if redirect_url and "text/html" in request.headers.get("accept", ""):
            return Answer(303, headers={"Location": str(redirect_url)})
        return cross_origin.allow(self.answer, request, self._origins(source))

    def complain(self, request: WebhookRequest, source: SourceConfig, error: Exception) -> Answer:
        problem = {**_PROBLEM, "detail": str(error) if isinstance(error, Unreadable) else "The form is malformed."}
        if isinstance(error, WrongForm):
            problem["errors"] = error.errors
        return cross_origin.allow(
            replace(self.unreadable, body=json.dumps(problem).encode()), request, self._origins(source)
        )

    def _origins(self, source: SourceConfig) -> Sequence[str]:
        default = "*" if self.scheme(source) == "none" else ()
        origins = source.settings.get("allowed_origins", default)
        return (origins,) if isinstance(origins, str) else tuple(origins)


def _message(entries: Entries, request: WebhookRequest, region: str | None) -> InboundMessage:
    addresses = [Address(kind, entries.roles[kind]) for kind in (IdentifierKind.email, IdentifierKind.phone)]
    identifiers = identify(addresses, region=region, confidence=Confidence.stated)
    name = entries.roles["name"] or None
    readable = [Party(identifier.kind, identifier.value, name) for identifier in identifiers]
    sender = next(iter(readable), None) or party(addresses[0], name=name) or party(addresses[1], name=name)
    kept = {identifier.raw for identifier in identifiers}
    unread = {address.kind.value: address.raw for address in addresses if address.raw and address.raw not in kept}
    return InboundMessage(
        channel=Channel.web_form,
        kind=InteractionKind.form,
        external_id=_external_id(entries, request),
        sender=sender,
        identifiers=identifiers,
        subject=entries.roles["subject"] or None,
        text=entries.roles["message"],
        attachments=entries.files,
        attributes={**entries.others, **unread, **({"name": name} if name and not sender else {})},
    )


def _external_id(entries: Entries, request: WebhookRequest) -> str:
    key = clean(request.headers.get("idempotency-key", "")).strip() or entries.nonce
    return bounded(key) if key else f"{entries.digest.hex()}:{int(request.received_at.timestamp()) // _WINDOW_S}"
