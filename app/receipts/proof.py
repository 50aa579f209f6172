"""The receipt as bytes: made, read and checked here, without a store, a setting or the network.

    receipt = "dr1." + base64url(payload + signature), without padding
    payload = 0x01, 4 bytes of the key's id, 8 bytes of milliseconds since 1970, 32 bytes of commitment, the number
    commitment = SHA-256("didi receipt content 1" LF, 32 bytes of salt, the content as canonical JSON)
    signature = Ed25519 over "didi receipt 1" LF and the payload (RFC 8032)

Without its salt a commitment cannot be compared with guesses: that needs 2^256 salts for each guess.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SALT_BYTES: Final = 32
TEXT_MAX: Final = 300
"""Characters of a receipt that are looked at; ours have about 160."""
_MARK: Final = "dr1."
_VERSION: Final = b"\x01"
_SIGNED: Final = b"didi receipt 1\n"
_COMMITTED: Final = b"didi receipt content 1\n"
_HEAD: Final = 1 + 4 + 8 + 32
_SIGNATURE: Final = 64
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NotAReceipt(ValueError):
    """The text is no receipt, whoever may have signed it."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says: a report with this number existed at this time, and this commitment was made to it."""

    number: str
    at: datetime  # to the millisecond, UTC
    commitment: bytes
    key_id: bytes
    payload: bytes
    signature: bytes


def canonical(content: Mapping[str, Any]) -> bytes:
    """The one way to write a content: UTF-8 JSON, keys in order, no spaces, letters not escaped."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def commit(content: bytes, salt: bytes) -> bytes:
    """The commitment to a content.

    Raises:
        ValueError: the salt has not 32 bytes; a shorter one could be guessed.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"the salt must have {SALT_BYTES} bytes, has {len(salt)}")
    return hashlib.sha256(_COMMITTED + salt + content).digest()


def key_id(public: bytes) -> bytes:
    """Which key signed: 4 bytes, to find it among several, proof of nothing."""
    return hashlib.sha256(public).digest()[:4]


def sign(key: Ed25519PrivateKey, *, number: str, at: datetime, commitment: bytes) -> str:
    """A receipt as text."""
    ms = (at - _EPOCH) // timedelta(milliseconds=1)
    public = key.public_key().public_bytes_raw()
    payload = _VERSION + key_id(public) + ms.to_bytes(8, "big") + commitment + number.encode("ascii")
    return _MARK + _encode(payload + key.sign(_SIGNED + payload))


def read(text: str) -> Receipt:
    """What a receipt says; its signature is not checked yet. A link that ends in a receipt is read too.

    Raises:
        NotAReceipt: another form, or another spelling of the same bytes.
    """
    text = text.strip().rpartition("/")[2]
    if len(text) > TEXT_MAX or not text.startswith(_MARK):
        raise NotAReceipt("a receipt starts with dr1. and has about 160 characters")
    try:
        raw = base64.urlsafe_b64decode(text[len(_MARK) :] + "=" * (-len(text[len(_MARK) :]) % 4))
        payload, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
        number = payload[_HEAD:].decode("ascii")
        at = _EPOCH + timedelta(milliseconds=int.from_bytes(payload[5:13], "big"))
    except (binascii.Error, ValueError, OverflowError):
        raise NotAReceipt("this is not what a receipt is made of") from None
    # One receipt has one spelling: base64 would let its last letter be another, and ignore what it does not know.
    if not number or payload[:1] != _VERSION or text != _MARK + _encode(raw):
        raise NotAReceipt("this is not what a receipt is made of")
    return Receipt(number, at, payload[13:_HEAD], payload[1:5], payload, signature)


def is_valid(text: str, public_keys: Iterable[bytes]) -> bool:
    """Whether one of these keys (32 bytes each) signed exactly this receipt."""
    try:
        receipt = read(text)
    except NotAReceipt:
        return False
    return any(_signed_by(receipt, public) for public in public_keys)


def matches(receipt: Receipt, content: bytes, salt: bytes) -> bool:
    """Whether the receipt was given for this content; the signature is another question."""
    return commit(content, salt) == receipt.commitment


def _signed_by(receipt: Receipt, public: bytes) -> bool:
    if key_id(public) != receipt.key_id:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(receipt.signature, _SIGNED + receipt.payload)
    except (InvalidSignature, ValueError):
        return False
    return True


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
