"""How providers prove themselves: each function returns when the proof holds and raises `Refused` when it does not.

Secrets are compared in constant time.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from app.channels.base import Refused, SourceConfig, WebhookRequest
from app.channels.forms import pairs

Check = Callable[[WebhookRequest, SourceConfig], None]

_STANDARD_PORTS = {"https": ":443", "http": ":80"}


def credential(source: SourceConfig, name: str) -> str:
    """A credential the source must have: without its secret nothing can be proven."""
    secret = source.credentials.get(name)
    if not secret:
        raise Refused(f"the source has no {name}")
    return secret


def same(given: str, expected: str) -> bool:
    """Constant-time equality of any two texts, lone surrogates included."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass"))


def hmac_hex(secret: str, signed: bytes, given: str | None, algorithm: str = "sha256") -> None:
    expected = hmac.new(secret.encode(), signed, algorithm).hexdigest()
    if given is None or not same(given.lower(), expected):
        raise Refused("signature missing or wrong")


def hmac_base64(secret: str, signed: Iterable[bytes], given: str | None, algorithm: str = "sha256") -> None:
    """One of the `signed` texts must be what the provider signed."""
    expected = [base64.b64encode(hmac.digest(secret.encode(), text, algorithm)).decode() for text in signed]
    if given is None or not any(same(given, one) for one in expected):
        raise Refused("signature missing or wrong")


def basic(request: WebhookRequest, username: str, password: str) -> None:
    """HTTP basic authentication (RFC 7617)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or not same(given.strip(), login(username, password)):
        raise Refused("user name or password missing or wrong")


def login(username: str, password: str) -> str:
    """Both as they stand in a header (RFC 7617)."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def bearer_token(request: WebhookRequest) -> str:
    """What an Authorization header bears (RFC 6750); "" where there is none."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def check(checks: Mapping[str, Check], scheme: str, request: WebhookRequest, source: SourceConfig) -> None:
    """By the check that belongs to the scheme."""
    chosen = checks.get(scheme)
    if chosen is None:
        raise Refused("there is no such scheme")
    chosen(request, source)


def check_basic(request: WebhookRequest, source: SourceConfig) -> None:
    basic(request, credential(source, "username"), credential(source, "password"))


def check_path_secret(request: WebhookRequest, source: SourceConfig) -> None:
    """A secret among the path segments."""
    token = credential(source, "path_token")
    if not any(same(segment, token) for segment in request.segments):
        raise Refused("path secret missing or wrong")


def check_nothing(request: WebhookRequest, source: SourceConfig) -> None:
    """For the scheme `none`, which whoever connects the source must have asked for."""


def fresh(timestamp: str, request: WebhookRequest, source: SourceConfig, tolerance_s: int) -> None:
    """Unix seconds within the tolerance, both ways: clocks differ. `settings.tolerance_s` outranks the adapter's."""
    try:
        age = int(request.received_at.timestamp()) - int(timestamp)
    except ValueError as error:
        raise Refused("timestamp missing or wrong") from error
    if abs(age) > int(source.settings.get("tolerance_s", tolerance_s)):
        raise Refused("timestamp too old or too new")


def twilio(auth_token: str, request: WebhookRequest) -> None:
    """Twilio, "Validating Requests are coming from Twilio" (Security).

    The URL is signed with all form fields sorted behind it, or with the hash of any other body inside it.
    """
    if not request.url.encode().endswith(request.query):
        raise Refused("the query is not in the signed URL")
    body_hash = dict(pairs(request.query)).get(b"bodySHA256")
    if body_hash is not None and not hmac.compare_digest(body_hash, hashlib.sha256(request.body).hexdigest().encode()):
        raise Refused("body does not have the signed hash")
    form = [] if body_hash is not None or request.method == "GET" else pairs(request.body)
    fields = b"".join(name + value for name, value in sorted(set(form)))
    signed = [url.encode() + fields for url in _port_spellings(request.url)]
    hmac_base64(auth_token, signed, request.headers.get("x-twilio-signature"), "sha1")


def _port_spellings(url: str) -> set[str]:
    """Twilio signs the standard port of a URL or leaves it out."""
    parts = urlsplit(url)
    port = _STANDARD_PORTS.get(parts.scheme, "")
    start = f"{parts.scheme}://{parts.netloc}"
    if not url.startswith(start) or (parts.port and not start.endswith(port)):
        return {url}
    host, rest = start.removesuffix(port), url[len(start) :]
    return {host + rest, host + port + rest}
