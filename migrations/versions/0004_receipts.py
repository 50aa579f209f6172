"""The receipt of a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "receipts",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("receipt", sa.String(length=300), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_receipts_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_receipts")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: a downgrade would lose what people can prove")
