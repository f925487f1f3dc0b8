"""XLSX workbooks, as spreadsheets and other systems write them."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from app.core.errors import FieldError, Unprocessable
from app.imports.formats.base import unreadable
from app.imports.mapping import check_header, named

_LARGEST_UNPACKED = 2 << 30
_MOST_CELLS = 50_000_000
_BLOCK = 1 << 20
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Z]{0,3})([0-9]{1,7})["']""")


class Spreadsheet:
    """One sheet of a workbook; its first row that is not empty names the columns."""

    def __init__(self, content: bytes, sheet: str | None) -> None:
        _check(content)
        try:
            self._sheet = _sheet(CalamineWorkbook.from_filelike(io.BytesIO(content)), sheet)
            self._first = self._sheet.start[0] + 1 if self._sheet.start else 1
        except (CalamineError, OSError, ValueError) as error:
            raise unreadable("This is no XLSX workbook that can be read.") from error
        _, header = next(self._records(), (0, []))
        if not header:
            raise unreadable("The sheet is empty.")
        check_header(header)
        self.columns = named(header)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        records = self._records()
        next(records)
        return records

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        # Rows come from the first that holds anything.
        for line, row in enumerate(self._sheet.iter_rows(), start=self._first):
            cells = [_text(cell) for cell in row]
            if any(cells):
                yield line, cells


def _sheet(workbook: CalamineWorkbook, wanted: str | None) -> CalamineSheet:
    names = workbook.sheet_names
    if wanted is not None and wanted not in names:
        message = f"the workbook has {', '.join(names)}"
        raise Unprocessable(
            "The workbook has no such sheet.", code="unknown_sheet", errors=[FieldError(field="sheet", message=message)]
        )
    visible = [each.name for each in workbook.sheets_metadata if each.visible is SheetVisibleEnum.Visible]
    candidates = [wanted] if wanted is not None else visible or names
    sheets = (workbook.get_sheet_by_name(name) for name in candidates)
    filled = next((sheet for sheet in sheets if sheet.total_height), None)
    if filled is None:
        raise unreadable("The workbook is empty.")
    return filled


def _check(content: bytes) -> None:
    """Refuses what would fill the memory: an archive that unpacks to more than it should, and two cells at the far
    corners of a sheet, between which the reader keeps a place for every other."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > _LARGEST_UNPACKED:
                raise unreadable("The workbook is too large once unpacked.")
            for member in members:
                if "worksheets/" in member.filename.replace("\\", "/").lower():
                    _check_extent(archive, member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zipfile.zlib.error, OSError) as error:  # type: ignore[attr-defined]
        raise unreadable("This is no XLSX workbook that can be read.") from error


def _check_extent(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    rows = columns = 1
    rest, unpacked = b"", 0
    with archive.open(member) as sheet:
        while block := sheet.read(_BLOCK):
            unpacked += len(block)
            places = _PLACE.findall(rest + block)
            rows = max([rows, *(int(row) for _, row in places)])
            columns = max([columns, *(_column(letters) for letters in {letters for letters, _ in places})])
            if rows * columns > _MOST_CELLS or unpacked > _LARGEST_UNPACKED:
                raise unreadable("The sheet spans too many cells.")
            rest = block[-64:]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _text(cell: Any) -> str:
    """A cell as people would write it: numbers without the decimals that only the file has."""
    match cell:
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 1e18:
            return str(int(cell))
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
        case _:
            return str(cell).replace("\0", "").strip()
