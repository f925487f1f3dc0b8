"""Every list of the API: keyset pages, newest first, under an opaque cursor."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col
from sqlmodel.sql.expression import SelectOfScalar

from app.core.errors import BadRequest
from app.core.shapes import Moment, in_utc

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class PageQuery(BaseModel):
    """What every list understands; unknown parameters are refused, since a filter that is ignored shows too much."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before.")
    updated_since: Moment | None = Field(default=None, description="Only what changed at or after this time.")


def wanted(query: BaseModel, table: type[SQLModel], *names: str) -> list[ColumnElement[bool]]:
    """Conditions: the columns of these names are what the query says, where it says anything."""
    told = {name: getattr(query, name) for name in names}
    return [col(getattr(table, name)) == value for name, value in told.items() if value is not None]


async def list_page(
    session: AsyncSession,
    statement: SelectOfScalar[Any],
    query: PageQuery,
    *keys: Any,
    down_to: tuple[Any, ...] | None = None,
    of: UUID | None = None,
) -> dict[str, Any]:
    """One page of `statement`, ordered by `keys` descending: `(id,)` for UUIDv7 rows, or `(time, id)`.

    `down_to` is the last row this page may look at: one that is not full by then ends there, and the next goes on. `of`
    is whose list it is: cursors of the same rows in another list are refused.
    """
    name = statement.column_descriptions[0]["name"] + (f" of {of}" if of else "")
    if query.updated_since is not None:
        statement = statement.where(statement.column_descriptions[0]["entity"].updated_at >= query.updated_since)
    statement = after_cursor(statement, query, name, *keys)
    if down_to is not None:
        statement = statement.where(tuple_(*keys) >= down_to)
    statement = statement.order_by(*(key.desc() for key in keys)).limit(query.limit + 1)
    rows: Sequence[Any] = (await session.scalars(statement)).all()
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    end = tuple(getattr(rows[-1], key.key) for key in keys) if more else down_to
    return {"items": rows, "next_cursor": _encode(name, end) if end is not None else None}


def after_cursor(statement: Any, query: PageQuery, name: str, *keys: Any) -> Any:
    """The rows of a statement that are still to come."""
    return statement if query.cursor is None else statement.where(tuple_(*keys) < _decode(query.cursor, name, keys))


def _encode(name: str, values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, *map(str, values)]).encode()).decode().rstrip("=")


def _decode(cursor: str, name: str, keys: Sequence[Any]) -> tuple[Any, ...]:
    try:
        issuer, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if issuer != name or len(values) != len(keys):
            raise ValueError
        return tuple(_read(key.type.python_type, value) for key, value in zip(keys, values, strict=True))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadRequest("This cursor was not issued by this list.", code="bad_cursor") from error


def _read(kind: type, value: str) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return in_utc(moment)
    return UUID(value) if kind is UUID else kind(value)
