"""Each row of the table of refusals, written out a second time by hand."""

import pytest

from tests.conftest import ROOT
from wechat.errors import (
    BAD_TOKEN_CODES,
    MEANINGS,
    READINGS,
    Reading,
    WeChatRefused,
    codes_page,
    read_code,
)

EXPECTED: list[tuple[str, bool, str]] = [
    # reading, alert, codes
    ("retry", False, "-1 61450"),
    ("refresh", True, "40001 40014 42001"),
    ("operator", True, "40002 40013 40125 41002 41004"),
    ("operator", True, "40164 89501 89503 89506 89507"),
    ("operator", True, "40243 50004 50007"),
    ("wrong_openid", True, "40003 46004"),
    ("not_following", False, "43004 50005"),
    ("refused_by_person", False, "43019 48002 43101"),
    ("capability_gone", True, "43107 48004 48008 48001 50001 50002"),
    ("one_by_one", False, "43108"),
    ("wait_quota", True, "45009"),
    ("wait_minute", False, "45011"),
    ("wait_alone", False, "45066"),
    ("window_closed", False, "45015 45047"),
    ("bad_content", False, "40004 40005 40006 40009 40010 40011 40012 40137"),
    ("bad_content", False, "45001 45002 45003 45004 45005 45006 45007 45008"),
    ("media_lost", False, "40007"),
    ("code_spent", False, "40029 40163 41008 42003"),
    ("sign_in_blocked", False, "40226"),
    ("authorise_again", False, "40030 42002 42007"),
    ("our_fault", True, "40033 40035 40097 41001 43001 43002 43003 44002 44004 47001"),
    ("our_fault", True, "40037 41030 47003 40036"),
    ("our_fault", True, "40015 40016 40017 40018 40019 40020 40021 40022 40023 40024"),
    ("our_fault", True, "40025 40026 40027 40028 40119 40120 65301 65303 65305 65307 65316"),
    ("our_fault", True, "40008 41006 40052 40053 40054 40032 45058 45157 45158 45159 65317"),
    ("not_following", False, "49003"),
    ("no_menu", False, "46003"),
    ("done", False, "45065"),
    ("unchecked", False, "61010"),
    ("hold_for_review", False, "87014"),
]
ROWS = [(int(code), reading, alert) for reading, alert, codes in EXPECTED for code in codes.split()]


@pytest.mark.parametrize(("code", "reading", "alert"), ROWS)
def test_a_code_is_read_as_the_table_says(code: int, reading: str, alert: bool) -> None:
    row = read_code(code)

    assert (str(row.reading), row.alert) == (reading, alert)


def test_the_table_has_no_other_rows() -> None:
    assert READINGS.keys() == {code for code, _, _ in ROWS}


def test_every_reading_is_used() -> None:
    assert {reading for _, reading, _ in ROWS} | {"unknown"} == set(Reading)


def test_a_code_nobody_knows_alerts_and_is_not_repeated() -> None:
    row = read_code(99999)

    assert row.reading is Reading.UNKNOWN
    assert row.alert


def test_a_new_token_is_asked_for_after_these_codes_only() -> None:
    assert sorted(BAD_TOKEN_CODES) == [40001, 40014, 42001]


def test_a_refusal_says_where_what_and_what_to_do() -> None:
    refused = WeChatRefused("custom_send", 45015, rid="66-1", hint=None)

    assert str(refused).startswith("custom_send: WeChat refused with 45015")
    assert "window_closed" in str(refused)
    assert "rid 66-1" in str(refused)


def test_the_page_of_codes_is_what_the_table_prints() -> None:
    assert set(MEANINGS) == set(Reading)
    assert (ROOT / "docs/reference/wechat-codes.md").read_text() == codes_page()
