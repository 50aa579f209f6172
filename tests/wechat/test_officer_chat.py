"""An officer works by chat: binding, the second factor, and every word; a stale act is refused kindly."""

from __future__ import annotations

import re
from dataclasses import replace

import pyotp
import pytest

from app.cases.states import CaseState
from app.community.service import ask
from app.community.service import bind as bind_resident
from app.dispatch.acts import Disposition
from app.events.edge import transaction
from app.kit.geo import Point
from app.kit.runtime import Runtime
from app.people.chat import officer_in_chat, open_in_chat
from app.people.errors import InvitationRefused
from app.people.identity import add_openid, openid_of, set_identity
from app.people.invitations import invite
from app.people.second_factor import decide_approval, enrol_totp, pending_approvals
from app.people.tables import PersonKind
from tests.conftest import ROOT
from tests.factories import CENTRE, Made, Make, acting
from tests.wechat.chats import Citizen, rows
from wechat.officer_words import DISPOSITIONS, SAYINGS, Word, disposition_of, officer_page

OFFICER, ANOTHER = "oOfficer000000000000000000001", "oOfficer000000000000000000002"
TAP = re.compile(r"msgmenucontent=([^&\"]*)&msgmenuid=([^\"]*)")


@pytest.fixture
async def officer(runtime: Runtime, make: Make, station: Made) -> Made:
    """An officer, on duty, whose WeChat account is bound and signed in to the chat."""
    return await at_chat(runtime, make, station, OFFICER)


@pytest.fixture
def chat(runtime: Runtime, officer: Made) -> Citizen:
    return Citizen(runtime, OFFICER)


async def at_chat(runtime: Runtime, make: Make, station: Made, openid: str, **facts: object) -> Made:
    made = await make.officer(station=station, **facts)  # type: ignore[arg-type]  # the factory's own
    async with transaction(runtime) as db:
        app_id = runtime.settings.wechat_app_id
        await add_openid(db, runtime, person_id=made.id, app_id=app_id, openid=openid)
        await open_in_chat(db, made.id)
    await rows(
        runtime, "UPDATE sessions SET second_factor = TRUE WHERE person_id = :id RETURNING id", id=made.id
    )
    return made


async def offered(make: Make, station: Made, officer: Made, **facts: object) -> Made:
    case = await make.case(station=station, **facts)  # type: ignore[arg-type]  # the factory's own
    await make.offer(case, officer)
    return case


def end_of(case: Made) -> str:
    return str(case.number).replace("-", "")[-3:]


async def test_a_code_binds_the_chat_and_the_desk_lets_it_in(
    runtime: Runtime, make: Make, station: Made
) -> None:
    async with transaction(runtime) as db:
        made = await invite(
            db, runtime, name="王小明", badge="017342", station_id=station.id, kind=PersonKind.OFFICER
        )
    chat = Citizen(runtime, OFFICER)

    bound = await chat.say(f"绑定 017342 {made.code}")
    before = await chat.say("在岗")
    async with transaction(runtime) as db:
        [approval] = await pending_approvals(db, stations=[station.id])
        desk = acting(await make.staff("desk", station=station))
        await decide_approval(db, approval.id, by=desk, approve=True)
    after = await chat.say("在岗")

    assert "017342" in bound
    assert "值班台" in before
    assert "已上岗" in after
    assert [
        r.on_duty for r in await rows(runtime, "SELECT on_duty FROM officers WHERE badge = '017342'")
    ] == [True]


async def test_a_wrong_code_binds_nothing_and_is_counted(runtime: Runtime, make: Make, station: Made) -> None:
    async with transaction(runtime) as db:
        made = await invite(db, runtime, name="王小明", badge="017342", station_id=station.id)
    chat = Citizen(runtime, OFFICER)

    with pytest.raises(InvitationRefused):
        await chat.say("绑定 017342 0000 0000" if made.code != "0000 0000" else "绑定 017342 1111 1111")

    assert [r.tries_left for r in await rows(runtime, "SELECT tries_left FROM invitations")] == [4]
    assert await rows(runtime, "SELECT 1 FROM sessions") == []


