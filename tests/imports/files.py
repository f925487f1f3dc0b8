"""Files of customers for tests."""

import io
import json
import zipfile
from typing import Any
from xml.sax.saxutils import escape

import httpx


async def send(client: httpx.AsyncClient, content: str | bytes, name: str = "list.csv", **options: Any) -> Any:
    """Import a file through a form; the answer."""
    data = {key: str(value).lower() if isinstance(value, bool) else value for key, value in options.items()}
    body = content.encode() if isinstance(content, str) else content
    response = await client.post("/v1/imports", files={"file": (name, body)}, data=data)
    assert response.status_code in (200, 202), response.text
    return response.json()


async def results(client: httpx.AsyncClient, answer: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    response = await client.get(f"/v1/imports/{answer['id']}/results", params=query)
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


async def find(client: httpx.AsyncClient, **identifier: str) -> Any:
    """The customer of an address, None if nobody has it."""
    response = await client.get("/v1/lookup", params=identifier)
    return response.json()["customer"] if response.status_code == 200 else None


async def count_customers(client: httpx.AsyncClient) -> int:
    return len((await client.get("/v1/customers/export")).text.splitlines())


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    """The least that is a workbook: numbers as numbers, everything else as text; style 1 is a date."""
    content = io.BytesIO()
    names = list(sheets)
    with zipfile.ZipFile(content, "w") as archive:
        kinds = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_MAIN}.worksheet+xml"/>'
            for n in range(1, len(names) + 1)
        )
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType="application/'
            f'vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
            f'ContentType="{_MAIN}.sheet.main+xml"/><Override PartName="/xl/styles.xml" '
            f'ContentType="{_MAIN}.styles+xml"/>{kinds}</Types>',
        )
        archive.writestr("_rels/.rels", _relations([("rId1", "officeDocument", "xl/workbook.xml")]))
        listed = "".join(
            f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1)
        )
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{_SHEETS}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
        )
        parts = [(f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(names) + 1)]
        archive.writestr("xl/_rels/workbook.xml.rels", _relations([*parts, ("rId99", "styles", "styles.xml")]))
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{_SHEETS}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
            "</styleSheet>",
        )
        for n, rows in enumerate(sheets.values(), 1):
            archive.writestr(f"xl/worksheets/sheet{n}.xml", sheet(rows))
    return content.getvalue()


def sheet(rows: list[list[Any]]) -> str:
    written = "".join(
        f'<row r="{r}">{"".join(_cell(chr(64 + c) + str(r), value) for c, value in enumerate(row, 1))}</row>'
        for r, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{_SHEETS}"><sheetData>{written}</sheetData></worksheet>'


def _cell(place: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):  # a date as the number of its day
        return f'<c r="{place}" s="1"><v>{value[0]}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def _relations(parts: list[tuple[str, str, str]]) -> str:
    rows = "".join(f'<Relationship Id="{i}" Type="{_OFFICE}/{kind}" Target="{to}"/>' for i, kind, to in parts)
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml"
