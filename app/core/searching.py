"""Pages of what a search finds, newest first, with bounded work whether a word is in one row or in every second.

The newest rows are looked through first: a frequent word fills the page from them, and never is a million rows sorted.
Else the indexes say which rows there are. Where those are too many to sort, though too few among the newest, more rows
are looked through, up to a limit; a page that is not full by then ends early and its cursor leads on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, any_, literal, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from app.core.pagination import PageQuery, after_cursor, list_page


@dataclass(frozen=True, slots=True)
class Effort:
    """Rows: looked through at first, had from the indexes and sorted, looked through at last."""

    few: int = 250
    often: int = 4
    """So many found among those few: looking through more is sooner done than asking the indexes for all."""
    most: int = 5_000
    many: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for."""

    listed: SelectOfScalar[Any]
    """The list that is searched, with its other filters."""
    matches: ColumnElement[bool]
    """Whether a row of it is found. No index must serve this: it is asked of rows that are at hand."""
    scope: Any
    """The keys of all rows to look through, by one index in the order of the list."""
    found: Sequence[Select[Any]]
    """Ids by the indexes, each way a complete one; the first that is not too long is taken."""
    filtered: bool = False
    """Whether the list has filters beside the scope: then few are listed even of a frequent word."""


async def search_page(
    session: AsyncSession, search: Search, query: PageQuery, *keys: Any, effort: Effort = Effort()
) -> dict[str, Any]:
    """As `list_page`; the last of `keys` is the id."""
    looked_through = search.listed.where(search.matches)
    end = await _row(session, search, query, keys, effort.few)
    page = await list_page(session, looked_through, query, *keys, down_to=end)
    if end is None or len(page["items"]) == query.limit:
        return page
    frequent = len(page["items"]) >= effort.often or (
        (search.filtered or query.updated_since is not None)
        and await _is_frequent(session, search, query, keys, end, effort)
    )
    for way in () if frequent else search.found:
        ids: Sequence[UUID] = (await session.scalars(way.limit(effort.most + 1))).all()
        if len(ids) <= effort.most:
            known = literal(list(set(ids)), ARRAY(Uuid))
            return await list_page(session, looked_through.where(keys[-1] == any_(known)), query, *keys)
    end = await _row(session, search, query, keys, effort.many)
    return await list_page(session, looked_through, query, *keys, down_to=end)


async def _is_frequent(
    session: AsyncSession, search: Search, query: PageQuery, keys: Sequence[Any], end: tuple[Any, ...], effort: Effort
) -> bool:
    """Whether many of the rows just looked through are found, listed or not."""
    near = _ahead(search, query, keys).where(tuple_(*keys) >= end, search.matches)
    return len((await session.execute(near.limit(effort.often))).all()) == effort.often


async def _row(
    session: AsyncSession, search: Search, query: PageQuery, keys: Sequence[Any], number: int
) -> tuple[Any, ...] | None:
    """The keys of the row so far ahead; None: there are not so many."""
    ahead = _ahead(search, query, keys).order_by(*(key.desc() for key in keys))
    row = (await session.execute(ahead.offset(number - 1).limit(1))).first()
    return tuple(row) if row is not None else None


def _ahead(search: Search, query: PageQuery, keys: Sequence[Any]) -> Any:
    return after_cursor(search.scope, query, search.listed.column_descriptions[0]["name"], *keys)
