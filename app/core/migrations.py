"""The schema's migrations: bring a database to the newest, and tell whether it is there."""

from functools import cache
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

_ROOT = Path(__file__).resolve().parents[2]


def config(url: str) -> Config:
    """Alembic's configuration for the database at `url`."""
    alembic = Config(str(_ROOT / "alembic.ini"))
    alembic.set_main_option("script_location", str(_ROOT / "migrations"))
    alembic.attributes["url"] = url
    return alembic


def upgrade(url: str) -> None:
    """Apply what is missing. Two at once wait for each other (advisory lock in `migrations/env.py`)."""
    command.upgrade(config(url), "head")


@cache
def head() -> str:
    """The newest revision this code knows."""
    revision = ScriptDirectory.from_config(config("")).get_current_head()
    assert revision is not None, "there are migrations"
    return revision


async def current(connection: asyncpg.Connection) -> str | None:
    """The revision the database is at; None for an empty one."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision
