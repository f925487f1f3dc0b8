"""Merges of files, and suggested pairs that outlive one.

Revision: 0008_merges
Follows: 0007_slim_indexes
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008_merges"
down_revision = "0007_slim_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "merge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("customer_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("done", "undone", name="mergestatus", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("trace", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["survivor_id"], ["customer.id"], name=op.f("fk_merge_survivor_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge")),
    )
    op.create_index(op.f("ix_merge_survivor_id"), "merge", ["survivor_id"], unique=False)
    op.alter_column("duplicate_suggestion", "customer_b_id", nullable=True)
    op.add_column(
        "duplicate_suggestion",
        sa.Column("pair", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM duplicate_suggestion WHERE customer_b_id IS NULL")
    op.drop_column("duplicate_suggestion", "pair")
    op.alter_column("duplicate_suggestion", "customer_b_id", nullable=False)
    op.drop_index(op.f("ix_merge_survivor_id"), table_name="merge")
    op.drop_table("merge")
