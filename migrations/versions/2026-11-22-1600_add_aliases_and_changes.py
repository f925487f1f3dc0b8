"""Ids that outlive a merge, and the feed of changes.

Revision: 0003_changes
Follows: 0002_channels
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.changes.models import TransactionId

revision = "0003_changes"
down_revision = "0002_channels"
branch_labels = None
depends_on = None

_RULES = ("opened", "identifier", "rank", "given", "added", "refiled", "released", "moved")
_NEW_RULES = ("narrowed", "recycled", "limited", "imported", "merged", "unmerged")
_TYPES = (
    *("customer.created", "customer.updated", "customer.merged", "customer.unmerged", "customer.erased"),
    *("identifier.added", "identifier.updated", "identifier.released"),
    *("interaction.received", "interaction.filed", "interaction.status", "feedback.received"),
)


def _allow_rules(*rules: str) -> None:
    op.drop_constraint(op.f("ck_identity_journal_rule"), "identity_journal", type_="check")
    allowed = ", ".join(f"'{rule}'" for rule in rules)
    op.create_check_constraint(op.f("ck_identity_journal_rule"), "identity_journal", f"rule IN ({allowed})")


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "customer_alias",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_customer_alias_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_alias")),
    )
    op.create_index(op.f("ix_customer_alias_customer_id"), "customer_alias", ["customer_id"], unique=False)
    op.create_table(
        "change",
        sa.Column("transaction", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "type",
            sa.Enum(*_TYPES, name="changetype", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("transaction", "number", name=op.f("pk_change")),
    )
    _allow_rules(*_RULES, *_NEW_RULES)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    new = ", ".join(f"'{rule}'" for rule in _NEW_RULES)
    op.execute(f"DELETE FROM identity_journal WHERE rule IN ({new})")  # noqa: S608  constants
    _allow_rules(*_RULES)
    op.drop_table("change")
    op.drop_index(op.f("ix_customer_alias_customer_id"), table_name="customer_alias")
    op.drop_table("customer_alias")
