"""argon2id: right, wrong, and nobody's; the dummy costs what a real one costs."""

from __future__ import annotations

from argon2 import extract_parameters

from app.people import passwords
from app.people.passwords import hash_secret, is_secret


async def test_a_secret_is_told_from_another():
    kept = await hash_secret("correct horse battery")

    assert kept != await hash_secret("correct horse battery")  # a salt of its own
    assert await is_secret(kept, "correct horse battery")
    assert not await is_secret(kept, "correct horse batterz")
    assert not await is_secret("not a hash", "correct horse battery")


async def test_nobodys_secret_is_never_right_and_costs_the_same():
    known = "nobody's password, verified for names that do not exist"

    assert not await is_secret(None, known)
    assert extract_parameters(passwords._NOBODYS) == extract_parameters(await hash_secret("x"))
