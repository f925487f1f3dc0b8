"""Whoever is to be found behind a message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.db import lock_key
from app.customers.policies import Policies
from app.messages import Identifier

Digests = Callable[[str, str], Sequence[str]]
"""Of kind and value: the keyed hashes by which an address is recognised whose file is forgotten."""


@dataclass(frozen=True, slots=True)
class Sender:
    """At least one identifier, and what a new file would start with."""

    identifiers: Sequence[Identifier]
    name: str | None
    language: str | None
    at: datetime
    digests: Digests
    policies: Policies
    writes: bool = True
    """False: we wrote to them, which does not tell who reads it."""

    def is_stale(self, identifier: Identifier, last_seen_at: datetime) -> bool:
        """Whether the identifier was not seen for so long that whoever writes from it now is somebody else."""
        since = self.policies.valid_since(identifier.kind, self.at) if self.writes else None
        return since is not None and last_seen_at < since


def lock_keys(senders: Sequence[Sender]) -> set[int]:
    """The locks (`app.core.db.locked`) under which two first messages at once open one file."""
    return {lock_key(each.kind, each.value) for sender in senders for each in sender.identifiers}
