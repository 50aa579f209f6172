"""Offers and the case in hand, by chat. Every act is about the case that the chat spoke of last, in those hands."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.cases.errors import CaseAlreadyTaken
from app.cases.queries import case_held_by
from app.cases.states import CaseState
from app.dispatch import acts
from app.dispatch.chat import Chance, InHand, chances, forget_told, in_hand, knows_of, note_told
from app.dispatch.claim import claim, decline, release
from app.dispatch.errors import ArrivalNotShown
from app.kit.geo import Point
from app.people.sessions import Actor
from app.stations.categories import DEFAULT_CATEGORIES
from app.tracking.queries import TrackState, track
from wechat import officer_lines as lines
from wechat import taps
from wechat.officer_words import DISPOSITIONS, REASONS, Typed, disposition_of
from wechat.turn import Turn

TAP: Final = "act"
"""The question of a tap on the case in hand; its answer is the fence: the end of its number and its epoch."""
_NEAR_M: Final = 150
_SECTOR: Final = 45.0


@dataclass(frozen=True, slots=True)
class Act:
    """An officer's word with its arguments. `fence` came with a tap: which case in whose hands it was about."""

    turn: Turn
    actor: Actor
    typed: Typed
    fence: str = ""


class _Refused(Exception):
    """Nothing was done; what to say instead."""

    def __init__(self, said: str) -> None:
        super().__init__("refused")
        self.said = said


async def standing(turn: Turn, actor: Actor) -> str:
    """The case in hand, or what can be taken."""
    held = await in_hand(turn.db, actor.person_id)
    if held:
        await note_told(turn.db, actor.person_id, held.case_id, held.epoch)
        return turn.say(lines.HOLDS, **_facts(turn, held))
    found = await chances(turn.db, actor.person_id)
    if not found:
        return turn.say(lines.NOTHING_HELD)
    listed = [turn.say(lines.OPEN_OFFERS, n=len(found)), *(_offer(turn, chance) for chance in found[:5])]
    return "\n".join(listed)


async def take(act: Act) -> str:
    """The only or the nearest open offer, or the one whose number ends so."""
    turn, me = act.turn, act.actor.person_id
    chance = await _one(act, await chances(turn.db, me, act.typed.first or None))
    if isinstance(chance, str):
        return chance
    try:
        claimed = await claim(turn.runtime, chance.case_id, epoch=chance.epoch, officer=act.actor)
    except CaseAlreadyTaken as lost:
        return await _lost(turn, lost)
    await note_told(turn.db, me, claimed.case_id, claimed.epoch)
    if claimed.again:
        return turn.say(lines.WON_AGAIN, number=claimed.number)
    return turn.say(
        lines.WON, number=claimed.number, category=_category(turn, chance.category), where=_where(turn, chance),
        seconds=max(0, round(claimed.waited_s)), next=taps.command(_say(turn, "出发", "en route"), _fence(chance.number, claimed.epoch)),
    )  # fmt: skip


async def say_no(act: Act) -> str:
    """Not this one; the only open offer, or the one whose number ends so."""
    turn = act.turn
    chance = await _one(act, await chances(turn.db, act.actor.person_id, act.typed.first or None))
    if isinstance(chance, str):
        return chance
    reason = act.typed.second or "chat"
    await decline(turn.runtime, chance.case_id, epoch=chance.epoch, officer=act.actor, reason=reason)
    return turn.say(lines.DECLINED, short=chance.short)


async def set_out(act: Act) -> str:
    """On the way."""
    try:
        held = await _held(act)
    except _Refused as refused:
        return refused.said
    await acts.en_route(act.turn.runtime, held.case_id, epoch=held.epoch, officer=act.actor)
    return act.turn.say(lines.EN_ROUTE, number=held.number)


async def still_coming(act: Act) -> str:
    """An answer to a nudge."""
    try:
        held = await _held(act)
    except _Refused as refused:
        return refused.said
    await acts.still_coming(act.turn.runtime, held.case_id, epoch=held.epoch, officer=act.actor)
    return act.turn.say(lines.STILL_COMING, number=held.number)


async def arrive(act: Act) -> str:
    """At the place, by the meet code or by the last position that the chat or the mini-program gave."""
    turn = act.turn
    try:
        held = await _held(act)
    except _Refused as refused:
        return refused.said
    code = act.typed.first or None
    try:
        await acts.arrived(
            turn.runtime, held.case_id, epoch=held.epoch, officer=act.actor, meet_code=code, at=await _last_position(act, held)
        )  # fmt: skip
    except ArrivalNotShown:
        if code is None:
            return turn.say(lines.HOW_TO_ARRIVE)
        raise
    fence = _fence(held.number, held.epoch)
    return turn.say(lines.ARRIVED, number=held.number, next=taps.command(_say(turn, "结束", "close"), fence))


async def close(act: Act) -> str | None:
    """With a disposition of the list; without one, the list to tap. A line that is no such word is a citizen's."""
    turn, disposition = act.turn, disposition_of(act.typed.first)
    if act.typed.first and disposition is None and await in_hand(turn.db, act.actor.person_id) is None:
        return None
    try:
        held = await _held(act)
    except _Refused as refused:
        return refused.said
    if disposition is None:
        word = _say(turn, "结束", "close")
        labels = (_say(turn, *both) for both in DISPOSITIONS.values())
        return turn.say(lines.WHICH_END, number=held.number, choices=_choices(word, labels, held))
    await acts.close(turn.runtime, held.case_id, epoch=held.epoch, officer=act.actor, disposition=disposition)
    await forget_told(turn.db, act.actor.person_id)
    return turn.say(lines.CLOSED, number=held.number, disposition=_say(turn, *DISPOSITIONS[disposition]))


