"""An import at a terminal: a progress bar, then what became of the rows."""

from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.imports import results, service
from app.imports.models import CustomerImport, RowResult
from app.imports.schemas import ImportOptions, ResultFormat
from app.imports.service import Desk, Upload


async def import_file(
    desk: Desk, upload: Upload, options: ImportOptions, screen: Console, report: TextIO | None
) -> None:
    record, opened = await service.accept(desk, upload, options, actor=None, alone=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen) as bars:
        bar = bars.add_task(escape(upload.file_name or ""), total=record.row_count)
        record = await service.run(desk, record.id, opened, progress=lambda done: bars.update(bar, completed=done))
    _show(record, screen)
    if report is not None:
        async for part in results.stream(desk.database, record.id, ResultFormat.csv, None):
            report.write(part)


def _show(record: CustomerImport, screen: Console) -> None:
    columns = Table("column", "field")
    for column, field in record.mapping.items():
        columns.add_row(escape(column), escape(field or "left out"))
    if record.mapping:
        screen.print(columns)
    counts = ", ".join(f"{record.counts.get(result, 0)} {result}" for result in RowResult)
    dry = "dry run " if record.dry_run else ""
    screen.print(f"Import {record.id}: {dry}{record.status}, {record.done} of {record.row_count} rows: {counts}.")
