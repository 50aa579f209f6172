"""The form in which a medium lies in the store: chunks, each sealed so that it stands only where it stood.

Header: `DM`, version (1 byte, 1), cipher suite (1 byte, 1 = AES-256-GCM), nonce prefix (8 bytes). Then chunks of
64 KiB of content, the last one shorter, each followed by its tag (16 bytes). A chunk's nonce is the prefix and its
number (4 bytes, big-endian), its associated data `didi:media:<name>:<number>:<more or last>`. So a chunk that was
altered, moved, taken out, or is the last without being meant to, is refused, and any chunk can be read by itself.
Each file has a key of its own: HKDF of the medium's random key, which stands sealed in its row.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.kit.secrets import derive

CHUNK: Final = 64 * 1024
_TAG: Final = 16
_PREFIX: Final = 8
_MARK: Final = b"DM\x01\x01"
HEADER: Final = len(_MARK) + _PREFIX
KEY_BYTES: Final = 32


class Tampered(Exception):
    """Not what was sealed here: altered, cut, put in another order, or of another medium."""


def new_key() -> bytes:
    """A medium's random key."""
    return secrets.token_bytes(KEY_BYTES)


def seal(content: bytes, key: bytes, name: str) -> bytes:
    """A whole file, sealed under `key` as the file called `name`."""
    prefix = secrets.token_bytes(_PREFIX)
    cipher = _cipher(key, name)
    count = chunks_of(len(content))
    parts = [_MARK + prefix]
    for number in range(count):
        chunk = content[number * CHUNK : (number + 1) * CHUNK]
        parts.append(cipher.encrypt(_nonce(prefix, number), chunk, _place(name, number, count)))
    return b"".join(parts)


def chunks_of(size: int) -> int:
    """How many chunks a content of `size` bytes has; an empty one has one, so that its end is sealed too."""
    return max(1, -(-size // CHUNK))


@dataclass(frozen=True, slots=True)
class Opener:
    """Reads chunks of one sealed file. `size`: bytes of content, as the row says, not as the store says."""

    cipher: AESGCM
    prefix: bytes
    name: str
    size: int

    @classmethod
    def of(cls, header: bytes, key: bytes, name: str, size: int) -> Opener:
        """For a file that begins with `header`. Raises: Tampered."""
        if len(header) != HEADER or not header.startswith(_MARK):
            raise Tampered(f"{name}: not a sealed file")
        return cls(_cipher(key, name), header[len(_MARK) :], name, size)

    def where(self, number: int) -> tuple[int, int]:
        """First byte and length of a sealed chunk in its file."""
        count = chunks_of(self.size)
        content = CHUNK if number < count - 1 else self.size - (count - 1) * CHUNK
        return HEADER + number * (CHUNK + _TAG), content + _TAG

    def open(self, number: int, sealed: bytes) -> bytes:
        """The content of a chunk. Raises: Tampered."""
        place = _place(self.name, number, chunks_of(self.size))
        try:
            return self.cipher.decrypt(_nonce(self.prefix, number), sealed, place)
        except (InvalidTag, ValueError):
            raise Tampered(f"{self.name}: chunk {number} is not what was sealed there") from None


def unseal(sealed: bytes, key: bytes, name: str, size: int) -> bytes:
    """The content of a whole file. Raises: Tampered; also when anything follows the last chunk."""
    opener = Opener.of(sealed[:HEADER], key, name, size)
    content, end = [], HEADER
    for number in range(chunks_of(size)):
        start, length = opener.where(number)
        end = start + length
        content.append(opener.open(number, sealed[start:end]))
    if end != len(sealed):
        raise Tampered(f"{name}: something follows the end")
    return b"".join(content)


def _cipher(key: bytes, name: str) -> AESGCM:
    return AESGCM(derive(key, f"media:{name}"))


def _nonce(prefix: bytes, number: int) -> bytes:
    return prefix + struct.pack(">I", number)


def _place(name: str, number: int, count: int) -> bytes:
    return f"didi:media:{name}:{number}:{'last' if number == count - 1 else 'more'}".encode()
