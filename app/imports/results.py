"""What became of each row, streamed page by page: a connection is held no longer than a page takes."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from app.core.db import Database
from app.customers.export import as_csv
from app.imports import queries
from app.imports.models import RowResult
from app.imports.schemas import ResultFormat

_PAGE = 1_000
_COLUMNS = ("line", "result", "customer_id", "undone", "reasons")


async def stream(
    database: Database, import_id: UUID, form: ResultFormat, result: RowResult | None
) -> AsyncIterator[str]:
    if form is ResultFormat.csv:
        yield as_csv([_COLUMNS])
    line = 0
    while True:
        async with database.bulk() as connection:
            rows = await connection.fetch(queries.RESULTS, import_id, line, result, _PAGE)
        if not rows:
            return
        line = rows[-1]["line"]
        shown = [_shown(row) for row in rows]
        yield as_csv(map(_cells, shown)) if form is ResultFormat.csv else _as_lines(shown)


def _shown(row: Any) -> dict[str, Any]:
    customer_id = str(row["customer_id"]) if row["customer_id"] else None
    return dict(row) | {"customer_id": customer_id, "reasons": json.loads(row["reasons"])}


def _as_lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _cells(row: dict[str, Any]) -> list[Any]:
    reasons = "; ".join(": ".join(filter(None, (each.get("field"), each["message"]))) for each in row["reasons"])
    return [row["line"], row["result"], row["customer_id"], row["undone"], reasons]
