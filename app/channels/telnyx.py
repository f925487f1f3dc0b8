"""What all Telnyx products share: the signature and the envelope of their webhooks."""

import base64
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.channels import documents, signatures, times
from app.channels.base import Adapter, Refused, SourceConfig, WebhookRequest
from app.channels.documents import Document, section, text

_TOLERANCE_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    kind: str
    """`event_type`: message.received, call.hangup, fax.received…"""
    occurred_at: datetime | None
    payload: Document


class TelnyxAdapter(Adapter):
    """Telnyx, "Receiving webhooks": Ed25519 over the time, a bar and the raw body."""

    schemes: ClassVar = {"telnyx_ed25519": ("public_key",)}
    body_signed = True
    media_hosts: ClassVar[tuple[str, ...]] = (
        ".telnyx.com",
        ".telnyxstorage.com",
        "s3.amazonaws.com",
        ".s3.amazonaws.com",
    )

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        public_key = _public_key(signatures.credential(source, "public_key"))
        timestamp = request.headers.get("telnyx-timestamp", "")
        signatures.fresh(timestamp, request, source, _TOLERANCE_S)
        signed = timestamp.encode(errors="surrogatepass") + b"|" + request.body
        try:
            signature = base64.b64decode(request.headers.get("telnyx-signature-ed25519", ""), validate=True)
            public_key.verify(signature, signed)
        except (ValueError, InvalidSignature) as error:
            raise Refused("signature missing or wrong") from error


def read(request: WebhookRequest) -> Event:
    """What a verified request tells."""
    data = section(documents.read(request.body), "data")
    return Event(
        kind=text(data, "event_type"),
        occurred_at=times.iso_if_told(text(data, "occurred_at")),
        payload=section(data, "payload"),
    )


@lru_cache(maxsize=256)
def _public_key(encoded: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded, validate=True))
    except ValueError as error:
        raise Refused("the source's public_key is not the base64 of an Ed25519 key") from error
