"""Ids of other systems in the digits by which they are looked up now: ASCII.

Revision: 0019_external_digits
Follows: 0018_resume_scans
"""

from alembic import op

revision = "0019_external_digits"
down_revision = "0018_resume_scans"
branch_labels = None
depends_on = None

# Where two customers would come to have the same id, both keep theirs as they are: nothing is merged here.
_FOLD = """
    WITH live AS (
        SELECT id, folded, count(*) OVER (PARTITION BY folded) AS alike
        FROM customer_identifier,
             LATERAL translate(value, '۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩', '01234567890123456789') AS folded
        WHERE kind = 'external' AND released_at IS NULL AND NOT shared)
    UPDATE customer_identifier AS i SET value = live.folded
    FROM live WHERE i.id = live.id AND live.alike = 1 AND i.value <> live.folded"""


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_FOLD)


def downgrade() -> None:
    """As it was written stands in `raw`; the folded id is what either version finds by ASCII digits."""
