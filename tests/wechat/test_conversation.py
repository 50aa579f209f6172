"""The chat: a report in at most four messages, progress, cancel, change, photos after, danger above all."""

from __future__ import annotations

import asyncio
import re

import pytest

from app.cases.queries import get_case
from app.events.edge import transaction
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from tests.factories import CENTRE, SQUARE, Made, Make
from tests.wechat.chats import Citizen, rows
from wechat import replies
from wechat.conversation import advance
from wechat.messages import FileMessage, LocationMessage, TextMessage

OUTSIDE = Point(31.5, 117.5)
NUMBER = re.compile(r"[0-9]{3}-[0-9]{3}-[0-9]{4}")


async def test_words_and_a_place_make_a_case_in_two_messages(citizen: Citizen, station: Made) -> None:
    asked = await citizen.say("楼上半夜唱歌很吵")
    opened = await citizen.stand()

    assert "位置" in asked
    assert "类别" not in asked
    [case] = await citizen.cases()
    assert case.number in opened
    assert (case.state, case.station_id, case.category) == ("open", station.id, "noise")
    assert "取消" in opened
    assert "改" in opened


async def test_a_place_first_and_then_words_make_a_case_too(citizen: Citizen, runtime: Runtime) -> None:
    asked = await citizen.stand(label="北京西路2号")
    await citizen.say("我的钱包被偷了")

    assert "位置" not in asked
    [row] = await citizen.cases()
    async with runtime.database.moves() as db:
        case = await get_case(db, runtime, row.id)
    assert case.words == "我的钱包被偷了"
    assert case.place is not None
    assert case.place.at is not None
    assert metres(case.place.at, CENTRE) < 0.1  # GCJ-02 in, WGS-84 kept
    assert case.place.label == "北京西路2号"


async def test_a_picture_words_and_a_choice_take_four_messages_at_most(citizen: Citizen) -> None:
    await citizen.show("m1")
    await citizen.say("三楼住户总是这样")
    await citizen.say("在小区里面")
    await citizen.say("说不清楚")

    [case] = await citizen.cases()
    assert (case.state, case.handover_cause, case.category, case.media) == (
        "handed_over",
        "no_place",
        "other",
        ["m1"],
    )


async def test_a_category_is_asked_once_with_numbers(citizen: Citizen) -> None:
    asked = await citizen.say("这里有点情况想说一下")
    await citizen.say("7")
    await citizen.stand()

    assert "7 噪音扰民" in asked
    [case] = await citizen.cases()
    assert (case.category, case.state) == ("noise", "open")


async def test_every_answer_of_the_report_dialogue_names_110(citizen: Citizen) -> None:
    asked = await citizen.say("这里有点情况想说一下")
    asked_again = await citizen.say("7")
    opened = await citizen.stand()

    assert [replies.NEED_110.zh in said for said in (asked, asked_again, opened)] == [True] * 3


async def test_without_a_place_the_desk_has_it_after_two_asks(citizen: Citizen, runtime: Runtime) -> None:
    first = await citizen.say("半夜唱歌太吵")
    second = await citizen.say("就是我家楼上")
    opened = await citizen.say("某某小区3栋")

    assert "位置" in first
    assert "位置" in second
    [row] = await citizen.cases()
    assert (row.state, row.handover_cause) == ("handed_over", "no_place")
    assert "没有位置" in opened
    async with runtime.database.moves() as db:
        case = await get_case(db, runtime, row.id)
    assert case.place is not None
    assert (case.place.at, case.place.label) == (None, "某某小区3栋")


async def test_who_says_there_is_no_place_is_not_asked_again(citizen: Citizen) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.say("没有位置")

    [case] = await citizen.cases()
    assert case.handover_cause == "no_place"


async def test_online_fraud_needs_no_place_and_hears_of_96110_first(citizen: Citizen) -> None:
    opened = await citizen.say("我被骗了，刚转账")

    [case] = await citizen.cases()
    assert (case.category, case.handover_cause) == ("online_fraud", "no_scene")
    assert opened.startswith("如刚刚转账")


