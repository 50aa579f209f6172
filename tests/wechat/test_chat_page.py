"""The page of what a citizen can write is printed by the tables, and each saying does what it says."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from wechat.chat_page import page
from wechat.commands import ASKED_FOR
from wechat.emergency import danger
from wechat.intents import ASKINGS, Asking, Intent, intent_of


def test_the_reference_page_is_printed_by_the_code() -> None:
    assert (ROOT / "docs" / "reference" / "chat.md").read_text() == page()


def test_every_intent_but_words_has_a_function_and_stands_in_the_table() -> None:
    assert set(ASKED_FOR) == set(Intent) - {Intent.WORDS}
    assert {asking.intent for asking in ASKINGS} == set(Intent) - {Intent.WORDS, Intent.NUMBER}


@pytest.mark.parametrize("asking", ASKINGS, ids=lambda asking: asking.intent)
def test_each_saying_and_each_example_asks_for_its_own(asking: Asking) -> None:
    said = [*asking.zh, *asking.en, *filter(None, [asking.example])]
    loose = [f" {one.upper()}！ " for one in asking.en]

    assert {intent_of(one)[0] for one in (*said, *loose)} == {asking.intent}


def test_no_saying_is_the_gates() -> None:
    sayings = [saying for asking in ASKINGS for saying in (*asking.zh, *asking.en)]

    assert [saying for saying in sayings if danger(saying)] == []


def test_no_saying_asks_for_two_things() -> None:
    sayings = [saying for asking in ASKINGS for saying in (*asking.zh, *asking.en)]

    assert len(set(sayings)) == len(sayings)


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("我在青莲公园北门等你们", "青莲公园北门"),
        ("请到珠江路88号见面", "珠江路88号"),
        ("Meet me at the north gate.", "the north gate"),
        ("我换地方了，在湖南路", "湖南路"),
        ("我走到湖南路了", "湖南路"),
        ("I moved to the park", "the park"),
        ("评分 5 分 来得很快", "5 来得很快"),
        ("4星", "4"),
    ],
)
def test_what_is_taken_out_of_a_line(text: str, argument: str) -> None:
    assert intent_of(text)[1] == argument


@pytest.mark.parametrize(
    "text",
    [
        "我在家等了三天没人来",
        "我在等公交的时候钱包被偷了",
        "我在楼下看见小偷",
        "取消了我的订单",
        "I cannot sleep, noise",
        "别打电话骚扰我妈",
    ],
)
def test_what_is_words_of_a_report(text: str) -> None:
    assert intent_of(text)[0] is Intent.WORDS