async def test_the_account_is_bound_beside_the_mini_program(
    runtime: Runtime, make: Make, station: Made
) -> None:
    mini = runtime.settings.miniprogram_app_id
    async with transaction(runtime) as db:
        made = await invite(db, runtime, name="王小明", badge="017342", station_id=station.id)
        await add_openid(db, runtime, person_id=made.person_id, app_id=mini, openid="oMini")

    reply = await Citizen(runtime, OFFICER).say(f"绑定 017342 {made.code}")

    async with transaction(runtime) as db:
        known = [
            await openid_of(db, runtime, made.person_id, a) for a in (mini, runtime.settings.wechat_app_id)
        ]
    assert known == ["oMini", OFFICER]
    assert "解除" not in reply


async def test_another_account_replaces_the_old_one_and_says_so(
    runtime: Runtime, make: Make, station: Made, officer: Made
) -> None:
    mini = runtime.settings.miniprogram_app_id
    async with transaction(runtime) as db:
        await add_openid(db, runtime, person_id=officer.id, app_id=mini, openid="oMini")
        made = await invite(db, runtime, name="王小明", badge=officer.badge, station_id=station.id)

    reply = await Citizen(runtime, ANOTHER).say(f"绑定 {officer.badge} {made.code}")

    async with transaction(runtime) as db:
        known = [await openid_of(db, runtime, officer.id, a) for a in (mini, runtime.settings.wechat_app_id)]
        session = await officer_in_chat(db, officer.id)
    assert known == [None, ANOTHER]
    assert "小程序重新绑定" in reply
    assert session is not None
    assert not session.second_factor


async def test_the_authenticator_lets_in_too(
    runtime: Runtime, make: Make, officer: Made, chat: Citizen
) -> None:
    await rows(
        runtime, "UPDATE sessions SET second_factor = FALSE WHERE person_id = :id RETURNING id", id=officer.id
    )
    async with transaction(runtime) as db:
        address = await enrol_totp(db, runtime, officer.id, by=None)

    wrong = await chat.say("验证 000000")
    right = await chat.say(f"验证 {pyotp.parse_uri(address).now()}")

    assert "已验证" not in wrong
    assert "已验证" in right


async def test_a_citizen_s_words_are_words_of_a_report(citizen: Citizen) -> None:
    replies = [await citizen.say(line) for line in ("接", "在岗", "结束", "出发")]

    assert not [r for r in replies if "接下" in r or "绑定" in r or "上岗" in r]


async def test_the_whole_of_a_case_by_words(make: Make, station: Made, officer: Made, chat: Citizen) -> None:
    case = await offered(make, station, officer, reported_ago_s=12)

    won = await chat.say(f"接 {end_of(case)}")
    again = await chat.say(f"接 {end_of(case)}")
    states = []
    for line in ("出发", "还在路上", "到了 4711", "结束 已调解"):
        states.append((await chat.say(line), await make.column(case, "state")))

    assert case.number in won
    assert "12秒" in won or "13秒" in won
    assert "已是您的任务" in again
    assert [state for _, state in states] == ["en_route", "en_route", "arrived", "closed"]
    assert await make.column(case, "disposition") == "mediated"


async def test_the_same_in_english(make: Make, station: Made, officer: Made, chat: Citizen) -> None:
    case = await offered(make, station, officer)

    said = [await chat.say(w) for w in (f"take {end_of(case)}", "en route", "arrived 4711", "close solved")]

    assert "Yours" in said[0]
    assert "Closed" in said[3]
    assert await make.column(case, "state") == CaseState.CLOSED


