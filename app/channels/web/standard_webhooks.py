"""Standard Webhooks: signed events of any service that follows the specification, sent through Svix or not."""

from collections.abc import Sequence
from typing import ClassVar

from app.channels import documents, signatures, standard_webhooks, times
from app.channels.base import Adapter, Refused, SourceConfig, WebhookRequest
from app.channels.digests import digest
from app.channels.documents import Document, section, text
from app.channels.standard_webhooks import PUBLIC_KEY
from app.channels.web.payload import SHAPE, to_message
from app.messages import Channel, Ignored, Inbound
from app.text.cleaning import clean

_KEYS = {"standard_webhooks": "signing_secret", "standard_webhooks_v1a": "public_key"}


class StandardWebhooks(Adapter):
    """Standard Webhooks 1.0.0, "Payload structure" and "Signature scheme"; the same under Svix's header names."""

    provider = "standard_webhooks"
    title = "Standard Webhooks"
    channel = Channel.app
    schemes: ClassVar = {scheme: (name,) for scheme, name in _KEYS.items()}
    body_signed = True
    limits = (f"{SHAPE} It stands in data where the event has a type, else it is the whole body.",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        name = _KEYS.get(self.scheme(source))
        if name is None:
            raise Refused("there is no such scheme")
        key = signatures.credential(source, name)
        if name == "public_key":
            key = PUBLIC_KEY + key.removeprefix(PUBLIC_KEY)
        standard_webhooks.verify(request, source, key, prefix=_prefix(request))

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        event = documents.read(request.body)
        wrapped = isinstance(event.get("type"), str) and "data" in event
        payload: Document = section(event, "data") if wrapped else event
        if not payload:
            return [Ignored("an event without data")]
        # The id is the same for every attempt; the header's time is that of the attempt.
        return [
            to_message(
                payload,
                external_id=clean(request.headers[f"{_prefix(request)}-id"]) or digest([request.body]).hex(),
                region=source.default_region,
                occurred_at=times.iso_if_told(text(event, "timestamp")) if wrapped else None,
                attributes={"event": {"type": event["type"]}} if wrapped else {},
            )
        ]


def _prefix(request: WebhookRequest) -> str:
    return "svix" if "svix-id" in request.headers and "webhook-id" not in request.headers else "webhook"
