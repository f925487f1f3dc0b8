"""The table, and whether the targets are reached."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.benchmarks.figures import TARGETS_MS
from tests.benchmarks.load import Result
from tests.benchmarks.measure import Comparison, Figures

RATIOS = {"file": 0.6, "lookup": 0.5, "ingest": 0.5}
BATCH_ROWS = 10_000
BATCH_FLOOR = "batch, all known: floor"
P99_OF_FLOOR = 2.0
P99_OF_SMALL = 1.5
SEARCH_P99_MS = 50

console = Console(width=150)


def show(
    title: str,
    comparisons: Sequence[Comparison],
    batches: dict[str, float],
    searches: dict[str, Result],
    figures: dict[str, float],
) -> bool:
    """Whether every target is reached."""
    table = Table(
        "", "req/s", "p50 ms", "p99 ms", "1 conn. p50", "server µs", "PostgreSQL µs", "ratio", "p99 ratio", title=title
    )
    verdicts = []
    for each in comparisons:
        p99_ratio = each.service.p99_ms / each.floor.p99_ms
        verdicts += [each.ratio >= RATIOS[each.name], p99_ratio <= P99_OF_FLOOR]
        ratio = _verdict(f"{each.ratio:.2f} (>= {RATIOS[each.name]})", reached=verdicts[-2])
        p99 = _verdict(f"{p99_ratio:.2f} (<= {P99_OF_FLOOR})", reached=verdicts[-1])
        table.add_row(f"{each.name} service", *_cells(each.service), ratio, p99)
        table.add_row(f"{each.name} floor", *_cells(each.floor), end_section=True)
    for name, rows in batches.items():
        if name == BATCH_FLOOR:
            table.add_row(name, f"{rows:,.0f} rows/s")
            continue
        verdicts.append(rows >= BATCH_ROWS)
        table.add_row(name, _verdict(f"{rows:,.0f} rows/s (>= {BATCH_ROWS:,})", reached=verdicts[-1]))
    for name, result in searches.items():
        verdicts.append(result.p99_ms < SEARCH_P99_MS)
        p99 = _verdict(f"{result.p99_ms:.1f} (< {SEARCH_P99_MS})", reached=verdicts[-1])
        table.add_row(name, f"{result.per_second:,.0f}", f"{result.p50_ms:.2f}", p99)
    for name, milliseconds in figures.items():
        verdicts.append(milliseconds < TARGETS_MS[name])
        table.add_row(name, "", _verdict(f"{milliseconds:.0f} (< {TARGETS_MS[name]:,})", reached=verdicts[-1]))
    console.print(table)
    return all(verdicts)


def show_growth(small: Sequence[Comparison], large: Sequence[Comparison]) -> bool:
    """p99 of the service at the large size beside the small one's."""
    table = Table("", "p99 small", "p99 large", "ratio", "floor's ratio", title="What size costs")
    reached = True
    for one, other in zip(small, large, strict=True):
        ratio = other.service.p99_ms / one.service.p99_ms
        reached &= ratio <= P99_OF_SMALL
        verdict = _verdict(f"{ratio:.2f} (<= {P99_OF_SMALL})", reached=ratio <= P99_OF_SMALL)
        of_floor = f"{other.floor.p99_ms / one.floor.p99_ms:.2f}"
        table.add_row(one.name, f"{one.service.p99_ms:.1f}", f"{other.service.p99_ms:.1f}", verdict, of_floor)
    console.print(table)
    return reached


def _cells(figures: Figures) -> tuple[str, ...]:
    return (
        f"{figures.per_second:,.0f}",
        f"{figures.p50_ms:.2f}",
        f"{figures.p99_ms:.2f}",
        f"{figures.alone_p50_ms:.2f}",
        f"{figures.server_us:.0f}",
        f"{figures.database_us:.0f}",
    )


def _verdict(text: str, *, reached: bool) -> str:
    return f"[green]{text}[/green]" if reached else f"[red]{text} missed[/red]"
