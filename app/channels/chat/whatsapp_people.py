"""Who wrote a WhatsApp message, and on what occasion."""

from collections.abc import Iterator
from typing import Any

from app.channels.documents import Document, section, sections, text
from app.channels.parties import Address, party
from app.messages import IdentifierKind


def contact_of(message: Document, value: Document) -> Document:
    """What WhatsApp tells of the sender, found by number or by user id."""
    number, user_id = text(message, "from"), text(message, "from_user_id")
    for contact in sections(value, "contacts"):
        if (number and contact.get("wa_id") == number) or (user_id and contact.get("user_id") == user_id):
            return contact
    return {}


def senders_of(message: Document, contact: Document) -> Iterator[Address]:
    """Users with a user name may write without a number; then the user id, which this business alone sees, is all."""
    if number := text(message, "from"):
        yield Address(IdentifierKind.whatsapp, number)
        yield Address(IdentifierKind.phone, f"+{number}")
    if user_id := text(message, "from_user_id") or text(contact, "user_id"):
        yield Address(IdentifierKind.whatsapp, user_id)


def circumstances(message: Document, contact: Document) -> Iterator[tuple[str, Any]]:
    """How the message came about, as attributes."""
    context, system = section(message, "context"), section(message, "system")
    if context.get("forwarded") is True or context.get("frequently_forwarded") is True:
        yield "forwarded", True
    if referral := section(message, "referral"):
        yield "referral", dict(referral)
    if username := text(section(contact, "profile"), "username"):
        yield "username", username
    if new := text(system, "wa_id") or text(system, "new_wa_id"):
        numbers = [party(Address(IdentifierKind.whatsapp, number)) for number in (text(message, "from"), new)]
        yield "number_changed", dict(zip(("old", "new"), (number and number.value for number in numbers), strict=True))
