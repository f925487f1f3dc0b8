"""Reading the feed in the order of commits, without gaps.

Numbers are given when a change is written, not when it is committed: whoever reads up to the highest number seen loses
what a slower transaction commits below it. So changes are ordered by their transaction first, and only those of
transactions older than every one still running can be read (`pg_snapshot_xmin`): nothing can come before them any more.
"""

READ = """
WITH edge AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS transaction)
SELECT edge.transaction AS edge, c.transaction, c.number, c.type, c.at, c.customer_id, c.subject_id, c.data
FROM edge LEFT JOIN LATERAL (
    SELECT transaction, number, type, at, customer_id, subject_id, data::text FROM change
    WHERE (transaction, number) > ($1::xid8, $2::bigint) AND transaction < edge.transaction
      AND ($3::text[] IS NULL OR type = ANY ($3)) AND ($4::uuid IS NULL OR customer_id = $4)
      AND ($5::timestamptz IS NULL OR at >= $5)
    ORDER BY transaction, number LIMIT $6) AS c ON true
ORDER BY c.transaction, c.number"""
"""Behind ($1, $2), of types $3 and customer $4, since the time $5, at most $6; at least one row tells the edge."""

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
