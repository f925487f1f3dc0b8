"""`python -m tests.benchmarks [--large]`: exit status 1 when a target is missed or any answer was not a success."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import asyncpg
import typer
from cryptography.fernet import Fernet

from app.auth import Scope, create_key
from app.config import Settings
from app.core.db import Database
from app.core.secrets import SecretBox
from app.ingest import sources
from app.ingest.schemas import SourceCreate
from tests.benchmarks import agree, figures, measure, report, searches, servers, traffic
from tests.benchmarks.data import LARGE, SMALL, Size, filled
from tests.benchmarks.load import LoadFailed, Result
from tests.benchmarks.measure import Case, Comparison, Plan
from tests.benchmarks.servers import Server
from tests.benchmarks.traffic import SOURCE, TOKEN, Customers

_DRAWN = 10_000
"""Customers asked for, at either size: who writes or calls today, a small part of a large installation's."""
_WARM_UP_S = {SMALL.name: 2, LARGE.name: 10}
"""The large one has to read the files of those customers from disk once."""
_MOST_MESSAGES_A_SECOND = 8_000
_LINES = 10_000
_BATCHES = {"batch, 10 % strangers": 0.1, "batch, all known": 0.0}
_TIMES = 5
_CASES = ("file", "lookup", "ingest", "batch", "search", "feedback")


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that runs, and what clients need to know of it."""

    url: str
    key: str
    customers: Customers
    service: Server
    floor: Server
    postmaster: int


def main(
    large: Annotated[bool, typer.Option("--large", help="1 000 000 customers too, beside the 10 000.")] = False,
    seconds: Annotated[int, typer.Option(help="Length of a round.")] = 5,
    connections: Annotated[int, typer.Option(help="Clients at once.")] = 32,
    rounds: Annotated[int, typer.Option(help="Rounds of service and floor in turn.")] = 4,
    data: Annotated[Path | None, typer.Option(help="Keep the large database here for the next run.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(_CASES)}; repeat it for several.")] = None,
) -> None:
    """Measure the hot paths beside the floor."""
    chosen = only or list(_CASES)
    reached = []
    done: list[list[Comparison]] = []
    with TemporaryDirectory() as scratch:
        for size in (SMALL, LARGE) if large else (SMALL,):
            # The small one is always new: every run adds to it as much again as it had.
            place = data if data is not None and size is LARGE else Path(scratch)
            plan = Plan(connections, seconds, rounds, _WARM_UP_S[size.name])
            comparisons, batches, found, times = _measure(size, place / size.name, Path(scratch), plan, chosen)
            title = f"{size.customers:,} customers, {size.interactions:,} interactions, {connections} connections"
            reached.append(report.show(title, comparisons, batches, found, times))
            done.append(comparisons)
    if large:
        reached.append(report.show_growth(*done))
    raise SystemExit(0 if all(reached) else 1)


def _measure(
    size: Size, directory: Path, scratch: Path, plan: Plan, chosen: list[str]
) -> tuple[list[Comparison], dict[str, float], dict[str, Result], dict[str, float]]:
    secret_key = Fernet.generate_key().decode()
    with ExitStack() as running:
        url = running.enter_context(filled(directory, size)).url
        key, customers = asyncio.run(_furnish(url, secret_key))
        bench = Bench(
            url=url,
            key=key,
            customers=customers,
            service=running.enter_context(servers.service(url, secret_key, scratch)),
            floor=running.enter_context(servers.floor(url, scratch)),
            postmaster=int((directory / "data" / "postmaster.pid").read_text().split()[0]),
        )
        asyncio.run(_agree(bench))
        cases = [case for case in _cases(bench) if case.name in chosen]
        comparisons = []
        for case in cases:
            asyncio.run(_query(bench.url, "CHECKPOINT"))
            comparisons.append(measure.compare(case, bench.service, bench.floor, bench.postmaster, plan))
        batches = _batches(bench) if "batch" in chosen else {}
        found = searches.run(bench.service, bench.customers, bench.key, plan.seconds) if "search" in chosen else {}
        times = {}
        if "feedback" in chosen and size is SMALL:
            asyncio.run(figures.fill(bench.url))
            times = figures.run(bench.service, bench.key)
        return comparisons, batches, found, times


def _cases(bench: Bench) -> list[Case]:
    files = traffic.files(bench.customers, bench.key)
    lookups = traffic.lookups(bench.customers, bench.key)
    return [
        Case("file", lambda server, seconds: files),
        Case("lookup", lambda server, seconds: lookups),
        Case(
            "ingest",
            lambda server, seconds: traffic.messages(
                bench.customers, server.port, int(seconds * _MOST_MESSAGES_A_SECOND)
            ),
            once=True,
            recorded=lambda: asyncio.run(
                _query(bench.url, "SELECT count(*) FROM interaction WHERE source = $1", SOURCE)
            ),
        ),
    ]


def _batches(bench: Bench) -> dict[str, float]:
    """Rows a second, median; the floor, in turn with the service, knows all senders."""
    runs = [(name, bench.service, unknown) for name, unknown in _BATCHES.items()]
    runs.append((report.BATCH_FLOOR, bench.floor, 0.0))
    rates: dict[str, list[float]] = {name: [] for name, _, _ in runs}
    for _ in range(_TIMES):
        for name, server, unknown in runs:
            document = traffic.batch(bench.customers, _LINES, unknown=unknown)
            rates[name].append(measure.send_batch(server, bench.key, document, _LINES))
    return {name: median(found) for name, found in rates.items()}


async def _furnish(url: str, secret_key: str) -> tuple[str, Customers]:
    """An API key, a Twilio account, and customers to ask for."""
    database = Database(url, Settings(_env_file=None))
    async with database.session() as session:
        _, key = await create_key(session, "benchmark", [Scope.write])
        for old in await sources.all_of(session):  # its credentials are sealed with another run's key
            await session.delete(old)
        await session.flush()
        account = SourceCreate(name=SOURCE, provider="twilio_sms", credentials={"auth_token": TOKEN})
        await sources.create(session, SecretBox(secret_key), account)
    await database.close()
    connection = await asyncpg.connect(url)
    drawn = await connection.fetch(
        "SELECT customer_id, value FROM customer_identifier WHERE kind = 'phone' AND value LIKE '+98912%' "
        "ORDER BY random() LIMIT $1",
        _DRAWN,
    )
    await connection.close()
    return key, Customers([str(row["customer_id"]) for row in drawn], [row["value"] for row in drawn])


async def _agree(bench: Bench) -> None:
    for requests in (traffic.files(bench.customers, bench.key), traffic.lookups(bench.customers, bench.key)):
        agree.check_answers(bench.service, bench.floor, requests[0])
    somebody = Customers(bench.customers.ids[:1], bench.customers.phones[:1])
    pair = {server: traffic.messages(somebody, server.port, 1)[0] for server in (bench.service, bench.floor)}
    await agree.check_rows(bench.url, SOURCE, pair)


async def _query(url: str, statement: str, *arguments: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(statement, *arguments) or 0)
    finally:
        await connection.close()


if __name__ == "__main__":
    try:
        typer.run(main)
    except LoadFailed as error:
        report.console.print(f"[red]{error}[/red]")
        raise SystemExit(1) from error
