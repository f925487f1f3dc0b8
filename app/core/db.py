"""The database: what every table has, the engine for most routes, and the bare asyncpg pool for the hot ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import DateTime, Enum, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel

from app.config import Settings
from app.core.ids import uuid7

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

UPDATED_IN_PLACE = {"fillfactor": 85}
"""Storage of tables whose rows change with every message: room for the new version on the same page."""
FOUND_SOON = {"gin_pending_list_limit": 512}
"""Storage of search indexes: writers leave new words in a list, which every search reads; in kB, a short one."""


def now() -> datetime:
    return datetime.now(UTC)


def text_enum(values: type[StrEnum], *, check: str | None = None, **options: Any) -> Any:
    """A text column with a check: a native enum type cannot lose a value and locks the table to gain one.

    `check` names the check where one table has two columns of these values.
    """
    column = Enum(
        values,
        native_enum=False,
        length=20,
        create_constraint=True,
        name=check or values.__name__.lower(),
        values_callable=lambda kinds: [kind.value for kind in kinds],
    )
    return Field(sa_type=column, **options)


def time_field(**options: Any) -> Any:
    """A `timestamptz` column."""
    return Field(sa_type=DateTime(timezone=True), **options)


def json_field(empty: Callable[[], Any] = dict, **options: Any) -> Any:
    """A `jsonb` column that starts empty."""
    return Field(default_factory=empty, sa_type=JSONB, nullable=False, **options)


class Record(SQLModel):
    """What every table has; `id` tells the age of a row (UUIDv7)."""

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    created_at: datetime = time_field(default_factory=now)
    updated_at: datetime = time_field(default_factory=now, sa_column_kwargs={"onupdate": now})


class _HotConnection(asyncpg.Connection):  # type: ignore[misc]
    def get_reset_query(self) -> str:
        """Nothing: hot statements leave no session state behind, and a reset costs a round trip each time."""
        return ""


_ANY_SIZE = 0
"""asyncpg prepares a statement of more than 15 KiB anew each time it is sent, which is a round trip and 5 ms for the
plan; those that file messages are longer."""


class Database:
    """Connections to PostgreSQL. Opening it connects nothing: a service may start before its database."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self._timeout = settings.database_timeout_s
        self._hot_pool_size = settings.hot_pool_size
        self._hot: asyncpg.Pool | None = None
        self._turns = asyncio.Semaphore(settings.hot_pool_size)
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self.connect,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=self._timeout,
            pool_pre_ping=True,
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    async def open(self) -> None:
        self._hot = await asyncpg.create_pool(
            self.url,
            min_size=0,
            max_size=self._hot_pool_size,
            connection_class=_HotConnection,
            timeout=self._timeout,
            command_timeout=self._timeout,
            max_cacheable_statement_size=_ANY_SIZE,
            server_settings=self._server_settings()
            | {
                # A hot statement is planned once a connection. Its tables are read by index and its input is a
                # handful of rows, which the planner, blind to parameters, takes for a hundred.
                "plan_cache_mode": "force_generic_plan",
                "enable_seqscan": "off",
                "enable_hashjoin": "off",
                "enable_mergejoin": "off",
            },
        )

    async def close(self) -> None:
        if self._hot is not None:
            self._hot.terminate()
        await self.engine.dispose()

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """One transaction: committed at the end, rolled back by any exception."""
        return self._sessions.begin()

    @asynccontextmanager
    async def hot(self) -> AsyncIterator[asyncpg.Connection]:
        """A bare connection in autocommit; `locked` makes a transaction of it."""
        assert self._hot is not None, "the database is not open"
        # asyncpg's pool hands a connection to whoever asks first when one is free, so that under load some wait ten
        # times as long as others. Who has the turn finds a connection free: the pool itself never makes anybody wait.
        async with asyncio.timeout(self._timeout):
            await self._turns.acquire()
        try:
            async with self._hot.acquire() as connection:
                yield connection
        finally:
            self._turns.release()

    @asynccontextmanager
    async def bulk(self) -> AsyncIterator[asyncpg.Connection]:
        """A bare connection like `hot`, for hundreds of rows at once: it plans for what it is given."""
        async with self.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            yield raw.driver_connection

    async def connect(self) -> asyncpg.Connection:
        """A connection of the caller's own, outside the pools."""
        return await asyncpg.connect(
            self.url,
            timeout=self._timeout,
            command_timeout=self._timeout * 6,
            max_cacheable_statement_size=_ANY_SIZE,
            server_settings=self._server_settings(),
        )

    def _server_settings(self) -> dict[str, str]:
        return {
            "application_name": "onefile",
            "timezone": "UTC",
            "jit": "off",
            "lock_timeout": f"{int(self._timeout * 1000)}",
            "idle_in_transaction_session_timeout": "60000",
        }


_LOCK_SPACE = 0x0F11E
_LOCKS = 1024
"""So many advisory locks at the most, however many identifiers a batch names: the server's lock table is finite. Two
strangers who share one wait for each other for a moment, no more."""


def lock_key(*parts: str) -> int:
    return int.from_bytes(blake2b(":".join(parts).encode(), digest_size=4).digest()) % _LOCKS


@asynccontextmanager
async def locked(connection: asyncpg.Connection, keys: Iterable[int]) -> AsyncIterator[None]:
    """A transaction that holds these locks until its end; begun and locked in one round trip.

    Keys are taken in order, so two who want the same ones never wait for each other in a circle. Inside a
    transaction already, a savepoint takes the place of the transaction.
    """
    begin, commit, rollback = (
        ("SAVEPOINT locked", "RELEASE locked", "ROLLBACK TO locked")
        if connection.is_in_transaction()
        else ("BEGIN", "COMMIT", "ROLLBACK")
    )
    locks = "".join(f"; SELECT pg_advisory_xact_lock({_LOCK_SPACE}, {key})" for key in sorted(set(keys)))
    try:
        await connection.execute(begin + locks)
        yield
    except BaseException:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute(rollback)
        raise
    await connection.execute(commit)


async def lock(session: AsyncSession, keys: Iterable[int]) -> None:
    """The same locks for a session's transaction."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(:space, key) FROM unnest(cast(:keys AS int[])) AS key"),
        {"space": _LOCK_SPACE, "keys": sorted(set(keys))},
    )