async def let_go(act: Act) -> str | None:
    """Release with a reason; without one, reasons to tap. With nothing in hand a typed line is a citizen's, a tap is late."""
    turn, reason = act.turn, act.typed.first
    if reason and not act.fence and await in_hand(turn.db, act.actor.person_id) is None:
        return None
    try:
        held = await _held(act)
    except _Refused as refused:
        return refused.said
    if not reason:
        word = _say(turn, "放弃", "release")
        labels = (_say(turn, *both) for both in REASONS)
        return turn.say(lines.WHY_RELEASE, number=held.number, choices=_choices(word, labels, held))
    if held.state is CaseState.ASSIGNED:
        moved = await acts.give_back(
            turn.runtime, held.case_id, epoch=held.epoch, officer=act.actor, reason=reason
        )
        state = moved.state
    else:
        state = await release(turn.runtime, held.case_id, epoch=held.epoch, officer=act.actor, reason=reason)
    await forget_told(turn.db, act.actor.person_id)
    return turn.say(lines.RELEASED[state is not CaseState.OPEN], number=held.number)


async def _held(act: Act) -> InHand:
    """The case in hand, if it is the one that the word is about.

    Raises:
        _Refused: there is none, or it is another one, or the same one in other hands meanwhile.
    """
    turn, me = act.turn, act.actor.person_id
    held = await in_hand(turn.db, me)
    if held is None:
        await forget_told(turn.db, me)
        raise _Refused(turn.say(lines.OVER if act.fence else lines.NOTHING_HELD))
    fenced = act.fence and act.fence != _fence_of(held.number, held.epoch)
    if fenced or not await knows_of(turn.db, me, held):
        await note_told(turn.db, me, held.case_id, held.epoch)
        raise _Refused(turn.say(lines.CHANGED, **_facts(turn, held)))
    await note_told(turn.db, me, held.case_id, held.epoch)
    return held


async def _one(act: Act, found: list[Chance]) -> Chance | str:
    """The offer that is meant, or what to say instead. Named by digits, an open one goes before one that is over."""
    turn, digits = act.turn, act.typed.first
    if not digits:
        return found[0] if found else turn.say(lines.NOTHING_OPEN)
    meant = [chance for chance in found if chance.open] or found
    numbers = sorted({chance.number for chance in meant})
    if not meant:
        return turn.say(lines.NO_SUCH_OFFER, digits=digits)
    if len(numbers) > 1:
        return turn.say(lines.SEVERAL, numbers="、".join(numbers))
    return meant[0]


async def _lost(turn: Turn, lost: CaseAlreadyTaken) -> str:
    """Who was first: the name in part and the badge, as any colleague may know."""
    winner, seconds = lost.facts.get("officer_id"), lost.facts.get("after_s")
    if winner is None:
        return turn.say(lines.TAKEN)
    who = await turn.officer(UUID(str(winner)))
    after = round(seconds) if isinstance(seconds, float | int) else "?"
    return turn.say(lines.TAKEN_BY, who=who, seconds=after) if who else turn.say(lines.TAKEN)


async def _last_position(act: Act, held: InHand) -> Point | None:
    """Where the officer was at most a minute ago, as their fixes say."""
    async with act.turn.runtime.database.moves() as db:
        case = await case_held_by(db, act.turn.runtime, act.actor.person_id)
        if case is None or case.id != held.case_id:
            return None
        seen = await track(db, act.turn.runtime, case)
    return seen.at if seen.state is TrackState.FRESH else None


def _offer(turn: Turn, chance: Chance) -> str:
    words = turn.say(
        lines.OFFER, short=chance.short, category=_category(turn, chance.category), where=_where(turn, chance),
        seconds=max(0, round(chance.seconds_left)),
    )  # fmt: skip
    return f"{words} {taps.command(_say(turn, f'接 {chance.short}', f'take {chance.short}'))}"


def _where(turn: Turn, chance: Chance) -> str:
    """How far and which way: both ends are known to 300 m, so under 150 m there is no direction."""
    if chance.distance_m is None:
        return turn.say(lines.UNKNOWN_PLACE)
    if chance.distance_m < _NEAR_M:
        return turn.say(lines.HERE)
    direction = ""
    if chance.officer_at and chance.rough and chance.officer_at != chance.rough:
        direction = turn.say(lines.DIRECTIONS[_sector(chance.officer_at, chance.rough)])
    return turn.say(lines.AWAY, metres=round(chance.distance_m, -2), direction=direction)


def _sector(a: Point, b: Point) -> int:
    """Which of eight directions, 0 north, clockwise; over a city the earth is flat."""
    east = (b.lng - a.lng) * math.cos(math.radians(a.lat))
    return round(math.degrees(math.atan2(east, b.lat - a.lat)) / _SECTOR) % 8


def _choices(word: str, labels: Iterable[str], held: InHand) -> str:
    fence = _fence(held.number, held.epoch)
    return "\n".join(taps.link(label, f"{word} {label}", fence) for label in labels)


def _fence(number: str, epoch: int) -> str:
    return f"{TAP}.{_fence_of(number, epoch)}"


def _fence_of(number: str, epoch: int) -> str:
    return f"{number.replace('-', '')}-{epoch}"


def _facts(turn: Turn, held: InHand) -> dict[str, str]:
    state = turn.say(lines.STATES[held.state.value])
    return {"number": held.number, "category": _category(turn, held.category), "state": state}


def _category(turn: Turn, key: str) -> str:
    known = next((c for c in DEFAULT_CATEGORIES if c.key == key), None)
    return _say(turn, known.zh, known.en) if known else key


def _say(turn: Turn, zh: str, en: str) -> str:
    return en if turn.language == "en" else zh