async def test_outside_the_district_it_is_forwarded_and_said_where(citizen: Citizen) -> None:
    await citizen.say("半夜唱歌太吵")
    opened = await citizen.stand(OUTSIDE)

    [case] = await citizen.cases()
    assert case.handover_cause == "forwarded"
    assert "CC 派出所" in opened


async def test_outside_its_hours_a_case_is_born_at_the_desk_and_it_is_said(
    make: Make, runtime: Runtime
) -> None:
    never = [{"start": "03:00", "end": "03:01", "days": [1]}]
    categories = [
        {"key": "noise", "zh": "噪音", "en": "Noise", "words": ["吵"], "hours": never},
        {"key": "missing_person", "zh": "走失", "en": "Missing"}, {"key": "other", "zh": "其他", "en": "Other"},
    ]  # fmt: skip
    await make.station(ring=SQUARE, settings={"categories": categories})
    await make.station(is_command=True)
    citizen = Citizen(runtime)

    await citizen.say("半夜唱歌太吵")
    opened = await citizen.stand()

    [case] = await citizen.cases()
    assert case.handover_cause == "out_of_hours"
    assert "时段" in opened


@pytest.mark.parametrize(
    ("words", "urgent"),
    [
        ("我孩子走失了", True),
        ("我爸68岁走失了", True),
        ("我朋友30岁，失联三天", False),
        ("12岁的弟弟失踪", True),
    ],
)
async def test_a_missing_person_at_risk_alarms_the_desk_at_once(
    citizen: Citizen, words: str, urgent: bool
) -> None:
    asked = await citizen.say(words)
    if not urgent:
        await citizen.say("2")
    opened = await citizen.stand()

    assert ("65" in asked) is not urgent
    [case] = await citizen.cases()
    assert (case.category, case.urgent, case.state) == ("missing_person", urgent, "open")
    assert (case.ack_by is not None) is urgent
    assert ("警示" in opened) is urgent
    assert "110" in opened


async def test_a_question_of_risk_that_is_passed_over_counts_as_risk(citizen: Citizen) -> None:
    asked = await citizen.say("我朋友失踪了")
    await citizen.stand()

    assert "65" in asked
    [case] = await citizen.cases()
    assert case.urgent


async def test_photos_sent_after_the_case_attach_to_it(citizen: Citizen) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    first = await citizen.show("m1")
    await citizen.show("m2")
    await citizen.show("m2")

    [case] = await citizen.cases()
    assert case.media == ["m1", "m2"]
    assert case.number in first


async def test_words_and_a_new_place_after_the_case_belong_to_it(citizen: Citizen, runtime: Runtime) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await citizen.say("他们有五个人")
    moved = await citizen.stand(Point(CENTRE.lat + 0.001, CENTRE.lng))

    [row] = await citizen.cases()
    async with runtime.database.moves() as db:
        case = await get_case(db, runtime, row.id)
    assert case.words == "半夜唱歌太吵\n他们有五个人"
    assert case.place is not None
    assert case.place.at is not None
    assert metres(case.place.at, CENTRE) == pytest.approx(111, abs=2)
    assert row.number in moved


async def test_another_matter_is_asked_about_and_becomes_a_second_case(citizen: Citizen) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    asked = await citizen.say("我的钱包被偷了")
    await citizen.say("2")
    await citizen.stand()

    assert "1" in asked
    assert [c.category for c in await citizen.cases()] == ["noise", "stolen_property"]


async def test_or_it_belonged_to_the_open_case(citizen: Citizen, runtime: Runtime) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await citizen.say("他家的狗叫")
    await citizen.say("1")

    [row] = await citizen.cases()
    async with runtime.database.moves() as db:
        case = await get_case(db, runtime, row.id)
    assert case.words == "半夜唱歌太吵\n他家的狗叫"


@pytest.mark.parametrize("word", ["进度", "status", "Status?", "查询"])
async def test_status_always_answers_and_renews_the_window(
    citizen: Citizen, runtime: Runtime, word: str
) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await rows(runtime, "UPDATE windows SET long_left = 0 RETURNING 1")
    said = await citizen.say(word)

    [case] = await citizen.cases()
    assert case.number in said
    [window] = await rows(
        runtime, "SELECT long_left, long_until > clock_timestamp() + interval '47 hours' AS far FROM windows"
    )
    assert (window.long_left, window.far) == (5, True)


