"""The key made on the first start is the same for every process, whoever starts beside the first."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.config import Settings
from app.core.secrets import secret_key


def test_two_first_starts_at_once_find_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_directory=tmp_path / "var", secret_key=None)
    make, others = Fernet.generate_key, []

    def make_while_another_starts() -> bytes:
        monkeypatch.setattr(Fernet, "generate_key", make)
        others.append(secret_key(settings, embedded=True))
        return make()

    monkeypatch.setattr(Fernet, "generate_key", make_while_another_starts)
    assert [secret_key(settings, embedded=True)] == others


def test_the_key_is_for_its_owner_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path, secret_key=None)
    secret_key(settings, embedded=True)
    (file,) = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("secret.key", 0o600)
