"""What a reporter does by words with cases that exist: progress, cancel, change, rate, not solved, more photos."""

from __future__ import annotations

import math
from datetime import datetime

from app.cases.errors import CaseEnded
from app.cases.policy import closed_lately, may_say_not_solved
from app.cases.queries import Case, Place
from app.cases.states import ACTIVE, ENDED, CaseState, Cause
from app.dispatch import citizen
from app.dispatch.amend import add_words, set_flags
from app.dispatch.citizen import Cancelled
from app.dispatch.drafts import Draft, drop, save
from app.dispatch.errors import WindowOver
from app.dispatch.intake import WORDS_MAX
from app.kit.errors import Conflict
from app.media.queries import lost_of
from app.media.service import bind, note_medium
from app.media.states import MediaKind
from app.notices.queries import take_waiting
from app.stations.registry import registry
from app.tracking.queries import TrackState, track
from wechat import complaints, me_too, placing, receipts, replies
from wechat.flags import flags_in
from wechat.reporting import GOING
from wechat.times import ago
from wechat.turn import Turn, noting

SHOWN = 3
REPEAT_S = 600
"""An act asked for again within this time gets its first answer: the first may have been lost on the way."""


async def progress(turn: Turn) -> str:
    """Every open case, or the last closed one; with what was not told meanwhile."""
    cases = await turn.cases()
    shown = [c for c in cases if c.state not in ENDED][:SHOWN] or [c for c in cases if closed_lately(c)][:1]
    lines = [await _progress_of(turn, case) for case in shown]
    for case in shown:  # in silent mode the receipt is no part of the first answer
        lines += await receipts.lines(turn, case.id) if case.text_only else []
    if lost := await lost_of(turn.db, [case.id for case in shown]):
        lines.append(turn.say(replies.MEDIA_LOST, n=lost))
    lines += await complaints.progress(turn)
    lines += await me_too.progress(turn)
    lines = lines or [turn.say(replies.NOTHING_OPEN)]
    if missed := await take_waiting(turn.db, turn.person_id):
        lines.insert(0, turn.say(replies.UPDATES_IN_STATUS, n=len(missed)))
    return "\n".join(lines)


async def _progress_of(turn: Turn, case: Case) -> str:
    station = (await registry(turn.runtime)).get(case.ringing_id or case.station_id)
    parts = [
        turn.say(
            replies.STATES[case.state], station=station.called(turn.language), phone=station.phone,
            officer=await _officer(turn, case),
            waited=_since(turn, case.now, case.reported_at),
            left_s=max(0, math.ceil((case.deadline - case.now).total_seconds())),
        )
    ]  # fmt: skip
    if case.state is CaseState.HANDED_OVER and (why := replies.WHY_IN_STATUS.get(case.cause or "")):
        parts.append(turn.say(why))
    if case.state is CaseState.EN_ROUTE:
        parts.append(await _way(turn, case))
    if case.state in ACTIVE or case.state is CaseState.OPEN:
        parts.append(turn.say(replies.MEET_CODE, meet_code=case.meet_code))
    comma = ", " if turn.language == "en" else "，"
    return (
        f"{case.number}: {comma.join(parts)}"
        if turn.language == "en"
        else f"{case.number}：{comma.join(parts)}"
    )


async def _officer(turn: Turn, case: Case) -> str:
    """Who comes, between the words of a line."""
    if case.officer_id is None:
        return " "
    return f" {await turn.officer(case.officer_id)} "


async def _way(turn: Turn, case: Case) -> str:
    async with turn.runtime.database.moves() as db:
        way = await track(db, turn.runtime, case)
    if way.state is TrackState.OLD and way.fixed_at:
        return turn.say(replies.TRACK["old"], ago=_since(turn, case.now, way.fixed_at))
    if way.state is not TrackState.FRESH or way.distance_m is None:
        return turn.say(replies.TRACK["no_position"])
    minutes = max(1, round((way.arrival_s or 0) / 60))
    return turn.say(replies.TRACK["fresh"], distance=_rounded(way.distance_m), minutes=minutes)


