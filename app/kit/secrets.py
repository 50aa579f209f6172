"""Encrypted fields, blind indexes and opaque tokens.

An encrypted value is: version (1 byte, 1), cipher suite (1 byte, 1 = AES-256-GCM; another such as
SM4-GCM can take its place), key id (4 bytes), nonce (12 bytes), ciphertext with tag. The associated
data is `schema.table:row:column`, so a value moved to another row or column cannot be read. Keys of each
purpose come from HKDF-SHA256 (RFC 5869). Nonces are random: a key is good for 2**32 values (NIST SP
800-38D, 8.3), then put a new one in front.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = 1
AES_256_GCM = 1
_HEADER = 6
_NONCE = 12
_KEY = 32
_FORM = (
    "is not 32 bytes in urlsafe base64 (44 characters; several keys are separated by commas); "
    "make one with: openssl rand -base64 32"
)


class CannotDecrypt(Exception):
    """A value that no key of ours opens; names the place and the key id, never the value."""


def parse_keys(text: str) -> list[bytes]:
    """Keys from a setting: base64 of 32 bytes each, comma-separated; either alphabet, padding optional.

    Raises:
        ValueError: says which one is wrong, the form and how to make one; never the key.
    """
    return [_parse_key(part.strip(), place) for place, part in enumerate(text.split(","), start=1)]


def _parse_key(text: str, place: int) -> bytes:
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:  # also binascii.Error
        key = b""
    if len(key) != _KEY:
        raise ValueError(f"key {place} {_FORM}")
    return key


def derive(key: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HKDF-SHA256, no salt, the purpose as info)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"didi:{purpose}".encode()).derive(key)


class KeyRing:
    """The keys of `DIDI_SECRET_KEYS`: the first encrypts, all decrypt."""

    def __init__(self, secret_keys: Sequence[bytes]) -> None:
        if not secret_keys:
            raise ValueError("at least one key is needed")
        if any(len(key) != _KEY for key in secret_keys):
            raise ValueError(f"every key must have {_KEY} bytes")
        self._masters = list(secret_keys)
        self._ciphers = {self._id(key): AESGCM(derive(key, "fields")) for key in secret_keys}
        if len(self._ciphers) != len(set(secret_keys)):
            raise ValueError("two different keys share a key id (1 in 4 billion): replace the newer one")
        self._first = self._id(secret_keys[0])
        self._header = bytes((VERSION, AES_256_GCM)) + self._first

    @staticmethod
    def _id(key: bytes) -> bytes:
        return derive(key, "key id")[:4]

    def purpose(self, name: str) -> bytes:
        """The first key, derived for another purpose: media links, CSRF."""
        return derive(self._masters[0], name)

    def encrypt(self, text: str, *, table: str, row: str, column: str) -> bytes:
        """A field's value, readable only in this very place; `table` with its schema, `row` its key.

        Raises:
            ValueError: table, row or column holds a colon.
        """
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._ciphers[self._first].encrypt(nonce, text.encode(), _place(table, row, column))
        return self._header + nonce + sealed

    def decrypt(self, value: bytes, *, table: str, row: str, column: str) -> str:
        """The text of a field.

        Raises:
            CannotDecrypt: unknown version or key, another place, or altered.
        """
        value = bytes(value)
        key_id, place = value[2:_HEADER], _place(table, row, column)
        where = place.decode()
        if value[:2] != bytes((VERSION, AES_256_GCM)):
            raise CannotDecrypt(f"{where}: unknown version or cipher suite")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise CannotDecrypt(f"{where}: key {key_id.hex()} is not in DIDI_SECRET_KEYS")
        nonce, sealed = value[_HEADER : _HEADER + _NONCE], value[_HEADER + _NONCE :]
        try:
            return cipher.decrypt(nonce, sealed, place).decode()
        except (InvalidTag, ValueError):
            raise CannotDecrypt(
                f"{where}: altered, or written for another place (key {key_id.hex()})"
            ) from None

    def needs_rotation(self, value: bytes) -> bool:
        """Whether another key than the first, or another version or suite, wrote this value."""
        return bytes(value)[:_HEADER] != self._header


def _place(table: str, row: str, column: str) -> bytes:
    # Else "a:b" + "c" and "a" + "b:c" would be one place.
    if any(":" in part for part in (table, row, column)):
        raise ValueError(f"table, row and column hold no colon: {table!r}, {row!r}, {column!r}")
    return f"{table}:{row}:{column}".encode()


class BlindIndex:
    """Equality look-ups without the value: HMAC-SHA256 under a key of its own (`DIDI_INDEX_KEY`).

    While that key is rotated there is a second one, the next. Whoever writes an index writes `of` and, in
    its second column, `next_of`; whoever looks one up tries `all_of` in both columns.
    """

    def __init__(self, index_key: bytes, next_key: bytes | None = None) -> None:
        self._key, self._next_key = index_key, next_key or index_key

    def of(self, purpose: str, value: str) -> bytes:
        """32 bytes that equal values of one purpose share; the caller normalises the value."""
        return _index(self._key, purpose, value)

    def next_of(self, purpose: str, value: str) -> bytes:
        """The same under the next key; equal to `of` while no rotation goes on."""
        return _index(self._next_key, purpose, value)

    def all_of(self, purpose: str, value: str) -> list[bytes]:
        """What a look-up tries: one value, or two during a rotation."""
        return list(dict.fromkeys((self.of(purpose, value), self.next_of(purpose, value))))


def _index(key: bytes, purpose: str, value: str) -> bytes:
    return hmac.digest(derive(key, f"index:{purpose}"), value.encode(), "sha256")


def new_token() -> tuple[str, bytes]:
    """A 256-bit opaque token for a person to hold, and its SHA-256 for us to keep."""
    token = secrets.token_urlsafe(32)
    return token, hash_token(token)


def hash_token(token: str) -> bytes:
    """What is kept of a token. It has 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode()).digest()
