"""What lies in the store cannot be altered, cut, put in another order or read as another file."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.media.sealed import CHUNK, HEADER, Opener, Tampered, chunks_of, new_key, seal, unseal

KEY, NAME = hashlib.sha256(b"key").digest(), "m-1/original"
CONTENT = bytes(range(256)) * 600  # 153,600 bytes: two whole chunks and a part
SEALED = seal(CONTENT, KEY, NAME)
PIECE = CHUNK + 16


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_every_length_comes_back(size: int) -> None:
    content = CONTENT[:size]

    assert unseal(seal(content, KEY, NAME), KEY, NAME, size) == content


def test_a_chunk_is_read_by_itself() -> None:
    opener = Opener.of(SEALED[:HEADER], KEY, NAME, len(CONTENT))
    start, length = opener.where(2)

    assert opener.open(2, SEALED[start : start + length]) == CONTENT[2 * CHUNK :]
    assert chunks_of(len(CONTENT)) == 3


def test_two_seals_of_one_content_share_nothing() -> None:
    other = seal(CONTENT, KEY, NAME)

    assert other[HEADER : HEADER + 64] != SEALED[HEADER : HEADER + 64]


def test_chunks_in_another_order_are_refused() -> None:
    first, second = SEALED[HEADER : HEADER + PIECE], SEALED[HEADER + PIECE : HEADER + 2 * PIECE]

    with pytest.raises(Tampered, match="chunk 0"):
        unseal(SEALED[:HEADER] + second + first + SEALED[HEADER + 2 * PIECE :], KEY, NAME, len(CONTENT))


def test_a_file_cut_between_chunks_is_refused_though_each_chunk_is_whole() -> None:
    cut = SEALED[: HEADER + 2 * PIECE]

    with pytest.raises(Tampered, match="chunk 2"):
        unseal(cut, KEY, NAME, len(CONTENT))
    with pytest.raises(Tampered, match="chunk 1"):  # nor as a shorter file
        unseal(cut, KEY, NAME, 2 * CHUNK)


def test_a_chunk_of_another_file_of_the_same_key_is_refused() -> None:
    with pytest.raises(Tampered):
        unseal(SEALED, KEY, "m-1/served", len(CONTENT))
    with pytest.raises(Tampered):
        unseal(SEALED, new_key(), NAME, len(CONTENT))


def test_what_follows_the_end_is_refused() -> None:
    with pytest.raises(Tampered, match="follows the end"):
        unseal(SEALED + b"x", KEY, NAME, len(CONTENT))


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
def test_no_bit_can_be_turned(at: int, bit: int) -> None:
    altered = bytearray(SEALED)
    altered[at] ^= 1 << bit

    with pytest.raises(Tampered):
        unseal(bytes(altered), KEY, NAME, len(CONTENT))
