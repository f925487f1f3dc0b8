"""WhatsApp through Twilio: messages and what became of sent ones."""

from collections.abc import Iterator
from typing import Any

from app.channels.base import Unreadable
from app.channels.chat.content import Content, location
from app.channels.parties import Address, ends
from app.channels.twilio import Fields, TwilioMessages, answered, attachments, opt_out
from app.messages import Channel, IdentifierKind, InboundMessage

_SCHEME = "whatsapp:"
_PLACE = {"latitude": "Latitude", "longitude": "Longitude", "name": "Label", "address": "Address"}
_LINE = {"id": "ListId", "title": "ListTitle", "description": "ListDescription"}
_REFERRAL = "Referral"


class TwilioWhatsApp(TwilioMessages):
    """Twilio, "Twilio's request to your incoming message Webhook URL", "WhatsApp-specific parameters"."""

    provider = "twilio_whatsapp"
    title = "WhatsApp through Twilio"
    channel = Channel.whatsapp
    address_kind = IdentifierKind.whatsapp

    def translate(self, sid: str, fields: Fields, region: str | None) -> InboundMessage:
        raw, recipient = fields.get("From", ""), Address(IdentifierKind.whatsapp, fields.get("To", ""))
        senders = [Address(IdentifierKind.whatsapp, raw), Address(IdentifierKind.phone, raw.removeprefix(_SCHEME))]
        said = _content(fields)
        return InboundMessage(
            channel=Channel.whatsapp,
            external_id=sid,
            **ends(senders, [recipient], name=fields.get("ProfileName")),
            text=said.text,
            references=answered(fields),
            opt_out=opt_out(fields),
            attachments=attachments(fields),
            attributes={**said.attributes, **dict(_circumstances(fields))},
        )


def _content(fields: Fields) -> Content:
    """A place, a pressed button, a chosen line of a list, or plain text."""
    body = fields.get("Body", "")
    if fields.get("Latitude") and fields.get("Longitude"):
        told = {name: fields[field] for name, field in _PLACE.items() if fields.get(field)}
        place = location({**told, **{name: _degrees(told[name]) for name in ("latitude", "longitude")}})
        return Content(text="\n".join(filter(None, [place.text, body])), attributes=place.attributes)
    if "ButtonPayload" in fields:
        return Content(text=body or fields.get("ButtonText", ""), attributes={"payload": fields["ButtonPayload"]})
    if "ListId" in fields:
        line = {name: fields[field] for name, field in _LINE.items() if fields.get(field)}
        return Content(text=body or line.get("title", ""), attributes={"reply": line})
    return Content(text=body)


def _degrees(written: str) -> float:
    degrees = float(written)
    if not -180 <= degrees <= 180:
        raise Unreadable("a place that is not on the globe")
    return degrees


def _circumstances(fields: Fields) -> Iterator[tuple[str, Any]]:
    if "true" in (fields.get("Forwarded"), fields.get("FrequentlyForwarded")):
        yield "forwarded", True
    referral = {name.removeprefix(_REFERRAL): value for name, value in fields.items() if name.startswith(_REFERRAL)}
    if any(value for name, value in referral.items() if name != "NumMedia"):
        yield "referral", referral
