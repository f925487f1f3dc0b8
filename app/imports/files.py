"""A file of whatever format, opened: its columns, and its rows as people the customer file understands."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.core.errors import Unprocessable
from app.imports.cells import records
from app.imports.formats.base import Record, Table, unreadable
from app.imports.formats.cards import cards
from app.imports.formats.delimited import Delimited
from app.imports.formats.encodings import open_text
from app.imports.formats.lines import lines
from app.imports.formats.spreadsheet import Spreadsheet
from app.imports.mapping import guess, overridden
from app.imports.models import ImportFormat
from app.imports.schemas import ImportOptions

_SAMPLED_ROWS = 200

_BY_TYPE = {
    "text/csv": ImportFormat.csv,
    "application/csv": ImportFormat.csv,
    "text/tab-separated-values": ImportFormat.csv,
    "application/x-ndjson": ImportFormat.ndjson,
    "application/ndjson": ImportFormat.ndjson,
    "application/jsonl": ImportFormat.ndjson,
    "text/vcard": ImportFormat.vcard,
    "text/x-vcard": ImportFormat.vcard,
    "text/directory": ImportFormat.vcard,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ImportFormat.xlsx,
}
_BY_ENDING = {
    "csv": ImportFormat.csv,
    "tsv": ImportFormat.csv,
    "txt": ImportFormat.csv,
    "xlsx": ImportFormat.xlsx,
    "xlsm": ImportFormat.xlsx,
    "vcf": ImportFormat.vcard,
    "vcard": ImportFormat.vcard,
    "ndjson": ImportFormat.ndjson,
    "jsonl": ImportFormat.ndjson,
}


def format_of(content: bytes, *, file_name: str | None, content_type: str | None) -> ImportFormat:
    """What the bytes say, then the media type, then the file's name: browsers call any file what they like."""
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if content.startswith(b"PK\x03\x04"):
        return ImportFormat.xlsx
    if _starts_card(content):
        return ImportFormat.vcard
    if start.startswith(b"{"):
        return ImportFormat.ndjson
    media_type = (content_type or "").partition(";")[0].strip().lower()
    ending = (file_name or "").rpartition(".")[2].lower()
    return _BY_TYPE.get(media_type) or _BY_ENDING.get(ending) or ImportFormat.csv


def _starts_card(content: bytes) -> bool:
    return next(open_text(content[:512]), "").strip().upper() == "BEGIN:VCARD"


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file and how it is read."""

    content: bytes
    format: ImportFormat
    table: Table | None
    """None: cards and lines have no columns."""
    mapping: Mapping[str, str | None]
    system: str
    region: str | None

    def records(self) -> Iterator[Record]:
        if self.table is not None:
            return records(self.table, self.mapping, system=self.system, region=self.region)
        return cards(self.content, self.system) if self.format is ImportFormat.vcard else lines(self.content)

    def count(self) -> int:
        """Rows that hold anything; reads the whole file, and so finds what cannot be read."""
        rows = self.table.rows() if self.table is not None else self.records()
        return sum(1 for _ in rows)


def open_file(content: bytes, form: ImportFormat, options: ImportOptions, region: str | None) -> OpenFile:
    if not content:
        raise unreadable("The file is empty.")
    if options.sheet is not None and form is not ImportFormat.xlsx:
        raise Unprocessable("Only a workbook has sheets.", code="unknown_sheet")
    table: Table | None = None
    if form is ImportFormat.csv:
        table = Delimited(content)
    elif form is ImportFormat.xlsx:
        table = Spreadsheet(content, options.sheet)
    elif options.mapping:
        raise Unprocessable("This format has no columns to map.", code="bad_mapping")
    mapping: dict[str, str | None] = {}
    if table is not None:
        sample = [cells for _, cells in itertools.islice(table.rows(), _SAMPLED_ROWS)]
        mapping = overridden(guess(table.columns, sample, region), options.mapping or {}, table.columns)
    return OpenFile(content, form, table, mapping, options.source, region)
