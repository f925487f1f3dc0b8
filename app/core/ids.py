"""UUIDv7 (RFC 9562, 5.7): ids that sort by the time they were made, so a primary key is also a keyset."""

import os
import random
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0
# A source of its own: programs that seed the shared one would get the same ids again.
_random = random.Random()  # noqa: S311  ids are no secrets
os.register_at_fork(after_in_child=_random.seed)


def uuid7() -> UUID:
    """A new id, larger than every one this process made before.

    74 bits behind the milliseconds: a 12 bit sub-millisecond fraction (RFC 9562, 6.2, method 3) and 62 random bits.
    """
    global _last
    stamp = time.time_ns() * 4096 // 1_000_000  # milliseconds, with 12 bits of fraction
    with _lock:
        stamp = _last = max(stamp, _last + 1)
    milliseconds, fraction = stamp >> 12, stamp & 0xFFF
    # `os.urandom` lets go of the interpreter lock: beside a busy thread each id would cost 40 µs.
    rest = _random.getrandbits(62)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | rest)