async def test_status_without_a_case_says_so(citizen: Citizen) -> None:
    assert "没有进行中" in await citizen.say("进度")


async def test_status_shows_who_comes_by_badge_and_the_meet_code(
    citizen: Citizen, make: Make, runtime: Runtime, station: Made
) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    officer = await make.officer(station=station)
    await rows(
        runtime,
        "UPDATE cases SET state = 'en_route', officer_id = :o, claimed_at = reported_at, epoch = 1,"
        " act_by = clock_timestamp() + interval '1 minute' RETURNING 1",
        o=officer.id,
    )

    said = await citizen.say("进度")

    [case] = await citizen.cases()
    assert officer.badge in said
    assert case.meet_code in said
    assert "暂无位置" in said


async def test_cancel_drops_a_draft_and_cancels_a_case(citizen: Citizen, runtime: Runtime) -> None:
    await citizen.say("半夜唱歌太吵")
    dropped = await citizen.say("取消")
    nothing = await citizen.cases()
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    cancelled = await citizen.say("取消")

    assert "没有上报" in dropped
    assert nothing == []
    [case] = await citizen.cases()
    assert case.state == "cancelled"
    assert case.number in cancelled


async def test_a_cancel_of_a_dispute_is_answered_neutrally_and_goes_to_the_desk(citizen: Citizen) -> None:
    await citizen.say("和邻居吵起来了，邻里纠纷")
    await citizen.stand()
    said = await citizen.say("取消")

    [case] = await citizen.cases()
    assert case.category == "neighbour_dispute"
    assert case.state != "cancelled"
    assert "已取消" not in said


async def test_of_several_cases_the_number_says_which_to_cancel(citizen: Citizen) -> None:
    for words in ("半夜唱歌太吵", "我的钱包被偷了"):
        await citizen.say("新报警")
        await citizen.say(words)
        await citizen.stand()
    first, second = await citizen.cases()
    asked = await citizen.say("取消")
    await citizen.say(f"取消 {second.number}")

    assert first.number in asked
    assert second.number in asked
    assert [c.state for c in await citizen.cases()] == ["open", "cancelled"]


async def test_change_starts_a_draft_anew(citizen: Citizen, runtime: Runtime) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.say("改")
    await citizen.say("我的钱包被偷了")
    await citizen.stand()

    [case] = await citizen.cases()
    assert case.category == "stolen_property"


async def test_greetings_and_thanks_start_no_report(citizen: Citizen, runtime: Runtime) -> None:
    for words in ("你好", "谢谢", "7", "hello"):
        assert await citizen.say(words)

    assert await citizen.cases() == []
    assert "位置" in await citizen.say("半夜唱歌太吵")


async def test_english_text_is_answered_in_english_and_so_is_who_asks_for_it(
    citizen: Citizen, runtime: Runtime
) -> None:
    asked = await citizen.say("My neighbour plays loud music")
    await citizen.say("中文")
    chinese = await citizen.say("进度")
    english = await citizen.say("English")

    assert "location" in asked.lower()
    assert "没有" in chinese
    assert "place" in english.lower() or "location" in english.lower()
    assert [
        r.language for r in await rows(runtime, "SELECT language FROM people WHERE kind = 'citizen'")
    ] == ["en"]


async def test_following_is_greeted_and_opens_a_window_of_three(citizen: Citizen, runtime: Runtime) -> None:
    greeting = await citizen.follow()

    assert "110" in greeting
    [window] = await rows(runtime, "SELECT short_left, long_left FROM windows")
    assert (window.short_left, window.long_left) == (3, 0)


async def test_who_leaves_is_not_written_to(citizen: Citizen, runtime: Runtime) -> None:
    await citizen.say("半夜唱歌太吵")
    assert await citizen.unfollow() == ""

    [row] = await rows(
        runtime, "SELECT w.long_left, p.follows FROM windows w JOIN people p ON p.id = w.person_id"
    )
    assert (row.long_left, row.follows) == (0, False)


