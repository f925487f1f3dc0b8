"""`onefile …`: serve, demo, migrate, keys, sources."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated
from uuid import UUID

import typer
import uvicorn
from cryptography.fernet import Fernet
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from app import auth
from app.auth import Scope
from app.config import Settings, get_settings
from app.core import logging, migrations
from app.core.db import Database
from app.core.embedded import EmbeddedError, EmbeddedPostgres
from app.core.errors import AppError
from app.core.secrets import SecretBox, SecretsUnavailable, secret_key
from app.demo import play
from app.ingest import sources
from app.ingest.schemas import SourceCreate

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Every message, one customer file.")
keys = typer.Typer(no_args_is_help=True, help="API keys, and the key that encrypts credentials.")
sources_cli = typer.Typer(no_args_is_help=True, help="Connected provider accounts.")
cli.add_typer(keys, name="keys")
cli.add_typer(sources_cli, name="sources")
screen = Console()

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")]


@contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    """The configured database, else the embedded one, migrated and running for as long as it is needed."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedPostgres(settings.data_directory / "pg") as server:
        migrations.upgrade(server.url)
        yield server.url


@contextmanager
def _environment(settings: Settings) -> Iterator[str]:
    """What the service's processes read their settings from, completed with what the embedded server brings."""
    embedded = settings.database_url is None
    with _database_url(settings) as url:
        os.environ["ONEFILE_DATABASE_URL"] = url
        os.environ["ONEFILE_SECRET_KEY"] = secret_key(settings, embedded=embedded)
        get_settings.cache_clear()
        yield url


@cli.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes; one serves most installations.")] = 1,
) -> None:
    """Serve the API; without ONEFILE_DATABASE_URL on an embedded PostgreSQL."""
    with _environment(get_settings()):
        uvicorn.run(
            "app.main:from_environment",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=20,
        )


@cli.command()
def demo(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    leave: Annotated[bool, typer.Option("--exit", help="Stop after printing the customer file.")] = False,
) -> None:
    """Start everything, send a dozen real requests, print the customer file they make, and go on serving."""
    with _environment(get_settings()):
        play(host, port, leave=leave)


@cli.command()
def migrate() -> None:
    """Bring the database to the newest migration."""
    with _database_url(get_settings()) as url:
        migrations.upgrade(url)
    screen.print("The database is at the newest migration.")


@keys.command("secret")
def keys_secret() -> None:
    """Make a value for ONEFILE_SECRET_KEY."""
    typer.echo(Fernet.generate_key().decode())


@keys.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    scope: Annotated[Scope, typer.Option(help="read, write (and read) or admin (everything).")] = Scope.write,
) -> None:
    """Make an API key and print it, this once."""

    async def create() -> str:
        async with _session() as session:
            _, text = await auth.create_key(session, name, [scope])
        return text

    typer.echo(asyncio.run(create()))


@keys.command("revoke")
def keys_revoke(key_id: UUID) -> None:
    """Revoke an API key; it stops within 5 seconds."""

    async def revoke() -> None:
        async with _session() as session:
            await auth.revoke_key(session, key_id)

    asyncio.run(revoke())


@sources_cli.command("create")
def sources_create(
    name: Annotated[str, typer.Argument(help="The source's place in its webhook URL.")],
    provider: Annotated[str, typer.Argument(help="One of GET /v1/providers.")],
    credential: Annotated[list[str], typer.Option(help="name=value; repeat it for each.")] = [],  # noqa: B006
    default_region: Annotated[str | None, typer.Option(help="Whose national numbers the provider writes.")] = None,
    settings: Annotated[str, typer.Option(help="JSON.")] = "{}",
) -> None:
    """Connect a provider account."""

    async def create() -> str:
        credentials = dict(pair.split("=", 1) for pair in credential)
        body = SourceCreate.model_validate(
            {
                "name": name,
                "provider": provider,
                "credentials": credentials,
                "default_region": default_region,
                "settings": json.loads(settings),
            }
        )
        box = _secrets()
        async with _session() as session:
            shown = sources.show(await sources.create(session, box, body), box, get_settings().public_url or "")
        return str(shown["webhook_url"])

    typer.echo(asyncio.run(create()))


@sources_cli.command("list")
def sources_list() -> None:
    """Show the connected provider accounts."""

    async def rows() -> list[tuple[str, str, str]]:
        async with _session() as session:
            return [(each.name, each.provider, each.default_region or "") for each in await sources.all_of(session)]

    table = Table("name", "provider", "region")
    for row in asyncio.run(rows()):
        table.add_row(*row)
    screen.print(table)


def _secrets() -> SecretBox:
    settings = get_settings()
    return SecretBox(secret_key(settings, embedded=settings.database_url is None))


@asynccontextmanager
async def _session() -> AsyncIterator[AsyncSession]:
    settings = get_settings()
    with _database_url(settings) as url:
        database = Database(url, settings)
        async with database.session() as session:
            yield session
        await database.close()


def main() -> None:
    """Errors that somebody at a terminal can mend are told in a sentence, without a traceback."""
    logging.configure("WARNING")
    try:
        cli()
    except (EmbeddedError, SecretsUnavailable, AppError, OSError) as error:
        screen.print(f"[red]{error}[/red]")
        raise SystemExit(1) from error
