"""The ground: stations, people and their vault, cases, offers, events, outbox, notices, tracking, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("CREATE SCHEMA identity")
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object_kind", sa.String(length=30), nullable=False),
        sa.Column("object_id", sa.String(length=60), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=True),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        sa.UniqueConstraint("seq", name=op.f("uq_audit_log_seq")),
    )
    op.create_index("ix_audit_actor", "audit_log", ["actor_id", "id"], unique=False)
    op.create_index("ix_audit_object", "audit_log", ["object_kind", "object_id", "id"], unique=False)
    op.create_index(
        "ix_audit_unsealed", "audit_log", ["id"], unique=False, postgresql_where=sa.text("seq IS NULL")
    )
    op.create_table(
        "channel_stops",
        sa.Column(
            "channel",
            sa.Enum("official_account", name="channel", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reading", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_stops")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("station_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "data",
            postgresql.JSONB(astext_type=Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_case", "events", ["case_id", "id"], unique=False)
    op.create_table(
        "openids",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.String(length=20), nullable=False),
        sa.Column("openid", sa.LargeBinary(), nullable=False),
        sa.Column("openid_index", sa.LargeBinary(), nullable=False),
        sa.Column("next_index", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openids")),
        sa.UniqueConstraint("app_id", "next_index", name="uq_openids_next"),
        sa.UniqueConstraint("app_id", "openid_index", name="uq_openids_person"),
        schema="identity",
    )
    op.create_index(op.f("ix_openids_person_id"), "openids", ["person_id"], unique=False, schema="identity")
    op.create_table(
        "persons",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("phone_next", sa.LargeBinary(), nullable=True),
        sa.Column("unionid", sa.LargeBinary(), nullable=True),
        sa.Column("unionid_index", sa.LargeBinary(), nullable=True),
        sa.Column("unionid_next", sa.LargeBinary(), nullable=True),
        sa.Column("consent_version", sa.String(length=20), nullable=True),
        sa.Column("consent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_persons")),
        sa.UniqueConstraint("unionid_index", name=op.f("uq_persons_unionid_index")),
        sa.UniqueConstraint("unionid_next", name=op.f("uq_persons_unionid_next")),
        schema="identity",
    )
    op.create_index(
        op.f("ix_persons_phone_index"), "persons", ["phone_index"], unique=False, schema="identity"
    )
    op.create_index(op.f("ix_persons_phone_next"), "persons", ["phone_next"], unique=False, schema="identity")
    op.create_table(
        "inbox",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_inbox")),
    )
    op.create_index("ix_inbox_received", "inbox", ["received_at"], unique=False)
    op.create_table(
        "people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "citizen",
                "officer",
                "auxiliary",
                "staff",
                name="personkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("language", sa.String(length=5), server_default="zh", nullable=False),
        sa.Column("follows", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_table(
        "reaches",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("outcome", sa.String(length=20), server_default="sent", nullable=False),
        sa.PrimaryKeyConstraint("case_id", "epoch", "officer_id", "channel", name=op.f("pk_reaches")),
    )
    op.create_table(
        "socket_tickets",
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("topics", sa.ARRAY(sa.String(length=80)), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_socket_tickets")),
    )
    op.create_table(
        "stations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_en", sa.String(length=80), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=30), server_default="", nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("is_command", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("boundary", postgresql.JSONB(astext_type=Text()), nullable=True),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["stations.id"], name=op.f("fk_stations_parent_id_stations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
        sa.UniqueConstraint("code", name=op.f("uq_stations_code")),
    )
    op.create_index(
        "uq_stations_command", "stations", ["is_command"], unique=True, postgresql_where=sa.text("is_command")
    )
    op.create_table(
        "trail",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lng", sa.Float(), nullable=False),
        sa.Column("accuracy_m", sa.SmallInteger(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "miniprogram",
                "official_account",
                name="fixsource",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
    )
    op.create_index("ix_trail_case", "trail", ["case_id", "fixed_at"], unique=False)
    op.create_table(
        "windows",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("official_account", name="channel", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("long_left", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "long_until", sa.DateTime(timezone=True), server_default=sa.text("'-infinity'"), nullable=False
        ),
        sa.Column("short_left", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "short_until", sa.DateTime(timezone=True), server_default=sa.text("'-infinity'"), nullable=False
        ),
        sa.CheckConstraint("long_left >= 0 AND short_left >= 0", name=op.f("ck_windows_left")),
        sa.PrimaryKeyConstraint("person_id", "channel", name=op.f("pk_windows")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "claimed",
                "assigned",
                "en_route",
                "arrived",
                "handed_over",
                "closed",
                "cancelled",
                "merged",
                name="casestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("previous_state", sa.String(length=20), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reporter_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=True),
        sa.Column("category", sa.String(length=30), nullable=False),
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("text_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("place", sa.LargeBinary(), nullable=True),
        sa.Column("rough_lat", sa.Double(), nullable=True),
        sa.Column("rough_lng", sa.Double(), nullable=True),
        sa.Column("media", sa.ARRAY(sa.String(length=128)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("meet_code", sa.String(length=4), nullable=False),
        sa.Column(
            "kinds", sa.ARRAY(sa.String(length=12)), server_default=sa.text("'{officer}'"), nullable=False
        ),
        sa.Column("skill", sa.String(length=30), nullable=True),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("previous_officer_id", sa.Uuid(), nullable=True),
        sa.Column("desk_person_id", sa.Uuid(), nullable=True),
        sa.Column("excluded", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_ring_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ring", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("en_route_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("silence_s", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("stall_s", sa.SmallInteger(), nullable=False),
        sa.Column("sign_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("act_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("act_step", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "handover_cause",
            sa.Enum(
                "deadline",
                "out_of_hours",
                "no_place",
                "no_scene",
                "nobody_reachable",
                "urgent",
                "flood",
                "forwarded",
                "released",
                "silent",
                "needs_another_unit",
                "returned",
                "not_solved",
                "reopened",
                "not_this_officer",
                name="cause",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("ack_s", sa.SmallInteger(), nullable=False),
        sa.Column("ack_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ack_step", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ringing_id", sa.Uuid(), nullable=True),
        sa.Column("forwards", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("disposition", sa.String(length=30), nullable=True),
        sa.Column("disposition_note", sa.LargeBinary(), nullable=True),
        sa.Column("stars", sa.SmallInteger(), nullable=True),
        sa.Column("rating_words", sa.LargeBinary(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(state IN ('arrived', 'assigned', 'claimed', 'en_route')) = (officer_id IS NOT NULL) OR state IN ('closed','cancelled')",
            name=op.f("ck_cases_holder"),
        ),
        sa.CheckConstraint(
            "handover_cause <> 'deadline' OR handed_over_at >= deadline", name=op.f("ck_cases_never_early")
        ),
        sa.CheckConstraint("claimed_at < deadline", name=op.f("ck_cases_claimed_in_time")),
        sa.CheckConstraint("deadline > reported_at", name=op.f("ck_cases_window")),
        sa.ForeignKeyConstraint(
            ["desk_person_id"], ["people.id"], name=op.f("fk_cases_desk_person_id_people")
        ),
        sa.ForeignKeyConstraint(["merged_into"], ["cases.id"], name=op.f("fk_cases_merged_into_cases")),
        sa.ForeignKeyConstraint(["officer_id"], ["people.id"], name=op.f("fk_cases_officer_id_people")),
        sa.ForeignKeyConstraint(["reporter_id"], ["people.id"], name=op.f("fk_cases_reporter_id_people")),
        sa.ForeignKeyConstraint(["ringing_id"], ["stations.id"], name=op.f("fk_cases_ringing_id_stations")),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name=op.f("fk_cases_station_id_stations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("number", name=op.f("uq_cases_number")),
        sa.UniqueConstraint("reporter_id", "idempotency_key", name="uq_cases_idempotency"),
    )
    op.create_index(
        "ix_cases_ack", "cases", ["ack_by"], unique=False, postgresql_where=sa.text("ack_by IS NOT NULL")
    )
    op.create_index(
        "ix_cases_act", "cases", ["act_by"], unique=False, postgresql_where=sa.text("act_by IS NOT NULL")
    )
    op.create_index(
        "ix_cases_desk",
        "cases",
        ["station_id", "reported_at"],
        unique=False,
        postgresql_where=sa.text("state = 'handed_over'"),
    )
    op.create_index(
        "ix_cases_due", "cases", ["deadline"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index("ix_cases_reporter", "cases", ["reporter_id", "reported_at"], unique=False)
    op.create_index(
        "ix_cases_ring", "cases", ["next_ring_at"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index(
        "uq_cases_officer_active",
        "cases",
        ["officer_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('arrived', 'assigned', 'claimed', 'en_route')"),
    )
    op.create_table(
        "credentials",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(length=40), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_credentials_person_id_people")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_credentials")),
        sa.UniqueConstraint("username", name=op.f("uq_credentials_username")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("official_account", name="channel", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sent",
                "refused",
                "uncertain",
                "dropped",
                "dead",
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="queued",
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reading", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_deliveries_event_id_events")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("event_id", "person_id", "channel", "kind", name="uq_deliveries_once"),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_deliveries_order",
        "deliveries",
        ["person_id", "channel", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["person_id"],
        unique=False,
        postgresql_where=sa.text(
            "seen_at IS NULL AND state IN ('dropped', 'refused', 'uncertain', 'dead')"
        ),
    )
    op.create_table(
        "drafts",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.String(length=30), nullable=True),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("place", sa.LargeBinary(), nullable=True),
        sa.Column("media", sa.ARRAY(sa.String(length=128)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("asked_place", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_drafts_person_id_people")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_drafts")),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("badge", sa.String(length=20), nullable=False),
        sa.Column("code_hash", sa.String(length=200), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries_left", sa.Integer(), server_default=sa.text("5"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tries_left >= 0", name=op.f("ck_invitations_tries")),
        sa.ForeignKeyConstraint(["invited_by"], ["people.id"], name=op.f("fk_invitations_invited_by_people")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_invitations_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
    )
    op.create_index(op.f("ix_invitations_badge"), "invitations", ["badge"], unique=False)
    op.create_index(op.f("ix_invitations_person_id"), "invitations", ["person_id"], unique=False)
    op.create_table(
        "officers",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("badge", sa.String(length=20), nullable=False),
        sa.Column("skills", sa.ARRAY(sa.String(length=30)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("on_duty", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("duty_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_lat", sa.Double(), nullable=True),
        sa.Column("last_lng", sa.Double(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["lead_id"], ["officers.person_id"], name=op.f("fk_officers_lead_id_officers")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_officers_person_id_people")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_officers_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_officers")),
        sa.UniqueConstraint("badge", name=op.f("uq_officers_badge")),
    )
    op.create_index(
        "ix_officers_on_duty", "officers", ["station_id"], unique=False, postgresql_where=sa.text("on_duty")
    )
    op.create_table(
        "outbox",
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_outbox_event_id_events")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_due", "outbox", ["lease_until"], unique=False, postgresql_where=sa.text("dead_at IS NULL")
    )
    op.create_table(
        "roles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "desk",
                "commander",
                "administrator",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("station_id", sa.Uuid(), nullable=True),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column(
            "granted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["granted_by"], ["people.id"], name=op.f("fk_roles_granted_by_people")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_roles_person_id_people")),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name=op.f("fk_roles_station_id_stations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint(
            "person_id", "role", "station_id", name="uq_roles_once", postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index(op.f("ix_roles_person_id"), "roles", ["person_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "audience",
            sa.Enum(
                "miniprogram",
                "console",
                name="audience",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("second_factor", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "used_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sessions_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_person_id"), "sessions", ["person_id"], unique=False)
    op.create_table(
        "station_neighbours",
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("neighbour_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["neighbour_id"], ["stations.id"], name=op.f("fk_station_neighbours_neighbour_id_stations")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_station_neighbours_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("station_id", "neighbour_id", name=op.f("pk_station_neighbours")),
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_approvals_decided_by_people")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_approvals_person_id_people")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_approvals_session_id_sessions")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_approvals_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("session_id", name=op.f("uq_approvals_session_id")),
    )
    op.create_index(op.f("ix_approvals_station_id"), "approvals", ["station_id"], unique=False)
    op.create_table(
        "backups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "joined_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_backups_case_id_cases")),
        sa.ForeignKeyConstraint(["officer_id"], ["people.id"], name=op.f("fk_backups_officer_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
    )
    op.create_index(
        "uq_backups_now",
        "backups",
        ["case_id", "officer_id"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )
    op.create_table(
        "offers",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("ring", sa.SmallInteger(), nullable=False),
        sa.Column("distance_m", sa.Integer(), nullable=True),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column(
            "offered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=30), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_offers_case_id_cases")),
        sa.ForeignKeyConstraint(["officer_id"], ["people.id"], name=op.f("fk_offers_officer_id_people")),
        sa.PrimaryKeyConstraint("case_id", "epoch", "officer_id", name=op.f("pk_offers")),
    )
    op.create_index("ix_offers_officer", "offers", ["officer_id", "offered_at"], unique=False)
    op.create_table(
        "waypoints",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("moment", sa.String(length=10), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lng", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_waypoints_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", "epoch", "moment", name=op.f("pk_waypoints")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: a downgrade would lose what people wrote")
