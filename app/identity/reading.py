"""Reading customers as profiles, and keeping the keys they can be found by."""

import json
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from app.identity import blocking
from app.identity.profiles import Profile, profile

_COLUMNS = """
    SELECT c.id, c.kind, c.display_name, c.given_name, c.family_name, c.attributes::text AS attributes,
           coalesce((SELECT json_agg(json_build_array(i.kind, i.value)) FROM customer_identifier AS i
                     WHERE i.customer_id = c.id AND i.released_at IS NULL), '[]')::text AS identifiers
    FROM customer AS c WHERE c.status <> 'anonymized'"""
_BY_ID = f"{_COLUMNS} AND c.id = ANY ($1::uuid[])"
_AFTER = f"{_COLUMNS} AND c.id > $1 ORDER BY c.id LIMIT $2"

Profiles = dict[UUID, Profile]


async def read(connection: asyncpg.Connection, ids: Sequence[UUID]) -> Profiles:
    return _profiles(await connection.fetch(_BY_ID, ids))


async def read_after(connection: asyncpg.Connection, last: UUID, limit: int) -> Profiles:
    """The next files by age, in order."""
    return _profiles(await connection.fetch(_AFTER, last, limit))


def _profiles(rows: Sequence[asyncpg.Record]) -> Profiles:
    return {
        row["id"]: profile(
            kind=row["kind"],
            display_name=row["display_name"],
            given_name=row["given_name"],
            family_name=row["family_name"],
            attributes=json.loads(row["attributes"]),
            identifiers=json.loads(row["identifiers"]),
        )
        for row in rows
    }


async def put_keys(connection: asyncpg.Connection, ids: Sequence[UUID], profiles: Profiles) -> None:
    """`ids` without a profile have no keys any more."""
    rows = [(customer_id, key) for customer_id, each in profiles.items() for key in blocking.keys(each)]
    await connection.execute(blocking.PUT_KEYS, [row[0] for row in rows], [row[1] for row in rows], ids)
