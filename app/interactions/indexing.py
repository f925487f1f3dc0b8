"""The words by which rows are found, added to those that were written before there was a search."""

from collections.abc import Callable

import asyncpg

from app.core.db import Database
from app.text.folding import name_key, text_key

_BATCH = 200
"""Rows to a transaction: locks are held, and others kept waiting, for some 10 ms."""

_CUSTOMERS = """
    SELECT id, ARRAY[display_name, given_name, family_name] AS texts FROM customer
    WHERE search_words IS NULL ORDER BY id LIMIT $1 FOR NO KEY UPDATE"""
_INTERACTIONS = """
    SELECT id, ARRAY[subject, text] AS texts FROM interaction
    WHERE search_words IS NULL ORDER BY id LIMIT $1 FOR NO KEY UPDATE"""
_WRITE = """
    UPDATE {} AS t SET search_words = new.words::tsvector
    FROM unnest($1::uuid[], $2::text[]) AS new(id, words) WHERE t.id = new.id"""


async def make_searchable(database: Database) -> None:
    """Go on until every row has its words; stopped at any point, it goes on there."""
    async with database.bulk() as connection:
        for table, rows, key in (("customer", _CUSTOMERS, name_key), ("interaction", _INTERACTIONS, text_key)):
            while await _next_batch(connection, rows, _WRITE.format(table), key):
                pass


async def _next_batch(connection: asyncpg.Connection, rows: str, write: str, key: Callable[..., str]) -> bool:
    async with connection.transaction():
        found = await connection.fetch(rows, _BATCH)
        words = [key(*row["texts"]) for row in found]
        await connection.execute(write, [row["id"] for row in found], words)
    return bool(found)
