"""Commands at a terminal, run as a person runs them, on a database of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.embedded import EmbeddedPostgres
from tests.conftest import SECRET


@pytest.fixture
def url(server: EmbeddedPostgres) -> Iterator[str]:
    yield server.create_database("commands", template="onefile")
    server.drop_database("commands")


def onefile(url: str, place: Path, *arguments: str) -> str:
    own = {"ONEFILE_DATABASE_URL": url, "ONEFILE_SECRET_KEY": SECRET, "ONEFILE_MEDIA_URL": str(place / "media")}
    command = [sys.executable, "-c", "from app.cli import main; main()", *arguments]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=120)  # noqa: S603  ours
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_file_is_imported_and_searched_for_duplicates(url: str, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("نام,نام خانوادگی,موبایل,تاریخ تولد\nمریم,گلستانی,09121234567,1984-03-21\n", encoding="utf-8")
    results = tmp_path / "results.csv"
    onefile(url, tmp_path, "import", str(people), "--region", "IR", "--results", str(results))
    assert "created" in results.read_text(encoding="utf-8-sig")
    onefile(url, tmp_path, "import", str(people), "--region", "IR", "--results", str(results))
    assert "unchanged" in results.read_text(encoding="utf-8-sig")
    assert "1 files" in onefile(url, tmp_path, "duplicates", "scan")
