"""Twilio Programmable Messaging: SMS and MMS, received and sent."""

from collections.abc import Iterator

from app.channels.parties import Address, ends
from app.channels.twilio import Fields, TwilioMessages, answered, attachments, opt_out
from app.messages import Channel, IdentifierKind, InboundMessage


class TwilioSms(TwilioMessages):
    """Twilio, "Twilio's request to your incoming message Webhook URL" and "Outbound Message Status in Status
    Callbacks"."""

    provider = "twilio_sms"
    title = "Twilio SMS and MMS"
    channel = Channel.sms
    address_kind = IdentifierKind.phone

    def translate(self, sid: str, fields: Fields, region: str | None) -> InboundMessage:
        sender, recipient = (Address(IdentifierKind.phone, fields.get(end, "")) for end in ("From", "To"))
        return InboundMessage(
            channel=Channel.sms,
            external_id=sid,
            **ends([sender], [recipient], region=region),
            text=fields.get("Body", ""),
            references=answered(fields),
            opt_out=opt_out(fields),
            attachments=attachments(fields),
            attributes=dict(_attributes(fields)),
        )


def _attributes(fields: Fields) -> Iterator[tuple[str, str | int]]:
    if opt_out := fields.get("OptOutType"):
        yield "opt_out", opt_out
    if (segments := fields.get("NumSegments", "")).isdecimal():
        yield "segments", int(segments)
