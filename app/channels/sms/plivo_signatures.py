"""How Plivo signs: V2 for messages, V3 for calls ("Signature Validation")."""

import base64
import hmac
from collections.abc import Iterable, Sequence

from app.channels import forms, signatures
from app.channels.base import Unreadable, WebhookRequest

NONCE_V2 = "x-plivo-signature-v2-nonce"
_NONCE_V3 = "x-plivo-signature-v3-nonce"
# The second of each signs with the main account's token what a subaccount's number received.
_HEADERS_V2 = ("x-plivo-signature-v2", "x-plivo-signature-ma-v2")
_HEADERS_V3 = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")


def signed_v2(request: WebhookRequest, secrets: Sequence[str]) -> bool:
    """Over the URL without its query, and a nonce."""
    nonce = request.headers.get(NONCE_V2, "")
    signed = f"{request.url.partition('?')[0]}{nonce}".encode(errors="surrogatepass")
    return bool(nonce) and _any_matches(request, _HEADERS_V2, signed, secrets)


def signed_v3(request: WebhookRequest, secrets: Sequence[str]) -> bool:
    """Over the URL, its sorted query, the sorted form and a nonce; a header may hold several signatures."""
    nonce = request.headers.get(_NONCE_V3, "")
    if not nonce or not request.url.encode().endswith(request.query):
        return False
    try:
        query = b"&".join(name + b"=" + value for name, value in sorted(forms.pairs(request.query)))
        form = [] if request.method == "GET" else sorted(forms.pairs(request.body))
    except Unreadable:
        return False
    fields = b"".join(name + value for name, value in form)
    signed = request.url.partition("?")[0].encode() + b"?" * bool(query or form) + query + b"." * bool(query and form)
    return _any_matches(request, _HEADERS_V3, signed + fields + b"." + nonce.encode(errors="surrogatepass"), secrets)


def _any_matches(request: WebhookRequest, headers: Iterable[str], signed: bytes, secrets: Sequence[str]) -> bool:
    given = [each.strip() for header in headers for each in request.headers.get(header, "").split(",")]
    expected = [base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode() for secret in secrets]
    return any(signatures.same(one, other) for one in given for other in expected)
