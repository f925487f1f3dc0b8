"""What every format becomes: one record a customer, in the shape of `POST /v1/customers`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.core.errors import Unprocessable


@dataclass(slots=True)
class Record:
    """What the file says of one customer."""

    line: int
    """Where it begins in the file, from 1; in a spreadsheet the row."""
    body: dict[str, Any] | None
    reasons: list[dict[str, str]] = field(default_factory=list)
    """What is wrong with it; without a body, why it cannot be read at all."""
    lenient: bool = True
    """Written by people: a field that does not fit is left out, and said, instead of refusing the whole."""


class Table(Protocol):
    """A file of rows and columns."""

    @property
    def columns(self) -> Sequence[str]: ...

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line number and cells, the header left out, empty rows too."""


def reason(code: str, message: str, field: str | None = None) -> dict[str, str]:
    return {"code": code, "message": message} | ({"field": field} if field else {})


def unreadable(detail: str) -> Unprocessable:
    return Unprocessable(detail, code="unreadable_file")
