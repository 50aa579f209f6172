"""The audit chain: sealed without gaps whatever commits, and an export in which every alteration shows."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.audit import verify as checker
from app.audit.errors import PurposeMissing
from app.audit.export import export, public_key
from app.audit.seal import BATCH, seal
from app.audit.service import record_act, stated
from app.audit.verify import NotCanonical, Signature, canonical, chain_hash, verify
from app.kit.ids import new_id
from app.kit.runtime import Runtime

Acts = Callable[[int], Awaitable[None]]


@pytest.fixture
def acts(runtime: Runtime) -> Acts:
    """Records so many acts, each in a transaction of its own."""

    async def record(count: int) -> None:
        for number in range(count):
            async with runtime.database.transaction() as db:
                await record_act(
                    db, actor_id=new_id(), action="case_read", object_kind="case", object_id=new_id(),
                    purpose="接警回访", facts={"n": number, "b": [True, None, "é\n\"/ "]},
                )  # fmt: skip

    return record


async def _sealed(runtime: Runtime) -> list[int]:
    async with runtime.database.moves() as db:
        return list(
            (await db.execute(text("SELECT seq FROM audit_log WHERE seq IS NOT NULL ORDER BY seq"))).scalars()
        )


async def test_an_act_that_rolls_back_leaves_no_trace_and_no_gap(runtime: Runtime, acts: Acts):
    await acts(2)
    async with runtime.database.transaction() as db:
        await record_act(db, actor_id=None, action="lost", object_kind="case", object_id="1")
        await db.rollback()
    await acts(2)

    sealed = await seal(runtime)

    assert sealed == 4
    assert await _sealed(runtime) == [1, 2, 3, 4]


async def test_an_act_that_commits_late_is_sealed_later_without_a_gap(runtime: Runtime, acts: Acts):
    async with runtime.database.transaction() as slow:
        early = await record_act(slow, actor_id=None, action="slow", object_kind="case", object_id="1")
        await acts(3)
        assert await seal(runtime) == 3
    assert await seal(runtime) == 1

    async with runtime.database.moves() as db:
        row = (await db.execute(text("SELECT seq FROM audit_log WHERE id = :id"), {"id": early})).scalar_one()
    assert row == 4


async def test_ten_sealers_at_once_make_one_chain(runtime: Runtime, acts: Acts, tmp_path: Path):
    await acts(40)

    sealed = 0
    while not await _all_sealed(runtime):
        sealed += sum(await asyncio.gather(*(seal(runtime) for _ in range(10))))

    assert sealed == 40
    assert await _sealed(runtime) == list(range(1, 41))
    exported = await export(runtime, tmp_path / "audit.jsonl")
    assert verify(exported.path).sound


async def _all_sealed(runtime: Runtime) -> bool:
    async with runtime.database.moves() as db:
        return not (await db.execute(text("SELECT count(*) FROM audit_log WHERE seq IS NULL"))).scalar_one()


async def test_a_sealer_that_finds_another_at_work_does_nothing(runtime: Runtime, acts: Acts):
    await acts(1)
    async with runtime.database.transaction() as other:
        await other.execute(text("SELECT pg_advisory_xact_lock(7120111)"))

        assert await seal(runtime) == 0

    assert await seal(runtime) == 1


async def test_more_than_a_batch_is_sealed_in_several(runtime: Runtime):
    async with runtime.database.moves() as db:
        await db.execute(
            text(
                "INSERT INTO audit_log (action, object_kind, object_id)"
                " SELECT 'read', 'case', n::text FROM generate_series(1, :count) n"
            ),
            {"count": BATCH + 1},
        )

    assert [await seal(runtime), await seal(runtime), await seal(runtime)] == [BATCH, 1, 0]


async def test_an_export_is_sound_by_the_published_key(runtime: Runtime, acts: Acts, tmp_path: Path):
    await acts(25)

    exported = await export(runtime, tmp_path / "audit.jsonl")
    verdict = verify(exported.path, public_key(runtime))

    assert verdict.sound
    assert verdict.problems == ()
    assert (verdict.entries, verdict.last_hash) == (25, exported.last_hash)
    assert verdict.signature is Signature.VALID
    assert verify(exported.path).signature is Signature.SELF_CONSISTENT
    assert exported.path.stat().st_mode & 0o777 == 0o600


async def test_an_empty_log_exports_and_verifies(runtime: Runtime, tmp_path: Path):
    exported = await export(runtime, tmp_path / "audit.jsonl")

    verdict = verify(exported.path, exported.public_key)

    assert verdict.sound
    assert (verdict.entries, verdict.last_hash) == (0, "00" * 32)


async def test_a_later_export_begins_with_the_earlier_one(runtime: Runtime, acts: Acts, tmp_path: Path):
    await acts(3)
    first = await export(runtime, tmp_path / "first.jsonl")
    await acts(3)
    second = await export(runtime, tmp_path / "second.jsonl")

    lines = second.path.read_bytes().splitlines()
    assert lines[: first.count] == first.path.read_bytes().splitlines()[:-1]
    assert json.loads(lines[first.count - 1])["hash"] == first.last_hash


async def test_the_checker_runs_alone_with_the_standard_library(runtime: Runtime, acts: Acts, tmp_path: Path):
    await acts(3)
    exported = await export(runtime, tmp_path / "audit.jsonl")
    alone = tmp_path / "verify.py"
    alone.write_bytes(Path(checker.__file__).read_bytes())

    # -S and -I: no site-packages and nothing of ours; so no cryptography, and it says so.
    run = [sys.executable, "-I", "-S", str(alone), str(exported.path)]
    done = await asyncio.to_thread(subprocess.run, run, capture_output=True, text=True, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "sound: 3 entries" in done.stdout
    assert "not checked" in done.stdout


async def _file(runtime: Runtime, acts: Acts, folder: Path) -> tuple[Path, list[bytes]]:
    await acts(6)
    exported = await export(runtime, folder / "audit.jsonl")
    return exported.path, exported.path.read_bytes().splitlines(keepends=True)


def _change(lines: list[bytes]) -> list[bytes]:
    entry = json.loads(lines[2])
    entry["purpose"] = "另一个理由"
    return [*lines[:2], canonical(entry) + b"\n", *lines[3:]]


def _change_and_hash_anew(lines: list[bytes]) -> list[bytes]:
    entry = json.loads(lines[2])
    del entry["hash"]
    entry["actor_id"] = None
    entry["hash"] = chain_hash(bytes.fromhex(json.loads(lines[1])["hash"]), entry).hex()
    return [*lines[:2], canonical(entry) + b"\n", *lines[3:]]


def _forge_all(lines: list[bytes]) -> list[bytes]:
    """Everything hashed anew after a change and signed by a key of the forger's own."""
    previous, forged = bytes(32), []
    for line in lines[:-1]:
        entry = json.loads(line) | {"actor_id": None}
        del entry["hash"]
        previous = chain_hash(previous, entry)
        forged.append(canonical(entry | {"hash": previous.hex()}) + b"\n")
    key = Ed25519PrivateKey.generate()
    closing = json.loads(lines[-1]) | {
        "last_hash": previous.hex(), "public_key": key.public_key().public_bytes_raw().hex()
    }  # fmt: skip
    closing["signature"] = key.sign(checker.signed_bytes(closing)).hex()
    return [*forged, canonical(closing) + b"\n"]