def _rounded(metres: int) -> int:
    """As exact as a person cares for: tens of metres."""
    return max(10, round(metres, -1))


def _since(turn: Turn, now: datetime, then: datetime) -> str:
    return ago(turn, (now - then).total_seconds())


async def cancel(turn: Turn, number: str) -> str:
    """Cancel the one open case, or the one with this number."""
    every = await turn.cases()
    if number:
        every = [c for c in every if c.number == number]
    cases = [c for c in every if c.state not in ENDED]
    if not cases and every and _just_cancelled(every[0]):
        return turn.say(replies.CANCELLED, number=every[0].number)  # asked again: as the first time
    if not cases:
        return turn.say(replies.NOTHING_OPEN)
    if len(cases) > 1:
        return turn.say(replies.WHICH_CANCEL, numbers="、".join(c.number for c in cases))
    done = await citizen.cancel(turn.runtime, cases[0].id, reporter_id=turn.person_id)
    line = replies.CANCELLED if done.outcome is Cancelled.DONE else replies.CANCEL_NOTED
    return turn.say(line, number=done.number)


def _just_cancelled(case: Case) -> bool:
    if case.state is not CaseState.CANCELLED or case.closed_at is None:
        return False
    return (case.now - case.closed_at).total_seconds() < REPEAT_S


async def change(turn: Turn) -> str:
    """How to change an open case: by sending what is to be changed."""
    cases = await turn.open_cases()
    if not cases:
        return turn.say(replies.NOTHING_TO_CHANGE)
    return turn.say(replies.CHANGE_CASE, number=cases[0].number)


async def rate(turn: Turn, stars: int, words: str | None = None) -> str:
    """Rate the last closed case that has no stars yet; else put right a slip in the last one, within minutes."""
    cases = await turn.cases()
    case = next((c for c in cases if is_rateable(c)), None) or last_rated(cases)
    if case is None:
        return turn.say(replies.NOT_RATED)
    if case.stars == stars and not words:
        return _rated(turn)  # asked again: as the first time
    try:
        await citizen.rate(turn.runtime, case.id, reporter_id=turn.person_id, stars=stars, words=words)
    except WindowOver:
        return turn.say(replies.NOT_RATED) if case.stars is None else rated_before(turn, case)
    return _rated(turn)


def _rated(turn: Turn) -> str:
    return turn.say(replies.RATED, minutes=citizen.CORRECT_RATING_MIN)


def rated_before(turn: Turn, case: Case) -> str:
    """The stars that stand; a bare number said again is no wish to change them."""
    return turn.say(replies.RATED_BEFORE, stars=case.stars)


def is_rateable(case: Case) -> bool:
    """Closed lately and not rated yet."""
    return case.state is CaseState.CLOSED and case.stars is None and closed_lately(case)


def last_rated(cases: list[Case]) -> Case | None:
    """The newest case that was closed lately and has stars."""
    found = (c for c in cases if c.state is CaseState.CLOSED and c.stars is not None and closed_lately(c))
    return next(found, None)


async def not_solved(turn: Turn) -> str:
    """Reopen the last closed case to the desk."""
    cases = await turn.cases()
    closed = next((c for c in cases if may_say_not_solved(c)), None)
    if closed is None:
        reopened = next((c for c in cases if c.state not in ENDED and c.cause is Cause.NOT_SOLVED), None)
        return (
            turn.say(replies.REOPENED, number=reopened.number) if reopened else turn.say(replies.NOT_REOPENED)
        )
    try:
        await citizen.not_solved(turn.runtime, closed.id, reporter_id=turn.person_id)
    except Conflict:
        return turn.say(replies.NOT_REOPENED)
    return turn.say(replies.REOPENED, number=closed.number)


