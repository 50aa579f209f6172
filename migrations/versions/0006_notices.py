"""Notices by several channels: consents, daily walls, what WeChat confirms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_CHANNEL = sa.String(length=32)
_NOW = sa.text("clock_timestamp()")
_UNHEARD = "seen_at IS NULL AND NOT passed_on AND state IN ('dropped', 'refused', 'uncertain', 'dead')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    # The list of channels is the code's: one more is no migration.
    for table in ("deliveries", "windows", "channel_stops"):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS ck_{table}_channel")
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS channel")
    op.add_column("deliveries", sa.Column("passed_on", sa.Boolean(), server_default=sa.text("FALSE"), nullable=False))
    op.add_column("deliveries", sa.Column("sent_id", sa.String(length=40), nullable=True))
    op.add_column("deliveries", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("ix_deliveries_waiting", table_name="deliveries")
    op.create_index("ix_deliveries_waiting", "deliveries", ["person_id"], postgresql_where=sa.text(_UNHEARD))
    op.create_index(
        "uq_deliveries_under_way",
        "deliveries",
        ["event_id", "person_id", "kind"],
        unique=True,
        postgresql_where=sa.text("NOT passed_on"),
    )
    op.create_index(
        "ix_deliveries_sent_id", "deliveries", ["sent_id"], postgresql_where=sa.text("sent_id IS NOT NULL")
    )
    op.create_index(
        "ix_deliveries_case", "deliveries", ["case_id", "id"], postgresql_where=sa.text("case_id IS NOT NULL")
    )
    op.create_table(
        "consents",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("channel", _CHANNEL, nullable=False),
        sa.Column("template_id", sa.String(length=64), nullable=False),
        sa.Column("left_once", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lasting", sa.Boolean(), server_default=sa.text("FALSE"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint("left_once >= 0", name=op.f("ck_consents_left")),
        sa.PrimaryKeyConstraint("person_id", "channel", "template_id", name=op.f("pk_consents")),
    )
    op.create_table(
        "daily_sends",
        sa.Column("channel", _CHANNEL, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("taken", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("alarmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("channel", "day", "shard", name=op.f("pk_daily_sends")),
    )
    op.create_table(
        "early_results",
        sa.Column("channel", _CHANNEL, nullable=False),
        sa.Column("sent_id", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("channel", "sent_id", name=op.f("pk_early_results")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: a downgrade would lose what people agreed to")