def _cut_and_close_anew(lines: list[bytes]) -> list[bytes]:
    closing = json.loads(lines[-1]) | {"count": 4, "last_hash": json.loads(lines[3])["hash"]}
    return [*lines[:4], canonical(closing) + b"\n"]


ATTACKS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a changed entry": (_change, "line 3: its hash does not follow"),
    "a changed entry, hashed anew": (_change_and_hash_anew, "line 4: its hash does not follow"),
    "an entry left out": (lambda ls: [*ls[:2], *ls[3:]], "line 3: has seq 4 where 3 must stand"),
    "the first left out": (lambda ls: ls[1:], "line 1: has seq 2 where 1 must stand"),
    "two swapped": (lambda ls: [ls[0], ls[2], ls[1], *ls[3:]], "line 2: has seq 3 where 2 must stand"),
    "one twice": (lambda ls: [*ls[:3], ls[2], *ls[3:]], "line 4: has seq 3 where 4 must stand"),
    "the end cut off": (lambda ls: ls[:4], "closing line is missing"),
    "the last entry cut off": (lambda ls: [*ls[:5], ls[6]], "says 6 entries, the file has 5"),
    "cut inside a line": (lambda ls: [*ls[:3], ls[3][:40]], "line 4: "),
    "cut and closed anew": (_cut_and_close_anew, "signature of the closing line is invalid"),
    "appended": (lambda ls: [*ls, ls[0]], "line 8: something follows the closing line"),
    "white space added": (lambda ls: [ls[0].replace(b":", b": ", 1), *ls[1:]], "line 1: is not spelled"),
    "a key twice": (
        lambda ls: [ls[0].replace(b'{"', b'{"action":"x","', 1), *ls[1:]],
        "line 1: is not an entry",
    ),
    "a blank line": (lambda ls: [*ls[:2], b"\n", *ls[2:]], "line 3: is not an entry"),
    "not UTF-8": (lambda ls: [b"\xff\xfe\n", *ls], "line 1: is not an entry"),
    "the signature removed": (
        lambda ls: [
            *ls[:-1],
            canonical({k: v for k, v in json.loads(ls[-1]).items() if k != "signature"}) + b"\n",
        ],
        "signature of the closing line is absent",
    ),
    "a forger's own key": (_forge_all, "signature of the closing line is invalid"),
    "an empty file": (lambda _: [], "closing line is missing"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_every_alteration_shows(runtime: Runtime, acts: Acts, tmp_path: Path, attack: str):
    path, lines = await _file(runtime, acts, tmp_path)
    alter, said = ATTACKS[attack]
    path.write_bytes(b"".join(alter(lines)))

    verdict = verify(path, public_key(runtime))

    assert not verdict.sound
    assert any(said in problem for problem in verdict.problems), verdict.problems
    assert checker.main([str(path), public_key(runtime)]) == 1


async def test_every_single_byte_of_an_export_counts(runtime: Runtime, acts: Acts, tmp_path: Path):
    await acts(1)
    exported = await export(runtime, tmp_path / "audit.jsonl")
    original = exported.path.read_bytes()
    altered = tmp_path / "altered.jsonl"

    missed = []
    for place in range(len(original)):
        altered.write_bytes(original[:place] + bytes((original[place] ^ 1,)) + original[place + 1 :])
        if verify(altered, exported.public_key).sound:
            missed.append(place)

    assert missed == []


async def test_a_change_by_the_tables_owner_shows_in_the_next_export(
    runtime: Runtime, acts: Acts, tmp_path: Path
):
    await acts(3)
    await seal(runtime)
    async with runtime.database.moves() as db:
        await db.execute(text("ALTER TABLE audit_log DISABLE TRIGGER audit_append_only"))
        try:
            await db.execute(text("UPDATE audit_log SET actor_id = NULL WHERE seq = 2"))
        finally:
            await db.execute(text("ALTER TABLE audit_log ENABLE TRIGGER audit_append_only"))

    verdict = verify((await export(runtime, tmp_path / "audit.jsonl")).path)

    assert not verdict.sound
    assert verdict.problems == ("line 2: its hash does not follow from its content and the entry before it",)


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor_id = NULL",
        "UPDATE audit_log SET facts = '{}', seq = 9",
        "UPDATE audit_log SET at = clock_timestamp()",
        "DELETE FROM audit_log",
    ],
)
async def test_the_database_refuses_to_change_an_entry(
    runtime: Runtime, acts: Acts, statement: str, sealed: bool
):
    await acts(1)
    if sealed:
        await seal(runtime)
    async with runtime.database.moves() as db:
        with pytest.raises(DBAPIError, match="append-only"):
            await db.execute(text(statement))


