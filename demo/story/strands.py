"""The strands of the story. Each returns what it found; a strand that broke says where."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from demo import judgement
from demo.cast import Cast
from demo.city import Officer, Spot
from demo.doors.desk import Desk
from demo.doors.http import Json, Refused
from demo.doors.phone import Phone, point_of
from demo.judgement import Finding
from demo.roads import between
from demo.story.stage import ListeningOfficer, Reporter, StoryBroke, Teller, listening, until

RACE, SILENT, HANDOVER = "XW04", "XW09", "XW07"
"""Stations where the strands play: no two share officers."""
SHORTENED_S = {"nudge_s": 4, "alarm_s": 8, "take_back_s": 12}
"""In place of 60, 120 and 180."""
STEPS_TO_THE_SCENE, STEP_S = 6, 1.5
_DISTANCE = re.compile(r"距您约([0-9]+)米")
OFFERED_WITHIN_S = 15.0
SETTINGS_KNOWN_S = 2.0
"""Every process of the service reads stations again within about a second."""


def crew(cast: Cast, code: str) -> list[Officer]:
    """The officers of a station."""
    return [officer for officer in cast.city.officers if officer.station == code]


def scene(cast: Cast, code: str) -> Spot:
    """Where something happens: on the patrol of the station's first officer."""
    return crew(cast, code)[0].patrol[0]


async def race(cast: Cast, phones: dict[str, Phone], teller: Teller) -> list[Finding]:
    """Reported by chat, raced for, granted once, tracked, closed, rated."""
    place = scene(cast, RACE)
    reporter = await Reporter.arrive(cast, _name("race"), "故事甲")
    async with listening(phones, crew(cast, RACE), place) as officers:
        number, case_id = await reporter.report("楼下烧烤店很吵，已经半夜了", place)
        teller.tell("race    ", f"reported by chat: {number}")
        offers = await asyncio.gather(*(o.offered(case_id, within_s=OFFERED_WITHIN_S) for o in officers))
        teller.tell("race    ", f"offered to {len(offers)} officers, who all claim at once")
        claims = await asyncio.gather(
            *(
                _claim(officer, case_id, offer["epoch"])
                for officer, offer in zip(officers, offers, strict=True)
            )
        )
        answers = {officer.badge: status for officer, (status, _) in zip(officers, claims, strict=True)}
        raced = judgement.judge_race(answers)
        teller.tell("race    ", raced.found)
        won = next(((o, e) for o, (status, e) in zip(officers, claims, strict=True) if status == 201), None)
        if won is None:
            raise StoryBroke("nobody was granted the case")
        told_m = await _to_the_scene(won[0], won[1], case_id, place, reporter, teller)
    ended = await _rated(reporter, case_id, teller)
    return [raced, judgement.judge_track(told_m), ended]


async def _claim(officer: ListeningOfficer, case_id: str, epoch: int) -> tuple[int, int]:
    """The status of the claim, and the epoch that it gave."""
    try:
        won = await officer.phone.call("POST", f"/offers/{case_id}/claim", {"epoch": epoch})
    except Refused as refused:
        return refused.status, epoch
    return 201, int(won["epoch"])


async def _to_the_scene(
    officer: ListeningOfficer, epoch: int, case_id: str, place: Spot, reporter: Reporter, teller: Teller
) -> list[int]:
    """Drive, arrive, close; returns how far away the reporter was told the officer is, in metres, in order."""
    told_m: list[int] = []
    act: Json = {"epoch": epoch}
    await officer.phone.call("POST", f"/cases/{case_id}/en-route", act)
    teller.tell("race    ", f"officer {officer.badge} is on the way")
    start = officer.at
    for step in range(1, STEPS_TO_THE_SCENE + 1):
        await officer.stand(between(start, place, step / STEPS_TO_THE_SCENE))
        await asyncio.sleep(STEP_S)
        if distance := _DISTANCE.search(await reporter.write("进度")):
            told_m.append(int(distance[1]))
    teller.tell("race    ", judgement.judge_track(told_m).found)
    await officer.phone.call("POST", f"/cases/{case_id}/arrived", {**act, "at": point_of(place)})
    await officer.phone.call(
        "POST", f"/cases/{case_id}/close", {**act, "disposition": "mediated", "note": "已劝导，音响关闭"}
    )
    teller.tell("race    ", "arrived and closed: mediated")
    return told_m


async def _rated(reporter: Reporter, case_id: str, teller: Teller) -> Finding:
    teller.tell("race    ", f"rated by chat with 5 stars: {await reporter.write('评分5')}")
    desk = await reporter.cast.desk_of(RACE)
    return judgement.judge_ending(await desk.call("GET", f"/cases/{case_id}"))


