"""A row of cells as a record: what each cell says of the customer, by the field its column is mapped to."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.customers.models import CustomerKind
from app.imports.formats.base import Record, Table, reason
from app.imports.languages import language_code
from app.messages import IdentifierKind
from app.text.digits import ascii_digits, strip_marks
from app.text.identifiers import is_readable

_KINDS = {*IdentifierKind}
_DIALLED = {IdentifierKind.phone, IdentifierKind.fax, IdentifierKind.whatsapp}
_SEPARATORS = {
    **dict.fromkeys(_DIALLED, re.compile(r"[;,،؛|\n]|:::| / |/(?=\s*[+0۰٠])")),
    IdentifierKind.email: re.compile(r"[;,،؛|/\s]+|:::"),
    IdentifierKind.telegram: re.compile(r"[;,،؛|\s]+"),
}
_LINES = re.compile(r"\n")
_LISTED = re.compile(r"[;,،؛|\n]|:::")
_DECIMALS = re.compile(r"(\+?[0-9]+)\.0+")
_ORGANIZATION = {"organization", "organisation", "company", "شرکت", "سازمان", "حقوقی", "شركة", "مؤسسة", "חברה", "ארגון"}
_DANGEROUS = "=+-@\t\r"


def records(table: Table, mapping: Mapping[str, str | None], *, system: str, region: str | None) -> Iterator[Record]:
    """`system`: whose ids plain external ids are."""
    fields = [mapping[column] for column in table.columns]
    for line, cells in table.rows():
        if any(cell.strip() for cell in cells[len(fields) :]):
            yield Record(line, None, [reason("too_many_cells", "The row has more cells than the header.")])
            continue
        record = Record(line, {})
        for field, cell in zip(fields, cells, strict=False):
            if field is not None and (text := safe_read(cell)):
                _put(record, field, text, system, region)
        yield record


def safe_read(cell: str) -> str:
    """Trimmed, and without the apostrophe that keeps a spreadsheet from taking the cell for a formula."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] and text[1] in _DANGEROUS else text


def _put(record: Record, field: str, text: str, system: str, region: str | None) -> None:
    assert record.body is not None
    kind, _, label = field.partition(":")
    head, _, name = field.partition(".")
    if kind in _KINDS:
        _put_addresses(record.body, IdentifierKind(kind), label or None, text, system, region)
    elif name:
        value = _listed(text) if name == "tags" else text
        record.body.setdefault(head, {}).setdefault(name, value)
    elif field in ("attributes", "preferences"):
        _put_object(record, field, text)
    elif field == "id":
        _put_id(record.body, text, system, region)
    elif field == "opted_out":
        record.body["opted_out"] = _LINES.split(text)
    else:
        record.body.setdefault(field, _READ[field](text) if field in _READ else text)


def _put_object(record: Record, field: str, text: str) -> None:
    assert record.body is not None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        record.body[field] = value | record.body.get(field, {})
    else:
        record.reasons.append(reason("validation_failed", "This is no JSON object.", field))


def _put_id(body: dict[str, Any], text: str, system: str, region: str | None) -> None:
    """Ours, as the export writes it, or else an id in the system the file comes from."""
    try:
        body["id"] = str(UUID(text))
    except ValueError:
        _put_addresses(body, IdentifierKind.external, None, text, system, region)


def _put_addresses(
    body: dict[str, Any], kind: IdentifierKind, label: str | None, text: str, system: str, region: str | None
) -> None:
    addresses = body.setdefault("identifiers", [])
    for value in _addresses(kind, text, region):
        if kind is IdentifierKind.external:
            owner = label or system
            addresses.append({"kind": kind, "value": value if ":" in value and not label else f"{owner}:{value}"})
        else:
            addresses.append({"kind": kind, "value": value} | ({"label": label} if label else {}))


def _addresses(kind: IdentifierKind, text: str, region: str | None) -> Sequence[str]:
    """One cell may hold several; a dash says there is none."""
    if kind in _DIALLED:
        text = strip_marks(text).removeprefix("'")
        if whole := _DECIMALS.fullmatch(ascii_digits(text)):
            text = whole[1]
    separator = _SEPARATORS.get(kind, _LINES)
    if not separator.search(text) or (kind in _DIALLED and is_readable(kind, text, region)):
        parts = [text]
    else:
        parts = separator.split(text)
    return [part for part in map(str.strip, parts) if any(map(str.isalnum, part))]


def _listed(text: str) -> list[str]:
    return [part for part in map(str.strip, _LISTED.split(text)) if part]


def _kind(text: str) -> str:
    return CustomerKind.organization if text.casefold() in _ORGANIZATION else CustomerKind.person


_READ = {"kind": _kind, "language": language_code, "status": str.lower}
