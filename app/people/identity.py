"""The vault: the only module that reads or writes what identifies a person.

Fields are encrypted for their own row and column, and found by blind index. Reading somebody else's
name or phone goes through `app.people.contact`, which records it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.kit.database import AdvisoryLock, Db, MovesDb
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.people.errors import ConsentMissing, PersonNotFound, UnfitField
from app.people.merging import PERSONS, merge
from app.people.tables import PersonKind

OPENIDS = "identity.openids"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the system knows, without what identifies them."""

    id: UUID
    kind: PersonKind
    language: str  # zh or en
    active: bool


_PERSON = "p.id, p.kind, p.language, p.active"
_BY_OPENID = text(f"""
    SELECT {_PERSON} FROM identity.openids o JOIN people p ON p.id = o.person_id
     WHERE o.app_id = :app_id AND (o.openid_index = ANY(CAST(:values AS bytea[])) OR o.next_index = ANY(CAST(:values AS bytea[])))
     LIMIT 1
""")
_BY_UNIONID = text("""
    SELECT person_id FROM identity.persons
     WHERE unionid_index = ANY(CAST(:values AS bytea[])) OR unionid_next = ANY(CAST(:values AS bytea[])) LIMIT 1
""")
_CLAIM_UNIONID = text("""
    INSERT INTO identity.persons (person_id, unionid, unionid_index, unionid_next)
    VALUES (:person_id, :unionid, :index, :next) ON CONFLICT DO NOTHING RETURNING person_id
""")
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(CAST(:lock AS int), CAST(:key AS int))")
_ADD_UNIONID = text("""
    INSERT INTO identity.persons (person_id, unionid, unionid_index, unionid_next)
    VALUES (:person_id, :unionid, :index, :next)
    ON CONFLICT (person_id) DO UPDATE
       SET unionid = excluded.unionid, unionid_index = excluded.unionid_index, unionid_next = excluded.unionid_next
     WHERE persons.unionid IS NULL
""")
_FREE_UNIONID = text("DELETE FROM identity.persons WHERE person_id = :person_id")
_CLAIM_OPENID = text("""
    INSERT INTO identity.openids (id, person_id, app_id, openid, openid_index, next_index)
    VALUES (:id, :person_id, :app_id, :openid, :index, :next) ON CONFLICT DO NOTHING RETURNING id
""")
_ADD_CITIZEN = text(f"""
    INSERT INTO people AS p (id, kind) VALUES (:id, 'citizen') ON CONFLICT (id) DO NOTHING RETURNING {_PERSON}
""")
_BY_ID = text(f"SELECT {_PERSON} FROM people p WHERE p.id = :id")


async def citizen_of(
    db: Db, runtime: Runtime, *, app_id: str, openid: str, unionid: str | None = None
) -> Person:
    """The person behind an openid, made a citizen at first sight; an officer's bound openid is the officer.

    Two calls at once make one person: the unique blind index decides, and the second waits for the first to
    commit. With `unionid`, the openids that one WeChat user has at our accounts lead to one person; two who were
    known apart until now are merged (`app.people.merging`).
    """
    if unionid:
        for index in sorted(runtime.index.all_of("unionid", unionid)):
            key = int.from_bytes(index[:4], signed=True)
            await db.execute(_ONE_BY_ONE, {"lock": AdvisoryLock.UNIONID, "key": key})
    if found := await person_by_openid(db, runtime, app_id=app_id, openid=openid):
        return await _joined(db, runtime, found, unionid) if unionid else found
    known, person_id = await _person_of_unionid(db, runtime, unionid) if unionid else (False, new_id())
    if not await add_openid(db, runtime, person_id=person_id, app_id=app_id, openid=openid):
        return await _who_was_first(db, runtime, person_id, app_id, openid, known, unionid)
    row = (await db.execute(_ADD_CITIZEN, {"id": person_id})).one_or_none()
    return _person(row or (await db.execute(_BY_ID, {"id": person_id})).one())


async def _who_was_first(
    db: Db, runtime: Runtime, mine: UUID, app_id: str, openid: str, known: bool, unionid: str | None
) -> Person:
    if unionid and not known:
        await db.execute(_FREE_UNIONID, {"person_id": mine})
    found = await person_by_openid(db, runtime, app_id=app_id, openid=openid)
    if found is None:
        raise RuntimeError(
            "an openid met itself and was not found: is DIDI_INDEX_KEY the same in every process?"
        )
    return await _joined(db, runtime, found, unionid) if unionid else found


async def person_by_openid(db: Db | MovesDb, runtime: Runtime, *, app_id: str, openid: str) -> Person | None:
    """The person bound to an openid at one of our accounts, or None."""
    values = {"app_id": app_id, "values": runtime.index.all_of("openid", openid)}
    row = (await db.execute(_BY_OPENID, values)).one_or_none()
    return _person(row) if row else None


