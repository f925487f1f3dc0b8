"""The two servers, each a process of its own, and what processor time they and PostgreSQL use."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_ROOT = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
_SERVICE = (sys.executable, "-c", "from app.cli import main; main()", "serve", "--port")
_FLOOR = (sys.executable, "-m", "tests.benchmarks.floor")


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    port: int
    process_id: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def service(url: str, secret_key: str, directory: Path) -> Iterator[Server]:
    """`onefile serve`; its log lines, one a request, go to a file."""
    port = _free_port()
    environment = {"ONEFILE_DATABASE_URL": url, "ONEFILE_SECRET_KEY": secret_key}
    with _running("service", (*_SERVICE, str(port)), port, environment, directory) as server:
        yield server


@contextmanager
def floor(url: str, directory: Path) -> Iterator[Server]:
    port = _free_port()
    with _running("floor", _FLOOR, port, {"FLOOR_DATABASE_URL": url, "FLOOR_PORT": str(port)}, directory) as server:
        yield server


@contextmanager
def _running(
    name: str, command: tuple[str, ...], port: int, environment: dict[str, str], directory: Path
) -> Iterator[Server]:
    # In a directory without an .env file: nobody's own settings are measured.
    paths = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT)}
    with (directory / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=directory, env=paths | environment, stdout=log, stderr=log)  # noqa: S603
    try:
        _wait_for(name, port, process, directory / f"{name}.log")
        yield Server(name, port, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(name: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
            return
        except httpx.TransportError:
            time.sleep(0.1)
        if process.poll() is not None:
            break
    raise SystemExit(f"The {name} does not start:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def processor_seconds(process_id: int, *, with_children: bool = False) -> float:
    """User and system time so far; of the children too, finished or not. Linux only, elsewhere always 0."""
    if not Path(f"/proc/{process_id}/stat").exists():
        return 0.0
    ticks = sum(_stat(process_id)[11 : 15 if with_children else 13])
    if with_children:
        running = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
        ticks += sum(sum(_stat(int(child))[11:13]) for child in running)
    return ticks / _TICKS


def _stat(process_id: int) -> list[int]:
    """From the parent's id on (proc(5), "/proc/pid/stat"); a process that has just gone has used nothing."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [0, *map(int, fields[1:])]
