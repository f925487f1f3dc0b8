"""Places in the feed, and the opaque text callers keep of one.

A place is the last change read, `(transaction, number)`, or the edge of what could be read, `(transaction, 0)`. Its
text also tells the moment it was true, since what follows an old place may be forgotten by now, and the database
cluster: transaction numbers mean nothing in another one.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import datetime

from app.core.errors import BadRequest

_LAYOUT = struct.Struct(">IIQq")
_LONGEST = 2**32 - 1


@dataclass(frozen=True, slots=True, order=True)
class Position:
    transaction: int
    number: int
    at: int
    """Seconds since 1970."""

    @property
    def is_edge(self) -> bool:
        """Nothing more could be read."""
        return self.number == 0 and self.transaction > 0


BEGINNING = Position(0, 0, _LONGEST)
"""Of what is kept; never outdated."""


def moment(at: datetime) -> int:
    return int(at.timestamp())


def write(position: Position, cluster: int) -> str:
    packed = _LAYOUT.pack(cluster, position.at, position.transaction, position.number)
    return base64.urlsafe_b64encode(packed).decode()


def read(text: str) -> tuple[Position, int]:
    """The position, and the cluster it is of."""
    try:
        packed = base64.b64decode(text, altchars=b"-_", validate=True)
        cluster, at, transaction, number = _LAYOUT.unpack(packed)
    except (ValueError, binascii.Error, struct.error) as error:
        raise BadRequest("This position was not issued by the feed.", code="bad_cursor") from error
    return Position(transaction, number, at), cluster