async def handover(cast: Cast, phones: dict[str, Phone], teller: Teller) -> list[Finding]:
    """Offered, taken by nobody, with the desk at 60 s, assigned."""
    place = scene(cast, HANDOVER)
    reporter = await Reporter.arrive(cast, _name("handover"), "故事乙")
    async with listening(phones, crew(cast, HANDOVER)[:3], place) as officers:
        number, case_id = await reporter.report("邻居占道堆放杂物，说了不听", place)
        teller.tell("handover", f"reported by chat: {number}")
        await asyncio.gather(*(o.offered(case_id, within_s=OFFERED_WITHIN_S) for o in officers))
        teller.tell(
            "handover", f"offered to {len(officers)} officers; none of them answers, for a real minute"
        )
        desk = await cast.desk_of(HANDOVER)
        await asyncio.sleep(56)

        async def queued() -> Json | None:
            items = (await desk.call("GET", "/queue"))["items"]
            return next((each for each in items if each["case_id"] == case_id), None)

        item = await until("the desk's queue has the case", queued, within_s=10)
        handed = judgement.judge_handover(await desk.call("GET", f"/cases/{case_id}"))
        teller.tell("handover", f"the desk has it, {handed.found}")
        await desk.call("POST", f"/cases/{case_id}/acknowledge")
        badge = await _assign(cast, desk, item)
        case = await desk.call("GET", f"/cases/{case_id}")
        assigned = judgement.judge_assignment(case, badge)
        teller.tell("handover", f"acknowledged and assigned: {assigned.found}")
        officer = next(o for o in officers if o.badge == badge)
        await officer.phone.call("POST", f"/cases/{case_id}/en-route", {"epoch": case["epoch"]})
        await officer.finish_what_is_left()
        teller.tell("handover", f"officer {badge} went there and closed it")
    return [handed, assigned]


async def _assign(cast: Cast, desk: Desk, item: Json) -> str:
    """Put the nearest free officer on a case of the queue; returns the badge."""
    case_id = item["case_id"]
    free = (await desk.call("GET", f"/cases/{case_id}/officers"))["items"]
    ours = [each for each in free if cast.code_of(each["station_id"]) == HANDOVER and each["fit"]]
    if not ours:
        raise StoryBroke("the desk found no free officer of its station")
    assignment: Json = {"epoch": item["epoch"], "officer_id": ours[0]["officer_id"]}
    await desk.call("POST", f"/cases/{case_id}/assignment", assignment)
    return str(ours[0]["badge"])


async def silence(cast: Cast, phones: dict[str, Phone], teller: Teller) -> list[Finding]:
    """Claimed by a phone that goes silent: nudged, the desk alarmed, taken back, taken by a colleague."""
    place = scene(cast, SILENT)
    reporter = await Reporter.arrive(cast, _name("silence"), "故事丙")
    numbers = ", ".join(f"{name.removesuffix('_s')} {value} s" for name, value in SHORTENED_S.items())
    async with _shortened(cast), listening(phones, crew(cast, SILENT)[:3], place) as (first, *others):
        teller.tell("silence ", f"this station's times are SHORTENED for the story: {numbers}")
        number, case_id = await reporter.report("有流浪狗在小区门口翻垃圾", place)
        teller.tell("silence ", f"reported by chat: {number}")
        offer = await first.offered(case_id, within_s=OFFERED_WITHIN_S)
        status, epoch = await _claim(first, case_id, offer["epoch"])
        if status != 201:
            raise StoryBroke(f"the claim of officer {first.badge} was answered with {status}")
        teller.tell("silence ", f"claimed by officer {first.badge}, whose phone says nothing from now on")
        again = await others[0].offered(case_id, within_s=SHORTENED_S["take_back_s"] + 10, after=epoch)
        status, epoch = await _claim(others[0], case_id, again["epoch"])
        teller.tell(
            "silence ", f"taken back and offered anew; claimed by officer {others[0].badge} ({status})"
        )
        desk = await cast.desk_of(SILENT)
        events = (await desk.call("GET", f"/cases/{case_id}/timeline"))["items"]
        await others[0].finish_what_is_left()
    claimed_by = next(officer_id for officer_id, badge in cast.badges.items() if badge == first.badge)
    limits_s = dict(
        zip(("case_nudged", "case_alarmed", "case_taken_back"), SHORTENED_S.values(), strict=True)
    )
    found = judgement.judge_silence(events, claimed_by=claimed_by, limits_s=limits_s)
    teller.tell("silence ", found.found)
    return [found]


@asynccontextmanager
async def _shortened(cast: Cast) -> AsyncIterator[None]:
    """The station's own settings for the time of the story, the defaults again after it."""
    address = f"/stations/{cast.stations[SILENT]}/settings"
    await cast.administrator.call("PATCH", address, dict(SHORTENED_S))
    await asyncio.sleep(SETTINGS_KNOWN_S)
    try:
        yield
    finally:
        await cast.administrator.call("PATCH", address, dict.fromkeys(SHORTENED_S))


async def danger(cast: Cast, teller: Teller) -> list[Finding]:
    """Words of danger: 110 in the same reply, an urgent item at the desk."""
    reporter = await Reporter.arrive(cast, _name("danger"), "故事丁")
    reply = await cast.doors.chat.write(reporter.user_id, "他有刀")
    teller.tell(
        "danger  ",
        f"“他有刀” is answered in {reply.latency_s * 1000:.0f} ms: {reply.text.splitlines()[0][:40]}…",
    )
    queue = await cast.command.every("/queue")
    found = judgement.judge_danger(reply.text, reply.number, queue)
    teller.tell("danger  ", found.found)
    item = next((each for each in queue if each["number"] == reply.number), None)
    if item is not None:
        desk = await cast.desk_of(cast.code_of(item["station_id"]))
        await desk.call("POST", f"/cases/{item['case_id']}/acknowledge")
        teller.tell("danger  ", "the desk has seen it")
    return [found]


def _name(strand: str) -> str:
    return f"story-{strand}-{uuid4().hex[:8]}"
