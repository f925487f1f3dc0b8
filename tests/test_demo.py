"""The demo as a stranger runs it: as a program of its own, on an empty directory."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

NAME = "مریم رضایی"
SHORT_MESSAGE = "سلام، نشانی تحویل عوض شده است. در فرم سایت نوشتم."
STRANGERS_MAIL = "קיבלתי את המנורה"
CHANNELS = ("email", "fax", "sms", "visit", "voice", "web form", "whatsapp")


@contextmanager
def onefile_demo(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", "from app.cli import main; main()", "demo", *arguments]
    environment = os.environ | {"ONEFILE_DATA_DIRECTORY": str(directory), "COLUMNS": "80", "PYTHONUTF8": "1"}
    with subprocess.Popen(  # noqa: S603
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def words(printed: str) -> str:
    """Without line breaks and direction marks."""
    return " ".join(re.sub("[\u2067\u2069]", "", printed).split())


def test_every_channel_ends_up_in_one_file_and_a_second_run_adds_to_it(tmp_path: Path) -> None:
    with onefile_demo(tmp_path, "--exit", "--port", "0") as first:
        story, _, rest = first.communicate(timeout=60)[0].partition(NAME)
    file, _, others = rest.partition("Two others")

    assert first.returncode == 0, story + rest
    assert "\x1b" not in story + rest
    assert "401" in story
    assert NAME not in rest
    assert SHORT_MESSAGE in words(file)
    assert all(channel in file for channel in CHANNELS)
    assert "sms 2 in" in words(file)
    assert STRANGERS_MAIL in story
    assert STRANGERS_MAIL not in file
    assert "dana@example.org" in others

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with onefile_demo(tmp_path, "--port", str(port)) as second:
            printed = read_until(second, "The data stay in")
            assert f"Port {port} is taken" in printed
            assert "sms 4 in" in words(printed)
            address, key = found(r"(http://\S+)/docs", printed), found(r"Bearer (\S+)'", printed)
            assert httpx.get(f"{address}/docs", trust_env=False).status_code == 200
            headers = {"Authorization": f"Bearer {key}"}
            assert httpx.get(f"{address}/v1/customers", headers=headers, trust_env=False).status_code == 200
            second.terminate()
            assert second.wait(timeout=20) == 0


def read_until(process: subprocess.Popen[str], last: str) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if last in line:
            break
    return "".join(lines)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]
