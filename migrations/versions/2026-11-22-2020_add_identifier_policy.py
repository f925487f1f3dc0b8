"""How each kind of identifier is treated.

Revision: 0015_identifier_policy
Follows: 0014_duplicates
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015_identifier_policy"
down_revision = "0014_duplicates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    kinds = ("external", "email", "whatsapp", "phone", "telegram", "fax", "social", "device")
    op.create_table(
        "identifier_policy",
        sa.Column("kind", sa.Enum(*kinds, name="identifierkind", native_enum=False, length=20, create_constraint=True)),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("limit_count", sa.Integer(), nullable=True),
        sa.Column("limit_window_days", sa.Integer(), nullable=True),
        sa.Column("blocked_values", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("blocked_patterns", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("shared_values", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "joins",
            sa.Enum("never", "provisional", name="joins", native_enum=False, length=20, create_constraint=True),
            nullable=False,
        ),
        sa.Column("valid_days", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_identifier_policy")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("identifier_policy")
