"""What Twilio's products share: one form of fields, one signature, one place where files are kept."""

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import ClassVar

from app.channels import media, signatures
from app.channels.base import Adapter, Answer, Fetching, SourceConfig, WebhookRequest
from app.channels.forms import urlencoded, values
from app.channels.parties import identify_one
from app.messages import (
    Attachment,
    DeliveryReceipt,
    IdentifierKind,
    Ignored,
    Inbound,
    InboundMessage,
    ReceiptEvent,
)

Fields = Mapping[str, str]

_EVENTS = {
    "sent": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "read": ReceiptEvent.read,
    "undelivered": ReceiptEvent.failed,
    "failed": ReceiptEvent.failed,
    "canceled": ReceiptEvent.failed,
}
_OPT_OUTS = {"STOP": True, "START": False}
_ON_THE_WAY = ("accepted", "scheduled", "queued", "sending", "partially_delivered")
_ACCOUNT = re.compile(r"/Accounts/(AC[0-9A-Za-z]{1,64})/")


class TwilioAdapter(Adapter):
    """Twilio, "Validating Requests are coming from Twilio"."""

    # A body that is no form is signed by its hash in the URL; which of the two it is shows in the request.
    schemes: ClassVar = {"twilio_hmac_sha1": ("auth_token",), "twilio_hmac_sha1_body": ("auth_token",)}
    body_signed = True
    # Twilio sends any other text to the customer as a reply, and reads it to a caller as an error.
    answer = Answer(content_type="text/xml", body=b"<Response/>")
    media_hosts = (".twilio.com", ".twiliocdn.com")

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.twilio(signatures.credential(source, "auth_token"), request)

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        """Accounts may ask for authentication, of which the URL holds the one half."""
        account = _ACCOUNT.search(attachment.url or "")
        token = signatures.credential(source, "auth_token")
        login = signatures.login(account[1], token) if account else None
        return (yield from media.fetch(attachment, media.authorization("Basic", login)))


class TwilioMessages(TwilioAdapter):
    """Messages received and sent, on any channel."""

    delivers = ("messages", "receipts")
    limits: ClassVar[tuple[str, ...]] = ("Twilio does not say when a message was sent; the time of receipt stands in.",)
    address_kind: ClassVar[IdentifierKind]

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        fields = fields_of(request)
        sid = fields.get("MessageSid") or fields.get("SmsSid")
        if not sid:
            return [Ignored("no message: another Twilio product")]
        status = fields.get("MessageStatus") or fields.get("SmsStatus", "")
        if status in _ON_THE_WAY:
            return [Ignored(f"status {status}")]
        if status in _EVENTS:
            return [self._receipt(sid, _EVENTS[status], fields)]
        return [self.translate(sid, fields, source.default_region)]

    @abstractmethod
    def translate(self, sid: str, fields: Fields, region: str | None) -> InboundMessage:
        """A message received."""

    def _receipt(self, sid: str, event: ReceiptEvent, fields: Fields) -> DeliveryReceipt:
        # RawDlrDoneDate is the carrier's clock in a zone nobody tells, so it is no time.
        return DeliveryReceipt(
            external_id=sid,
            event=event,
            recipient=identify_one(self.address_kind, fields.get("To", "")),
            error_code=fields.get("ErrorCode") or None,
        )


def fields_of(request: WebhookRequest) -> Fields:
    """The query or the form. Bodies that are signed by their hash (JSON) carry no messages."""
    if request.method == "GET":
        return values(urlencoded(request.query))
    return {} if b"bodySHA256=" in request.query else values(urlencoded(request.body))


def answered(fields: Fields) -> tuple[str, ...]:
    replied_to = fields.get("OriginalRepliedMessageSid")
    return (replied_to,) if replied_to else ()


def opt_out(fields: Fields) -> bool | None:
    """What Twilio made of a keyword, where it is told to look after them ("Advanced Opt-Out")."""
    return _OPT_OUTS.get(fields.get("OptOutType", ""))


def attachments(fields: Fields) -> tuple[Attachment, ...]:
    return tuple(_attachments(fields))


def _attachments(fields: Fields) -> Iterator[Attachment]:
    for index in count():
        url = fields.get(f"MediaUrl{index}")
        if not url:
            return
        content_type = fields.get(f"MediaContentType{index}") or "application/octet-stream"
        yield Attachment(name=None, content_type=content_type, url=url, provider_id=url.rpartition("/")[2])
