"""Receipts: what they say, what changes them, what nobody can guess from them."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from app import cli
from app.dispatch.intake import Report, take
from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.main import create_app
from app.receipts.proof import NotAReceipt, canonical, commit, is_valid, matches, read, sign
from app.receipts.service import Kept, forget_content, link_of, public_keys, receipt_of
from app.settings import Settings
from tests.factories import Make
from tests.wechat.chats import Citizen

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
AT = datetime(2026, 3, 1, 9, 30, 15, 250_000, tzinfo=UTC)
SALT = bytes(range(100, 132))
CONTENT = canonical({"category": "noise", "words": "楼上很吵"})
RECEIPT = sign(KEY, number="482-915-3067", at=AT, commitment=commit(CONTENT, SALT))


def test_a_receipt_says_its_number_and_time_and_is_valid_by_its_key_alone() -> None:
    said = read(RECEIPT)

    assert (said.number, said.at) == ("482-915-3067", AT)
    assert is_valid(RECEIPT, [PUBLIC])
    assert is_valid(f"https://x.example/receipt/{RECEIPT}", [secrets.token_bytes(32), PUBLIC])
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert not is_valid(RECEIPT, [other])


def test_no_byte_can_be_changed() -> None:
    raw = base64.urlsafe_b64decode(RECEIPT[4:] + "=" * (-len(RECEIPT[4:]) % 4))

    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 1
        spelled = "dr1." + base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        assert not is_valid(spelled, [PUBLIC]), at


@pytest.mark.parametrize("text", ["", "dr1.", "dr1.AAAA", "dr1." + "A" * 5000, "x" + RECEIPT])
def test_what_is_no_receipt_is_not_read(text: str) -> None:
    with pytest.raises(NotAReceipt):
        read(text)
    assert not is_valid(text, [PUBLIC])


@pytest.mark.parametrize("text", [RECEIPT + "A", RECEIPT + "AAAA", RECEIPT[:-1], RECEIPT[:-4], RECEIPT[:20]])
def test_longer_or_shorter_is_not_valid(text: str) -> None:
    assert not is_valid(text, [PUBLIC])


def test_one_receipt_has_one_spelling() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    spellings = [RECEIPT[:-1] + letter for letter in alphabet if is_valid(RECEIPT[:-1] + letter, [PUBLIC])]

    assert spellings == [RECEIPT]
    assert not is_valid(RECEIPT.replace("dr1.", "dr1.!"), [PUBLIC])


def test_the_content_is_proved_by_its_salt_and_by_nothing_less() -> None:
    said = read(RECEIPT)

    assert matches(said, CONTENT, SALT)
    assert not matches(said, canonical({"category": "noise", "words": "楼下很吵"}), SALT)
    assert not matches(said, CONTENT, bytes(32))
    with pytest.raises(ValueError):
        commit(CONTENT, b"short")


def test_a_dictionary_that_holds_the_very_words_does_not_find_them() -> None:
    """Two receipts of the same words have nothing in common; who has the words but no salt has no test for them."""
    guesses = [CONTENT, canonical({"category": "noise", "words": "别的"})]
    again = commit(CONTENT, secrets.token_bytes(32))

    said = read(RECEIPT)

    assert again != said.commitment
    assert not any(matches(said, guess, bytes(32)) for guess in guesses)
    assert len(SALT) * 8 == 256


async def report(runtime: Runtime, make: Make) -> tuple[Any, Kept]:
    await make.station(is_command=True, ring=None)
    reporter = await make.citizen()
    async with transaction(runtime) as db:
        opened = await take(db, runtime, Report(reporter.id, "noise", words="楼上很吵"))
        kept = await receipt_of(db, runtime, opened.case_id)
    assert kept is not None
    return opened, kept


async def test_every_report_has_a_receipt_that_holds_nothing_of_it(runtime: Runtime, make: Make) -> None:
    opened, kept = await report(runtime, make)

    said = read(kept.receipt)

    assert said.number == opened.number
    assert abs((said.at - opened.reported_at).total_seconds()) < 0.001
    assert is_valid(kept.receipt, public_keys(runtime.settings))
    assert matches(said, (kept.content or "").encode(), bytes.fromhex(kept.salt or ""))
    assert json.loads(kept.content or "")["words"] == "楼上很吵"
    assert "楼上".encode() not in said.payload


async def test_once_the_words_are_erased_only_the_receipt_is_left(runtime: Runtime, make: Make) -> None:
    opened, kept = await report(runtime, make)

    async with transaction(runtime) as db:
        await forget_content(db, [opened.case_id])
        left = await receipt_of(db, runtime, opened.case_id)

    assert left == Kept(kept.receipt, None, None)


async def test_the_page_says_valid_or_not_and_nothing_else(
    runtime: Runtime, settings: Settings, make: Make
) -> None:
    opened, kept = await report(runtime, make)
    app = create_app(settings)  # no lifespan: no store is open
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        good, bad = await http.get(f"/receipt/{kept.receipt}"), await http.get(f"/receipt/{RECEIPT}")
        typed = await http.get("/receipt", params={"receipt": kept.receipt})
        qr, no_qr = (
            await http.get(f"/receipt/{kept.receipt}/qr.svg"),
            await http.get(f"/receipt/{RECEIPT}/qr.svg"),
        )
        key = await http.get("/receipt/key")

    assert good.text == typed.text
    assert "有效" in good.text
    assert "无效" in bad.text
    assert good.text.replace("有效", "无效").replace("· Valid", "· Not valid") == bad.text
    assert opened.number not in good.text
    assert "<script" not in good.text
    assert "default-src 'none'" in good.headers["content-security-policy"]
    assert (qr.headers["content-type"], no_qr.status_code) == ("image/svg+xml", 404)
    assert qr.content.startswith(b"<svg")
    assert key.text.split() == [k.hex() for k in public_keys(settings)]


def test_the_command_checks_without_any_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DIDI_SECRET_KEYS", "DATABASE_URL", "VALKEY_URL"):
        monkeypatch.delenv(name, raising=False)
    page = tmp_path / "content.json"
    page.write_bytes(CONTENT)
    whole = ["receipt", "verify", RECEIPT, "--public-key", PUBLIC.hex()]

    def exits(*more: str, of: list[str] = whole) -> int:
        return CliRunner().invoke(cli.cli, [*of, *more]).exit_code

    assert exits() == 0
    assert exits("--content", str(page), "--salt", SALT.hex()) == 0
    assert exits("--content", str(page), "--salt", bytes(32).hex()) == 1
    assert exits("--salt", SALT.hex()) == 2
    assert exits(of=["receipt", "verify", RECEIPT, "--public-key", secrets.token_bytes(32).hex()]) == 1


async def test_the_chat_gives_the_link_with_the_number(runtime: Runtime, make: Make) -> None:
    await make.officer(station=await make.station())
    citizen = Citizen(runtime)

    await citizen.say("楼上半夜唱歌很吵")
    opened = await citizen.stand()

    [case] = await citizen.cases()
    async with runtime.database.moves() as db:
        kept = await receipt_of(db, runtime, case.id)
    assert kept is not None
    assert link_of(runtime.settings, kept.receipt) in opened
    assert len(opened.encode()) < 2048  # what WeChat carries


def test_what_an_earlier_key_signed_stays_valid(settings: Settings) -> None:
    old = settings.model_copy(update={"receipt_public_keys_old": PUBLIC.hex()})

    assert not is_valid(RECEIPT, public_keys(settings))
    assert is_valid(RECEIPT, public_keys(old))
