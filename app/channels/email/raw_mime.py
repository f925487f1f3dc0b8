"""Whole mails, posted by a script behind a mail server's pipe or by a worker that takes mail."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from app.channels import signatures
from app.channels.base import Adapter, Answer, SourceConfig, Unreadable, WebhookRequest
from app.channels.digests import digest
from app.channels.email import mime
from app.channels.email.headers import Headers, first_address
from app.channels.email.mail import message_key, to_inbound
from app.channels.signatures import Check
from app.messages import Channel, Inbound
from app.text.cleaning import clean

_TOLERANCE_S = 300
_MEDIA_TYPES = ("", "message/rfc822", "message/global", "application/octet-stream")
# Whom a mail server delivered to, the surest first.
_RECIPIENT_HEADERS = ("x-original-to", "delivered-to", "envelope-to", "to", "cc")


class WrongMediaType(Unreadable):
    """Something else than a mail: the script posts it wrongly, and should hear so."""


class RawMime(Adapter):
    """RFC 5322; the request as Ruby on Rails, "Action Mailbox Basics", relays it (`message/rfc822`, basic
    authentication), or signed: `X-Ingest-Signature: v1=` and the hex HMAC-SHA256 of timestamp, dot and mail."""

    provider = "raw_mime"
    title = "Mail server or mail worker"
    channel = Channel.email
    schemes: ClassVar = {"basic": ("username", "password"), "own_hmac": ("key",)}
    delivers = ("messages", "receipts")
    limits = (
        "Whom the mail was for is read from X-Envelope-To; without it, from the mail's own headers.",
        "Receipts are the bounces (RFC 3464) and complaints (RFC 5965) that arrive as mail.",
    )
    answer = Answer(204)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check(_CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in _MEDIA_TYPES:
            raise WrongMediaType(f"a mail is message/rfc822, not {media_type}")
        if not request.body.strip():
            raise Unreadable("an empty mail")
        mail = mime.read(request.body)
        recipient = _recipient(request.headers, mail.headers)
        return to_inbound(
            mail,
            external_id=message_key(mail.headers.message_id or digest([request.body]).hex(), recipient),
            recipient=recipient,
            envelope_from=_envelope_from(request.headers),
        )

    def complain(self, request: WebhookRequest, source: SourceConfig, error: Exception) -> Answer:
        return Answer(415) if isinstance(error, WrongMediaType) else self.answer


def _check_hmac(request: WebhookRequest, source: SourceConfig) -> None:
    timestamp = request.headers.get("x-ingest-timestamp", "")
    signed = timestamp.encode(errors="surrogatepass") + b"." + request.body
    given = request.headers.get("x-ingest-signature", "").removeprefix("v1=")
    signatures.hmac_hex(signatures.credential(source, "key"), signed, given)
    signatures.fresh(timestamp, request, source, _TOLERANCE_S)


_CHECKS: Mapping[str, Check] = {"basic": signatures.check_basic, "own_hmac": _check_hmac}


def _recipient(envelope: Mapping[str, str], headers: Headers) -> str:
    return first_address(clean(envelope.get("x-envelope-to", "")), *(headers.raw(name) for name in _RECIPIENT_HEADERS))


def _envelope_from(envelope: Mapping[str, str]) -> str | None:
    """None where nobody says; empty for mail that must not be answered."""
    sender = envelope.get("x-envelope-from")
    return None if sender is None else clean(sender).strip(" <>")
