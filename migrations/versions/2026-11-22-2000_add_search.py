"""Search: folded words of names and messages, and keys for fragments of identifiers.

Rows that exist already are left without words: a job adds them in small transactions, so that a table of any size is
served meanwhile.

Revision: 0013_search
Follows: 0012_receipt_requests
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013_search"
down_revision = "0012_receipt_requests"
branch_labels = None
depends_on = None

_TABLES = ("customer", "interaction")
_IDENTIFIER_KEYS = {
    "beginning": 'lower(value COLLATE "C")',
    "end": 'reverse(lower(value COLLATE "C"))',
    "inside": "substring(lower(value COLLATE \"C\"), '[:@](.*)')",
}


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in _TABLES:
        op.add_column(table, sa.Column("search_words", postgresql.TSVECTOR(), nullable=True))
        op.create_index(
            op.f(f"ix_{table}_search_words"),
            table,
            ["search_words"],
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 512},
        )
        op.create_index(
            op.f(f"ix_{table}_not_searchable"), table, ["id"], postgresql_where=sa.text("search_words IS NULL")
        )
    op.create_index(
        op.f("ix_customer_organization_words"),
        "customer",
        ["search_words"],
        postgresql_using="gin",
        postgresql_where=sa.text("kind = 'organization'"),
    )
    for name, expression in _IDENTIFIER_KEYS.items():
        op.create_index(
            op.f(f"ix_identifier_{name}"),
            "customer_identifier",
            [sa.text(expression)],
            postgresql_where=sa.text("released_at IS NULL"),
        )
    op.execute("""
        INSERT INTO pgqueuer (priority, status, entrypoint, payload)
        SELECT 0, 'queued', 'make_searchable', convert_to(gen_random_uuid()::text, 'UTF8')
        WHERE EXISTS (SELECT FROM customer) OR EXISTS (SELECT FROM interaction)""")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM pgqueuer WHERE entrypoint = 'make_searchable'")
    for name in _IDENTIFIER_KEYS:
        op.drop_index(op.f(f"ix_identifier_{name}"), table_name="customer_identifier")
    op.drop_index(op.f("ix_customer_organization_words"), table_name="customer")
    for table in _TABLES:
        op.drop_column(table, "search_words")
