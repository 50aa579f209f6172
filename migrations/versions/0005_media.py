"""Media that people send: what is known of each, and how many were fetched on a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0007"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "media",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("source_id", sa.String(length=128), nullable=False),
        sa.Column("kind", _one_of("mediakind", "image", "voice", "video", "shortvideo"), nullable=False),
        sa.Column(
            "state",
            _one_of("mediastate", "waiting", "ready", "refused", "lost", "erasing"),
            server_default="waiting",
            nullable=False,
        ),
        sa.Column(
            "reason",
            _one_of(
                "reason", "wrong_type", "too_large", "too_long", "codec", "unreadable", "too_much_work", "gone",
                "expired",
            ),
            nullable=True,
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("stored_as", sa.String(length=64), nullable=True),
        sa.Column("store", sa.String(length=10), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("original_type", sa.String(length=40), nullable=True),
        sa.Column("original_bytes", sa.Integer(), nullable=True),
        sa.Column("served_type", sa.String(length=40), nullable=True),
        sa.Column("served_bytes", sa.Integer(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_media_case_id_cases")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_media_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("person_id", "source_id", name="uq_media_source"),
    )
    op.create_index(
        "ix_media_due", "media", ["due_at"], postgresql_where=sa.text("state IN ('waiting', 'erasing')")
    )
    op.create_index(
        "ix_media_case", "media", ["case_id", "received_at"], postgresql_where=sa.text("case_id IS NOT NULL")
    )
    op.create_index(
        "ix_media_unbound",
        "media",
        ["received_at"],
        postgresql_where=sa.text("case_id IS NULL AND state <> 'erasing'"),
    )
    op.create_table(
        "media_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("spent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_media_days")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: a downgrade would lose what people sent")
