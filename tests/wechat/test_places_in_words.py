"""A place in words: matched with known places, asked about before it counts, never in the way of a number."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.cases.queries import Case, get_case
from app.events.edge import transaction
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from app.stations.places import KnownPlace, Places, read_csv, replace_places
from tests.factories import CENTRE, Made
from tests.wechat.callback_door import Door, taps
from tests.wechat.chats import rows

GATE, PARK, STREET = Point(32.0641, 118.8236), Point(32.0631, 118.8226), Point(32.0611, 118.8216)
CSV = (
    "name,aliases,lat,lng\n"
    f"青莲公园北门,公园北门|Lotus Park North Gate,{GATE.lat},{GATE.lng}\n"
    f"青莲公园,青莲湖|Lotus Park,{PARK.lat},{PARK.lng}\n"
    f"云锦路步行街,,{STREET.lat},{STREET.lng}\n"
)


@pytest.fixture
async def door(runtime: Runtime, station: Made) -> Door:
    async with transaction(runtime) as db:
        await replace_places(db, station.id, read_csv(CSV))
    return Door(runtime)


async def the_case(runtime: Runtime) -> Case:
    [row] = await rows(runtime, "SELECT id FROM cases")
    async with runtime.database.moves() as db:
        return await get_case(db, runtime, row.id)


def near(case: Case, at: Point) -> bool:
    return case.place is not None and case.place.at is not None and metres(case.place.at, at) < 1


async def test_a_place_in_the_first_words_is_asked_about_and_makes_a_case_in_two(
    door: Door, runtime: Runtime
) -> None:
    asked = await door.say("青莲公园北门有人唱歌太吵")
    opened = await door.tap(asked, "青莲公园北门")

    assert [shown for _, _, shown in taps(asked)] == ["1 青莲公园北门", "2 都不是"]
    case = await the_case(runtime)
    assert near(case, GATE)
    assert case.number in opened
    assert (case.state, case.words) == ("open", "青莲公园北门有人唱歌太吵")


@pytest.mark.parametrize(
    "typed", ["青莲公园北门3号楼2单元", "青莲公园北们", "公园北门", "lotus park north gate"]
)
async def test_house_numbers_and_slips_are_tolerated_where_a_place_was_asked_for(
    door: Door, runtime: Runtime, typed: str
) -> None:
    await door.say("半夜唱歌太吵")
    asked = await door.say(typed)
    await door.tap(asked, "青莲公园北门")

    case = await the_case(runtime)
    assert near(case, GATE)
    assert case.place is not None
    assert case.place.label is not None
    assert case.place.label.startswith("青莲公园北门")
    assert case.words == "半夜唱歌太吵"


@pytest.mark.parametrize("none", ["都不是", "3", "None"])
async def test_none_of_them_asks_for_the_location_once_more(door: Door, runtime: Runtime, none: str) -> None:
    await door.say("半夜唱歌太吵")
    asked = await door.say("青莲公圆")
    opened = await door.say(none)

    case = await the_case(runtime)
    assert "青莲公园" in asked
    assert case.number in opened
    assert case.cause == "no_place"
    assert case.words is not None
    assert "青莲公圆" in case.words  # for the desk to read


async def test_a_location_answers_it_too(door: Door, runtime: Runtime) -> None:
    await door.say("青莲公园有人唱歌太吵")
    await door.stand(CENTRE)

    assert near(await the_case(runtime), CENTRE)


async def test_unknown_words_are_the_place_as_they_were_written(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await door.say("就是我家楼上")
    await door.say("老王家门口")

    case = await the_case(runtime)
    assert case.cause == "no_place"
    assert case.place is not None
    assert (case.place.at, case.place.label) == (None, "老王家门口")


async def test_at_the_fourth_message_the_number_comes_first_and_the_place_is_asked_of_the_open_case(
    door: Door, runtime: Runtime
) -> None:
    await door.click("report")
    await door.say("9")
    await door.say("三楼又是这样")
    opened = await door.say("青莲公园北门")
    before = await the_case(runtime)
    moved = await door.tap(opened, "青莲公园北门")

    case = await the_case(runtime)
    assert before.number in opened
    assert before.cause == "no_place"
    assert near(case, GATE)
    assert case.number in moved


@pytest.mark.parametrize(
    "words", ["我在青莲公园北门等你们", "我换地方了，在青莲公园北门", "meet me at Lotus Park North Gate"]
)
async def test_i_moved_and_meet_me_at_by_words_move_an_open_case(
    door: Door, runtime: Runtime, words: str
) -> None:
    await door.say("半夜唱歌太吵")
    await door.stand(CENTRE)
    asked = await door.say(words)
    await door.tap(asked, "1 ")

    assert near(await the_case(runtime), GATE)


async def test_where_nobody_knows_the_place_it_is_added_for_officer_and_desk(
    door: Door, runtime: Runtime
) -> None:
    await door.say("半夜唱歌太吵")
    await door.stand(CENTRE)
    said = await door.say("我在老王家门口见面")

    case = await the_case(runtime)
    assert case.number in said
    assert case.words == "半夜唱歌太吵\n地点：老王家门口"


@pytest.mark.parametrize("after", ["取消", "进度", "他们有五个人", "都不是"])
async def test_a_question_of_where_that_is_passed_over_starts_no_second_report(
    door: Door, runtime: Runtime, after: str
) -> None:
    await door.say("半夜唱歌太吵")
    await door.stand(CENTRE)
    await door.say("我在青莲公园等")
    await door.say(after)
    await door.show()

    case = await the_case(runtime)
    assert near(case, CENTRE)
    assert case.state == ("cancelled" if after == "取消" else case.state)


async def test_a_picture_while_it_is_asked_goes_to_the_open_case(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await door.stand(CENTRE)
    asked = await door.say("我在青莲公园等")
    await door.show("m9")
    await door.tap(asked, "1 ")

    case = await the_case(runtime)
    assert case.media == ("m9",)
    assert near(case, PARK)


async def test_another_process_matches_with_a_new_list_at_once(
    door: Door, runtime: Runtime, station: Made
) -> None:
    await door.say("青莲公园有人唱歌太吵")
    await door.say("取消")
    async with transaction(runtime) as db:
        await replace_places(db, station.id, read_csv("name,aliases,lat,lng\n白鹭巷,,32.06,118.82\n"))
    await runtime.drain()

    gone, new = await door.say("青莲公园有人唱歌太吵"), None
    await door.say("取消")
    new = await door.say("白鹭巷有人唱歌太吵")

    assert taps(gone) == []
    assert "白鹭巷" in new


# Matching


def known(*names: str) -> Places:
    return Places([KnownPlace(UUID(int=n), UUID(int=0), name, (), CENTRE) for n, name in enumerate(names, 1)])


@pytest.mark.parametrize(
    ("words", "alike", "found"),
    [
        ("我在青莲公园北门被偷了", False, ["青莲公园北门"]),
        ("我在青莲公园被偷了", False, ["青莲公园"]),
        ("青莲公圆", False, []),
        ("青莲公圆", True, ["青莲公园"]),
        ("云锦路", True, ["云锦路步行街"]),
        ("云锦路88号", True, ["云锦路步行街"]),
        ("明月路", True, []),
        ("我的钱包被偷了", True, []),
        ("路", True, []),
    ],
)
def test_what_is_matched(words: str, alike: bool, found: list[str]) -> None:
    places = known("青莲公园", "青莲公园北门", "云锦路步行街")

    assert [place.name for place in places.match(words, alike=alike)][: len(found) or None] == found


def test_three_are_asked_about_at_most() -> None:
    assert len(known(*(f"青莲小区{letter}区" for letter in "东南西北中")).match("青莲小区", alike=True)) == 3


@pytest.mark.parametrize(
    ("csv", "says"),
    [
        ("a,b\n", "the first line must be name,aliases,lat,lng"),
        ("name,aliases,lat,lng\n甲地,,x,1\n", "line 2: lat and lng"),
        ("name,aliases,lat,lng\n甲地,,91,1\n", "line 2: lat and lng"),
        ("name,aliases,lat,lng\n甲地,,32,118\n乙,,32,118\n", "line 3: a name of 2"),
        ('name,aliases,lat,lng\n"甲地,,32,118\n', "this is not CSV"),
    ],
)
def test_a_wrong_line_is_named(csv: str, says: str) -> None:
    with pytest.raises(Exception, match=says) as refused:
        read_csv(csv)
    assert type(refused.value).__name__ == "Invalid"


@pytest.mark.parametrize("answer", ["²", "", "999", "-1", "一", "1.1", "9" * 5000])
async def test_an_id_that_nobody_offered_is_none_of_them(door: Door, runtime: Runtime, answer: str) -> None:
    await door.say("青莲公园北门有人唱歌太吵")
    asked = await door.say("x", tap_id=f"place.{answer}")

    assert "位置" in asked
    assert await rows(runtime, "SELECT 1 FROM cases") == []
