"""One embedded server a run. A test sees the migrated schema inside a transaction that is rolled back behind it; tests
of concurrency and of faults get a database of their own (`served`)."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from app.config import Settings
from app.core import migrations
from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.fetching import Fetcher
from app.core.secrets import SecretBox
from app.main import create_app, furnish

ADMIN = "test-admin-key"
SECRET = Fernet.generate_key().decode()
AUTHORIZED = {"Authorization": f"Bearer {ADMIN}"}

for _name in [name for name in os.environ if name.startswith("ONEFILE_")]:
    del os.environ[_name]  # a developer's own settings are none of the tests' business


_media = TemporaryDirectory(prefix="onefile-tests-media-", ignore_cleanup_errors=True)


def make_settings(**changes: object) -> Settings:
    own = {"admin_key": ADMIN, "log_level": "CRITICAL", "media_url": _media.name, "work_in_server": False}
    return Settings(_env_file=None, **own | changes)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """`onefile` is migrated and nobody connects to it: every other database is copied from it.

    Not in pytest's own directory: as root, each run closes that to the user the server runs as.
    """
    with (
        TemporaryDirectory(prefix="onefile-tests-", ignore_cleanup_errors=True) as directory,
        EmbeddedPostgres(Path(directory) / "pg", durable=False) as server,
    ):
        migrations.upgrade(server.url)
        yield server


@pytest.fixture(scope="session")
def url(server: EmbeddedPostgres) -> str:
    return server.create_database("savepoints", template="onefile")


class SavepointDatabase(Database):
    """Every transaction of the service becomes a savepoint on one connection."""

    def __init__(self, url: str, connection: AsyncConnection, driver: asyncpg.Connection) -> None:
        super().__init__(url, make_settings())
        self.connection = connection
        self.driver = driver

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        return _begin(AsyncSession(self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False))

    @asynccontextmanager
    async def hot(self) -> AsyncIterator[asyncpg.Connection]:
        yield self.driver

    @asynccontextmanager
    async def bulk(self) -> AsyncIterator[asyncpg.Connection]:
        yield self.driver


@asynccontextmanager
async def _begin(session: AsyncSession) -> AsyncIterator[AsyncSession]:
    async with session, session.begin():
        yield session


@pytest.fixture
async def database(url: str) -> AsyncIterator[SavepointDatabase]:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    async with engine.connect() as connection:
        transaction = await connection.begin()
        driver = (await connection.get_raw_connection()).driver_connection
        await connection.exec_driver_sql("SET LOCAL timezone = 'UTC'")
        yield SavepointDatabase(url, connection, driver)
        await transaction.rollback()
    await engine.dispose()


@pytest.fixture
async def session(database: SavepointDatabase) -> AsyncIterator[AsyncSession]:
    async with database.session() as session:
        yield session


@pytest.fixture(scope="session")
def built_app() -> FastAPI:
    return create_app(make_settings(), "postgresql://nowhere", SECRET)


@pytest.fixture
def app(built_app: FastAPI, database: SavepointDatabase) -> FastAPI:
    furnish(built_app, make_settings(), database, SecretBox(SECRET))
    return built_app


@pytest.fixture
def world(app: FastAPI) -> dict[str, bytes]:
    """What providers serve, by URL; everything else is 404."""
    served: dict[str, bytes] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        content = served.get(f"https://{request.headers['host']}{request.url.raw_path.decode()}")
        return httpx.Response(404) if content is None else httpx.Response(200, content=content)

    async def resolve(host: str) -> list[str]:
        return ["93.184.215.14"]

    fetcher = Fetcher(max_bytes=1_000_000, transport=httpx.MockTransport(answer), resolver=resolve)
    app.state.intake = replace(app.state.intake, fetcher=fetcher)
    return served


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator's client."""
    async with open_client(app) as client:
        yield client


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with open_client(app, headers={}) as client:
        yield client


def open_client(app: FastAPI, headers: dict[str, str] = AUTHORIZED) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://onefile.test", headers=headers)


@pytest.fixture
def round_trips(database: SavepointDatabase) -> Callable[[], AbstractAsyncContextManager[list[str]]]:
    """`async with round_trips() as statements:` every statement sent meanwhile, in order."""

    @asynccontextmanager
    async def counted() -> AsyncIterator[list[str]]:
        statements: list[str] = []
        with database.driver.query_logger(lambda record: statements.append(record.query)):
            yield statements
            await asyncio.sleep(0)  # asyncpg tells its loggers in the loop's next turn

    return counted


@pytest.fixture
async def served(server: EmbeddedPostgres, request: pytest.FixtureRequest) -> AsyncIterator[FastAPI]:
    """The service on real pools and a database of its own: what it commits is committed."""
    name = f"own_{abs(hash(request.node.nodeid))}"
    own = server.create_database(name, template="onefile")
    app = create_app(make_settings(), own, SECRET)
    async with app.router.lifespan_context(app):
        yield app
    server.drop_database(name)
