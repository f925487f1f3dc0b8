"""An import at a terminal."""

import io

from fastapi import FastAPI
from rich.console import Console

from app.imports import terminal
from app.imports.schemas import ImportOptions
from app.imports.service import Upload


async def test_whatever_stands_in_a_header_is_shown_as_it_stands(app: FastAPI) -> None:
    printed = io.StringIO()
    upload = Upload(b"name,balance [/bold],[red] note\nA,1,x\n", "[list].csv", None)
    await terminal.import_file(app.state.desk, upload, ImportOptions(), Console(file=printed, width=120), None)
    assert "balance [/bold]" in printed.getvalue()
    assert "[red] note" in printed.getvalue()
    assert "1 created" in printed.getvalue()
