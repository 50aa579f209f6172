"""Scanned codes: a station, a community officer, a task, and what is none; and the resident's words."""

from __future__ import annotations

import pytest

from app.events.edge import transaction
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.people.identity import set_identity
from app.people.preference import preferred_station
from tests.factories import Made, Make
from tests.wechat.chats import Citizen, rows
from tests.wechat.test_officer_chat import OFFICER, at_chat
from wechat.messages import FollowEvent, ScanEvent

PHONE = "025-0000"


class Resident(Citizen):
    """A citizen with a camera."""

    async def scan(self, scene: str) -> str:
        return await self.send(ScanEvent(scene=scene, **self.common()))

    async def follow_by(self, scene: str | None) -> str:
        return await self.send(FollowEvent(scene=scene, **self.common()))


@pytest.fixture
def resident(runtime: Runtime, station: Made) -> Resident:
    return Resident(runtime)


@pytest.fixture
async def officer(runtime: Runtime, make: Make, station: Made) -> Made:
    made = await at_chat(runtime, make, station, OFFICER)
    async with transaction(runtime) as db:
        await set_identity(db, runtime, made.id, name="王小明")
    return made


@pytest.fixture
def chat(runtime: Runtime, officer: Made) -> Citizen:
    return Citizen(runtime, OFFICER)


async def test_a_stations_code_greets_with_its_name_and_phone_and_has_the_report(
    resident: Resident, runtime: Runtime, station: Made
) -> None:
    plain = await resident.follow_by(None)
    greeted = await resident.scan("station.S1")
    await resident.say("半夜唱歌太吵")
    await resident.say("没有位置")

    [case] = await resident.cases()
    assert "S1 派出所" not in plain
    assert "S1 派出所" in greeted
    assert PHONE in greeted
    assert (case.station_id, case.state) == (station.id, "handed_over")


async def test_without_a_code_a_report_without_a_place_goes_to_the_command_centre(
    resident: Resident, station: Made
) -> None:
    await resident.say("半夜唱歌太吵")
    await resident.say("没有位置")

    [case] = await resident.cases()
    assert case.station_id != station.id


async def test_a_scan_of_long_ago_decides_nothing(resident: Resident, runtime: Runtime) -> None:
    await resident.follow_by("station.S1")
    [person] = await rows(
        runtime, "UPDATE people SET near_station_at = near_station_at - interval '31 days'"
        " WHERE near_station_id IS NOT NULL RETURNING id",
    )  # fmt: skip

    async with transaction(runtime) as db:
        assert await preferred_station(db, person.id) is None


@pytest.mark.parametrize("scene", ["station.S9", "desk.S1", "17", "officer.not-a-uuid", "station.", "x" * 64])
async def test_an_unknown_scene_is_a_plain_follow(resident: Resident, scene: str) -> None:
    assert await resident.scan(scene) == await resident.follow_by(None)


async def test_a_code_of_nobody_s_says_so(resident: Resident) -> None:
    assert "失效" in await resident.scan(f"officer.{new_id()}")


async def test_a_task_is_answered_kindly(resident: Resident) -> None:
    said = await resident.scan("task.17")

    assert "谢谢" in said
    assert "110" in said


async def test_a_resident_asks_and_the_officer_answers_both_in_the_chat(
    resident: Resident, chat: Citizen, officer: Made
) -> None:
    bound = await resident.scan(f"officer.{officer.id}")
    asked = await resident.say("问片警 办居住证需要带什么材料？")
    read = await chat.say("问题")
    answered = await chat.say("答 1 请带身份证和租房合同")
    status = await resident.say("进度")
    again = await resident.say("查看")

    assert "王**" in bound
    assert officer.badge in bound
    assert "解除片警" in bound
    assert "已转给您的社区民警" in asked
    assert "【1】办居住证需要带什么材料？" in read
    assert "已回复" in answered
    assert "请带身份证和租房合同" in status
    assert "没有新的回复" in again


async def test_in_english(resident: Resident, chat: Citizen, officer: Made) -> None:
    await resident.scan(f"officer.{officer.id}")
    await resident.say("English")

    asked = await resident.say("ask which papers do I need?")
    await chat.say("answer 1 your passport")
    read = await resident.say("read")

    assert "Passed to your community officer" in asked
    assert "your passport" in read


async def test_the_notice_says_neither_question_nor_answer(
    resident: Resident, chat: Citizen, officer: Made, runtime: Runtime
) -> None:
    await resident.scan(f"officer.{officer.id}")
    await resident.say("问片警 我想咨询离婚后户口怎么办")
    await chat.say("答 1 请到户籍窗口")

    facts = [r.facts for r in await rows(runtime, "SELECT facts FROM deliveries")]
    assert len(facts) == 2
    assert all(set(f) == {"question_id"} for f in facts)


async def test_off_duty_the_desk_has_it_and_the_resident_is_told_which(
    resident: Resident, chat: Citizen, officer: Made
) -> None:
    await resident.scan(f"officer.{officer.id}")
    await chat.say("下岗")

    said = await resident.say("问片警 明天几点开门？")

    assert "不在岗" in said
    assert "S1 派出所值班台" in said
    assert PHONE in said


async def test_danger_in_a_question_answers_110_and_asks_nobody(
    resident: Resident, officer: Made, runtime: Runtime
) -> None:
    await resident.scan(f"officer.{officer.id}")

    said = await resident.say("问片警 救命，有人拿刀砍人")

    assert "110" in said.splitlines()[0]
    assert await rows(runtime, "SELECT 1 FROM questions") == []


async def test_unbinding_and_who_has_no_officer(resident: Resident, officer: Made) -> None:
    without = await resident.tap("ask")
    await resident.scan(f"officer.{officer.id}")
    how = await resident.tap("ask")
    undone = await resident.say("解除片警")
    refused = await resident.say("问片警 还在吗？")

    assert "还没有关联" in without
    assert "王**" in how
    assert "已解除" in undone
    assert "还没有关联" in refused


async def test_ask_without_an_officer_is_the_beginning_of_a_report(resident: Resident) -> None:
    said = await resident.say("ask the people upstairs to be quiet")

    assert "community officer" not in said


async def test_after_half_an_hour_what_residents_wrote_needs_the_second_factor(
    resident: Resident, chat: Citizen, officer: Made, runtime: Runtime
) -> None:
    await resident.scan(f"officer.{officer.id}")
    await resident.say("问片警 办居住证需要带什么材料？")
    await rows(runtime, "UPDATE sessions SET used_at = used_at - interval '31 minutes' RETURNING id")

    said = [await chat.say("问题"), await chat.say("答 1 好的")]

    assert all("验证" in one for one in said)
    assert not any("居住证" in one for one in said)
