"""People, roles, sessions, invitations; and the vault of what identifies them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base, text_enum
from app.kit.ids import new_id


class PersonKind(StrEnum):
    """What a person is; what they may do is their roles."""

    CITIZEN = "citizen"
    OFFICER = "officer"
    AUXILIARY = "auxiliary"
    STAFF = "staff"  # signs in to the console: desk, commander, administrator, auditor


class Role(StrEnum):
    """What a person may do, for one station or (station_id None) for all."""

    DESK = "desk"
    COMMANDER = "commander"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Audience(StrEnum):
    """Which door a session opens."""

    MINIPROGRAM = "miniprogram"
    OFFICIAL_ACCOUNT = "official_account"  # an officer in the chat; no token leaves the server
    CONSOLE = "console"


class PersonRow(Base):
    """Anyone the system knows."""

    __tablename__ = "people"
    __table_args__ = (
        Index(
            "ix_people_merged", "merged_at", postgresql_where=text("merged_into IS NOT NULL")
        ),  # gather_merged()
        Index("ix_people_erased", "id", postgresql_where=text("erased_at IS NOT NULL")),  # erase_words()
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[PersonKind] = mapped_column(text_enum(PersonKind))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    language: Mapped[str] = mapped_column(String(5), server_default="zh")  # zh or en
    follows: Mapped[bool] = mapped_column(server_default=text("true"))  # still follows the Official Account
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))  # the same human, known twice
    merged_at: Mapped[datetime | None]
    near_station_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("stations.id")
    )  # whose code they scanned last
    near_station_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]  # their wish: words of their cases go when their time is over


class OfficerRow(Base):
    """An officer or auxiliary: the facts about duty that PostgreSQL decides."""

    __tablename__ = "officers"
    __table_args__ = (
        Index("ix_officers_on_duty", "station_id", postgresql_where=text("on_duty")),  # on_duty()
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))
    badge: Mapped[str] = mapped_column(String(20), unique=True)
    skills: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default=text("'{}'"))
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("officers.person_id"))  # claims for its crew
    on_duty: Mapped[bool] = mapped_column(server_default=text("false"))
    duty_since: Mapped[datetime | None]
    last_lat: Mapped[float | None]  # rounded to 300 m, for offers while the phone sleeps
    last_lng: Mapped[float | None]
    last_seen_at: Mapped[datetime | None]


class RoleRow(Base):
    """A role of a person, at one station or at all of them."""

    __tablename__ = "roles"
    __table_args__ = (
        UniqueConstraint(
            "person_id", "role", "station_id", name="uq_roles_once", postgresql_nulls_not_distinct=True
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), index=True)
    role: Mapped[Role] = mapped_column(text_enum(Role))
    station_id: Mapped[UUID | None] = mapped_column(ForeignKey("stations.id"))
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    granted_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class SessionRow(Base):
    """A signed-in client. Only the SHA-256 of its 256-bit token is kept."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), index=True)
    audience: Mapped[Audience] = mapped_column(text_enum(Audience))
    second_factor: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    used_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class InvitationRow(Base):
    """A one-time code that binds an officer's phone to their account."""

    __tablename__ = "invitations"
    __table_args__ = (CheckConstraint("tries_left >= 0", name="tries"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), index=True)
    badge: Mapped[str] = mapped_column(String(20), index=True)  # typed beside the code
    code_hash: Mapped[str] = mapped_column(String(200))  # argon2id
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    expires_at: Mapped[datetime]
    tries_left: Mapped[int] = mapped_column(server_default=text("5"))  # WeChat accounts that may still try
    used_at: Mapped[datetime | None]


class InvitationTryRow(Base):
    """A WeChat account that tried an invitation, as an HMAC: it takes one of the five places, however often it tries."""

    __tablename__ = "invitation_tries"

    invitation_id: Mapped[UUID] = mapped_column(ForeignKey("invitations.id"), primary_key=True)
    caller_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class CredentialRow(Base):
    """How a person proves to be themselves at the console, or gives a second factor."""

    __tablename__ = "credentials"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    username: Mapped[str | None] = mapped_column(String(40), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))  # argon2id
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
    totp_step: Mapped[int] = mapped_column(server_default=text("0"))  # newest used step: a code works once
    failed: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]
    strangers_at: Mapped[datetime | None]  # sign-in by unknown browsers: how far their tries are spent ahead


class GuessRow(Base):
    """How often somebody guessed wrong in a row; who and at what stands in the HMAC."""

    __tablename__ = "guesses"
    __table_args__ = (Index("ix_guesses_tried", "tried_at"),)  # forget()

    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failed: Mapped[int]
    locked_until: Mapped[datetime | None]
    tried_at: Mapped[datetime]


class DeviceRow(Base):
    """A browser that signed a person in. Only the SHA-256 of its 256-bit token is kept."""

    __tablename__ = "devices"
    __table_args__ = (
        UniqueConstraint("person_id", "token_hash", name="uq_devices_once"),
        Index("ix_devices_token", "token_hash"),  # is_known()
        Index("ix_devices_used", "used_at"),  # forget()
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class ApprovalRow(Base):
    """A sign-in of an officer that waits for the desk to say yes, in place of TOTP."""

    __tablename__ = "approvals"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id"), unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), index=True)
    asked_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    approved: Mapped[bool | None]


class IdentityRow(Base):
    """What identifies a person: encrypted per field, read through `app.people.identity` alone.

    An index stands twice: under the present key and under the next, which are the same key unless
    `DIDI_INDEX_KEY` is being rotated. Both are unique where the person must be, so that a process that
    already holds only the new key and one that still holds both cannot make two persons of one.
    """

    __tablename__ = "persons"
    __table_args__ = ({"schema": "identity"},)

    person_id: Mapped[UUID] = mapped_column(primary_key=True)  # no foreign key: the vault can be moved away
    name: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    phone_next: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    unionid: Mapped[bytes | None] = mapped_column(LargeBinary)  # the same at all accounts of one owner
    unionid_index: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    unionid_next: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    consent_version: Mapped[str | None] = mapped_column(String(20))
    consent_at: Mapped[datetime | None]


class OpenidRow(Base):
    """A person's openid at one account of ours, found by its blind index."""

    __tablename__ = "openids"
    __table_args__ = (
        UniqueConstraint("app_id", "openid_index", name="uq_openids_person"),
        UniqueConstraint("app_id", "next_index", name="uq_openids_next"),  # IdentityRow says why both
        {"schema": "identity"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(index=True)
    app_id: Mapped[str] = mapped_column(String(20))
    openid: Mapped[bytes] = mapped_column(LargeBinary)
    openid_index: Mapped[bytes] = mapped_column(LargeBinary)
    next_index: Mapped[bytes] = mapped_column(LargeBinary)
