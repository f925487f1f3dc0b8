"""What keeping things only for a time has come to.

Revision: 0011_retention
Follows: 0010_imports
"""

import sqlalchemy as sa
from alembic import op

revision = "0011_retention"
down_revision = "0010_imports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A lock not had in a moment is given up: a deployment may fail and be repeated, requests must not queue behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "retention_run",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.Column("deleted_in_all", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_retention_run")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("retention_run")
