"""The header of a binary or long SMS (3GPP TS 23.040, "TP-User Data")."""

from app.messages import Attachment, Part

_EIGHT_BIT, _SIXTEEN_BIT = 0x00, 0x08


def part(header: bytes, thread: str) -> Part | None:
    """Which piece of a concatenated message this is; None for a whole one. `thread` names sender and recipient.

    After its own length, the header is a row of elements: what it is, how long it is, content.
    """
    position = 1
    while position + 2 <= len(header):
        element, length = header[position], header[position + 1]
        content = header[position + 2 : position + 2 + length]
        if (element, length, len(content)) in ((_EIGHT_BIT, 3, 3), (_SIXTEEN_BIT, 4, 4)):
            return piece(f"{thread}:{content[:-2].hex()}", content[-1], content[-2])
        position += 2 + length
    return None


def piece(reference: str, number: int, total: int) -> Part | None:
    """None where the counts say that there is one piece, or cannot be true."""
    return Part(reference, number, total) if 1 <= number <= total <= 255 and total > 1 else None


def data(content: bytes, message_id: str) -> Attachment:
    """What a binary SMS carries; its parts are told apart by their ids."""
    return Attachment(None, "application/octet-stream", len(content), content, provider_id=message_id)
