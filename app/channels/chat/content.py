"""What a messenger's message says, as a person would read it; the rest of it as attributes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.channels.documents import Document, text
from app.messages import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    answers: str | None = None
    """The message this one is about, where its type says so."""
    attributes: Mapping[str, Any] = field(default_factory=dict)


def location(place: Document) -> Content:
    """A place with `latitude` and `longitude`, perhaps with `name` and `address`."""
    named = ", ".join(filter(None, (text(place, "name"), text(place, "address"))))
    point = f"{place.get('latitude')}, {place.get('longitude')}"
    return Content(text=f"{named} ({point})" if named else point, attributes={"location": dict(place)})
