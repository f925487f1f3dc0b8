"""CloudEvents over HTTP: what happened somewhere, told in one of three modes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from app.channels import signatures
from app.channels.base import Adapter, Answer, Refused, SourceConfig, Unreadable, WebhookRequest
from app.channels.forms import urlencoded, values
from app.channels.web.cloudevents_modes import Event, WrongFormat, read
from app.channels.web.payload import SHAPE, to_message
from app.messages import Channel, Confidence, Ignored, Inbound

# "HTTP 1.1 Web Hooks for Event Delivery", 4.1.1: a DNS name.
_ORIGIN = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_RATE = re.compile(r"[0-9]{1,9}|\*")


class CloudEvents(Adapter):
    """CloudEvents 1.0, "HTTP Protocol Binding", "JSON Event Format" and "HTTP 1.1 Web Hooks for Event Delivery"."""

    provider = "cloudevents"
    title = "CloudEvents"
    channel = Channel.app
    schemes: ClassVar = {"bearer": ("token",), "none": ()}
    limits = (
        f"The data is a JSON payload. {SHAPE}",
        "Data that is text is the message itself, any other data is its attachment.",
        "The only event format is JSON.",
    )
    answer = Answer(204)
    unreadable = Answer(400)

    def handshake(self, request: WebhookRequest, source: SourceConfig) -> Answer | None:
        """ "Abuse protection": `settings.allowed_origins` names who may deliver, everybody unless it is there."""
        if request.method != "OPTIONS":
            return None
        origin = request.headers.get("webhook-request-origin", "")
        allowed = source.settings.get("allowed_origins", "*")
        listed = {"*", origin}.intersection([allowed] if isinstance(allowed, str) else allowed)
        if not _ORIGIN.fullmatch(origin) or not listed:
            raise Refused("an origin that may not deliver")
        rate = request.headers.get("webhook-request-rate", "")
        headers = {"Allow": "POST", "WebHook-Allowed-Origin": origin}
        if _RATE.fullmatch(rate):
            headers["WebHook-Allowed-Rate"] = rate
        return Answer(headers=headers)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check(_CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        confidence = Confidence.stated if self.scheme(source) == "none" else Confidence.observed
        found = [_translate(event, source.default_region, confidence) for event in read(request)]
        return found or [Ignored("no event")]

    def complain(self, request: WebhookRequest, source: SourceConfig, error: Exception) -> Answer:
        message = str(error) if isinstance(error, Unreadable) else "The event is malformed."
        return Answer(415 if isinstance(error, WrongFormat) else 400, message.encode())


def _check_bearer(request: WebhookRequest, source: SourceConfig) -> None:
    """RFC 6750, in the header or in the query."""
    token = signatures.credential(source, "token")
    in_query = values(urlencoded(request.query)).get("access_token", "")
    if not any(signatures.same(given, token) for given in (signatures.bearer_token(request), in_query)):
        raise Refused("token missing or wrong")


_CHECKS: Mapping[str, signatures.Check] = {"bearer": _check_bearer, "none": signatures.check_nothing}


def _translate(event: Event, region: str | None, confidence: Confidence) -> Inbound:
    if not event.payload and event.attachment is None:
        return Ignored("an event without data")
    message = to_message(
        event.payload,
        external_id=event.event_id,
        region=region,
        occurred_at=event.occurred_at,
        confidence=confidence,
        attributes={"event": dict(event.context)},
    )
    return replace(message, attachments=(event.attachment,)) if event.attachment else message
