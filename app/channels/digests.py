"""Fingerprints of content, and ids short enough for an index."""

import hashlib
from collections.abc import Iterable

_LONGEST = 250


def digest(parts: Iterable[bytes]) -> bytes:
    """SHA-256 of the parts; lengths are hashed too, so that no two lists of parts run together."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.digest()


def bounded(provider_id: str) -> str:
    """The id itself, or its hash where it is longer than any honest one: senders choose Message-IDs freely."""
    if len(provider_id) <= _LONGEST:
        return provider_id
    return hashlib.sha256(provider_id.encode()).hexdigest()
