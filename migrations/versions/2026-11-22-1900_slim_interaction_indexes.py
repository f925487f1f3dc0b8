"""Indexes that cost a message less: a conversation that goes on stays in place, and only webhooks have a request.

Revision: 0007_slim_indexes
Follows: 0006_audit
"""

import sqlalchemy as sa
from alembic import op

revision = "0007_slim_indexes"
down_revision = "0006_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(op.f("ix_conversation_customer_id"), table_name="conversation")
    op.create_index(op.f("ix_conversation_customer_id"), "conversation", ["customer_id"], unique=False)
    op.drop_index(op.f("ix_interaction_inbound_request_id"), table_name="interaction")
    op.create_index(
        op.f("ix_interaction_inbound_request_id"),
        "interaction",
        ["inbound_request_id"],
        unique=False,
        postgresql_where=sa.text("inbound_request_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(op.f("ix_interaction_inbound_request_id"), table_name="interaction")
    op.create_index(op.f("ix_interaction_inbound_request_id"), "interaction", ["inbound_request_id"], unique=False)
    op.drop_index(op.f("ix_conversation_customer_id"), table_name="conversation")
    op.create_index(op.f("ix_conversation_customer_id"), "conversation", ["customer_id", "last_at"], unique=False)