async def test_other_kinds_get_a_kind_answer(citizen: Citizen) -> None:
    said = await citizen.send(FileMessage(title="合同.pdf", **citizen.common()))

    assert "110" in said
    assert await citizen.cases() == []


async def test_a_closed_case_is_rated_once_and_a_slip_is_put_right_within_minutes(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await rows(runtime, "UPDATE cases SET state = 'closed', closed_at = clock_timestamp() RETURNING 1")
    thanked = await citizen.say("5")
    bare = [await citizen.say("5"), await citizen.say("3")]  # a bare number changes nothing
    [rated] = await citizen.cases()
    changed = await citizen.say("评分4")
    [case] = await citizen.cases()
    await rows(
        runtime, "UPDATE events SET at = at - interval '6 minutes' WHERE kind = 'case_rated' RETURNING 1"
    )
    late = await citizen.say("评分1")
    [final] = await citizen.cases()

    assert "谢谢" in thanked
    assert all("已评价过：5分，谢谢" in said for said in bare)
    assert (rated.stars, case.stars, final.stars) == (5, 4, 4)
    assert changed == thanked
    assert "已评价过：4分，谢谢" in late


async def test_a_bare_number_is_about_the_running_case_when_there_is_one(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await rows(
        runtime, "UPDATE cases SET state = 'closed', stars = 5, closed_at = clock_timestamp() RETURNING 1"
    )
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()

    said = await citizen.say("5")

    assert "评价" not in said
    assert (await citizen.cases())[-1].number in said


async def test_who_reported_when_nobody_could_be_asked_learns_it_in_status(
    citizen: Citizen, runtime: Runtime
) -> None:
    await rows(runtime, "UPDATE officers SET on_duty = FALSE RETURNING 1")
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()  # nobody is on duty here, which ring 0 finds after the answer was given

    said = await citizen.say("进度")

    [case] = await citizen.cases()
    assert (case.state, case.handover_cause) == ("handed_over", "nobody_reachable")
    assert "没有可派出的民警" in said


async def test_not_solved_reopens_the_case_to_the_desk(citizen: Citizen, runtime: Runtime) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await rows(runtime, "UPDATE cases SET state = 'closed', closed_at = clock_timestamp() RETURNING 1")
    said = await citizen.say("未解决")

    [case] = await citizen.cases()
    assert (case.state, case.handover_cause) == ("handed_over", "not_solved")
    assert case.number in said


async def test_missed_notices_are_told_in_the_next_answer_and_then_no_more(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await rows(
        runtime,
        "INSERT INTO deliveries (event_id, person_id, channel, kind, priority, state, reading)"
        " SELECT e.id, c.reporter_id, 'official_account', k, 4, 'dropped', 'no_budget'"
        " FROM cases c, unnest(ARRAY['en_route', 'arrived']) k, (SELECT min(id) AS id FROM events) e RETURNING 1",
    )
    first = await citizen.say("进度")
    second = await citizen.say("进度")

    assert "2条更新" in first
    assert "更新" not in second


# Danger


async def test_danger_in_a_draft_rings_the_desk_with_what_was_written(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.say("半夜唱歌太吵")
    said = await citizen.say("他有刀")

    [row] = await citizen.cases()
    assert (row.state, row.handover_cause, row.urgent, row.ack_s) == ("handed_over", "urgent", True, 30)
    assert said.index("110") < said.index(row.number)
    assert "消息" in said
    async with runtime.database.moves() as db:
        assert (await get_case(db, runtime, row.id)).words == "半夜唱歌太吵\n他有刀"


async def test_danger_out_of_nothing_opens_an_urgent_case(citizen: Citizen) -> None:
    said = await citizen.say("help!")

    [case] = await citizen.cases()
    assert (case.state, case.urgent) == ("handed_over", True)
    assert "110" in said
    assert "A message was also sent to the station" in said


async def test_danger_about_an_open_case_moves_it_to_the_desk_at_once(citizen: Citizen) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    said = await citizen.say("他有刀")

    [case] = await citizen.cases()
    assert (case.state, case.urgent, case.handover_cause) == ("handed_over", True, "urgent")
    assert case.number in said


async def test_danger_in_a_claimed_case_alerts_its_officer_and_the_desk(
    citizen: Citizen, make: Make, runtime: Runtime, station: Made
) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    officer = await make.officer(station=station)
    await rows(
        runtime,
        "UPDATE cases SET state = 'claimed', officer_id = :o, claimed_at = reported_at, epoch = 1,"
        " act_by = clock_timestamp() + interval '1 minute' RETURNING 1",
        o=officer.id,
    )
    said = await citizen.say("他有刀")

    [case] = await citizen.cases()
    assert (case.state, case.urgent) == ("claimed", True)
    assert "110" in said
    told = await rows(runtime, "SELECT person_id FROM deliveries WHERE kind = 'raised'")
    assert [t.person_id for t in told] == [officer.id]


async def test_danger_over_every_limit_still_rings(citizen: Citizen, runtime: Runtime) -> None:
    for _ in range(4):
        await citizen.say("新报警")
        await citizen.say("半夜唱歌太吵")
        await citizen.stand()
    causes = [c.handover_cause for c in await citizen.cases()]
    await rows(runtime, "UPDATE cases SET state = 'cancelled', closed_at = clock_timestamp() RETURNING 1")
    said = await citizen.say("他有刀")

    assert "flood" in causes
    assert (await citizen.cases())[-1].urgent
    assert "110" in said


async def test_the_button_for_danger_rings_too(citizen: Citizen) -> None:
    said = await citizen.tap("emergency")

    [case] = await citizen.cases()
    assert case.urgent
    assert "110" in said


async def test_a_place_sent_after_danger_reaches_the_urgent_case(citizen: Citizen, runtime: Runtime) -> None:
    await citizen.say("救命")
    await citizen.stand()

    [row] = await citizen.cases()
    async with runtime.database.moves() as db:
        case = await get_case(db, runtime, row.id)
    assert case.place is not None


# At once


async def test_words_and_place_sent_at_once_make_one_whole_case(citizen: Citizen, runtime: Runtime) -> None:
    gcj02 = CENTRE.to_gcj02()
    words = TextMessage(text="半夜唱歌太吵", **citizen.common())
    place = LocationMessage(
        gcj02_lat=gcj02.lat, gcj02_lng=gcj02.lng, label="", place_name="", **citizen.common()
    )

    async def send(message: TextMessage | LocationMessage) -> None:
        async with transaction(runtime) as db:
            await advance(db, runtime, message)

    await asyncio.gather(send(words), send(place))
    await runtime.drain()

    [case] = await citizen.cases()
    assert (case.state, case.category) == ("open", "noise")


async def test_no_reply_repeats_what_was_written(citizen: Citizen) -> None:
    secret = "住在紫金小区8栋的张三丰"
    said = [
        await citizen.say(f"邻居太吵，{secret}"),
        await citizen.stand(label=secret),
        await citizen.say("进度"),
    ]

    assert not any(secret in one for one in said)


async def test_words_that_a_report_has_no_room_for_are_said_to_be_lost(
    citizen: Citizen, station: Made
) -> None:
    told = await citizen.say("楼上半夜唱歌很吵" + "啊" * 2000)
    again = await citizen.say("而且每天都这样")

    assert replies.WORDS_CUT.zh.format(most=2000, n=8) in told
    assert replies.WORDS_CUT.zh.format(most=2000, n=8) in again  # the line and its break
    assert "没有记下" not in await citizen.stand()


async def test_the_oldest_words_of_a_full_case_go_and_it_is_said(
    citizen: Citizen, station: Made, runtime: Runtime
) -> None:
    await citizen.say("楼上半夜唱歌很吵")
    await citizen.stand()

    first = await citizen.say("啊" * 1991)
    full = await citizen.say("他们又回来了")

    assert "移去" not in first
    assert replies.OLDEST_WENT.zh.format(most=2000, n=7) in full
