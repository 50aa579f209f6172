"""UUIDv7 and case numbers."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import ids
from app.kit.clock import utc_now
from app.kit.ids import case_number, new_id, parse_case_number


def test_an_id_is_a_uuid_of_version_7_that_begins_with_the_time():
    before_ms = time.time_ns() // 1_000_000
    made = new_id()
    after_ms = time.time_ns() // 1_000_000

    assert (made.version, made.variant) == (7, RFC_4122)
    assert before_ms <= made.int >> 80 <= after_ms + 1


def test_ids_grow_and_never_repeat():
    made = [new_id() for _ in range(20_000)]

    assert all(earlier < later for earlier, later in pairwise(made))


def test_ids_grow_while_the_clock_stands_still_or_goes_back(monkeypatch):
    first = new_id()
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_000_000_000_000_000_000)

    made = [first, *(new_id() for _ in range(1_000))]

    assert all(earlier < later for earlier, later in pairwise(made))
    assert {each.version for each in made} == {7}


def test_a_full_millisecond_borrows_the_next(monkeypatch):
    last = new_id()
    monkeypatch.setattr(ids, "_last_tail", (1 << 74) - 1)
    monkeypatch.setattr(ids.time, "time_ns", lambda: 0)

    made = new_id()

    assert made > last
    assert made.int >> 80 == (last.int >> 80) + 1


def test_threads_never_get_the_same_id():
    made: list[list[object]] = [[] for _ in range(8)]

    def draw(into: list[object]) -> None:
        into.extend(new_id() for _ in range(2_000))

    threads = [threading.Thread(target=draw, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({each for into in made for each in into}) == 16_000


def test_a_case_number_is_ten_digits_in_three_groups_and_reads_back():
    made = [case_number() for _ in range(2_000)]

    assert all(parse_case_number(number) == number for number in made)
    assert all([len(group) for group in number.split("-")] == [3, 3, 4] for number in made)
    assert len(set(made)) > 1_990


@given(st.integers(100_000_000, 999_999_999), st.integers(0, 9), st.integers(1, 9))
def test_every_wrong_digit_is_caught(body, place, change):
    digits = f"{body}{ids._check(str(body))}"
    wrong = (int(digits[place]) + change) % 10

    assert parse_case_number(digits) is not None
    assert parse_case_number(f"{digits[:place]}{wrong}{digits[place + 1 :]}") is None


@given(st.integers(100_000_000, 999_999_999), st.integers(0, 8))
def test_every_swap_of_neighbours_is_caught(body, place):
    digits = f"{body}{ids._check(str(body))}"
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]

    assert (parse_case_number(swapped) is None) == (swapped != digits)


def test_the_check_digit_catches_errors_by_its_table():
    """Damm's conditions, exhaustively: a quasigroup, zero diagonal, and no swap commutes."""
    table = [[int(ids._check(f"{left}{right}")) for right in range(10)] for left in range(10)]
    step = [[int(ids._DAMM[left][right]) for right in range(10)] for left in range(10)]

    for row in (*step, *zip(*step, strict=True)):
        assert sorted(row) == list(range(10))
    assert all(step[digit][digit] == 0 for digit in range(10))
    for interim in range(10):
        for a in range(10):
            for b in range(10):
                assert a == b or step[step[interim][a]][b] != step[step[interim][b]][a]
    assert all(table[a][b] != table[b][a] for a in range(10) for b in range(10) if a != b)


def test_the_check_digit_of_the_published_example():
    assert ids._check("572") == "4"


NUMBER = f"572-000-001{ids._check('572000001')}"


@pytest.mark.parametrize(
    "spoken",
    [
        NUMBER.replace("-", ""),
        f"  {NUMBER.replace('-', ' ')} \n",
        " ".join(NUMBER.replace("-", "")),
        NUMBER.translate(str.maketrans("0123456789-", "０１２３４５６７８９－")),
        NUMBER.translate(str.maketrans("0123456789", "零一二三四五六七八九")),
        NUMBER.translate(str.maketrans("0123456789", "〇幺两三四五六七八九")),
        NUMBER.replace("-", "—"),
        NUMBER.replace("-", " – "),
        NUMBER.replace("-", "，"),
    ],
)
def test_a_number_is_read_however_it_is_typed_or_said(spoken):
    assert parse_case_number(spoken) == NUMBER


@pytest.mark.parametrize(
    "other",
    [
        "",
        "110",
        NUMBER[:-1],
        NUMBER + "0",
        "0" + NUMBER.replace("-", "")[1:],
        NUMBER.replace("5", "S"),
        NUMBER.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
        NUMBER.replace("-", " " * 30),
        "他有刀",
    ],
)
def test_anything_else_is_no_number(other):
    assert parse_case_number(other) is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading(text):
    read = parse_case_number(text)

    assert read is None or parse_case_number(read) == read


def test_the_clock_is_aware_and_in_utc():
    now = utc_now()

    assert now.utcoffset() is not None
    assert now.utcoffset().total_seconds() == 0  # type: ignore[union-attr]
