"""A filled database: customers with Persian names, Iranian numbers and a year of touches on every channel."""

import asyncio
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import asyncpg

from app.core import migrations
from app.core.embedded import EmbeddedPostgres
from tests.benchmarks.rows import statements

_MIGRATIONS = Path(__file__).parents[2] / "migrations" / "versions"
_ROOMY = {"work_mem": "1GB", "maintenance_work_mem": "1GB", "max_parallel_maintenance_workers": "0"}


@dataclass(frozen=True, slots=True)
class Size:
    name: str
    customers: int
    interactions: int


SMALL = Size("small", 10_000, 100_000)
LARGE = Size("large", 1_000_000, 10_000_000)


@contextmanager
def filled(directory: Path, size: Size) -> Iterator[EmbeddedPostgres]:
    """The production server (fsync on) over a database of this size, filled first if it is new."""
    with EmbeddedPostgres(directory, durable=False) as server:
        migrations.upgrade(server.url)
        asyncio.run(_fill_once(server.url, size))
        os.sync()
    with EmbeddedPostgres(directory) as server:
        yield server


async def _fill_once(url: str, size: Size) -> None:
    schema = sha256(b"".join(path.read_bytes() for path in sorted(_MIGRATIONS.glob("*.py")))).hexdigest()
    wanted = json.dumps({"customers": size.customers, "interactions": size.interactions, "schema": schema})
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchval("SELECT obj_description('public'::regnamespace)")
        if found == wanted:
            return
        if await connection.fetchval("SELECT EXISTS (SELECT FROM customer)"):
            raise SystemExit("The data directory holds something else, or data of an older schema: remove it.")
        await _fill(connection, url, size)
        await connection.execute(f"COMMENT ON SCHEMA public IS '{wanted}'")
    finally:
        await connection.close()


async def _fill(connection: asyncpg.Connection, url: str, size: Size) -> None:
    """Without indexes and foreign keys, which are built afterwards: ten times as fast."""
    indexes = await connection.fetch(_INDEXES)
    references = await connection.fetch(_REFERENCES)
    await connection.execute(";".join(row["drop"] for row in (*references, *indexes)))
    sql = statements(size.customers, size.interactions, int(time.time() * 1000))
    await connection.execute("SET work_mem = '1GB'")
    await connection.execute(sql["functions"])
    for name in ("customer", "customer_identifier", "duplicate_suggestion", "interaction"):
        await connection.execute(f"BEGIN; TRUNCATE {name}; {sql[name]}; COMMIT")
    rest = [sql[name] for name in ("inbound_request", "conversation", "identity_journal")]
    await _side_by_side(url, [*rest, *(row["create"] for row in indexes)])
    await connection.execute(";".join(row["create"] for row in references))
    await connection.execute("DROP SCHEMA benchmark CASCADE")
    tables = await connection.fetch("SELECT relname FROM pg_stat_user_tables ORDER BY n_live_tup DESC")
    await _side_by_side(url, [f"VACUUM (ANALYZE) {row['relname']}" for row in tables])
    await connection.execute("CHECKPOINT")


async def _side_by_side(url: str, statements: Iterable[str]) -> None:
    """Two at a time."""
    waiting = iter(statements)

    async def work() -> None:
        connection = await asyncpg.connect(url, server_settings=_ROOMY)
        for statement in waiting:
            await connection.execute(statement)
        await connection.close()

    await asyncio.gather(work(), work())


_INDEXES = """
    SELECT 'DROP INDEX ' || indexrelid::regclass AS drop, pg_get_indexdef(indexrelid) AS create
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    ORDER BY relname = 'inbound_request', relname DESC  -- that table is filled last and cannot have them earlier"""
_REFERENCES = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
               AS create
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"""
