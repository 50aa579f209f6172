"""argon2id: right, wrong, and nobody's; the dummy costs what a real one costs."""

from __future__ import annotations

from argon2 import extract_parameters

from app.kit.database import Db
from app.people import passwords
from app.people.passwords import hash_secret, is_secret


async def test_a_secret_is_told_from_another(db: Db):
    kept = await hash_secret(db, "correct horse battery")

    assert kept != await hash_secret(db, "correct horse battery")  # a salt of its own
    assert await is_secret(db, kept, "correct horse battery")
    assert not await is_secret(db, kept, "correct horse batterz")
    assert not await is_secret(db, "not a hash", "correct horse battery")


async def test_nobodys_secret_is_never_right_and_costs_the_same(db: Db):
    known = "nobody's password, verified for names that do not exist"

    assert not await is_secret(db, None, known)
    assert extract_parameters(passwords._NOBODYS) == extract_parameters(await hash_secret(db, "x"))
