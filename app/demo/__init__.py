"""`onefile demo`: the whole service on this machine, fed by a dozen real requests, and the customer file they make.

Nothing stands in for anything: the requests go over HTTP on loopback, signed as the providers sign them. What lets
anybody in is made anew in each run, and the key dies with it.
"""

import errno
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread
from zoneinfo import ZoneInfo

import httpx
import uvicorn
from rich.console import Console

from app.config import get_settings
from app.demo import customer_file, screen, story
from app.demo.providers import Source, connect
from app.demo.story import ZONE, Scene

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  read, not bound


def play(host: str, port: int, key: str, *, leave: bool) -> None:
    """Tell the story to a service of its own; go on serving unless told to leave. Settings are in the environment,
    `key` is an administrator's."""
    os.environ.setdefault("ONEFILE_LOG_LEVEL", "ERROR")  # log lines would run through the story
    get_settings.cache_clear()
    _stop_politely()
    console = screen.open_console()
    screen.welcome(console)
    with _listening(host, port) as listener:
        address = _address(host, listener)
        if port not in (0, listener.getsockname()[1]):
            screen.remark(console, f"Port {port} is taken, so this is served on {listener.getsockname()[1]}.")
        with _serving(listener) as service, _client(address, key) as api:
            try:
                sources = connect(api, story.SOURCES)
                screen.sources(console, api.get("/v1/providers").json(), sources)
                as_told = _tell(console, api, sources)
            except httpx.HTTPError as error:
                raise SystemExit(f"The service did not answer as it should: {error}") from error
            if not leave:
                screen.next_steps(console, address, key, sources["demo-form"], _whereabouts())
                _wait(service)
                screen.farewell(console)
    if leave:
        screen.afterwards(console, _whereabouts())
    if not as_told:
        raise SystemExit("Something in the story did not go as it should: see the lines in red.")


def _tell(console: Console, api: httpx.Client, sources: dict[str, Source]) -> bool:
    """Send every request, then show what came of them; whether all was answered as it should be."""
    screen.heading(console, known=story.is_known(api))
    began = datetime.now(UTC)
    as_told = [_send(console, api, scene) for scene in story.messages(sources, began)]
    customer = story.her_file(api)["customer"]
    as_told += [_send(console, api, scene) for scene in story.office(customer["id"], began)]
    customer_file.show(console, story.her_file(api))
    strangers = story.strangers(api)
    screen.strangers(console, strangers)
    return all(as_told) and customer["id"] not in {stranger["id"] for stranger in strangers}


def _send(console: Console, api: httpx.Client, scene: Scene) -> bool:
    sent_at = datetime.now(ZoneInfo(ZONE))
    began = time.perf_counter()
    response = api.request(**scene.request)
    milliseconds = (time.perf_counter() - began) * 1000
    screen.line(console, scene, sent_at, response, milliseconds)
    return response.status_code == scene.expected


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket on the port, or on a free one where another program has it."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    try:
        listener = socket.create_server((address[0], port), family=family)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        listener = socket.create_server((address[0], 0), family=family)
    with listener:
        yield listener


def _address(host: str, listener: socket.socket) -> str:
    """Where this machine's own programs reach the service."""
    host = _EVERY_ADDRESS.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


@contextmanager
def _serving(listener: socket.socket) -> Iterator[Thread]:
    """The service in a thread, so that the story can be told beside it and Ctrl-C is ours."""
    config = uvicorn.Config(
        "app.main:from_environment",
        factory=True,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="service", daemon=True)
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(0.02)
        if not server.started:
            raise SystemExit("The service did not start; ONEFILE_LOG_LEVEL=INFO makes it say more.")
        yield thread
    finally:
        server.should_exit = True
        thread.join()


def _wait(service: Thread) -> None:
    """Until Ctrl-C, or until the service goes."""
    try:
        while service.is_alive():
            service.join(timeout=0.5)
    except KeyboardInterrupt:
        return


def _stop_politely() -> None:
    """What ends a process otherwise ends it as Ctrl-C does: the key is revoked, the database stopped."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _client(address: str, key: str) -> httpx.Client:
    # A proxy of this machine's environment has no business on loopback.
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False)


def _whereabouts() -> str:
    """Where the data lies, in words."""
    return f"{(get_settings().data_directory / 'pg').absolute()} (PostgreSQL, embedded)"
