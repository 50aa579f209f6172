"""Danger while other things go on: the desk has it, with what is known, once however often it is said."""

from __future__ import annotations

import pytest

from app.cases.queries import Case, get_case
from app.dispatch.handover import sweep_unacknowledged
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from tests.factories import CENTRE, SQUARE, Made, Make
from tests.wechat.chats import Citizen, rows

NEAR = Point(CENTRE.lat + 0.002, CENTRE.lng)


async def test_danger_in_a_second_report_keeps_its_place_and_alerts_the_first_too(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await citizen.say("新报警")
    await citizen.stand(NEAR)
    await citizen.show("m1")
    said = await citizen.say("他有刀")

    first, second = [await whole(runtime, row.id) for row in await citizen.cases()]
    assert (first.urgent, first.words) == (True, "半夜唱歌太吵\n他有刀")
    assert (second.urgent, second.state, second.words, second.media) == (
        True,
        "handed_over",
        "他有刀",
        ("m1",),
    )
    assert second.place is not None
    assert second.place.at is not None
    assert metres(second.place.at, NEAR) < 0.1
    assert second.number in said


async def test_words_that_waited_for_same_or_new_go_to_the_open_case(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await citizen.say("他家的狗叫")
    await citizen.say("他有刀")

    [row] = await citizen.cases()
    assert (await whole(runtime, row.id)).words == "半夜唱歌太吵\n他家的狗叫\n他有刀"
    assert row.urgent


async def test_danger_said_again_and_again_is_one_urgent_case(citizen: Citizen) -> None:
    for _ in range(3):
        assert "110" in await citizen.say("救命")

    [case] = await citizen.cases()
    assert case.urgent


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_it_is_said_that_a_message_was_sent_and_never_that_help_comes(
    citizen: Citizen, language: str
) -> None:
    said = await citizen.say("he has a knife" if language == "en" else "他有刀")

    promised = ("help is coming", "on the way", "民警正在", "马上到", "已出警")
    assert ("A message was also sent to the station" if language == "en" else "已向派出所发出消息") in said
    assert not any(words in said for words in promised)


async def test_of_very_many_words_the_newest_say_what_the_danger_is(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.say("半夜唱歌太吵" + "啊" * 1994)
    await citizen.say("他有刀")

    [row] = await citizen.cases()
    words = (await whole(runtime, row.id)).words or ""
    assert words.endswith("他有刀")
    assert len(words) == 2000


async def test_a_category_its_station_does_not_have_stops_no_alarm(make: Make, runtime: Runtime) -> None:
    few = [
        {"key": "missing_person", "zh": "走失", "en": "Missing"}, {"key": "other", "zh": "其他", "en": "Other"},
    ]  # fmt: skip
    await make.station(is_command=True, ring=None)
    await make.station(ring=SQUARE, settings={"categories": few})
    citizen = Citizen(runtime)

    await citizen.stand()
    await rows(runtime, "UPDATE drafts SET category = 'noise' RETURNING 1")  # its station had it until now
    said = await citizen.say("他有刀")

    [case] = await citizen.cases()
    assert (case.urgent, case.category) == (True, "other")
    assert case.number in said


@pytest.mark.parametrize(
    "lost",
    [("取消", "cancelled"), ("未解决", "handed_over"), ("5", "closed")],
    ids=["cancel", "not_solved", "rate"],
)
async def test_an_act_whose_answer_was_lost_is_answered_as_the_first_time(
    citizen: Citizen, runtime: Runtime, lost: tuple[str, str]
) -> None:
    words, state = lost
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    if words != "取消":
        await rows(runtime, "UPDATE cases SET state = 'closed', closed_at = clock_timestamp() RETURNING 1")
    first = await citizen.say(words)
    again = await citizen.say("评分5" if words == "5" else words)

    [case] = await citizen.cases()
    assert case.state == state
    assert again == first


async def test_a_photo_whose_id_does_not_fit_is_not_said_to_be_kept(citizen: Citizen) -> None:
    await citizen.say("半夜唱歌太吵")
    said = await citizen.show("m" * 129)
    await citizen.show("m" * 128)
    await citizen.stand()

    [case] = await citizen.cases()
    assert "没有收到" in said
    assert case.media == ["m" * 128]


async def test_status_of_an_open_case_says_how_long_and_who_is_next(citizen: Citizen, station: Made) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    said = await citizen.say("进度")

    left_s = int(said.split("；")[1].split("秒内")[0])
    assert 50 <= left_s <= 60
    assert "S1 派出所" in said


async def whole(runtime: Runtime, case_id: object) -> Case:
    async with runtime.database.moves() as db:
        return await get_case(db, runtime, case_id)  # type: ignore[arg-type]  # a row's UUID


async def test_danger_nobody_acknowledged_for_30_seconds_rings_at_the_next_desk(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.say("他有刀")
    [young] = await rows(
        runtime, "SELECT extract(epoch FROM ack_by - clock_timestamp()) AS left_s, ringing_id FROM cases"
    )
    before = await sweep_unacknowledged(runtime)
    await rows(runtime, "UPDATE cases SET ack_by = ack_by - interval '30 seconds' RETURNING id")

    escalated = await sweep_unacknowledged(runtime)

    assert 25 < young.left_s <= 30
    assert (before, escalated) == (0, 1)
