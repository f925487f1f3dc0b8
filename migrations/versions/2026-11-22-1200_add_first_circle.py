"""The first circle: customers and identifiers, interactions and conversations, identity, sources and requests.

Revision: 0001_first_circle
Follows:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_first_circle"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "person", "organization", name="customerkind", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "provisional",
                "active",
                "anonymized",
                name="customerstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("display_name", sa.String(), nullable=True),
        sa.Column("given_name", sa.String(), nullable=True),
        sa.Column("family_name", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=True),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("preferences", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("first_contact_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_contact_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["customer.id"], name=op.f("fk_customer_organization_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index(
        "ix_customer_organization_id",
        "customer",
        ["organization_id"],
        unique=False,
        postgresql_where=sa.text("organization_id IS NOT NULL"),
    )
    op.create_index("ix_customer_updated_at", "customer", ["updated_at"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "inbound_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "filed",
                "ignored",
                "quarantined",
                name="inboundrequeststatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("query", sa.LargeBinary(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_request")),
    )
    op.create_index(
        "ix_inbound_request_unfiled",
        "inbound_request",
        ["status", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'filed'"),
    )
    op.create_index(
        "uq_inbound_request_unfiled",
        "inbound_request",
        ["source", "fingerprint"],
        unique=True,
        postgresql_where=sa.text("status <> 'filed'"),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("sealed_credentials", sa.LargeBinary(), nullable=False),
        sa.Column("default_region", sa.String(), nullable=True),
        sa.Column("public_url", sa.String(), nullable=True),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("name", name=op.f("uq_source_name")),
    )
    op.create_table(
        "webhook_nonce",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "value", name=op.f("pk_webhook_nonce")),
    )
    op.create_index(op.f("ix_webhook_nonce_seen_at"), "webhook_nonce", ["seen_at"], unique=False)
    op.create_table(
        "conversation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "sms",
                "email",
                "whatsapp",
                "chat",
                "voice",
                "fax",
                "letter",
                "visit",
                "web_form",
                "app",
                "social",
                "ad",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("our_address", sa.String(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("open", "closed", name="conversationstatus", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_conversation_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index("ix_conversation_customer_id", "conversation", ["customer_id", "last_at"], unique=False)
    op.create_index(
        "uq_open_pair",
        "conversation",
        ["customer_id", "channel", "our_address"],
        unique=True,
        postgresql_where=sa.text("our_address IS NOT NULL AND status = 'open'"),
    )
    op.create_table(
        "customer_identifier",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "external",
                "email",
                "whatsapp",
                "phone",
                "telegram",
                "fax",
                "social",
                "device",
                name="identifierkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column(
            "confidence",
            sa.Enum(
                "verified",
                "stated",
                "observed",
                name="confidence",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_identifier_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_identifier")),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index(op.f("ix_customer_identifier_customer_id"), "customer_identifier", ["customer_id"], unique=False)
    op.create_index(
        "ix_shared_identifier",
        "customer_identifier",
        ["kind", "value"],
        unique=False,
        postgresql_where=sa.text("released_at IS NULL AND shared"),
    )
    op.create_index(
        "uq_live_identifier",
        "customer_identifier",
        ["kind", "value"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL AND NOT shared"),
    )
    op.create_table(
        "duplicate_suggestion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_a_id", sa.Uuid(), nullable=False),
        sa.Column("customer_b_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "merged",
                "dismissed",
                name="duplicatestatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("customer_a_id < customer_b_id", name=op.f("ck_duplicate_suggestion_ordered")),
        sa.ForeignKeyConstraint(
            ["customer_a_id"], ["customer.id"], name=op.f("fk_duplicate_suggestion_customer_a_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["customer_b_id"], ["customer.id"], name=op.f("fk_duplicate_suggestion_customer_b_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_suggestion")),
        sa.UniqueConstraint(
            "customer_a_id", "customer_b_id", name=op.f("uq_duplicate_suggestion_customer_a_id_customer_b_id")
        ),
    )
    op.create_index(
        op.f("ix_duplicate_suggestion_customer_b_id"), "duplicate_suggestion", ["customer_b_id"], unique=False
    )
    op.create_table(
        "identity_journal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column(
            "rule",
            sa.Enum(
                "opened",
                "identifier",
                "rank",
                "given",
                "added",
                "refiled",
                "released",
                name="rule",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "confidence",
            sa.Enum(
                "verified",
                "stated",
                "observed",
                name="confidence",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("identifier_kind", sa.String(), nullable=True),
        sa.Column("identifier_value", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_identity_journal_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_journal")),
    )
    op.create_index("ix_identity_journal_customer_id", "identity_journal", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_identity_journal_interaction_id",
        "identity_journal",
        ["interaction_id"],
        unique=False,
        postgresql_where=sa.text("interaction_id IS NOT NULL"),
    )
    op.create_table(
        "interaction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("inbound_request_id", sa.Uuid(), nullable=True),
        sa.Column(
            "channel",
            sa.Enum(
                "sms",
                "email",
                "whatsapp",
                "chat",
                "voice",
                "fax",
                "letter",
                "visit",
                "web_form",
                "app",
                "social",
                "ad",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "direction",
            sa.Enum("inbound", "outbound", name="direction", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "message",
                "call",
                "visit",
                "letter",
                "form",
                "status",
                name="interactionkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "received",
                "sent",
                "delivered",
                "failed",
                "read",
                name="interactionstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=True),
        sa.Column("reply_text", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column(
            "sender_kind",
            sa.Enum(
                "external",
                "email",
                "whatsapp",
                "phone",
                "telegram",
                "fax",
                "social",
                "device",
                name="sender_kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("sender_value", sa.String(), nullable=True),
        sa.Column("sender_name", sa.String(), nullable=True),
        sa.Column(
            "recipient_kind",
            sa.Enum(
                "external",
                "email",
                "whatsapp",
                "phone",
                "telegram",
                "fax",
                "social",
                "device",
                name="recipient_kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("recipient_value", sa.String(), nullable=True),
        sa.Column("recipient_name", sa.String(), nullable=True),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("agent", sa.String(), nullable=True),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("attachments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_interaction_conversation_id_conversation")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_interaction_customer_id_customer")),
        sa.ForeignKeyConstraint(
            ["inbound_request_id"],
            ["inbound_request.id"],
            name=op.f("fk_interaction_inbound_request_id_inbound_request"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interaction")),
    )
    op.create_index("ix_interaction_conversation_id", "interaction", ["conversation_id", "id"], unique=False)
    op.create_index(
        "ix_interaction_customer_id",
        "interaction",
        ["customer_id", "occurred_at", "id"],
        unique=False,
        postgresql_include=["channel", "direction"],
    )
    op.create_index(op.f("ix_interaction_inbound_request_id"), "interaction", ["inbound_request_id"], unique=False)
    op.create_index(
        "ix_interaction_message_id",
        "interaction",
        ["message_id"],
        unique=False,
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    op.create_index("ix_interaction_occurred_at", "interaction", ["occurred_at", "id"], unique=False)
    op.create_index(
        "ix_interaction_unfiled", "interaction", ["id"], unique=False, postgresql_where=sa.text("customer_id IS NULL")
    )
    op.create_index("ix_interaction_updated_at", "interaction", ["updated_at"], unique=False)
    op.create_index(
        "uq_interaction_external_id",
        "interaction",
        ["source", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(
        "uq_interaction_external_id", table_name="interaction", postgresql_where=sa.text("external_id IS NOT NULL")
    )
    op.drop_index("ix_interaction_updated_at", table_name="interaction")
    op.drop_index("ix_interaction_unfiled", table_name="interaction", postgresql_where=sa.text("customer_id IS NULL"))
    op.drop_index("ix_interaction_occurred_at", table_name="interaction")
    op.drop_index(
        "ix_interaction_message_id", table_name="interaction", postgresql_where=sa.text("message_id IS NOT NULL")
    )
    op.drop_index(op.f("ix_interaction_inbound_request_id"), table_name="interaction")
    op.drop_index("ix_interaction_customer_id", table_name="interaction", postgresql_include=["channel", "direction"])
    op.drop_index("ix_interaction_conversation_id", table_name="interaction")
    op.drop_table("interaction")
    op.drop_index(
        "ix_identity_journal_interaction_id",
        table_name="identity_journal",
        postgresql_where=sa.text("interaction_id IS NOT NULL"),
    )
    op.drop_index("ix_identity_journal_customer_id", table_name="identity_journal")
    op.drop_table("identity_journal")
    op.drop_index(op.f("ix_duplicate_suggestion_customer_b_id"), table_name="duplicate_suggestion")
    op.drop_table("duplicate_suggestion")
    op.drop_index(
        "uq_live_identifier",
        table_name="customer_identifier",
        postgresql_where=sa.text("released_at IS NULL AND NOT shared"),
    )
    op.drop_index(
        "ix_shared_identifier",
        table_name="customer_identifier",
        postgresql_where=sa.text("released_at IS NULL AND shared"),
    )
    op.drop_index(op.f("ix_customer_identifier_customer_id"), table_name="customer_identifier")
    op.drop_table("customer_identifier")
    op.drop_index(
        "uq_open_pair",
        table_name="conversation",
        postgresql_where=sa.text("our_address IS NOT NULL AND status = 'open'"),
    )
    op.drop_index("ix_conversation_customer_id", table_name="conversation")
    op.drop_table("conversation")
    op.drop_index(op.f("ix_webhook_nonce_seen_at"), table_name="webhook_nonce")
    op.drop_table("webhook_nonce")
    op.drop_table("source")
    op.drop_index(
        "uq_inbound_request_unfiled", table_name="inbound_request", postgresql_where=sa.text("status <> 'filed'")
    )
    op.drop_index(
        "ix_inbound_request_unfiled", table_name="inbound_request", postgresql_where=sa.text("status <> 'filed'")
    )
    op.drop_table("inbound_request")
    op.drop_index(op.f("ix_idempotency_key_created_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index("ix_customer_updated_at", table_name="customer")
    op.drop_index(
        "ix_customer_organization_id", table_name="customer", postgresql_where=sa.text("organization_id IS NOT NULL")
    )
    op.drop_table("customer")
    op.drop_table("api_key")
