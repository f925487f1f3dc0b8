"""Who wrote a WhatsApp message, and on what occasion."""

from collections.abc import Iterator
from typing import Any

from app.channels import times
from app.channels.documents import Document, section, sections, text
from app.channels.parties import Address, identify_one
from app.messages import IdentifierChange, IdentifierKind


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
    context = section(message, "context")
    if context.get("forwarded") is True or context.get("frequently_forwarded") is True:
        yield "forwarded", True
    if referral := section(message, "referral"):
        yield "referral", dict(referral)
    if username := text(section(contact, "profile"), "username"):
        yield "username", username


def number_change(message: Document) -> IdentifierChange | None:
    """A notice that whoever had a number is now to be found under another."""
    system = section(message, "system")
    new = identify_one(IdentifierKind.whatsapp, text(system, "wa_id") or text(system, "new_wa_id"))
    old = identify_one(IdentifierKind.whatsapp, text(message, "from"))
    if new is None or old is None:
        return None
    return IdentifierChange(
        external_id=text(message, "id"),
        old=old,
        new=new,
        occurred_at=times.unix(message.get("timestamp")),
        text=text(system, "body"),
    )
