"""The cipher and the signatures of WeChat's message push, on `cryptography` alone.

AES-256-CBC, key = base64(EncodingAESKey + "="), iv = the key's first 16 bytes; the plain text is 16
random bytes, the length (uint32, big-endian), the message, the app id; padded to blocks of 32.
Signatures are SHA-1 over the sorted parts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_SALT_BYTES = 16
_BLOCK_BYTES = 32


class CipherError(Exception):
    """Something that this key and this app id did not encrypt; the sentence says where it fails."""


def signature(*parts: str) -> str:
    """SHA-1 in hex over the parts, sorted and joined: (token, timestamp, nonce[, ciphertext])."""
    joined = "".join(sorted(parts)).encode()
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()  # the protocol's choice


def encrypt(words: str, *, aes_key: str, app_id: str, salt: bytes | None = None) -> str:
    """Base64 of the message under the account's key. `salt` is 16 bytes, random when not given."""
    message = words.encode()
    plain = b"".join(
        (
            secrets.token_bytes(_SALT_BYTES) if salt is None else salt,
            len(message).to_bytes(4, "big"),
            message,
            app_id.encode(),
        )
    )
    missing = _BLOCK_BYTES - len(plain) % _BLOCK_BYTES
    worker = _cipher(aes_key).encryptor()
    sealed = worker.update(plain + bytes([missing]) * missing) + worker.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(ciphertext: str, *, aes_key: str, app_id: str) -> str:
    """The message inside.

    Raises:
        CipherError: not base64, not whole blocks, wrong padding, length, app id or encoding.
    """
    try:
        sealed = base64.b64decode(ciphertext, validate=True)
    except (binascii.Error, ValueError):
        raise CipherError("the ciphertext is not base64") from None
    if not sealed or len(sealed) % 16:
        raise CipherError("the ciphertext is not whole AES blocks")
    worker = _cipher(aes_key).decryptor()
    plain = worker.update(sealed) + worker.finalize()
    pad = plain[-1]
    if not 1 <= pad <= _BLOCK_BYTES or plain[-pad:] != bytes([pad]) * pad:
        raise CipherError("the padding is wrong: another AES key, or not padded to 32 bytes")
    body = plain[_SALT_BYTES:-pad]
    length = int.from_bytes(body[:4], "big")
    message, owner = body[4 : 4 + length], body[4 + length :]
    if len(body) < 4 or len(message) != length:
        raise CipherError("the stated length is longer than the message")
    if owner != app_id.encode():
        raise CipherError("the app id at the end is another one")
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise CipherError("the message is not UTF-8") from None


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))
