"""What is known of the ways to an officer: the last test, and pagers that know no such badge."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "officer_reach",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "unknown_to",
            postgresql.ARRAY(sa.String(length=20)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("probed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_channel", sa.String(length=20), nullable=True),
        sa.Column("probe_outcome", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_officer_reach_person_id_people")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_officer_reach")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: a downgrade would lose what officers tested")
