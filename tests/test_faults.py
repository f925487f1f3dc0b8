"""What breaks under load: nothing answered with success is lost, everything else is told to come back, and the service
recovers by itself."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from random import Random

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.embedded import EmbeddedPostgres
from app.main import create_app
from tests.conftest import ADMIN, AUTHORIZED, SECRET, make_settings, open_client
from tests.factories import make_customer, make_source, signed_sms

SMS = "http://onefile.test/v1/ingest/sms"
PHONE = "+989121234567"
PATIENCE_S = 0.5
random = Random(1)


class Service:
    """`onefile serve` with its embedded database, as a process of its own."""

    def __init__(self, directory: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.directory = directory

    @property
    def database(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.directory / "pg")

    def start(self) -> None:
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "ONEFILE_DATA_DIRECTORY": str(self.directory),
            "ONEFILE_ADMIN_KEY": ADMIN,
            "ONEFILE_LOG_LEVEL": "ERROR",
        }
        program = "from app.cli import main; main()"
        with (self.directory / "service.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", program, "serve", "--port", str(self.port)],
                cwd=self.directory,
                env=environment,
                stderr=log,
            )
        until = time.monotonic() + 30
        while not self._ready():
            assert self.process.poll() is None, (self.directory / "service.log").read_text()
            assert time.monotonic() < until, "the service does not start"
            time.sleep(0.05)

    def _ready(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready").is_success
        return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        self.process.terminate()
        self.process.wait()

    def kill_with_its_database(self) -> None:
        self.kill()
        os.kill(server_process(self.directory / "pg" / "data"), signal.SIGKILL)


def server_process(data_directory: Path) -> int:
    return int((data_directory / "postmaster.pid").read_text().partition("\n")[0])


@contextmanager
def hanging(processes: Sequence[int]) -> Iterator[None]:
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service"))
    service.start()
    source = {"name": "sms", "provider": "twilio_sms", "credentials": {"auth_token": "12345"}}
    httpx.post(f"{service.url}/v1/sources", json=source, headers=AUTHORIZED).raise_for_status()
    yield service
    service.terminate()
    with service.database:
        pass  # whoever leaves last stops the server, also one that a failed test left behind


class Load:
    """Eight providers that deliver one message after the other, and a system that makes customers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.messages: set[str] = set()
        self.customers: set[str] = set()
        self.refused: list[httpx.Response] = []
        self.disconnected = 0
        self._numbers = count(time.time_ns())
        self._stopped = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with (
            httpx.AsyncClient(base_url=self.url, headers=AUTHORIZED, timeout=20) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(8):
                tasks.create_task(self._deliver(client))
            tasks.create_task(self._make_customers(client))
            yield
            self._stopped = True

    async def more(self, messages: int = 60) -> None:
        """Wait until so many more messages are answered with success."""
        target = len(self.messages) + messages
        async with asyncio.timeout(25):
            while len(self.messages) < target:  # noqa: ASYNC110  a load has no events, only numbers
                await asyncio.sleep(0.01)

    async def _deliver(self, client: httpx.AsyncClient) -> None:
        url = f"{self.url}/v1/ingest/sms"
        while not self._stopped:
            message_id, sender = f"SM{next(self._numbers)}", f"+98912{random.randrange(100):07}"
            if await self._accepted(client.post(url, **signed_sms(sender, "hello", message_id, url=url))):
                self.messages.add(message_id)

    async def _make_customers(self, client: httpx.AsyncClient) -> None:
        while not self._stopped:
            headers = {"Idempotency-Key": f"customer {next(self._numbers)}"}
            if response := await self._accepted(client.post("/v1/customers", json={}, headers=headers)):
                self.customers.add(response.json()["id"])

    async def _accepted(self, request: Awaitable[httpx.Response]) -> httpx.Response | None:
        try:
            response = await request
        except httpx.TransportError:
            self.disconnected += 1
        else:
            if response.is_success:
                return response
            self.refused.append(response)
        await asyncio.sleep(0.02)
        return None


def assert_asks_to_come_back(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "unavailable"


async def assert_nothing_lost(load: Load, url: str) -> None:
    connection = await asyncpg.connect(url)
    recorded = await connection.fetch("SELECT external_id, customer_id, conversation_id FROM interaction")
    customers = await connection.fetch("SELECT id::text FROM customer")
    doubled = await connection.fetch(
        "SELECT value FROM customer_identifier WHERE released_at IS NULL GROUP BY value HAVING count(*) > 1"
    )
    await connection.close()
    assert load.messages <= {row["external_id"] for row in recorded}
    assert all(row["customer_id"] and row["conversation_id"] for row in recorded)
    assert load.customers <= {row["id"] for row in customers}
    assert not doubled


@pytest.mark.parametrize("immediate", [False, True], ids=["fast", "immediate"])
async def test_the_service_outlives_a_restart_of_its_database_under_load(service: Service, immediate: bool) -> None:
    load = Load(service.url)
    with service.database as database:
        async with load.running():
            await load.more()
            await asyncio.to_thread(database.restart, immediate=immediate)
            await load.more()
        assert load.refused
        for response in load.refused:
            assert_asks_to_come_back(response)
        assert load.customers
        assert load.disconnected == 0
        await assert_nothing_lost(load, database.url)


@pytest.mark.parametrize("end", [Service.terminate, Service.kill, Service.kill_with_its_database])
async def test_an_end_of_the_service_under_load_loses_nothing_it_has_answered(
    service: Service, end: Callable[[Service], None]
) -> None:
    load = Load(service.url)
    async with load.running():
        await load.more()
        await asyncio.to_thread(end, service)
        await asyncio.to_thread(service.start)
        await load.more()
    assert load.disconnected
    for response in load.refused:
        assert_asks_to_come_back(response)
    with service.database as database:
        await assert_nothing_lost(load, database.url)


@pytest.fixture
async def impatient(server: EmbeddedPostgres) -> AsyncIterator[FastAPI]:
    """The service with little patience for its database."""
    own = server.create_database("impatient", template="onefile")
    app = create_app(make_settings(database_timeout_s=PATIENCE_S), own, SECRET)
    async with app.router.lifespan_context(app):
        yield app
    server.drop_database("impatient")


@pytest.fixture
async def client(impatient: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(impatient) as client:
        await make_source(client, name="sms", credentials={"auth_token": "12345"}, public_url=SMS)
        yield client


@pytest.fixture
async def intruder(impatient: FastAPI) -> AsyncIterator[asyncpg.Connection]:
    """A connection of somebody else's to the service's database."""
    connection = await asyncpg.connect(impatient.state.database.url)
    yield connection
    await connection.close()


async def sms(client: httpx.AsyncClient, message_id: str, sender: str = PHONE) -> httpx.Response:
    return await client.post(SMS, **signed_sms(sender, "hello", message_id, url=SMS))


async def assert_serves(app: FastAPI, client: httpx.AsyncClient, intruder: asyncpg.Connection) -> None:
    """Every connection is back and clean: all can be had at once, and requests are answered."""
    others = "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    async with asyncio.timeout(2):
        while {row["state"] for row in await intruder.fetch(others)} - {"idle"}:  # noqa: ASYNC110  the server does not tell
            await asyncio.sleep(0.01)
    database, settings = app.state.database, app.state.settings
    async with AsyncExitStack() as taken:
        for _ in range(settings.hot_pool_size):
            connection = await taken.enter_async_context(database.hot())
            assert await connection.fetchval("SELECT count(*) FROM customer") is not None
        for _ in range(settings.pool_size):
            session = await taken.enter_async_context(database.session())
            assert await session.scalar(text("SELECT count(*) FROM customer")) is not None
    assert (await sms(client, "after", "+989351234500")).status_code == 200
    assert (await client.post("/v1/customers", json={})).status_code == 201
    assert (await client.get("/health/ready")).status_code == 200


async def test_requests_that_wait_for_a_locked_table_in_vain_are_told_to_come_back(
    impatient: FastAPI, client: httpx.AsyncClient, intruder: asyncpg.Connection
) -> None:
    """More requests than the pools have connections, of known and of new senders."""
    await make_customer(client, ("phone", PHONE))
    async with intruder.transaction():
        await intruder.execute("LOCK TABLE customer")
        senders = [PHONE, "+989351234567"] * 8
        requests = [sms(client, f"SM{number}", sender) for number, sender in enumerate(senders)]
        requests += [client.post("/v1/customers", json={}) for _ in range(8)]
        began = time.monotonic()
        answers = await asyncio.gather(*requests)
        assert time.monotonic() - began < 10 * PATIENCE_S
    for answer in answers:
        assert_asks_to_come_back(answer)
    await assert_serves(impatient, client, intruder)
    assert await intruder.fetchval("SELECT count(*) FROM interaction WHERE external_id LIKE 'SM%'") == 0


async def test_messages_of_a_customer_somebody_holds_do_not_stop_those_of_others(
    impatient: FastAPI, client: httpx.AsyncClient, intruder: asyncpg.Connection
) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    async with intruder.transaction():
        await intruder.execute("SELECT FROM customer WHERE id = $1 FOR UPDATE", customer["id"])
        requests = [sms(client, f"SM{number}") for number in range(3)]
        requests += [sms(client, f"SM-{number}", f"+98935123450{number}") for number in range(5)]
        answers = await asyncio.gather(*requests)
    for answer in answers[:3]:
        assert_asks_to_come_back(answer)
    assert {answer.status_code for answer in answers[3:]} == {200}
    await assert_serves(impatient, client, intruder)


async def test_requests_given_up_in_the_middle_leave_no_connection_behind(
    impatient: FastAPI, client: httpx.AsyncClient, intruder: asyncpg.Connection
) -> None:
    for attempt in range(15):
        requests = [
            asyncio.create_task(sms(client, f"SM{attempt}-{number % 7}", f"+989351{attempt:02}{number % 7:04}"))
            for number in range(12)
        ]
        requests += [asyncio.create_task(client.post("/v1/customers", json={})) for _ in range(6)]
        for request in random.sample(requests, len(requests)):
            await asyncio.sleep(random.random() * 0.002)
            request.cancel()
        for answer in await asyncio.gather(*requests, return_exceptions=True):
            assert isinstance(answer, asyncio.CancelledError) or (
                isinstance(answer, httpx.Response) and answer.status_code in (200, 201, 503)
            )
    await assert_serves(impatient, client, intruder)
    orphans = "SELECT FROM customer WHERE status = 'provisional' AND id NOT IN (SELECT customer_id FROM interaction)"
    assert await intruder.fetch(orphans) == []


async def test_a_database_that_hangs_is_reported_and_used_again_when_it_wakes(
    impatient: FastAPI, client: httpx.AsyncClient, intruder: asyncpg.Connection
) -> None:
    await asyncio.gather(*(sms(client, f"SM{number}") for number in range(10)))
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    processes = [row["pid"] for row in await intruder.fetch(query)]
    postmaster = server_process(Path(await intruder.fetchval("SHOW data_directory")))
    with hanging([*processes, postmaster]):
        began = time.monotonic()
        answers = await asyncio.gather(
            *(sms(client, f"SM-{number}") for number in range(10)),
            *(client.post("/v1/customers", json={}) for _ in range(10)),
            client.get("/health/ready"),
        )
        assert time.monotonic() - began < 20 * PATIENCE_S
        assert (await client.get("/health/live")).status_code == 200
    for answer in answers:
        assert_asks_to_come_back(answer)
    await asyncio.sleep(PATIENCE_S)
    await assert_serves(impatient, client, intruder)
