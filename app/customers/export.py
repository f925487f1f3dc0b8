"""All customers as a stream: NDJSON that an import takes as it is, or CSV for spreadsheets.

In pages by id, each a statement of its own: memory stays the same however many there are, and a slow reader holds
neither a connection nor a snapshot. Each customer comes once and whole, as of the moment its page was read.
"""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Iterable
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.audit import Action, concerns
from app.core.db import Database
from app.core.shapes import Moment
from app.customers.models import CustomerKind, CustomerStatus
from app.customers.queries import EXPORT
from app.messages import IdentifierKind

_PAGE = 500
_FIRST = UUID(int=0)
_PLAIN = (
    *("id", "kind", "status", "display_name", "given_name", "family_name", "language", "time_zone"),
    "organization_id",
)
_OBJECTS = ("attributes", "preferences")
TIMES = ("first_contact_at", "last_contact_at", "created_at", "updated_at")
COLUMNS = (*_PLAIN, *IdentifierKind, "opted_out", *_OBJECTS, *TIMES)
_OPAQUE = {IdentifierKind.external, IdentifierKind.social, IdentifierKind.device}
"""Kinds whose values may hold any character but a line end."""
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"\+[0-9]+(?:; \+[0-9]+)*")


class ExportFormat(StrEnum):
    ndjson = "ndjson"
    csv = "csv"


class ExportQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: ExportFormat | None = Field(default=None, description="Else as `Accept` asks; NDJSON unless it asks.")
    status: CustomerStatus | None = None
    kind: CustomerKind | None = None
    updated_since: Moment | None = Field(default=None, description="Only what changed at or after this time.")


async def export(database: Database, query: ExportQuery, form: ExportFormat) -> AsyncIterator[str]:
    concerns(None, Action.export)
    if form is ExportFormat.csv:
        yield as_csv([COLUMNS])
    last = _FIRST
    while True:
        async with database.bulk() as connection:
            rows = await connection.fetch(EXPORT, last, _PAGE, query.status, query.kind, query.updated_since)
        if not rows:
            return
        last = rows[-1]["id"]
        documents = [row["document"] for row in rows]
        if form is ExportFormat.csv:
            yield as_csv(_cells(json.loads(document)) for document in documents)
        else:
            yield "".join(f"{document}\n" for document in documents)


def _cells(customer: dict[str, Any]) -> list[str]:
    shown = {name: str(customer[name] or "") for name in (*_PLAIN, *TIMES)}
    for kind in IdentifierKind:
        values = [each["value"] for each in customer["identifiers"] if each["kind"] == kind]
        shown[kind] = ("\n" if kind in _OPAQUE else "; ").join(values)
    refused = (each for each in customer["identifiers"] if each["opted_out_at"])
    shown["opted_out"] = "\n".join(f"{each['kind']}:{each['value']}" for each in refused)
    shown |= {name: json.dumps(customer[name], ensure_ascii=False) if customer[name] else "" for name in _OBJECTS}
    return [_harmless(shown[name]) for name in COLUMNS]


def _harmless(cell: str) -> str:
    """With an apostrophe before what a spreadsheet would run as a formula; telephone numbers stay as they are."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def as_csv(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
