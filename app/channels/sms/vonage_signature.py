"""How Vonage signs the parameters of its SMS webhooks ("Signing Messages")."""

import hashlib
import hmac

from app.channels import parameters, signatures
from app.channels.base import Refused, SourceConfig, Unreadable, WebhookRequest

# Vonage tries for 24 hours, and its timestamp is the time when it *started* to push a message.
_TOLERANCE_S = 25 * 3_600
_HASHES = ("md5", "sha1", "sha256", "sha512")


def check(request: WebhookRequest, source: SourceConfig) -> None:
    secret = signatures.credential(source, "signature_secret")
    try:
        pairs = parameters.pairs(request)
    except Unreadable as error:
        raise Refused("the signed parameters cannot be read") from error
    signed = [(name, value) for name, value in sorted(pairs) if name != b"sig"]
    # Only values are escaped: with these letters in a name, two fields could be passed off as one.
    if any(b"&" in name or b"=" in name for name, _ in signed):
        raise Refused("a signed parameter has an impossible name")
    text = b"".join(b"&%s=%s" % (name, value.replace(b"&", b"_").replace(b"=", b"_")) for name, value in signed)
    given = dict(pairs).get(b"sig", b"").decode("latin-1").lower()
    if not signatures.same(given, _digest(str(source.settings.get("method") or "md5hash"), text, secret.encode())):
        raise Refused("signature missing or wrong")
    timestamp = dict(signed).get(b"timestamp", b"").decode("latin-1")
    signatures.fresh(timestamp, request, source, _TOLERANCE_S)


def _digest(method: str, text: bytes, secret: bytes) -> str:
    """By its name in the dashboard; without "hmac" it is the one of the SDKs."""
    algorithm = method.lower().removesuffix("hmac")
    if algorithm == "md5hash":
        return hashlib.md5(text + secret).hexdigest()  # noqa: S324 - the default of Vonage accounts
    if algorithm not in _HASHES:
        raise Refused("there is no such signature method")
    return hmac.new(secret, text, algorithm).hexdigest()
