"""Reading the feed in the order of commits, without gaps.

Numbers are given when a change is written, not when it is committed: whoever reads up to the highest number seen loses
what a slower transaction commits below it. So changes are ordered by their transaction first, and only those of
transactions older than every one still running can be read (`pg_snapshot_xmin`): nothing can come before them any more.
"""

SPAN = 1000
"""So many changes are looked at at once, however few of them are asked for: a page costs the same wherever it is."""

READ = f"""
WITH edge AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS transaction),
    span AS MATERIALIZED (
        SELECT c.* FROM edge CROSS JOIN LATERAL (
            SELECT transaction, number, type, at, customer_id, subject_id, data FROM change
            WHERE (transaction, number) > ($1::xid8, $2::bigint) AND transaction < edge.transaction
            ORDER BY transaction, number LIMIT {SPAN}) AS c),
    current AS MATERIALIZED (SELECT coalesce((SELECT customer_id FROM customer_alias WHERE id = $4), $4) AS id),
    file AS MATERIALIZED (
        SELECT id FROM current
        UNION ALL SELECT a.id FROM customer_alias AS a JOIN current AS c ON c.id = a.customer_id),
    judged AS (
        SELECT *, ($3::text[] IS NULL OR type = ANY ($3))
                  AND ($4::uuid IS NULL OR coalesce(customer_id IN (TABLE file), false)
                       OR (type = 'customer.unmerged' AND data -> 'customer_ids' ? $4::text))
                  AND ($5::timestamptz IS NULL OR at >= $5) AS is_wanted,
               row_number() OVER (ORDER BY transaction DESC, number DESC) = 1 AS is_last
        FROM span)
SELECT edge.transaction AS edge, (SELECT count(*) FROM span) AS looked_at, c.is_wanted,
       c.transaction, c.number, c.type, c.at, c.customer_id, c.subject_id, c.data::text
FROM edge LEFT JOIN judged AS c ON c.is_wanted OR c.is_last
ORDER BY c.transaction, c.number LIMIT $6"""  # noqa: S608  a constant
"""Behind ($1, $2), of types $3 and customer $4 (in any of the files that are one with this one, and parting from them),
since the time $5, at most $6; the last one looked at comes even if it is not wanted. Without any, one row of NULLs
beside the edge."""

LAST = """
SELECT transaction, number FROM change WHERE transaction < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY transaction DESC, number DESC LIMIT 1"""

EDGE = "SELECT pg_snapshot_xmin(pg_current_snapshot())"

CLUSTER = "SELECT system_identifier FROM pg_control_system()"

SETTLE = """
UPDATE change SET transaction = '3'
WHERE (SELECT transaction FROM change ORDER BY transaction DESC, number DESC LIMIT 1)
      >= pg_snapshot_xmax(pg_current_snapshot())"""
"""A dump restored into a younger cluster brings changes of transactions that have not happened there: they would wait
for them. All that is there becomes one transaction, the first an ordinary one can be; numbers keep the order."""

FORGET = """
WITH head AS (SELECT transaction, number, at FROM change ORDER BY transaction, number LIMIT 10000)
DELETE FROM change AS c USING head
WHERE c.transaction = head.transaction AND c.number = head.number AND head.at < $1"""
"""The oldest, as far as they are older than $1, in portions: to be repeated until nothing is left to forget."""
