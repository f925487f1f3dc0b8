"""Commands at a terminal, run as a person runs them, on a database of their own."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.core.embedded import EmbeddedPostgres
from tests.conftest import SECRET


@pytest.fixture
def url(server: EmbeddedPostgres) -> Iterator[str]:
    yield server.create_database("commands", template="onefile")
    server.drop_database("commands")


def started(url: str, place: Path, *arguments: str) -> subprocess.Popen[str]:
    own = {"ONEFILE_DATABASE_URL": url, "ONEFILE_SECRET_KEY": SECRET, "ONEFILE_MEDIA_URL": str(place / "media")}
    command = [sys.executable, "-c", "from app.cli import main; main()", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=os.environ | own, stdout=pipe, stderr=pipe, text=True)  # noqa: S603  ours


def onefile(url: str, place: Path, *arguments: str, code: int = 0) -> str:
    with started(url, place, *arguments) as command:
        printed, complaints = command.communicate(timeout=120)
    assert command.returncode == code, complaints
    return printed + complaints


def ask(url: str, query: str) -> Any:
    async def answer() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(answer())


def test_a_file_is_imported_and_searched_for_duplicates(url: str, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("نام,نام خانوادگی,موبایل,تاریخ تولد\nمریم,گلستانی,09121234567,1984-03-21\n", encoding="utf-8")
    results = tmp_path / "results.csv"
    onefile(url, tmp_path, "import", str(people), "--region", "IR", "--results", str(results))
    assert "created" in results.read_text(encoding="utf-8-sig")
    onefile(url, tmp_path, "import", str(people), "--region", "IR", "--results", str(results))
    assert "unchanged" in results.read_text(encoding="utf-8-sig")
    assert "1 files" in onefile(url, tmp_path, "duplicates", "scan")


def test_a_worker_does_the_jobs_that_wait_and_lets_go_when_it_is_told_to(url: str, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("name,mobile\nMaryam,09121234567\n", encoding="utf-8")
    onefile(url, tmp_path, "import", str(people), "--region", "IR")
    waiting = "SELECT count(*) FROM pgqueuer WHERE entrypoint = 'find_duplicates'"
    assert ask(url, waiting) == 1
    with started(url, tmp_path, "worker") as worker:
        deadline = time.monotonic() + 30
        while ask(url, waiting) and time.monotonic() < deadline:
            time.sleep(0.1)
        worker.terminate()
        assert worker.wait(timeout=30) == 0
    assert ask(url, waiting) == 0


def test_a_credential_without_a_name_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    told = onefile(url, tmp_path, "sources", "create", "sms", "twilio_sms", "--credential", "hush", code=1)
    assert "name=value" in told
    assert "hush" not in told
