"""Service and floor on the same path, turn about in short rounds, so that the machine's drift meets both alike."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import httpx

from tests.benchmarks import load
from tests.benchmarks.load import LoadFailed, Result
from tests.benchmarks.servers import Server, processor_seconds
from tests.benchmarks.traffic import Request

ALONE_S = 2


@dataclass(frozen=True, slots=True)
class Plan:
    connections: int
    seconds: int
    rounds: int
    warm_up_s: int


@dataclass(frozen=True, slots=True)
class Case:
    """`prepare` makes requests that last so many seconds on this server; `once`: none may be sent twice."""

    name: str
    prepare: Callable[[Server, float], Sequence[Request]]
    once: bool = False
    recorded: Callable[[], int] | None = None
    """How many rows the case has written so far: every answered request must have written one."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One server on one path; medians over the rounds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    alone_p50_ms: float
    """With one connection: nobody waits."""
    server_us: float
    """Processor time of the server's process a request."""
    database_us: float


@dataclass(frozen=True, slots=True)
class Comparison:
    name: str
    service: Figures
    floor: Figures

    @property
    def ratio(self) -> float:
        return self.service.per_second / self.floor.per_second


@dataclass(frozen=True, slots=True)
class _Round:
    result: Result
    server_us: float
    database_us: float


def compare(case: Case, service: Server, floor: Server, postmaster: int, plan: Plan) -> Comparison:
    servers = (service, floor)
    for server in servers:
        _one(case, server, postmaster, plan.connections, plan.warm_up_s)
    rounds: dict[str, list[_Round]] = {server.name: [] for server in servers}
    for number in range(plan.rounds):
        for server in servers if number % 2 == 0 else reversed(servers):
            rounds[server.name].append(_one(case, server, postmaster, plan.connections, plan.seconds))
    alone = {server.name: _one(case, server, postmaster, 1, ALONE_S).result.p50_ms for server in servers}
    figures = {name: _figures(done, alone[name]) for name, done in rounds.items()}
    return Comparison(case.name, figures["service"], figures["floor"])


def _one(case: Case, server: Server, postmaster: int, connections: int, seconds: float) -> _Round:
    requests = case.prepare(server, seconds)
    rows = case.recorded() if case.recorded else 0
    before = _processor_times(server, postmaster)
    result = load.run(server.port, requests, connections=connections, seconds=seconds, once=case.once)
    after = _processor_times(server, postmaster)
    if case.recorded and not 0 <= case.recorded() - rows - result.requests <= connections:
        raise LoadFailed(f"{server.name}: {result.requests} messages answered, {case.recorded() - rows} recorded")
    spent = [(end - begin) / result.requests * 1e6 for begin, end in zip(before, after, strict=True)]
    return _Round(result, *spent)


def _processor_times(server: Server, postmaster: int) -> tuple[float, float]:
    return processor_seconds(server.process_id), processor_seconds(postmaster, with_children=True)


def _figures(rounds: Sequence[_Round], alone_p50_ms: float) -> Figures:
    return Figures(
        per_second=median(each.result.per_second for each in rounds),
        p50_ms=median(each.result.p50_ms for each in rounds),
        p99_ms=median(each.result.p99_ms for each in rounds),
        alone_p50_ms=alone_p50_ms,
        server_us=median(each.server_us for each in rounds),
        database_us=median(each.database_us for each in rounds),
    )


def send_batch(server: Server, key: str, document: bytes, lines: int) -> float:
    """Rows a second of one client's batch."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=120) as client:
        started = time.perf_counter()
        response = client.post("/v1/interactions/batch", content=document)
        seconds = time.perf_counter() - started
    if response.status_code != 200 or response.json()["created"] != lines:
        raise LoadFailed(f"batch: {response.status_code} {response.text[:500]}")
    return lines / seconds
