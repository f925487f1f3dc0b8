"""Feedback: answers, a row for each of their scores, and the tasks that bad ones open.

Revision: 0005_feedback
Follows: 0004_consents
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_feedback"
down_revision = "0004_consents"
branch_labels = None
depends_on = None

_CHANNELS = ["sms", "email", "whatsapp", "chat", "voice", "fax", "letter", "visit", "web_form", "app", "social", "ad"]
_MEASURES = ("csat", "nps", "ces", "rating", "expectation", "perception", "importance")


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "feedback",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("channel", _choice("channel", *_CHANNELS), nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("case_reference", sa.String(), nullable=True),
        sa.Column("order_reference", sa.String(), nullable=True),
        sa.Column("agent", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_feedback_conversation_id_conversation"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_feedback_customer_id_customer")),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interaction.id"], name=op.f("fk_feedback_interaction_id_interaction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_conversation_id"), "feedback", ["conversation_id"], unique=False)
    op.create_index(op.f("ix_feedback_customer_id"), "feedback", ["customer_id"], unique=False)
    op.create_index(op.f("ix_feedback_interaction_id"), "feedback", ["interaction_id"], unique=False)
    op.create_index(op.f("ix_feedback_invitation_id"), "feedback", ["invitation_id"], unique=False)
    op.create_index(
        "uq_feedback_external_id",
        "feedback",
        ["source", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_table(
        "feedback_score",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("feedback_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("measure", _choice("measure", *_MEASURES), nullable=False),
        sa.Column("dimension", sa.String(), nullable=True),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("scale_min", sa.Float(), nullable=False),
        sa.Column("scale_max", sa.Float(), nullable=False),
        sa.Column("lower_is_better", sa.Boolean(), nullable=False),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", _choice("channel", *_CHANNELS), nullable=True),
        sa.Column("agent", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_feedback_score_customer_id_customer")),
        sa.ForeignKeyConstraint(["feedback_id"], ["feedback.id"], name=op.f("fk_feedback_score_feedback_id_feedback")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_score")),
    )
    op.create_index("ix_feedback_score_collected_at", "feedback_score", ["collected_at", "id"], unique=False)
    op.create_index(
        "ix_feedback_score_customer_id", "feedback_score", ["customer_id", "collected_at", "id"], unique=False
    )
    op.create_index(op.f("ix_feedback_score_feedback_id"), "feedback_score", ["feedback_id"], unique=False)
    op.create_index(
        "ix_feedback_score_measure",
        "feedback_score",
        ["measure", "collected_at"],
        unique=False,
        postgresql_include=["dimension", "value", "scale_min", "scale_max", "lower_is_better", "channel", "agent"],
    )
    op.create_index("ix_feedback_score_updated_at", "feedback_score", ["updated_at"], unique=False)
    op.create_table(
        "recovery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("feedback_id", sa.Uuid(), nullable=True),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("reason", _choice("recoveryreason", "detractor", "low_score", "complaint"), nullable=False),
        sa.Column("status", _choice("recoverystatus", "open", "closed"), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "outcome", _choice("recoveryoutcome", "won_back", "not_won_back", "unreachable", "unfounded"), nullable=True
        ),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("measure", _choice("measure", *_MEASURES), nullable=True),
        sa.Column("dimension", sa.String(), nullable=True),
        sa.Column("scale_min", sa.Float(), nullable=True),
        sa.Column("scale_max", sa.Float(), nullable=True),
        sa.Column("first_value", sa.Float(), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_value", sa.Float(), nullable=True),
        sa.Column("second_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_feedback_id", sa.Uuid(), nullable=True),
        sa.Column("further_feedback_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_recovery_customer_id_customer")),
        sa.ForeignKeyConstraint(["feedback_id"], ["feedback.id"], name=op.f("fk_recovery_feedback_id_feedback")),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interaction.id"], name=op.f("fk_recovery_interaction_id_interaction")
        ),
        sa.ForeignKeyConstraint(
            ["second_feedback_id"], ["feedback.id"], name=op.f("fk_recovery_second_feedback_id_feedback")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery")),
    )
    op.create_index("ix_recovery_created_at", "recovery", ["created_at"], unique=False)
    op.create_index("ix_recovery_customer_id", "recovery", ["customer_id", "status"], unique=False)
    op.create_index(op.f("ix_recovery_feedback_id"), "recovery", ["feedback_id"], unique=False)
    op.create_index(op.f("ix_recovery_interaction_id"), "recovery", ["interaction_id"], unique=False)
    op.create_index(
        "ix_recovery_open", "recovery", ["due_at"], unique=False, postgresql_where=sa.text("status = 'open'")
    )
    op.create_index(op.f("ix_recovery_second_feedback_id"), "recovery", ["second_feedback_id"], unique=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("recovery", "feedback_score", "feedback"):
        op.drop_table(table)
