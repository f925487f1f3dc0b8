"""Raw requests that told more of a message, or of an address alone, are known as the customer's.

Revision: 0017_linked_requests
Follows: 0016_surveys
"""

import sqlalchemy as sa
from alembic import op

revision = "0017_linked_requests"
down_revision = "0016_surveys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    for of in ("interaction", "customer"):
        table = f"{of}_request"
        op.create_table(
            table,
            sa.Column(f"{of}_id", sa.Uuid(), nullable=False),
            sa.Column("inbound_request_id", sa.Uuid(), nullable=False),
            sa.ForeignKeyConstraint([f"{of}_id"], [f"{of}.id"], name=op.f(f"fk_{table}_{of}_id_{of}")),
            sa.ForeignKeyConstraint(
                ["inbound_request_id"],
                ["inbound_request.id"],
                name=op.f(f"fk_{table}_inbound_request_id_inbound_request"),
            ),
            sa.PrimaryKeyConstraint(f"{of}_id", "inbound_request_id", name=op.f(f"pk_{table}")),
        )
        op.create_index(f"ix_{table}_inbound_request_id", table, ["inbound_request_id"], unique=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("customer_request")
    op.drop_table("interaction_request")
