"""Which pairs are worth comparing: files that share a key. Each file leaves several, so that no single slip hides it.

A key that too many share is cut by a second and a third one: within a crowd, those are compared who share another
crowd, too. Of all these pairs the scan compares those that share the most and the rarest (`app.identity.pairing`).
"""

from collections.abc import Iterator
from hashlib import blake2b

from app.identity.profiles import BIRTH, EMAIL, FAMILY, GIVEN, PHONE, Profile
from app.text.transliteration import skeletons

_MOST_ATTRIBUTES = 12
_SHORTEST_SOUND = 2


def crowd(records: int) -> int:
    """More files than this on one key are a crowd."""
    return 30 if records < 500_000 else 20


def budget(records: int) -> int:
    """Pairs worth comparing: all of a few files, of many the likeliest."""
    return max(30_000, 7 * records)


def keys(profile: Profile) -> set[int]:
    return {hashed(key) for key in _keys(profile)}


def hashed(text: str) -> int:
    """As a `bigint`."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)


def _keys(profile: Profile) -> Iterator[str]:
    words = [word for name in (GIVEN, FAMILY) for word in profile.values.get(name, "").split()]
    for word in words:
        sounds = [sound for sound in skeletons(word) if len(sound) >= _SHORTEST_SOUND]
        yield from (f"sound:{sound}" for sound in sounds) if sounds else (f"word:{word}",)
    if len(words) > 1:
        yield "name:" + " ".join(sorted((skeletons(word) or (word,))[0] for word in words))
    yield "name:" + "".join(words)
    for address in profile.sets.get(EMAIL, ()):
        yield f"email:{address}"
        yield f"local:{address.rpartition('@')[0]}"
    for number in profile.sets.get(PHONE, ()):
        yield f"phone:{number}"
    if birth := profile.values.get(BIRTH):
        yield f"birth:{birth}"
    others = [name for name in profile.values if name not in (GIVEN, FAMILY, BIRTH)]
    for name in sorted(others)[:_MOST_ATTRIBUTES]:
        yield f"{name}={profile.values[name]}"


PUT_KEYS = """
WITH given AS (SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS g(customer_id, key)),
gone AS (DELETE FROM blocking_key AS b WHERE b.customer_id = ANY ($3::uuid[])
         AND NOT EXISTS (SELECT FROM given AS g WHERE g.customer_id = b.customer_id AND g.key = b.key))
INSERT INTO blocking_key (customer_id, key) SELECT customer_id, key FROM given ON CONFLICT DO NOTHING"""
"""Keys $2 of the files $1, in parallel; $3: all files concerned, the keyless among them."""

FORGET_ORPHANS = """
DELETE FROM blocking_key AS b
WHERE NOT EXISTS (SELECT FROM customer AS c WHERE c.id = b.customer_id AND c.status <> 'anonymized')"""

_MOST_SEARCHED = 5000
CANDIDATES_OF = f"""
WITH mine AS (
    SELECT key, (SELECT count(*) FROM (SELECT FROM blocking_key AS b WHERE b.key = own.key LIMIT {_MOST_SEARCHED})
                 AS found) AS size
    FROM unnest($2::bigint[]) AS own(key))
SELECT b.customer_id FROM mine JOIN blocking_key AS b ON b.key = mine.key
WHERE mine.size < {_MOST_SEARCHED} AND b.customer_id <> $1
GROUP BY b.customer_id HAVING bool_or(mine.size <= $3) OR count(*) > 1
ORDER BY sum(1.0 / mine.size) DESC LIMIT 300"""  # noqa: S608  constants
"""Files that share keys ($2) with $1: one that is no crowd ($3), or two of any size."""

BUILD_BLOCKS = (
    "DROP TABLE IF EXISTS scan_file, scan_size, scan_key, scan_crowd, scan_crowd_1, scan_crowd_2, scan_crowd_3",
    """CREATE TEMPORARY TABLE scan_size AS
       SELECT key, count(*)::int AS size FROM blocking_key GROUP BY key HAVING count(*) > 1""",
    "CREATE TEMPORARY TABLE scan_key (customer_id uuid, key bigint)",
    """INSERT INTO scan_key SELECT b.customer_id, b.key FROM blocking_key AS b
       JOIN scan_size AS s ON s.key = b.key AND s.size <= {crowd}""",
    # The six smallest crowds of each file: fifteen pairs of crowds and twenty threes at the most.
    """CREATE TEMPORARY TABLE scan_crowd_1 AS SELECT customer_id, key, key AS last FROM (
           SELECT b.customer_id, b.key, row_number() OVER (PARTITION BY b.customer_id ORDER BY s.size, b.key) AS n
           FROM blocking_key AS b JOIN scan_size AS s ON s.key = b.key AND s.size > {crowd}) AS crowded
       WHERE n <= 6""",
    "CREATE INDEX ON scan_crowd_1 (customer_id)",
    """CREATE TEMPORARY TABLE scan_file AS
       SELECT b.customer_id, array_agg(b.key) AS keys, array_agg(log(2, {files}::numeric / s.size)::real) AS bits
       FROM blocking_key AS b JOIN scan_size AS s USING (key) GROUP BY b.customer_id""",
    "CREATE INDEX ON scan_file (customer_id)",
)

CUT_CROWDS = (
    """CREATE TEMPORARY TABLE scan_crowd AS
       SELECT *, count(*) OVER (PARTITION BY key) AS size FROM (
           SELECT c.customer_id, hashint8extended(c.key, o.key) AS key, o.key AS last
           FROM scan_crowd_{level} AS c JOIN scan_crowd_1 AS o
           ON o.customer_id = c.customer_id AND o.key > c.last) AS cut""",
    "INSERT INTO scan_key SELECT customer_id, key FROM scan_crowd WHERE size BETWEEN 2 AND {crowd}",
    """CREATE TEMPORARY TABLE scan_crowd_{next} AS
       SELECT customer_id, key, last FROM scan_crowd WHERE size > {crowd}""",
    "DROP TABLE scan_crowd",
)
"""Level by level: two crowds, then three. What is a crowd even then says too little to compare everybody in it; the
scan tells how many there are."""

INDEX_BLOCKS = (
    "CREATE INDEX ON scan_key (customer_id)",
    "CREATE INDEX ON scan_key (key, customer_id)",
    "ANALYZE scan_key",
    "ANALYZE scan_file",
)

COUNT_CROWDS = "SELECT count(DISTINCT key) FROM scan_crowd_3"

PAIRS = """
SELECT one.customer_id AS a, array_agg(DISTINCT other.customer_id) AS others FROM scan_key AS one
JOIN scan_key AS other ON other.key = one.key AND other.customer_id > one.customer_id
WHERE one.customer_id = ANY ($1::uuid[])
GROUP BY one.customer_id"""
"""Pairs of each of these files with the younger ones."""

KEYS = "SELECT customer_id, keys, bits FROM scan_file WHERE customer_id = ANY ($1::uuid[])"
