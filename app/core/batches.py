"""Batches: many things told in one request, a JSON object a line (NDJSON), each taken or rejected for itself."""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from app.core.errors import AppError, BadRequest, PayloadTooLarge, field_errors

LINES = 10_000
"""So many a batch at the most."""

Result = dict[str, Any]
NumberedLine = tuple[int, bytes]
Read = TypeVar("Read")
Body = TypeVar("Body", bound=BaseModel)


class BatchLine(BaseModel):
    line: int = Field(description="Counted from 1.")
    status: Literal["created", "known", "rejected"]
    id: UUID | None = None
    customer_id: UUID | None = None
    code: str | None = None
    errors: list[dict[str, str]] | None = None


class BatchResult(BaseModel):
    created: int
    known: int = Field(description="Recorded before: same `source` and `external_id`.")
    rejected: int
    results: list[BatchLine]


def chunks_of(document: bytes, size: int) -> list[Sequence[NumberedLine]]:
    """Its lines by their number, blank ones left out; `PayloadTooLarge` if there are too many."""
    lines = [(number, line) for number, line in enumerate(document.split(b"\n"), start=1) if line.strip()]
    if len(lines) > LINES:
        raise PayloadTooLarge(f"A batch has at most {LINES} lines.", code="too_many_lines")
    return [lines[start : start + size] for start in range(0, len(lines), size)]


def read_lines(
    lines: Iterable[NumberedLine], read: Callable[[bytes], Read]
) -> tuple[dict[int, Read], dict[int, Result]]:
    """What was read, and what is wrong with the other lines, each by its number."""
    taken: dict[int, Read] = {}
    refused: dict[int, Result] = {}
    for number, line in lines:
        try:
            taken[number] = read(line)
        except ValidationError as error:
            refused[number] = rejected("validation_failed", field_errors(error.errors()))
        except AppError as error:
            refused[number] = rejected(error.code, error.errors)
    return taken, refused


def read_as(model: type[Body], line: bytes) -> Body:
    """Raises `ValidationError`, or `BadRequest` where the line is not JSON."""
    with suppress(ValidationError):
        return model.model_validate_json(line)
    # Not for sure wrong: pydantic's reader, twice as fast, refuses lone surrogates, which can be cleaned.
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The line is not valid JSON.", code="malformed_json") from error
    return model.model_validate(told)


def rejected(code: str, errors: Any) -> Result:
    return {"status": "rejected", "code": code, "errors": list(errors)}


def in_order(results: dict[int, Result]) -> list[Result]:
    return [{"line": number} | results[number] for number in sorted(results)]


def summed_up(results: Sequence[Result]) -> dict[str, Any]:
    """As `BatchResult`."""
    statuses = [result["status"] for result in results]
    return {status: statuses.count(status) for status in ("created", "known", "rejected")} | {"results": results}
