"""Surveys, their versions and invitations; answers know by which invitation they came, and may change.

Revision: 0016_surveys
Follows: 0015_identifier_policy
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016_surveys"
down_revision = "0015_identifier_policy"
branch_labels = None
depends_on = None

_CHANNELS = ["sms", "email", "whatsapp", "chat", "voice", "fax", "letter", "visit", "web_form", "app", "social", "ad"]
_TYPES = (
    *("customer.created", "customer.updated", "customer.merged", "customer.unmerged", "customer.erased"),
    *("identifier.added", "identifier.updated", "identifier.released"),
    *("interaction.received", "interaction.filed", "interaction.status", "feedback.received"),
)


def _record() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _allow_types(*types: str) -> None:
    op.drop_constraint(op.f("ck_change_changetype"), "change", type_="check")
    allowed = ", ".join(f"'{each}'" for each in types)
    op.create_check_constraint(op.f("ck_change_changetype"), "change", f"type IN ({allowed})")


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "survey",
        *_record(),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("definition_version", sa.Integer(), nullable=False),
        sa.Column("recontact_days", sa.Integer(), nullable=False),
        sa.Column("expires_days", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey")),
    )
    op.create_table(
        "survey_version",
        *_record(),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_version_survey_id_survey")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_version")),
        sa.UniqueConstraint("survey_id", "number", name=op.f("uq_survey_version_survey_id_number")),
    )
    _add_invitations()
    op.create_foreign_key(
        op.f("fk_feedback_invitation_id_survey_invitation"), "feedback", "survey_invitation", ["invitation_id"], ["id"]
    )
    _allow_types(*_TYPES, "feedback.updated")


def _add_invitations() -> None:
    channel = sa.Enum(*_CHANNELS, name="channel", native_enum=False, create_constraint=True, length=20)
    texts = ("occasion", "language", "case_reference", "order_reference", "agent")
    times = ("sent_at", "opened_at", "answered_at")
    keys = ("survey_id", "customer_id", "interaction_id", "conversation_id")
    op.create_table(
        "survey_invitation",
        *_record(),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("survey_version_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("channel", channel, nullable=True),
        *(sa.Column(name, sa.String(), nullable=True) for name in texts),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in times),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_invitation_survey_id_survey")),
        sa.ForeignKeyConstraint(
            ["survey_version_id"],
            ["survey_version.id"],
            name=op.f("fk_survey_invitation_survey_version_id_survey_version"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_survey_invitation_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interaction.id"], name=op.f("fk_survey_invitation_interaction_id_interaction")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_survey_invitation_conversation_id_conversation"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_survey_invitation_token_hash")),
    )
    for key in keys:
        op.create_index(op.f(f"ix_survey_invitation_{key}"), "survey_invitation", [key], unique=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM change WHERE type = 'feedback.updated'")
    _allow_types(*_TYPES)
    op.drop_constraint(op.f("fk_feedback_invitation_id_survey_invitation"), "feedback", type_="foreignkey")
    op.execute("UPDATE feedback SET invitation_id = NULL")
    for table in ("survey_invitation", "survey_version", "survey"):
        op.drop_table(table)
