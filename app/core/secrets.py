"""Encrypting what must be kept but not readably, credentials and answers that hold a secret; hashing what must only
be recognised."""

import hmac
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.config import Settings
from app.core.errors import Unavailable


class SecretsUnavailable(Unavailable):
    """No key, or a key that does not fit what was encrypted: an operator must mend it."""

    code = "secrets_unavailable"


class SecretBox:
    """Fernet (AES-128-CBC with HMAC-SHA256); the first key encrypts, every key decrypts, so keys can be rotated."""

    def __init__(self, keys: str) -> None:
        each = [key.strip() for key in keys.split(",") if key.strip()]
        self._hash_keys = [hmac.digest(key.encode(), b"addresses", "sha256") for key in each]
        try:
            self._fernet = MultiFernet([Fernet(key) for key in each])
        except ValueError as error:
            raise SecretsUnavailable(
                "ONEFILE_SECRET_KEY must hold Fernet keys: 32 bytes in URL-safe base64, comma separated. "
                "`onefile keys secret` makes one."
            ) from error

    def seal(self, secrets: Mapping[str, str]) -> bytes:
        return self.seal_bytes(json.dumps(dict(secrets)).encode())

    def seal_bytes(self, secret: bytes) -> bytes:
        return self._fernet.encrypt(secret)

    def digests(self, kind: str, value: str) -> Sequence[str]:
        """Keyed hashes of an address (HMAC-SHA256), one for each key: keep the first, recognise any.

        What was kept under a key is recognised no more when that key is dropped.
        """
        return [hmac.digest(key, f"{kind}:{value}".encode(), "sha256").hex() for key in self._hash_keys]

    def open(self, sealed: bytes) -> dict[str, str]:
        return dict(json.loads(self.open_bytes(sealed)))

    def open_bytes(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise SecretsUnavailable("ONEFILE_SECRET_KEY does not fit what was encrypted.") from error


def secret_key(settings: Settings, *, embedded: bool) -> str:
    """The configured key; beside an embedded database one made on the first start."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    if not embedded:
        raise SecretsUnavailable("Set ONEFILE_SECRET_KEY; `onefile keys secret` makes one.")
    return _kept_key(settings.data_directory / "secret.key")


def _kept_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Whoever finds the key finds all of it, and of two processes at once both find the same.
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(Fernet.generate_key().decode())
        with suppress(FileExistsError):
            path.hardlink_to(unfinished)
        unfinished.unlink()
    return path.read_text().strip()
