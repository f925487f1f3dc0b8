"""What the API takes and shows of imports."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Json

from app.core.pagination import PageQuery
from app.core.shapes import UtcTime
from app.imports.models import ImportFormat, ImportStatus, RowResult
from app.text.cleaning import clean_json
from app.text.fields import Region, ShortText

Mapping = Annotated[dict[str, str | None], BeforeValidator(clean_json)]


class ImportOptions(BaseModel):
    """How to read a file; beside the file in a form, or in the query."""

    model_config = ConfigDict(extra="forbid")

    format: ImportFormat | None = Field(default=None, description="Found out from the file unless told.")
    mapping: Json[Mapping] | None = Field(
        default=None,
        description="JSON: column → field (`GET /v1/imports/fields`), or null to leave it out. The rest is guessed.",
        examples=['{"Nickname": "display_name", "Balance": null}'],
    )
    dry_run: bool = Field(default=False, description="Say what would become of each row, and change nothing.")
    overwrite: bool = Field(default=False, description="Let the file's values replace those a customer has already.")
    region: Region | None = Field(default=None, description="Whose national numbers are meant; else the service's own.")
    source: str = Field(
        default="import",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="The system the file comes from: plain external ids become `source:id`.",
    )
    sheet: ShortText | None = Field(default=None, description="Of a workbook; else the first that holds anything.")


class ImportCounts(BaseModel):
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0


class ImportRead(BaseModel):
    id: UUID
    status: ImportStatus
    format: ImportFormat
    file_name: str | None
    dry_run: bool
    mapping: dict[str, str | None] = Field(description="Column → field; null is left out.")
    unmapped: list[str] = Field(description="Columns no rule knew: they became attributes of their own names.")
    rows: int
    done: int
    counts: ImportCounts
    options: dict[str, Any]
    failure: str | None
    created_at: UtcTime
    updated_at: UtcTime
    finished_at: UtcTime | None


class ImportQuery(PageQuery):
    status: ImportStatus | None = None


class ResultFormat(StrEnum):
    ndjson = "ndjson"
    csv = "csv"


class ResultQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: RowResult | None = Field(default=None, description="Only rows of this result.")
    format: ResultFormat | None = Field(default=None, description="Else as `Accept` asks; NDJSON unless it asks.")


class FieldRead(BaseModel):
    """A column may also be `attributes.anything`, `preferences.anything`, `phone:label` or `external:system`."""

    field: str
    headers: list[str] = Field(description="Known headers; case, accents, spaces and numbers behind them do not count.")


class FieldList(BaseModel):
    items: list[FieldRead]
