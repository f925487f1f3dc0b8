"""How MessageBird and Bird sign ("Verifying Webhooks", "Verifying a webhook subscription")."""

import hashlib
from collections.abc import Mapping
from urllib.parse import urlencode

from app.channels import forms, signatures, tokens
from app.channels.base import Refused, SourceConfig, Unreadable, WebhookRequest

_LEEWAY_S = 1
# Bird is reported to try for about 24 hours with the first timestamp.
_BIRD_TOLERANCE_S = 25 * 3_600
_LEGACY_TOLERANCE_S = 300


def _token(request: WebhookRequest, source: SourceConfig) -> None:
    token = request.headers.get("messagebird-signature-jwt", "")
    claimed = tokens.claims(token, _key(source), "HS256", "HS384", "HS512")
    tokens.issued_by(claimed, "MessageBird")
    leeway_s = float(source.settings.get("tolerance_s", _LEEWAY_S))
    too_early = tokens.age_s(claimed, "nbf", request.received_at) < -leeway_s
    if too_early or tokens.age_s(claimed, "exp", request.received_at) >= leeway_s:
        raise Refused("the token holds for another time")
    tokens.cover(claimed, "url_hash", request.url.encode())
    if request.body:
        tokens.cover(claimed, "payload_hash", request.body)
    elif claimed.get("payload_hash"):
        raise Refused("the token has a body and the request has none")


def _bird(request: WebhookRequest, source: SourceConfig) -> None:
    _signature(request, _key(source), request.url.encode())
    _fresh(request, source, _BIRD_TOLERANCE_S)


def _legacy(request: WebhookRequest, source: SourceConfig) -> None:
    try:
        query = urlencode(sorted(dict(forms.pairs(request.query)).items()))
    except Unreadable as error:
        raise Refused("the signed query cannot be read") from error
    _signature(request, _key(source), query.encode())
    _fresh(request, source, _LEGACY_TOLERANCE_S)


def _signature(request: WebhookRequest, key: str, called: bytes) -> None:
    timestamp = request.headers.get("messagebird-request-timestamp", "").encode(errors="surrogatepass")
    signed = b"\n".join([timestamp, called, hashlib.sha256(request.body).digest()])
    signatures.hmac_base64(key, [signed], request.headers.get("messagebird-signature"))


def _key(source: SourceConfig) -> str:
    return signatures.credential(source, "signing_key")


def _fresh(request: WebhookRequest, source: SourceConfig, tolerance_s: int) -> None:
    timestamp = request.headers.get("messagebird-request-timestamp", "")
    signatures.fresh(timestamp, request, source, tolerance_s)


CHECKS: Mapping[str, signatures.Check] = {
    "messagebird_jwt": _token,
    "bird_hmac": _bird,
    "messagebird_legacy": _legacy,
}