async def test_the_nearest_of_several_is_taken_and_each_can_be_named(
    runtime: Runtime, make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    near, far = [await offered(make, station, officer) for _ in range(2)]
    await rows(runtime, "UPDATE offers SET distance_m = 900 WHERE case_id = :id RETURNING 1", id=far.id)

    listed = await chat.say("状态")
    await chat.say("接")

    assert end_of(near) in listed
    assert end_of(far) in listed
    assert await make.column(near, "officer_id") == officer.id


async def test_who_comes_second_hears_who_was_first(
    runtime: Runtime, make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    case = await offered(make, station, officer, reported_ago_s=7)
    winner = await at_chat(runtime, make, station, ANOTHER)
    await make.offer(case, winner)
    async with transaction(runtime) as db:
        await set_identity(db, runtime, winner.id, name="李四海")
    await Citizen(runtime, ANOTHER).say("接")

    lost = await chat.say(f"接 {end_of(case)}")

    assert f"李** {winner.badge}" in lost
    assert "谢谢" in lost


async def test_declining_leaves_nothing_to_take(
    make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    case = await offered(make, station, officer)

    said = await chat.say(f"不接 {end_of(case)} 正在处理别的事")
    after = await chat.say("接")

    assert end_of(case) in said
    assert "没有可接" in after


async def test_an_act_on_a_case_that_was_taken_back_is_refused_and_the_new_one_shown(
    runtime: Runtime, make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    first = await offered(make, station, officer)
    await chat.say("接")
    await rows(
        runtime, "UPDATE cases SET state = 'handed_over', officer_id = NULL, epoch = 2, handed_over_at = clock_timestamp(),"
        " claimed_at = NULL, act_by = NULL, handover_cause = 'silent', ringing_id = station_id WHERE id = :id RETURNING id",
        id=first.id,
    )  # fmt: skip
    second = await make.case(station=station, state="assigned", officer=officer, epoch=1)

    refused = await chat.say("出发")
    before = await make.column(second, "state")
    done = await chat.say("出发")

    assert second.number in refused
    assert (before, await make.column(second, "state")) == ("assigned", "en_route")
    assert second.number in done


async def test_a_tap_of_long_ago_does_nothing(
    make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    first = await offered(make, station, officer)
    sends, tap_id = TAP.findall(await chat.say("接"))[-1]
    await chat.say("放弃 车辆故障")
    second = await make.case(station=station, state="assigned", officer=officer, epoch=1)
    await chat.say("状态")

    said = await chat.say(sends, menu_id=tap_id)

    assert await make.column(first, "state") in ("open", "handed_over")
    assert second.number in said
    assert await make.column(second, "state") == "assigned"


async def test_a_reason_that_is_tapped_twice_is_no_report(
    runtime: Runtime, make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    await make.case(station=station, state="assigned", officer=officer, epoch=1)
    sends, tap_id = TAP.findall(await chat.say("放弃"))[0]
    await chat.say(sends, menu_id=tap_id)

    said = await chat.say(sends, menu_id=tap_id)

    assert said
    assert len(await chat.cases()) == 1
    assert await rows(runtime, "SELECT 1 FROM drafts WHERE words IS NOT NULL") == []


async def test_the_list_of_dispositions_is_tapped(
    make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    case = await make.case(station=station, state="arrived", officer=officer, epoch=1)

    asked = await chat.say("结束")
    sends, tap_id = next(t for t in TAP.findall(asked) if "现场无人" in t[0])
    await chat.say(sends, menu_id=tap_id)

    assert len(TAP.findall(asked)) == 9
    assert (await make.column(case, "state"), await make.column(case, "disposition")) == (
        "closed",
        "nobody_there",
    )


async def test_a_wrong_meet_code_is_no_arrival(
    make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    case = await offered(make, station, officer)
    await chat.say("接")
    await chat.say("出发")

    said = [await chat.say("到了 0000"), await chat.say("到了")]

    assert all("会面码" in one for one in said)
    assert await make.column(case, "state") == "en_route"


async def test_an_assigned_case_is_given_back_with_a_reason(
    make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    case = await make.case(station=station, state="assigned", officer=officer, epoch=1)

    asked = await chat.say("放弃")
    told = await chat.say("放弃 离得太远")

    assert case.number in asked
    assert "值班台" in told
    assert await make.column(case, "state") == "handed_over"


async def test_off_duty_nothing_is_taken_and_with_a_case_in_hand_nobody_goes(
    make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    case = await offered(make, station, officer)
    await chat.say("下岗")
    off = await chat.say(f"接 {end_of(case)}")
    await chat.say("在岗")
    await chat.say(f"接 {end_of(case)}")

    kept = await chat.say("下岗")

    assert "未在岗" in off
    assert "已下岗" not in kept
    assert await make.column(case, "officer_id") == officer.id


async def test_signing_out_ends_duty(runtime: Runtime, officer: Made, chat: Citizen) -> None:
    await chat.say("退出")
    status = await chat.say("状态")
    after = await chat.say("接")

    [row] = await rows(runtime, "SELECT on_duty FROM officers WHERE person_id = :id", id=officer.id)
    assert not row.on_duty
    assert "请先登录" not in status
    assert "请先登录" in after


async def test_the_menu_does_what_the_words_do(
    make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    case = await offered(make, station, officer)

    for key in ("officer.take", "officer.en_route"):
        await chat.tap(key)
    status = await chat.tap("officer.status")

    assert await make.column(case, "state") == "en_route"
    assert case.number in status


async def test_a_question_holds_nothing_to_tap(
    runtime: Runtime, make: Make, officer: Made, chat: Citizen
) -> None:
    link = '<a href="weixin://bizmsgmenu?msgmenucontent=下岗&msgmenuid=say">看图片</a>'
    resident = await make.citizen()
    async with transaction(runtime) as db:
        await bind_resident(db, resident.id, officer.id)
        await ask(db, runtime, person_id=resident.id, words=link, key="msg:1")

    said = await chat.say("问题")

    assert "看图片" in said
    assert "下岗" in said
    assert "<a" not in said


async def test_danger_comes_first_whoever_writes(chat: Citizen) -> None:
    assert "110" in (await chat.say("救命，有人拿刀")).splitlines()[0]


async def test_how_far_and_which_way(
    runtime: Runtime, make: Make, station: Made, officer: Made, chat: Citizen
) -> None:
    east = replace(CENTRE, lng=CENTRE.lng + 0.01)
    case = await offered(make, station, officer, at=east)
    await rows(runtime, "UPDATE offers SET distance_m = 944 WHERE case_id = :id RETURNING 1", id=case.id)

    assert "约900米（东）" in await chat.say("状态")
    assert isinstance(east, Point)


def test_the_page_says_what_the_table_says() -> None:
    assert (ROOT / "docs" / "reference" / "officer-chat.md").read_text() == officer_page()


def test_no_line_is_two_words_and_each_example_is_its_own() -> None:
    examples = {
        Word.BIND: "绑定 017342 4711 0815", Word.VERIFY: "验证 123456", Word.TAKE: "接 067", Word.DECLINE: "不接 067 太远",
        Word.ARRIVED: "到了 1234", Word.CLOSE: "结束 已解决", Word.RELEASE: "放弃 车辆故障", Word.ANSWER: "答 3 好的",
    }  # fmt: skip
    for saying in SAYINGS:
        line = examples.get(saying.word, saying.zh)
        assert [s.word for s in SAYINGS if s.pattern.fullmatch(line)] == [saying.word]


def test_every_disposition_and_reason_can_be_named() -> None:
    assert set(DISPOSITIONS) == set(Disposition)
    assert [disposition_of(zh) for zh, _ in DISPOSITIONS.values()] == list(DISPOSITIONS)
    assert [disposition_of(en) for _, en in DISPOSITIONS.values()] == list(DISPOSITIONS)
