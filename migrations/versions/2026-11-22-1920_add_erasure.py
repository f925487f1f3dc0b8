"""What is left of files that were erased: their ids, and hashes of what must not come back.

Revision: 0009_erasure
Follows: 0008_merges
"""

import sqlalchemy as sa
from alembic import op

revision = "0009_erasure"
down_revision = "0008_merges"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "erased_customer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased_customer")),
    )
    op.create_table(
        "suppressed_address",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("suppressed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_suppressed_address")),
    )
    op.create_table(
        "forgotten_message",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_forgotten_message")),
    )
    op.alter_column("attachment", "interaction_id", existing_type=sa.Uuid(), nullable=True)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM attachment WHERE interaction_id IS NULL")
    op.alter_column("attachment", "interaction_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_table("forgotten_message")
    op.drop_table("suppressed_address")
    op.drop_table("erased_customer")
