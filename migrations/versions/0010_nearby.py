"""Cases near one another: who said "me too", and cases that the desk opens for an area."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "me_toos",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("told", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_me_toos_case_id_cases")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_me_toos_person_id_people")),
        sa.PrimaryKeyConstraint("person_id", "case_id", name=op.f("pk_me_toos")),
    )
    op.create_index(op.f("ix_me_toos_case_id"), "me_toos", ["case_id"], unique=False)
    op.create_index(op.f("ix_me_toos_told_at"), "me_toos", ["told_at"], unique=False)
    op.create_table(
        "area_cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.String(length=30), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lng", sa.Float(), nullable=False),
        sa.Column("radius_m", sa.Integer(), nullable=False),
        sa.Column("words_zh", sa.String(length=200), nullable=False),
        sa.Column("words_en", sa.String(length=300), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_area_cases_case_id_cases")),
        sa.ForeignKeyConstraint(["ended_by"], ["people.id"], name=op.f("fk_area_cases_ended_by_people")),
        sa.ForeignKeyConstraint(["opened_by"], ["people.id"], name=op.f("fk_area_cases_opened_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area_cases")),
    )
    op.create_index("uq_area_cases_now", "area_cases", ["case_id"], unique=True, postgresql_where=_OPEN)
    op.create_index(
        "ix_area_cases_now", "area_cases", ["category", "lat"], unique=False, postgresql_where=_OPEN
    )
    op.create_index(
        "ix_cases_near",
        "cases",
        ["category", "rough_lat"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('cancelled', 'closed', 'merged')"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: a downgrade would lose whom to tell of an end")
