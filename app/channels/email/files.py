"""Files of a mail that a provider took apart."""

from app.channels.email.parts import content_id, file_name
from app.messages import Attachment


def file(content: bytes, *, name: str, content_type: str, cid: str = "") -> Attachment:
    """What the sender wrote of it, made readable."""
    return Attachment(
        name=file_name(name),
        content_type=content_type.strip().lower() or "application/octet-stream",
        size=len(content),
        content=content,
        content_id=content_id(cid),
    )
