"""Officers in the chat; residents and what they ask their community officer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0005"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("ALTER TABLE sessions DROP CONSTRAINT IF EXISTS ck_sessions_audience")
    op.execute("ALTER TABLE sessions DROP CONSTRAINT IF EXISTS audience")
    op.execute(
        "ALTER TABLE sessions ADD CONSTRAINT ck_sessions_audience"
        " CHECK (audience IN ('miniprogram', 'official_account', 'console'))"
    )
    op.add_column("people", sa.Column("near_station_id", sa.Uuid(), nullable=True))
    op.add_column("people", sa.Column("near_station_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_people_near_station_id_stations"), "people", "stations", ["near_station_id"], ["id"]
    )
    op.create_table(
        "officer_chats",
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_officer_chats_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.person_id"], name=op.f("fk_officer_chats_officer_id_officers")
        ),
        sa.PrimaryKeyConstraint("officer_id", name=op.f("pk_officer_chats")),
    )
    op.create_table(
        "residents",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.person_id"], name=op.f("fk_residents_officer_id_officers")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_residents_person_id_people")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_residents_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_residents")),
    )
    op.create_index("ix_residents_officer_id", "residents", ["officer_id"], unique=False)
    op.create_table(
        "questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.String(length=20), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["answered_by"], ["people.id"], name=op.f("fk_questions_answered_by_people")),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.person_id"], name=op.f("fk_questions_officer_id_officers")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_questions_person_id_people")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_questions_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
        sa.UniqueConstraint("person_id", "key", name="uq_questions_key"),
    )
    op.create_index(
        "uq_questions_number", "questions", ["officer_id", "number"], unique=True,
        postgresql_where=sa.text("answered_at IS NULL AND handed_at IS NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_questions_desk", "questions", ["station_id", "asked_at"], unique=False,
        postgresql_where=sa.text("answered_at IS NULL AND handed_at IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_questions_answered", "questions", ["answered_at"], unique=False,
        postgresql_where=sa.text("answered_at IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    raise NotImplementedError("restore a backup: a downgrade would lose what residents asked")
