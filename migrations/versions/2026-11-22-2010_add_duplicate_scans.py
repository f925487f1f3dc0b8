"""Keys and counts that duplicates are found by, and scans.

Revision: 0014_duplicates
Follows: 0013_search
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014_duplicates"
down_revision = "0013_search"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "blocking_key",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "key", name=op.f("pk_blocking_key")),
    )
    op.create_index("ix_blocking_key_key", "blocking_key", ["key"], unique=False)
    op.create_table(
        "value_count",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_value_count")),
    )
    op.create_table(
        "duplicate_scan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                *("running", "finished", "failed"),
                name="scanstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("compared", sa.BigInteger(), nullable=False),
        sa.Column("suggested", sa.Integer(), nullable=False),
        sa.Column("done", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("model", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_scan")),
    )
    op.create_index(
        "uq_running_scan", "duplicate_scan", ["status"], unique=True, postgresql_where=sa.text("status = 'running'")
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("uq_running_scan", table_name="duplicate_scan", postgresql_where=sa.text("status = 'running'"))
    op.drop_table("duplicate_scan")
    op.drop_table("value_count")
    op.drop_index("ix_blocking_key_key", table_name="blocking_key")
    op.drop_table("blocking_key")
