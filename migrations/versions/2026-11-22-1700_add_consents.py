"""Consents: what a customer allows.

Revision: 0004_consents
Follows: 0003_changes
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_consents"
down_revision = "0003_changes"
branch_labels = None
depends_on = None

_CHANNELS = (
    *("sms", "email", "whatsapp", "chat", "voice", "fax", "letter", "visit", "web_form", "app", "social", "ad"),
)
_STATUSES = ("granted", "unknown", "withdrawn")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("channel", _one_of("channel", *_CHANNELS), nullable=True),
        sa.Column("status", _one_of("consentstatus", *_STATUSES), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("proof", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("given_to", sa.Uuid(), nullable=False),
        sa.Column("known_files", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_consent_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_customer_id", "consent", ["customer_id", "given_at", "id"], unique=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_consent_customer_id", table_name="consent")
    op.drop_table("consent")
