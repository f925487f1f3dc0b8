"""Which column is which field: by its header, by what stands in it, or as the caller says."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.core.errors import FieldError, Unprocessable
from app.customers.export import COLUMNS, TIMES
from app.imports.fields import PLAIN_NAME, by_header, is_field, key
from app.text.digits import ascii_digits, strip_marks
from app.text.identifiers import is_readable

_ENOUGH = 0.8
_SPACES = re.compile(r"[\W_]+")
_LOOKS_DIALLED = re.compile(r"\s*(?:\+|00|0(?=[1-9])|\(0)[0-9() .-]{8,20}\s*")


def guess(columns: Sequence[str], sample: Sequence[Sequence[str]], region: str | None) -> dict[str, str | None]:
    """A field for each column; what no rule knows becomes an attribute of its own name."""
    if tuple(columns) == COLUMNS:  # our own export: its times are for us to say
        return {column: None if column in TIMES else column for column in columns}
    known = {column: field for column in columns if (field := by_header(column))}
    for column in columns:
        if column not in known and key(column) in PLAIN_NAME:
            fields = known.values()
            known[column] = "given_name" if "family_name" in fields and "given_name" not in fields else "display_name"
    for place, column in enumerate(columns):
        if column not in known:
            values = [row[place] for row in sample if place < len(row) and row[place].strip()]
            known[column] = _by_values(values, region) or f"attributes.{attribute_name(column)}"
    return {**dict.fromkeys(columns), **known}


def unmapped(mapping: Mapping[str, str | None]) -> list[str]:
    """The columns that became attributes because no rule knew them."""
    return [column for column, field in mapping.items() if field == f"attributes.{attribute_name(column)}"]


def overridden(
    guessed: Mapping[str, str | None], wanted: Mapping[str, str | None], columns: Sequence[str]
) -> dict[str, str | None]:
    """`guessed` with what the caller says in its place; columns may be named in any writing."""
    by_key = {key(column): column for column in reversed(columns)} | {column: column for column in columns}
    errors = []
    result = dict(guessed)
    for name, field in wanted.items():
        column = by_key.get(name) or by_key.get(key(name))
        if column is None:
            errors.append(FieldError(field=f"mapping.{name}", message="the file has no such column"))
        elif field is not None and not is_field(field):
            errors.append(FieldError(field=f"mapping.{name}", message=f"there is no field {field}"))
        else:
            result[column] = field
    if errors:
        raise Unprocessable("The mapping does not fit.", code="bad_mapping", errors=errors)
    return result


def attribute_name(column: str) -> str:
    return _SPACES.sub("_", column.casefold()).strip("_")[:100] or "column"


def check_header(cells: Sequence[str]) -> None:
    """Refuses a first row that is data: it would name the columns after a customer."""
    filled = [cell for cell in cells if cell.strip()]
    if not filled:
        raise Unprocessable("The first row is empty: it must name the columns.", code="no_header")
    if any(is_address(cell) for cell in filled) or not any(any(map(str.isalpha, cell)) for cell in filled):
        raise Unprocessable("The first row holds data: it must name the columns.", code="no_header")


def named(cells: Iterable[str]) -> list[str]:
    """Each column by a name of its own, also where two headers are alike or one is missing."""
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = base = " ".join(strip_marks(cell).split()) or f"Column {number}"
        again = 1
        while name in names:
            again += 1
            name = f"{base} ({again})"
        names.append(name)
    return names


def is_address(text: str) -> bool:
    return is_readable("email", text) or (_looks_dialled(text) and len(_plain(text)) >= 9)


def _by_values(values: Sequence[str], region: str | None) -> str | None:
    tests: dict[str, Any] = {
        "email": lambda value: is_readable("email", value),
        "phone": lambda value: _looks_dialled(value) and is_readable("phone", value, region),
    }
    for kind, test in tests.items():
        if values and sum(map(test, values)) >= _ENOUGH * len(values):
            return kind
    return None


def _looks_dialled(text: str) -> bool:
    return _LOOKS_DIALLED.fullmatch(_plain(text)) is not None


def _plain(text: str) -> str:
    return strip_marks(ascii_digits(text))
