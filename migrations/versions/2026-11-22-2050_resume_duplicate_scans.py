"""Where an interrupted comparison of all customers goes on, and what it left out.

Revision: 0018_resume_scans
Follows: 0017_linked_requests
"""

import sqlalchemy as sa
from alembic import op

revision = "0018_resume_scans"
down_revision = "0017_linked_requests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("duplicate_scan", sa.Column("passed_over", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("duplicate_scan", sa.Column("crowds", sa.Integer(), server_default="0", nullable=False))
    op.add_column("duplicate_scan", sa.Column("reached", sa.Uuid(), nullable=True))
    op.add_column("duplicate_scan", sa.Column("least", sa.Float(), server_default="0", nullable=False))
    for name in ("passed_over", "crowds", "least"):
        op.alter_column("duplicate_scan", name, server_default=None)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name in ("least", "reached", "crowds", "passed_over"):
        op.drop_column("duplicate_scan", name)