async def person(db: Db | MovesDb, person_id: UUID) -> Person:
    """A person by id.

    Raises:
        PersonNotFound: nobody has this id.
    """
    row = (await db.execute(_BY_ID, {"id": person_id})).one_or_none()
    if row is None:
        raise PersonNotFound(person_id=person_id)
    return _person(row)


async def add_openid(db: Db, runtime: Runtime, *, person_id: UUID, app_id: str, openid: str) -> bool:
    """Bind an openid to a person; False when it is bound already, to anybody."""
    row_id = new_id()
    values = {
        "id": row_id, "person_id": person_id, "app_id": app_id,
        "openid": runtime.keys.encrypt(openid, table=OPENIDS, row=str(row_id), column="openid"),
        "index": runtime.index.of("openid", openid), "next": runtime.index.next_of("openid", openid),
    }  # fmt: skip
    return (await db.execute(_CLAIM_OPENID, values)).one_or_none() is not None


_UNBIND = text("DELETE FROM identity.openids WHERE person_id = :person_id")
_UNBIND_UNIONID = text("""
    UPDATE identity.persons SET unionid = NULL, unionid_index = NULL, unionid_next = NULL WHERE person_id = :person_id
""")
_HAS_UNIONID = text("""
    SELECT EXISTS (SELECT FROM identity.persons WHERE person_id = :person_id AND unionid IS NOT NULL)
""")


async def unbind(db: Db, person_id: UUID) -> None:
    """Take the WeChat account from a person, at all accounts of ours: nothing is written to it any more."""
    await db.execute(_UNBIND, {"person_id": person_id})
    await db.execute(_UNBIND_UNIONID, {"person_id": person_id})


_APP_IDS = text("SELECT DISTINCT app_id FROM identity.openids WHERE person_id = :person_id")


async def bound_at(db: Db | MovesDb, person_id: UUID) -> frozenset[str]:
    """The AppIDs of our accounts at which a person is known."""
    return frozenset((await db.execute(_APP_IDS, {"person_id": person_id})).scalars())


_UNIONID = text("SELECT unionid FROM identity.persons WHERE person_id = :person_id AND unionid IS NOT NULL")


async def unionid_of(db: Db | MovesDb, runtime: Runtime, person_id: UUID) -> str | None:
    """What joins a person's openids at all our accounts, if it is known."""
    sealed = (await db.execute(_UNIONID, {"person_id": person_id})).scalar_one_or_none()
    return _open(runtime, person_id, "unionid", sealed) if sealed is not None else None


async def has_unionid(db: Db | MovesDb, person_id: UUID) -> bool:
    """Whether it is known who this person is at our other accounts."""
    return bool((await db.execute(_HAS_UNIONID, {"person_id": person_id})).scalar_one())


_OPENID = text("""
    SELECT id, openid FROM identity.openids WHERE person_id = :person_id AND app_id = :app_id ORDER BY id DESC LIMIT 1
""")


async def openid_of(db: Db | MovesDb, runtime: Runtime, person_id: UUID, app_id: str) -> str | None:
    """The openid to write to a person at one of our accounts; None when they are not known there."""
    row = (await db.execute(_OPENID, {"person_id": person_id, "app_id": app_id})).one_or_none()
    return runtime.keys.decrypt(row.openid, table=OPENIDS, row=str(row.id), column="openid") if row else None


_OFFICERS_AT = text("""
    SELECT o.id, o.openid FROM identity.openids o JOIN people p ON p.id = o.person_id JOIN officers f ON f.person_id = p.id
     WHERE o.app_id = :app_id AND p.active AND p.follows
""")


@dataclass(frozen=True, slots=True)
class OfficersOpenids:
    """The openids of officers at one account. `rows` changes whenever one comes or goes."""

    rows: frozenset[UUID]
    openids: frozenset[str] = field(repr=False)


async def openids_of_officers(
    db: Db | MovesDb, runtime: Runtime, app_id: str, *, unless: frozenset[UUID] | None = None
) -> OfficersOpenids | None:
    """Active officers who follow this account; None when their rows are those of `unless`: nothing is decrypted."""
    found = (await db.execute(_OFFICERS_AT, {"app_id": app_id})).all()
    rows = frozenset(UUID(str(r.id)) for r in found)
    if rows == unless:
        return None
    openids = (runtime.keys.decrypt(r.openid, table=OPENIDS, row=str(r.id), column="openid") for r in found)
    return OfficersOpenids(rows, frozenset(openids))


