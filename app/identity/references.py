"""Where a customer's id is kept: every foreign key to `customer`, read from the metadata, so that a table that comes
later cannot be forgotten when files are merged or parted.

What cannot move because the survivor has its like (a unique key would be broken) is taken out and remembered whole.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from app.customers.models import Customer

Keys = list[list[str]]
"""Primary keys of rows, without the customer's id if it is a part of them."""


@dataclass(frozen=True)
class Reference:
    """A column that holds a customer's id."""

    table: Table
    column: Column[Any]

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def keys(self) -> list[Column[Any]]:
        return [key for key in self.table.primary_key.columns if key is not self.column]

    def unique_sets(self) -> Iterator[tuple[list[str], str]]:
        """What may be there once for each customer: the other columns, and on which rows."""
        for constraint in self.table.constraints:
            if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
                yield from self._others(constraint.columns, "true")
        for index in self.table.indexes:
            if index.unique:
                yield from self._others(index.columns, _condition(index))

    def _others(self, columns: Any, condition: str) -> Iterator[tuple[list[str], str]]:
        if self.column in list(columns):
            yield [_quoted(each) for each in columns if each is not self.column], condition


def _condition(index: Index) -> str:
    where = index.dialect_options["postgresql"]["where"]
    return "true" if where is None else str(where)


def references(metadata: MetaData) -> list[Reference]:
    """In an order that is always the same."""
    customer = Customer.metadata.tables[Customer.__tablename__]
    return [
        Reference(table, column)
        for table in metadata.sorted_tables
        for column in table.columns
        if any(key.column is customer.c.id for key in column.foreign_keys)
    ]


async def move(session: AsyncSession, reference: Reference, old: UUID, new: UUID) -> Keys:
    """Give all rows to the new customer; the keys of those that moved."""
    keys = ", ".join(f"{_quoted(key)}::text" for key in reference.keys)
    statement = f"""
        UPDATE {_quoted(reference.table)} SET {_changes(reference)}
        WHERE {_quoted(reference.column)} = :old RETURNING ARRAY[{keys}]::text[]"""  # noqa: S608  names of our own
    return [row or [] for row in await session.scalars(text(statement), {"old": old, "new": new})]


async def move_back(session: AsyncSession, reference: Reference, keys: Keys, old: UUID, new: UUID) -> None:
    """Give these rows to the new customer, as far as the old one still has them."""
    matches = "".join(
        f" AND t.{_quoted(key)} = (k.row ->> {number})::{key.type.compile(dialect=postgresql.dialect())}"  # type: ignore[no-untyped-call]
        for number, key in enumerate(reference.keys)
    )
    statement = f"""
        UPDATE {_quoted(reference.table)} AS t SET {_changes(reference)}
        FROM jsonb_array_elements(CAST(:keys AS jsonb)) AS k(row)
        WHERE t.{_quoted(reference.column)} = :old{matches}"""  # noqa: S608  names of our own
    await session.execute(text(statement), {"keys": json.dumps(keys), "old": old, "new": new})


async def take_out(session: AsyncSession, reference: Reference, old: UUID, new: UUID) -> list[dict[str, Any]]:
    """Remove what the new customer has its like of; the rows as they were."""
    table, column = _quoted(reference.table), _quoted(reference.column)
    removed: list[dict[str, Any]] = []
    for others, condition in reference.unique_sets():
        one = ", ".join(others) or "1"
        statement = f"""
            DELETE FROM {table} AS gone
            WHERE {column} = :old AND {condition}
              AND ({one}) IN (SELECT {one} FROM {table} WHERE {column} = :new AND {condition})
            RETURNING to_jsonb(gone)::text"""  # noqa: S608  names of our own
        gone = await session.scalars(text(statement), {"old": old, "new": new})
        removed += [json.loads(row) for row in gone]
    return removed


async def put_back(session: AsyncSession, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows as they were; what has come into being in their place since, stays."""
    if not rows:
        return
    names = ", ".join(_quoted(each) for each in table.columns if each.computed is None and each.name in rows[0])
    statement = f"""
        INSERT INTO {_quoted(table)} ({names})
        SELECT {names} FROM jsonb_populate_recordset(NULL::{_quoted(table)}, CAST(:rows AS jsonb))
        ON CONFLICT DO NOTHING"""  # noqa: S608  names of our own
    await session.execute(text(statement), {"rows": json.dumps(rows)})


def _changes(reference: Reference) -> str:
    columns = reference.table.columns
    changes = [f"{_quoted(reference.column)} = :new"]
    if "updated_at" in columns:
        changes.append("updated_at = now()")
    if "version" in columns:
        changes.append("version = version + 1")
    return ", ".join(changes)


def _quoted(part: Table | Column[Any]) -> str:
    return f'"{part.name}"'
