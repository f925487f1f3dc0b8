"""Every channel: attachments, receipts, threads of unseen mails, and the job queue that fetches what providers keep.

Revision: 0002_channels
Follows: 0001_first_circle
"""

import sqlalchemy as sa
from alembic import op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment

revision = "0002_channels"
down_revision = "0001_first_circle"
branch_labels = None
depends_on = None

_RULES = ("opened", "identifier", "rank", "given", "added", "refiled", "released")
_THREADS = """
    INSERT INTO conversation_reference (customer_id, message_id, conversation_id)
    SELECT DISTINCT ON (customer_id, message_id) customer_id, message_id, conversation_id FROM interaction
    WHERE message_id IS NOT NULL AND customer_id IS NOT NULL AND conversation_id IS NOT NULL
    ORDER BY customer_id, message_id, id"""


def _allow_rules(*rules: str) -> None:
    op.drop_constraint(op.f("ck_identity_journal_rule"), "identity_journal", type_="check")
    allowed = ", ".join(f"'{rule}'" for rule in rules)
    op.create_check_constraint(op.f("ck_identity_journal_rule"), "identity_journal", f"rule IN ({allowed})")


def _run(script: str) -> None:
    """Several statements at once, which a prepared statement cannot hold."""
    op.get_bind().connection.run_async(lambda driver: driver.execute(script))


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "conversation_reference",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_conversation_reference_conversation_id_conversation"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_conversation_reference_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("customer_id", "message_id", name=op.f("pk_conversation_reference")),
    )
    op.create_index(
        op.f("ix_conversation_reference_conversation_id"), "conversation_reference", ["conversation_id"], unique=False
    )
    op.create_table(
        "attachment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "stored",
                "failed",
                name="attachmentstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("content_id", sa.String(), nullable=True),
        sa.Column("storage_key", sa.String(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interaction.id"], name=op.f("fk_attachment_interaction_id_interaction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index(op.f("ix_attachment_interaction_id"), "attachment", ["interaction_id"], unique=False)
    op.create_index(op.f("ix_attachment_storage_key"), "attachment", ["storage_key"], unique=False)
    op.create_table(
        "interaction_status",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column(
            "event",
            sa.Enum(
                "sent",
                "delivered",
                "read",
                "deferred",
                "failed",
                "bounced",
                "complained",
                "unsubscribed",
                name="receiptevent",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interaction.id"], name=op.f("fk_interaction_status_interaction_id_interaction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interaction_status")),
        sa.UniqueConstraint(
            "interaction_id", "event", "recipient", name=op.f("uq_interaction_status_interaction_id_event_recipient")
        ),
    )
    op.alter_column("conversation", "our_address", new_column_name="pair_key")
    op.add_column("customer_identifier", sa.Column("undeliverable_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index(
        op.f("ix_interaction_message_id"), table_name="interaction", postgresql_where=sa.text("message_id IS NOT NULL")
    )
    _allow_rules(*_RULES, "moved")
    op.execute(_THREADS)
    _run(QueryBuilderEnvironment().build_install_query())


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _run(QueryBuilderEnvironment().build_uninstall_query())
    op.execute("DELETE FROM identity_journal WHERE rule = 'moved'")
    _allow_rules(*_RULES)
    op.create_index(
        op.f("ix_interaction_message_id"),
        "interaction",
        ["message_id"],
        unique=False,
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    op.drop_column("customer_identifier", "undeliverable_at")
    op.alter_column("conversation", "pair_key", new_column_name="our_address")
    op.drop_table("interaction_status")
    op.drop_index(op.f("ix_attachment_storage_key"), table_name="attachment")
    op.drop_index(op.f("ix_attachment_interaction_id"), table_name="attachment")
    op.drop_table("attachment")
    op.drop_index(op.f("ix_conversation_reference_conversation_id"), table_name="conversation_reference")
    op.drop_table("conversation_reference")