async def _person_of_unionid(db: Db, runtime: Runtime, unionid: str) -> tuple[bool, UUID]:
    """(known before, the person's id): a new id has the unionid to itself from here on."""
    mine = new_id()
    if (await db.execute(_CLAIM_UNIONID, _unionid_values(runtime, mine, unionid))).one_or_none():
        return False, mine
    values = {"values": runtime.index.all_of("unionid", unionid)}
    return True, (await db.execute(_BY_UNIONID, values)).scalar_one()


async def _joined(db: Db, runtime: Runtime, known: Person, unionid: str) -> Person:
    """Note a unionid that came later than the openid; when somebody else has it, the two become one."""
    values = {"values": runtime.index.all_of("unionid", unionid)}
    owner = (await db.execute(_BY_UNIONID, values)).scalar_one_or_none()
    if owner is None:
        try:
            async with db.begin_nested():
                await db.execute(_ADD_UNIONID, _unionid_values(runtime, known.id, unionid))
            return known
        except IntegrityError:  # another transaction gave it to somebody meanwhile
            owner = (await db.execute(_BY_UNIONID, values)).scalar_one()
    if owner == known.id:
        return known
    staying = await merge(db, runtime, known.id, owner)
    return await person(db, staying) if staying else known


def _unionid_values(runtime: Runtime, person_id: UUID, unionid: str) -> dict[str, object]:
    return {
        "person_id": person_id,
        "unionid": runtime.keys.encrypt(unionid, table=PERSONS, row=str(person_id), column="unionid"),
        "index": runtime.index.of("unionid", unionid), "next": runtime.index.next_of("unionid", unionid),
    }  # fmt: skip


_SET = text("""
    INSERT INTO identity.persons AS i (person_id, name, phone, phone_index, phone_next, consent_version, consent_at)
    VALUES (:person_id, CAST(:name AS bytea), CAST(:phone AS bytea), CAST(:index AS bytea), CAST(:next AS bytea),
            CAST(:consent AS text), CASE WHEN CAST(:consent AS text) IS NOT NULL THEN clock_timestamp() END)
    ON CONFLICT (person_id) DO UPDATE SET
        name = coalesce(excluded.name, i.name), phone = coalesce(excluded.phone, i.phone),
        phone_index = coalesce(excluded.phone_index, i.phone_index),
        phone_next = coalesce(excluded.phone_next, i.phone_next),
        consent_version = coalesce(excluded.consent_version, i.consent_version),
        consent_at = coalesce(excluded.consent_at, i.consent_at)
""")
_CONSENT = text("""
    SELECT p.kind, i.consent_version FROM people p LEFT JOIN identity.persons i ON i.person_id = p.id WHERE p.id = :id
""")


async def set_identity(
    db: Db,
    runtime: Runtime,
    person_id: UUID,
    *,
    name: str | None = None,
    phone: str | None = None,
    consent: str | None = None,
) -> None:
    """Write a name or phone; None leaves what is there. `consent`: the version of the rules just agreed to.

    A citizen's fields need consent, now or before; an officer's and staff's are kept for their employment.

    Raises:
        PersonNotFound: nobody has this id. ConsentMissing: a citizen has agreed to no version yet.
        UnfitField: a name of 1 to 60 characters, a phone of 5 to 15 digits with an optional +.
    """
    row = (await db.execute(_CONSENT, {"id": person_id})).one_or_none()
    if row is None:
        raise PersonNotFound(person_id=person_id)
    if row.kind == PersonKind.CITIZEN and not (consent or row.consent_version):
        raise ConsentMissing(person_id=person_id)
    number = _number(phone) if phone is not None else None
    values = {
        "person_id": person_id, "consent": consent,
        "name": _seal(runtime, person_id, "name", _called(name) if name is not None else None),
        "phone": _seal(runtime, person_id, "phone", number),
        "index": runtime.index.of("phone", number) if number else None,
        "next": runtime.index.next_of("phone", number) if number else None,
    }  # fmt: skip
    await db.execute(_SET, values)


_WITHDRAW = text("""
    UPDATE identity.persons SET name = NULL, phone = NULL, phone_index = NULL, phone_next = NULL,
           consent_version = NULL, consent_at = NULL
     WHERE person_id = :id
""")


async def withdraw_consent(db: Db, person_id: UUID) -> None:
    """A citizen takes consent back: name and phone are erased at once; the openid stays, or we could not answer."""
    await db.execute(_WITHDRAW, {"id": person_id})


_FIELDS = text(
    "SELECT person_id, name, phone FROM identity.persons WHERE person_id = ANY(CAST(:ids AS uuid[]))"
)


async def name_of(db: Db | MovesDb, runtime: Runtime, person_id: UUID) -> str | None:
    """A person's name, for themselves or inside a verb that records the look; None when unknown."""
    return (await names_of(db, runtime, [person_id])).get(person_id)