async def attach(turn: Turn, case: Case, kind: MediaKind, media: str) -> str:
    """A photo, voice or video sent after the case was opened belongs to it."""
    attached = media in case.media or await citizen.attach(
        turn.runtime, case.id, reporter_id=turn.person_id, media=media
    )
    if attached:
        await note_medium(turn.db, turn.person_id, kind, media, case_id=case.id)
    return turn.say(replies.ATTACHED if attached else replies.ATTACH_FULL, number=case.number)


async def moved(turn: Turn, case: Case, place: Place) -> str:
    """A location sent after the case was opened: the reporter is elsewhere now."""
    try:
        await citizen.move_place(turn.runtime, case.id, reporter_id=turn.person_id, place=place)
    except CaseEnded:
        return await progress(turn)
    return turn.say(replies.MOVED, number=case.number)


async def added(turn: Turn, case: Case, words: str, line: replies.Line = replies.ADDED) -> str:
    """Words sent after the case was opened are added to it, with the flags that they raise."""
    try:
        gone = await add_words(turn.db, turn.runtime, case.id, reporter_id=turn.person_id, words=words)
        if flags := flags_in(words):
            await set_flags(turn.db, case.id, reporter_id=turn.person_id, flags=flags)
    except CaseEnded:
        return await progress(turn)
    said = turn.say(line, number=case.number)
    return f"{said}\n{turn.say(replies.OLDEST_WENT, most=WORDS_MAX, n=gone)}" if gone else said


async def joined(turn: Turn, case: Case, draft: Draft) -> str:
    """All of a draft belongs to an open case: its pictures, its words, and its place where the case has none.

    A place beside the one that stands is added as words: an officer on the way is not sent elsewhere by a guess.
    """
    # What goes by transactions of its own comes first: it would wait for the row that the words lock.
    for media in draft.media:
        await citizen.attach(turn.runtime, case.id, reporter_id=turn.person_id, media=media)
    here = draft.place.at if draft.place else None
    stands = case.place is not None and case.place.at is not None
    if draft.place and here and not stands:
        await moved(turn, case, draft.place)
    await bind(turn.db, case.id, turn.person_id, draft.media)
    label = draft.place.label if draft.place else None
    words = [
        draft.words,
        turn.say(replies.PLACE_IN_WORDS, label=label) if label and (stands or not here) else None,
    ]
    said = "\n".join(filter(None, words))
    return await added(turn, case, said) if said else turn.say(replies.ADDED, number=case.number)


async def going_to(turn: Turn, case: Case, words: str) -> str:
    """A place in words for an open case: a known one is asked about, any other is added for officer and desk to read."""
    found = await placing.matched(turn, words, alike=True)
    draft = placing.typed(Draft(turn.person_id), words)
    draft = noting(
        draft, asked=GOING, case_id=str(case.id), **{placing.CANDIDATES: [str(p.id) for p in found]}
    )
    if not found or (question := await placing.question(turn, draft, GOING)) is None:
        return await added(turn, case, turn.say(replies.PLACE_IN_WORDS, label=words), replies.MEETING_ADDED)
    await save(turn.db, turn.runtime, draft)
    return question


async def gone_to(turn: Turn, draft: Draft, number: int) -> str:
    """Where the reporter of an open case is by the number of a known place; else what was typed is added to it."""
    place = await placing.chosen(turn, draft, number)
    label = draft.place.label if draft.place else None
    await drop(turn.db, turn.runtime, turn.person_id)
    case = next((c for c in await turn.open_cases() if str(c.id) == draft.facts.get("case_id")), None)
    if case is None:
        return await progress(turn)
    if place is not None:
        return await moved(turn, case, place)
    if label is None:  # its words had it
        return turn.say(replies.SEND_PLACE)
    return await added(turn, case, turn.say(replies.PLACE_IN_WORDS, label=label), replies.MEETING_ADDED)