async def test_a_seal_is_never_given_twice(runtime: Runtime, acts: Acts):
    await acts(1)
    await seal(runtime)
    async with runtime.database.moves() as db:
        with pytest.raises(DBAPIError, match="append-only"):
            await db.execute(text("UPDATE audit_log SET seq = 2"))


def test_the_bytes_of_an_entry_are_as_documented():
    content = {
        "seq": 1, "at": "2024-05-01T08:00:00.000001Z", "actor_id": None, "action": "read", "object_kind": "case",
        "object_id": "7", "purpose": "回访 \"x\"", "facts": {"b": 1, "a": [True, None]},
    }  # fmt: skip
    expected = (
        '{"action":"read","actor_id":null,"at":"2024-05-01T08:00:00.000001Z","facts":{"a":[true,null],"b":1},'
        '"object_id":"7","object_kind":"case","purpose":"回访 \\"x\\"","seq":1}'
    ).encode()

    assert canonical(content) == expected
    assert chain_hash(bytes(32), content) == hashlib.sha256(bytes(32) + expected).digest()


@pytest.mark.parametrize("value", [1.5, {"deep": [0.1]}, {1: "a"}, b"bytes", "\ud800"])
def test_what_has_no_single_spelling_is_refused(value: object):
    with pytest.raises(NotCanonical):
        canonical({"facts": value})


async def test_facts_without_a_single_spelling_never_reach_the_log(runtime: Runtime):
    with pytest.raises(NotCanonical):
        async with runtime.database.transaction() as db:
            await record_act(
                db, actor_id=None, action="read", object_kind="case", object_id="1", facts={"distance": 1.5}
            )
    assert await seal(runtime) == 0


@pytest.mark.parametrize("purpose", ["", "  ", "x", "x" * 201])
def test_a_purpose_must_say_something(purpose: str):
    with pytest.raises(PurposeMissing):
        stated(purpose)


async def test_a_failed_export_leaves_no_file(runtime: Runtime, acts: Acts, tmp_path: Path, monkeypatch):
    await acts(1)

    async def broken(_: Runtime):
        raise OSError("disk full")
        yield []

    monkeypatch.setattr("app.audit.export._pages", broken)
    with pytest.raises(OSError):
        await export(runtime, tmp_path / "audit.jsonl")

    assert list(tmp_path.iterdir()) == []


async def test_a_missing_file_is_not_usable_rather_than_unsound(tmp_path: Path, capsys):
    assert checker.main([str(tmp_path / "nothing.jsonl")]) == 2
    assert "cannot read" in capsys.readouterr().err
    assert checker.main([]) == 2
