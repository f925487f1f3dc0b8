"""How Alembic reaches the database: through asyncpg, one migration at a time, whoever starts it."""

import asyncio
from typing import Any, Literal

import asyncpg
from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.sql.sqltypes import AutoString

from app.changes.models import TransactionId
from app.config import get_settings
from app.models import metadata

_MIGRATION_LOCK = 0x0F11E0

ischema_names.setdefault("xid8", TransactionId)  # a type SQLAlchemy does not know when it compares the schema


def _url() -> str:
    url = context.config.attributes.get("url")
    if url is None and (configured := get_settings().database_url) is not None:
        url = configured.get_secret_value()
    if url is None:
        raise SystemExit("Set ONEFILE_DATABASE_URL, or use `onefile migrate`, which finds the embedded server.")
    return str(url)


def _render(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """SQLModel's own string type is a plain string, and migrations should not import SQLModel."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


def _is_ours(_: Any, name: str | None, kind: str, *__: Any) -> bool:
    """The job queue's tables are its library's; a migration installs them, no model describes them."""
    return not (kind == "table" and name is not None and name.startswith("pgqueuer"))


def _migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_server_default=True,
        render_item=_render,
        include_object=_is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _online() -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(_url()), poolclass=NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


asyncio.run(_online())
