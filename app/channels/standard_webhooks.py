"""Standard Webhooks 1.0.0, which Svix and all who send through it speak too: how such a request proves itself."""

import base64
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.channels import signatures
from app.channels.base import Refused, SourceConfig, WebhookRequest

_TOLERANCE_S = 300
# While a secret is rotated there are two. A long list would only make us work.
_MOST_SIGNATURES = 16
_SECRET, PUBLIC_KEY = "whsec_", "whpk_"


def verify(request: WebhookRequest, source: SourceConfig, key: str, *, prefix: str = "webhook") -> None:
    """`key` is a secret (`whsec_…`; the mark may be missing) or a public key (`whpk_…`), `prefix` how the names of
    the three headers begin. Each attempt is signed anew, so the tolerance refuses no honest retry."""
    names = (f"{prefix}-{name}" for name in ("id", "timestamp", "signature"))
    message_id, timestamp, given = (request.headers.get(name, "") for name in names)
    if not message_id:
        raise Refused("message id missing")
    signatures.fresh(timestamp, request, source, _TOLERANCE_S)
    signed = f"{message_id}.{timestamp}.".encode(errors="surrogatepass") + request.body
    version, proves = ("v1a", _proves_ed25519) if key.startswith(PUBLIC_KEY) else ("v1", _proves_hmac)
    secret = _decoded(key.removeprefix(PUBLIC_KEY).removeprefix(_SECRET))
    if not secret:
        raise Refused("the key is not in base64")
    entries = (entry.partition(",") for entry in given.split(" ", _MOST_SIGNATURES)[:_MOST_SIGNATURES])
    if not any(proves(secret, signed, _decoded(encoded)) for name, _, encoded in entries if name == version):
        raise Refused("signature missing or wrong")


def _proves_hmac(secret: bytes, signed: bytes, given: bytes) -> bool:
    return hmac.compare_digest(given, hmac.digest(secret, signed, "sha256"))


def _proves_ed25519(public_key: bytes, signed: bytes, given: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(given, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(encoded: str) -> bytes:
    """Padded or not; empty where it is no base64."""
    try:
        return base64.b64decode(encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4), validate=True)
    except ValueError:
        return b""