async def names_of(db: Db | MovesDb, runtime: Runtime, person_ids: Collection[UUID]) -> dict[UUID, str]:
    """Names of several people, those that are known, by one statement."""
    rows = (await db.execute(_FIELDS, {"ids": list(person_ids)})).all()
    return {r.person_id: _open(runtime, r.person_id, "name", r.name) for r in rows if r.name is not None}


async def phone_of(db: Db | MovesDb, runtime: Runtime, person_id: UUID) -> str | None:
    """A person's phone, under the same rule as `name_of`."""
    row = (await db.execute(_FIELDS, {"ids": [person_id]})).one_or_none()
    return _open(runtime, person_id, "phone", row.phone) if row and row.phone is not None else None


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of who a person is. `openids`: by AppID."""

    name: str | None
    phone: str | None
    unionid: str | None
    openids: tuple[tuple[str, str], ...]
    consent_version: str | None
    consent_at: datetime | None
    language: str
    follows: bool
    known_since: datetime


_HELD = text("""
    SELECT p.language, p.follows, p.created_at, i.name, i.phone, i.unionid, i.consent_version, i.consent_at
      FROM people p LEFT JOIN identity.persons i ON i.person_id = p.id WHERE p.id = :id
""")
_OPENIDS = text("SELECT id, app_id, openid FROM identity.openids WHERE person_id = :id ORDER BY id")
_ERASE = (
    text("DELETE FROM identity.openids WHERE person_id = :id"),
    text("DELETE FROM identity.persons WHERE person_id = :id"),
    text(
        "UPDATE people SET active = FALSE, follows = FALSE, near_station_id = NULL, near_station_at = NULL, erased_at = clock_timestamp() WHERE id = :id"
    ),
)


async def held_of(db: Db, runtime: Runtime, person_id: UUID) -> Held:
    """Everything in the vault about a person, for that person alone.

    Raises:
        PersonNotFound: nobody has this id.
    """
    row = (await db.execute(_HELD, {"id": person_id})).one_or_none()
    if row is None:
        raise PersonNotFound(person_id=person_id)
    fields = {
        column: _open(runtime, person_id, column, value)
        if (value := getattr(row, column)) is not None
        else None
        for column in ("name", "phone", "unionid")
    }
    openids = [
        (o.app_id, runtime.keys.decrypt(o.openid, table=OPENIDS, row=str(o.id), column="openid"))
        for o in await db.execute(_OPENIDS, {"id": person_id})
    ]
    return Held(
        **fields, openids=tuple(openids), consent_version=row.consent_version, consent_at=row.consent_at,
        language=row.language, follows=row.follows, known_since=row.created_at,
    )  # fmt: skip


async def erase_identity(db: Db, person_id: UUID) -> None:
    """Erase everything that identifies a person; the id stays, and leads to nobody."""
    for statement in _ERASE:
        await db.execute(statement, {"id": person_id})


def name_in_part(name: str) -> str:
    """What a citizen is told of an officer's name: the first character, the rest veiled (王小明: 王**)."""
    return name[:1] + "*" * max(1, len(name) - 1)


_FOLLOWS = text("UPDATE people SET follows = :follows WHERE id = :id")
_LANGUAGE = text("UPDATE people SET language = :language WHERE id = :id")


async def note_following(db: Db, person_id: UUID, *, follows: bool) -> None:
    """Whether the person follows the Official Account, as its events say."""
    await db.execute(_FOLLOWS, {"id": person_id, "follows": follows})


async def set_language(db: Db, person_id: UUID, language: str) -> None:
    """What language a person is written in.

    Raises:
        UnfitField: neither zh nor en.
    """
    if language not in ("zh", "en"):
        raise UnfitField("language must be zh or en")
    await db.execute(_LANGUAGE, {"id": person_id, "language": language})


def _person(row: Any) -> Person:  # a Row of _PERSON
    return Person(row.id, PersonKind(row.kind), row.language, row.active)


def _seal(runtime: Runtime, person_id: UUID, column: str, value: str | None) -> bytes | None:
    return (
        runtime.keys.encrypt(value, table=PERSONS, row=str(person_id), column=column)
        if value is not None
        else None
    )


def _open(runtime: Runtime, person_id: UUID, column: str, value: bytes) -> str:
    return runtime.keys.decrypt(value, table=PERSONS, row=str(person_id), column=column)


def _called(name: str) -> str:
    trimmed = " ".join(name.split())
    if not 1 <= len(trimmed) <= 60:
        raise UnfitField("name must have 1 to 60 characters")
    return trimmed


def _number(phone: str) -> str:
    digits = re.sub(r"[\s()\-]", "", phone)
    if not re.fullmatch(r"\+?[0-9]{5,15}", digits):
        raise UnfitField("phone must have 5 to 15 digits with an optional + before them")
    return digits.removeprefix("+86")
