"""Encrypted fields, blind indexes, tokens and keys from settings."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from app.kit.secrets import (
    BlindIndex,
    CannotDecrypt,
    KeyRing,
    derive,
    hash_token,
    new_token,
    parse_keys,
)

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
PLACE = {"table": "identity.persons", "row": "0197", "column": "phone"}
TEXT = "13800000000"


@given(st.text())
def test_what_is_encrypted_reads_back(text):
    ring = KeyRing([NEW])

    assert ring.decrypt(ring.encrypt(text, **PLACE), **PLACE) == text


def test_the_layout_is_version_suite_key_id_nonce_and_ciphertext():
    """Opened by hand from the documented layout, with HKDF spelled out by RFC 5869."""
    value = KeyRing([NEW]).encrypt(TEXT, **PLACE)

    pseudorandom = hmac.digest(bytes(32), NEW, "sha256")
    field_key = hmac.digest(pseudorandom, b"didi:fields\x01", "sha256")
    key_id = hmac.digest(pseudorandom, b"didi:key id\x01", "sha256")[:4]
    assert value[:6] == b"\x01\x01" + key_id
    assert len(value) == 1 + 1 + 4 + 12 + len(TEXT) + 16
    opened = AESGCM(field_key).decrypt(value[6:18], value[18:], b"identity.persons:0197:phone")
    assert opened.decode() == TEXT


def test_the_same_text_is_never_encrypted_the_same_way_twice():
    ring = KeyRing([NEW])

    assert len({ring.encrypt(TEXT, **PLACE) for _ in range(1_000)}) == 1_000


def test_the_first_key_encrypts_and_all_decrypt():
    before = KeyRing([OLD]).encrypt(TEXT, **PLACE)
    ring = KeyRing([NEW, OLD])
    after = ring.encrypt(TEXT, **PLACE)

    assert ring.decrypt(before, **PLACE) == TEXT
    assert (ring.needs_rotation(before), ring.needs_rotation(after)) == (True, False)
    assert KeyRing([NEW]).decrypt(after, **PLACE) == TEXT
    with pytest.raises(CannotDecrypt):
        KeyRing([NEW]).decrypt(before, **PLACE)


def test_a_value_of_another_version_or_suite_needs_rotation():
    ring = KeyRing([NEW])
    value = ring.encrypt(TEXT, **PLACE)

    assert ring.needs_rotation(b"\x02" + value[1:])
    assert ring.needs_rotation(value[:1] + b"\x02" + value[2:])
    assert ring.needs_rotation(b"")


@pytest.mark.parametrize("part", ["table", "row", "column"])
def test_a_value_moved_to_another_place_cannot_be_read(part):
    ring = KeyRing([NEW])
    value = ring.encrypt(TEXT, **PLACE)

    with pytest.raises(CannotDecrypt, match="written for another place"):
        ring.decrypt(value, **{**PLACE, part: "other"})


def test_a_colon_cannot_make_two_places_one():
    ring = KeyRing([NEW])

    with pytest.raises(ValueError, match="no colon"):
        ring.encrypt(TEXT, table="cases", row="1:words", column="place")


@given(st.integers(0, 44), st.integers(1, 255))
def test_every_altered_byte_is_noticed(position, change):
    ring = KeyRing([NEW])
    value = bytearray(ring.encrypt(TEXT, **PLACE))
    assert len(value) == 45
    value[position] ^= change

    with pytest.raises(CannotDecrypt):
        ring.decrypt(bytes(value), **PLACE)


@pytest.mark.parametrize("length", [0, 1, 2, 5, 6, 17, 18, 33])
def test_a_value_cut_short_cannot_be_read(length):
    ring = KeyRing([NEW])

    with pytest.raises(CannotDecrypt):
        ring.decrypt(ring.encrypt(TEXT, **PLACE)[:length], **PLACE)


def test_the_error_names_the_place_and_the_key_and_never_the_value():
    value = KeyRing([OLD]).encrypt(TEXT, **PLACE)

    with pytest.raises(CannotDecrypt) as unknown:
        KeyRing([NEW]).decrypt(value, **PLACE)
    with pytest.raises(CannotDecrypt) as altered:
        KeyRing([OLD]).decrypt(value[:-1] + bytes([value[-1] ^ 1]), **PLACE)

    for raised in (unknown, altered):
        said = str(raised.value)
        assert "identity.persons:0197:phone" in said
        assert value[2:6].hex() in said
        assert TEXT not in said
        assert value[18:].hex() not in said
        assert altered.value.__cause__ is None


def test_each_purpose_has_a_key_of_its_own():
    ring = KeyRing([NEW, OLD])

    made = {
        ring.purpose("media links"),
        ring.purpose("csrf"),
        derive(NEW, "fields"),
        derive(OLD, "csrf"),
        NEW,
    }

    assert len(made) == 5
    assert all(len(key) == 32 for key in made)


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, NEW + b"x"]])
def test_a_ring_needs_keys_of_32_bytes(keys):
    with pytest.raises(ValueError, match=r"key"):
        KeyRing(keys)


def test_two_keys_that_share_an_id_are_refused(monkeypatch):
    monkeypatch.setattr(KeyRing, "_id", staticmethod(lambda key: b"same"))

    with pytest.raises(ValueError, match="share a key id"):
        KeyRing([NEW, OLD])


def test_a_blind_index_is_equal_for_equal_values_of_one_purpose_only():
    index = BlindIndex(NEW)

    assert index.of("phone", TEXT) == BlindIndex(NEW).of("phone", TEXT)
    assert len(index.of("phone", TEXT)) == 32
    others = {index.of("phone", "13800000001"), index.of("openid", TEXT), BlindIndex(OLD).of("phone", TEXT)}
    assert index.of("phone", TEXT) not in others
    assert len(others) == 3
    assert index.of("phone", TEXT) == hmac.digest(derive(NEW, "index:phone"), TEXT.encode(), "sha256")


def test_while_the_index_key_is_rotated_both_values_are_looked_up():
    rotating, done = BlindIndex(OLD, NEW), BlindIndex(NEW)

    assert rotating.next_of("phone", TEXT) == done.of("phone", TEXT)
    assert rotating.all_of("phone", TEXT) == [BlindIndex(OLD).of("phone", TEXT), done.of("phone", TEXT)]
    assert done.all_of("phone", TEXT) == [done.of("phone", TEXT)]


def test_a_token_has_256_bits_and_only_its_hash_is_kept():
    token, kept = new_token()

    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    assert kept == hash_token(token) == hashlib.sha256(token.encode()).digest()
    assert len({new_token()[0] for _ in range(1_000)}) == 1_000


def test_keys_are_read_in_either_alphabet_with_or_without_padding():
    key = b"\xfb\xff" * 16
    standard, urlsafe = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
    assert standard != urlsafe

    assert parse_keys(f"{standard}, {urlsafe},{urlsafe.rstrip('=')}") == [key, key, key]


@pytest.mark.parametrize(
    "wrong", ["", "secret", "é" * 44, "A" * 44, base64.b64encode(b"x" * 31).decode(), "*" * 44]
)
def test_a_wrong_key_is_named_by_its_place_with_its_form_and_a_command(wrong):
    good = base64.b64encode(NEW).decode()

    with pytest.raises(ValueError, match=r"^key 2 is not 32 bytes in urlsafe base64") as raised:
        parse_keys(f"{good},{wrong}")

    assert "openssl rand -base64 32" in str(raised.value)
    assert not wrong or wrong not in str(raised.value)
    assert good not in str(raised.value)
