"""`onefile …`: serve, demo, migrate, import, keys, sources."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer
import uvicorn
from cryptography.fernet import Fernet
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from app import auth, jobs
from app.auth import Scope
from app.channels.matrix import matrix
from app.config import Settings, get_settings
from app.core import logging, migrations
from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.embedded_machine import EmbeddedError
from app.core.errors import AppError
from app.core.jobs import work
from app.core.secrets import SecretBox, secret_key
from app.core.storage import Storage
from app.customers.addresses import IdentifierPolicy
from app.customers.policies import PolicyBook
from app.demo import play
from app.identity import duplicates
from app.identity.scanning import Scanned
from app.imports import terminal
from app.imports.schemas import ImportOptions
from app.imports.service import Desk, Upload
from app.ingest import sources
from app.ingest.schemas import SourceCreate
from app.ingest.service import Intake

Result = TypeVar("Result")

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Every message, one customer file.",
)
keys = typer.Typer(no_args_is_help=True, help="API keys, and the key that encrypts credentials.")
sources_cli = typer.Typer(no_args_is_help=True, help="Connected provider accounts.")
duplicates_cli = typer.Typer(no_args_is_help=True, help="Files that may be one person's.")
cli.add_typer(keys, name="keys")
cli.add_typer(sources_cli, name="sources")
cli.add_typer(duplicates_cli, name="duplicates")
screen = Console()

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]


@contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    """The configured database, else the embedded one, migrated and running for as long as it is needed."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedPostgres(settings.data_directory / "pg") as server:
        migrations.upgrade(server.url)
        yield server.url


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    database = Database(url, get_settings())
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _environment(settings: Settings) -> Iterator[str]:
    """What the service's processes read their settings from, completed with what the embedded server brings."""
    embedded = settings.database_url is None
    # uvicorn ends by sending itself the signal it was stopped with: as an exception, it lets the database stop, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _database_url(settings) as url:
        os.environ["ONEFILE_DATA_DIRECTORY"] = str(settings.data_directory)
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
    """Start everything, send a dozen real requests, print the customer file they make, and go on serving.

    Its people are invented: they live in an embedded database of their own, whatever is configured.
    """
    settings = get_settings()
    own = {"database_url": None, "secret_key": None, "data_directory": settings.data_directory / "demo"}
    with _environment(settings.model_copy(update=own)), _passing_key() as key:
        play(host, port, key, leave=leave)


@contextmanager
def _passing_key() -> Iterator[str]:
    """An administrator's API key that works as long as the demo."""
    key, text = _in_session(lambda session: auth.create_key(session, "onefile demo", [Scope.admin]))
    try:
        yield text
    finally:
        _in_session(lambda session: auth.revoke_key(session, key.id))


@cli.command()
def worker() -> None:
    """Do background jobs beside the server: fetch media, complete messages, confirm subscriptions."""
    with _environment(get_settings()) as url:
        asyncio.run(_work(url))


async def _work(url: str) -> None:
    settings = get_settings()
    async with _opened(url) as database:
        desk = _desk(settings, database)
        intake = Intake.prepare(settings, database, _secrets(settings), desk.policy.book)
        await work(database, jobs.handlers(intake, desk))


def _desk(settings: Settings, database: Database) -> Desk:
    book = PolicyBook(database, settings.blocked_identifiers)
    policy = IdentifierPolicy(settings.default_region, book, _secrets(settings).digests)
    return Desk(database, Storage(settings.media), policy)


def _secrets(settings: Settings) -> SecretBox:
    return SecretBox(secret_key(settings, embedded=settings.database_url is None))


@cli.command()
def providers() -> None:
    """Print which providers can be connected, as a Markdown table."""
    typer.echo(matrix())


@cli.command()
def migrate() -> None:
    """Bring the database to the newest migration."""
    with _database_url(get_settings()) as url:
        migrations.upgrade(url)
    screen.print("The database is at the newest migration.")


