"""Receipts know the raw request that told them, so that it can be forgotten with them.

Revision: 0012_receipt_requests
Follows: 0011_retention
"""

import sqlalchemy as sa
from alembic import op

revision = "0012_receipt_requests"
down_revision = "0011_retention"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("interaction_status", sa.Column("inbound_request_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_interaction_status_inbound_request_id",
        "interaction_status",
        ["inbound_request_id"],
        unique=False,
        postgresql_where=sa.text("inbound_request_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_interaction_status_inbound_request_id", table_name="interaction_status")
    op.drop_column("interaction_status", "inbound_request_id")
