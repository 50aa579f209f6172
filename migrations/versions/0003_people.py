"""Guesses counted against who guesses, known browsers, and people merged into one or erased at their wish."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "guesses",
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_guesses")),
    )
    op.create_index("ix_guesses_tried", "guesses", ["tried_at"])
    op.create_table(
        "devices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_devices_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("person_id", "token_hash", name="uq_devices_once"),
    )
    op.create_index("ix_devices_token", "devices", ["token_hash"])
    op.create_index("ix_devices_used", "devices", ["used_at"])
    op.create_table(
        "invitation_tries",
        sa.Column("invitation_id", sa.Uuid(), nullable=False),
        sa.Column("caller_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_invitation_tries_invitation_id_invitations")
        ),
        sa.PrimaryKeyConstraint("invitation_id", "caller_hash", name=op.f("pk_invitation_tries")),
    )
    op.add_column("credentials", sa.Column("strangers_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("people", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.add_column("people", sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("people", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(op.f("fk_people_merged_into_people"), "people", "people", ["merged_into"], ["id"])
    op.create_index(
        "ix_people_merged", "people", ["merged_at"], postgresql_where=sa.text("merged_into IS NOT NULL")
    )
    op.create_index("ix_people_erased", "people", ["id"], postgresql_where=sa.text("erased_at IS NOT NULL"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup: a downgrade would lose what people wrote")