@cli.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX, vCard or NDJSON.")],
    dry_run: Annotated[bool, typer.Option(help="Say what would happen, change nothing.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Let the file's values replace those known.")] = False,
    mapping: Annotated[str | None, typer.Option(help="JSON: column → field, null leaves it out.")] = None,
    region: Annotated[str | None, typer.Option(help="Whose national phone numbers are meant, as IR.")] = None,
    source: Annotated[str, typer.Option(help="The system the file comes from, for external ids.")] = "import",
    sheet: Annotated[str | None, typer.Option(help="Of a workbook.")] = None,
    results: Annotated[Path | None, typer.Option(help="Write what became of each row there, as CSV.")] = None,
) -> None:
    """Import customers from a file; what becomes of each row can be undone (`POST /v1/imports/{id}/undo`)."""
    told = {"dry_run": dry_run, "overwrite": overwrite, "mapping": mapping, "region": region, "source": source}
    options = ImportOptions.model_validate(told | {"sheet": sheet})
    upload = Upload(file.read_bytes(), file.name, None)

    async def run(url: str) -> None:
        async with _opened(url) as database:
            await terminal.import_file(_desk(get_settings(), database), upload, options, screen, report)

    opened = results.open("w", encoding="utf-8-sig", newline="") if results else nullcontext()
    with opened as report, _database_url(get_settings()) as url:
        asyncio.run(run(url))


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
    _, text = _in_session(lambda session: auth.create_key(session, name, [scope]))
    typer.echo(text)


@keys.command("revoke")
def keys_revoke(key_id: UUID) -> None:
    """Revoke an API key; it stops within 5 seconds."""
    _in_session(lambda session: auth.revoke_key(session, key_id))


@sources_cli.command("create")
def sources_create(
    name: Annotated[str, typer.Argument(help="The source's place in its webhook URL.")],
    provider: Annotated[str, typer.Argument(help="One of GET /v1/providers.")],
    credential: Annotated[list[str], typer.Option(help="name=value; repeat it for each.")] = [],  # noqa: B006
    default_region: Annotated[str | None, typer.Option(help="Whose national numbers the provider writes.")] = None,
    settings: Annotated[str, typer.Option(help="JSON.")] = "{}",
) -> None:
    """Connect a provider account and print what to enter there."""
    if not all("=" in pair for pair in credential):
        raise ValueError("Write each credential as name=value.")
    body = SourceCreate(
        name=name,
        provider=provider,
        credentials=dict(pair.split("=", 1) for pair in credential),
        default_region=default_region,
        settings=json.loads(settings),
    )
    configured = get_settings()
    secrets = _secrets(configured)
    source = _in_session(lambda session: sources.create(session, secrets, body))
    typer.echo(sources.show(source, secrets, configured.public_url or "http://127.0.0.1:8000")["webhook_url"])


@sources_cli.command("list")
def sources_list() -> None:
    """Show the connected provider accounts."""
    table = Table("name", "provider", "region")
    for source in _in_session(sources.all_of):
        table.add_row(source.name, source.provider, source.default_region)
    screen.print(table)


@duplicates_cli.command("scan")
def duplicates_scan() -> None:
    """Compare all files with each other and suggest which are one person's."""
    with _database_url(get_settings()) as url:
        asyncio.run(_scan(url))


async def _scan(url: str) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen) as bar:
        task = bar.add_task("reading", total=1.0)

        def show(scanned: Scanned) -> None:
            told = f"{scanned.customers:,} files, {scanned.compared:,} pairs, {scanned.suggested:,} suggested"
            bar.update(task, completed=scanned.done, description=told)

        async with _opened(url) as database:
            if not await duplicates.run_to_the_end(database, show):
                raise ValueError("Another scan is running; GET /v1/duplicates/scan tells how far it is.")


def _in_session(action: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Run `action` in one transaction."""

    async def run(url: str) -> Result:
        async with _opened(url) as database, database.session() as session:
            return await action(session)

    with _database_url(get_settings()) as url:
        return asyncio.run(run(url))


def main() -> None:
    """Errors that somebody at a terminal can mend are told in a sentence, without a traceback."""
    logging.configure("WARNING")
    try:
        cli()
    except (EmbeddedError, AppError, ValueError, OSError) as error:
        typer.secho(str(error), fg="red", err=True)
        raise SystemExit(1) from error
