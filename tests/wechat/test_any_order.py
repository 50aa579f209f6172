"""Whatever comes first, one case in at most four messages."""

from __future__ import annotations

import itertools

import pytest

from app.kit.runtime import Runtime
from tests.factories import Made
from tests.wechat.chats import Citizen, rows

WORDS = {"zh": "楼上半夜唱歌很吵", "en": "My neighbour plays loud music"}
RECEIVED = {"zh": "已收到，编号 ", "en": "Received, number "}
VAGUE, MISSING, PLACE, PHOTO, NUMBER = "三楼又是这样", "我朋友失踪了", "place", "photo", "2"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("order", list(itertools.permutations(["words", "place", "photo"])), ids="-".join)
async def test_words_place_and_photo_in_any_order_make_one_case(
    citizen: Citizen, language: str, order: tuple[str, ...]
) -> None:
    await citizen.say("English" if language == "en" else "中文")
    said = []
    for kind in order:
        said.append(await _send(citizen, WORDS[language] if kind == "words" else kind))

    [case] = await citizen.cases()
    [received] = [one for one in said if case.number in one and RECEIVED[language] in one]
    assert "取消" in received or '"cancel"' in received
    assert (case.state, case.media) == ("open", ["media-1"])


async def test_no_sequence_of_answers_takes_a_fifth_message(runtime: Runtime, station: Made) -> None:
    """Vague words, a missing person, no place, photos, wrong numbers: who says what happened has a number by then."""
    starts = [
        (first, second) for first in (VAGUE, MISSING, PHOTO) for second in (VAGUE, PLACE, PHOTO, NUMBER)
    ]
    starts += [(PLACE, second) for second in (VAGUE, MISSING, PHOTO)]
    every = [
        (*start, *rest)
        for start in starts
        for rest in itertools.product((VAGUE, PLACE, PHOTO, NUMBER), repeat=2)
    ]

    for count, sequence in enumerate(every):
        someone = Citizen(runtime, f"oCitizen{count:020d}")
        for message in sequence:
            reply = await _send(someone, message)
            if RECEIVED["zh"] in reply:
                break
        else:
            pytest.fail(f"no number after {sequence}")

    counted = await rows(runtime, "SELECT count(*) AS n, count(DISTINCT reporter_id) AS people FROM cases")
    assert [tuple(row) for row in counted] == [(len(every), len(every))]


async def _send(citizen: Citizen, message: str) -> str:
    if message == PLACE:
        return await citizen.stand()
    if message == PHOTO:
        return await citizen.show()
    return await citizen.say(message)
