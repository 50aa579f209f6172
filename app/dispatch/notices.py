"""Whom dispatch tells what, whether it still holds, and what may yet come. Registered by `register`.

How urgent each kind is, and by which channels it goes, stands in `app.notices.policy`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.cases.states import ACTIVE, ENDED_SQL, CaseEvent, CaseState, Cause
from app.dispatch.broadcast import DispatchEvent
from app.dispatch.chat import short_number
from app.dispatch.pagers import configured
from app.dispatch.probe import PROBE, ask_to_renew, note_probe, on_duty_still, running_out, to_probed
from app.dispatch.reach import LIVE_GRACE_S, ReachChannel, reached, unheard
from app.events.record import Event
from app.kit.database import Db
from app.kit.runtime import Runtime
from app.notices.budget import messages_left
from app.notices.policy import POLICIES, channels_of
from app.notices.ready import ready_channels, register_ready
from app.notices.rules import (
    Delivery,
    Notice,
    register_outlook,
    register_rule,
    register_truth,
    register_witness,
)
from app.notices.sender import Outcome, Verdict
from app.notices.tables import Channel
from app.people.events import PeopleEvent
from app.stations.registry import registry

OFFER = "offer"
AT_ONCE = ("offer_now", "offer_now_notice", "offer_now_page")
"""Kinds of an urgent case's offers, each with ways of its own."""

_CASE = text("""
    SELECT number, text_only, reporter_id, station_id, ringing_id, state, epoch, officer_id, acknowledged_at, act_step, urgent
      FROM cases WHERE id = :case_id
""")
_RANG = text("""
    SELECT coalesce(data ->> 'ringing_id', CAST(station_id AS text)) AS at FROM events
     WHERE case_id = :case_id AND id < :event_id AND kind = ANY(CAST(:kinds AS text[])) ORDER BY id DESC LIMIT 1
""")
_RANG_BY = [
    CaseEvent.REPORTED,  # an alarm rings from the report on
    CaseEvent.HANDED_OVER,
    CaseEvent.ESCALATED,
    CaseEvent.FORWARDED,
    CaseEvent.RETURNED,
    CaseEvent.TAKEN_BACK,
]


async def to_reporter(db: Db, runtime: Runtime, event: Event) -> list[Notice]:
    """What the reporter of a case hears of a move."""
    kind = _TO_REPORTER.get(CaseEvent(event.kind))
    if kind is None or event.case_id is None or not _is_news(event):
        return []
    case = (await db.execute(_CASE, {"case_id": event.case_id})).one_or_none()
    if case is None or (kind == "ringing" and not await _rings_anew(db, event)):
        return []
    facts: dict[str, Any] = {"number": case.number}
    if kind in ("handed_over", "ringing"):
        facts |= await _desk(runtime, event, event.data.get("ringing_id") if kind == "ringing" else None)
    if kind == "handed_over" and event.data.get("cause") == Cause.NOBODY_REACHABLE:
        facts["variant"] = Cause.NOBODY_REACHABLE  # the answer to the report had said that officers are asked
    if case.text_only:
        facts["quiet"] = True  # silent mode: the state stands in the chat only when it is asked for
    return [Notice(case.reporter_id, kind, facts=facts)]


_TO_REPORTER: dict[CaseEvent, str] = {
    CaseEvent.HANDED_OVER: "handed_over",
    CaseEvent.TAKEN_BACK: "handed_over",
    CaseEvent.RETURNED: "handed_over",
    CaseEvent.FORWARDED: "handed_over",
    CaseEvent.REOPENED: "handed_over",
    CaseEvent.ESCALATED: "ringing",
    CaseEvent.CLAIMED: "claimed",
    CaseEvent.ASSIGNED: "claimed",
    CaseEvent.EN_ROUTE: "en_route",
    CaseEvent.ARRIVED: "arrived",
    CaseEvent.CLOSED: "closed",
    CaseEvent.CANCELLED: "cancelled",
    CaseEvent.MERGED: "merged",
}


def _is_news(event: Event) -> bool:
    """Not what the reporter did or was told in the same answer, and not what left the desk where it was."""
    reporter = event.data.get("reporter_id")
    if event.data.get("born") or (reporter and str(event.actor_id) == reporter):
        return False
    if event.kind == CaseEvent.TAKEN_BACK:
        return event.data.get("to") == CaseState.HANDED_OVER
    if event.kind == CaseEvent.RETURNED:
        return event.data.get("from") != CaseState.HANDED_OVER
    return True


async def _rings_anew(db: Db, event: Event) -> bool:
    """The ladder's last desk rings again and again; the citizen is told of it once."""
    values = {"case_id": event.case_id, "event_id": event.id, "kinds": _RANG_BY}
    before = (await db.execute(_RANG, values)).scalar_one_or_none()
    return bool(before != event.data.get("ringing_id"))


async def _desk(runtime: Runtime, event: Event, ringing_id: str | None) -> dict[str, Any]:
    station_id = UUID(ringing_id) if ringing_id else event.station_id
    station = (await registry(runtime)).get(station_id) if station_id else None
    if station is None:
        return {"station": "", "station_en": "the station", "phone": "110", "station_id": None}
    return station.facts() | {"station_id": str(station.id)}


_OFFERED = text("SELECT urgent, number FROM cases WHERE id = :case_id")


async def to_asked_officers(db: Db, runtime: Runtime, event: Event) -> list[Notice]:
    """Every officer asked has a message waiting: at once for a silent phone, else after the time a live one has to show it.

    An urgent case waits for no phone, and every way is used at the same time.
    """
    officers = [UUID(o) for o in event.data.get("officers", ())]
    if not officers:
        return []
    left = await messages_left(db, officers, Channel.OFFICIAL_ACCOUNT)
    case = (await db.execute(_OFFERED, {"case_id": event.case_id})).one()
    named = {"short": short_number(case.number)}  # what an officer types to take it
    facts = {o: named | running_out(left.get(o, 0)) for o in officers}
    if case.urgent:
        kinds = [k for k in AT_ONCE if ready_channels(runtime, k) & set(channels_of(k))]
        return [
            Notice(o, kind, facts=facts[o] if kind == AT_ONCE[0] else named)
            for o in officers
            for kind in kinds
        ]
    silent = set(await unheard(db, officers))
    return [
        Notice(o, OFFER, facts=facts[o])
        if o in silent
        else Notice(o, OFFER, facts=facts[o] | {"heard": True}, wait_s=LIVE_GRACE_S)
        for o in officers
    ]


async def to_holder(_: Db, __: Runtime, event: Event) -> list[Notice]:
    """What the officer in hand must know though the phone sleeps."""
    kind = _TO_HOLDER.get(CaseEvent(event.kind))
    holder = event.data.get(
        "officer_id" if kind in ("nudge", "raised", "assigned") else "previous_officer_id"
    )
    if kind is None or not holder or holder == str(event.actor_id):
        return []
    if kind == "called_off" and event.data.get("from") not in ACTIVE:
        return []  # a holder of long ago
    return [Notice(UUID(holder), kind)]


_TO_HOLDER: dict[CaseEvent, str] = {
    CaseEvent.NUDGED: "nudge",
    CaseEvent.RAISED: "raised",
    CaseEvent.ASSIGNED: "assigned",
    CaseEvent.CANCELLED: "called_off",
    CaseEvent.TAKEN_BACK: "called_off",
    CaseEvent.RETURNED: "called_off",
    CaseEvent.HANDED_OVER: "called_off",
}

_HOLDS: dict[str, frozenset[CaseState]] = {
    "handed_over": frozenset({CaseState.HANDED_OVER}),
    "ringing": frozenset({CaseState.HANDED_OVER, CaseState.OPEN}),
    "claimed": ACTIVE,
    "en_route": frozenset({CaseState.EN_ROUTE}),
    "arrived": frozenset({CaseState.ARRIVED}),
    "closed": frozenset({CaseState.CLOSED}),
    "cancelled": frozenset({CaseState.CANCELLED}),
    "merged": frozenset({CaseState.MERGED}),
    "nudge": frozenset({CaseState.CLAIMED, CaseState.ASSIGNED}),
    "raised": ACTIVE,
    "assigned": frozenset({CaseState.ASSIGNED}),
}
_OFFER_STANDS = text("""
    SELECT EXISTS (SELECT FROM offers o JOIN cases c ON c.id = o.case_id AND c.epoch = o.epoch
                    WHERE o.case_id = :case_id AND o.epoch = :epoch AND o.officer_id = :officer_id
                      AND o.declined_at IS NULL AND o.seen_at IS NULL AND c.state = 'open'
                      AND c.deadline > clock_timestamp())
""")


async def still_stands(db: Db, _: Runtime, delivery: Delivery) -> bool:
    """The case is where the notice says, in the same hands (its epoch); ended ones get only the notice of the end."""
    case = (await db.execute(_CASE, {"case_id": delivery.case_id})).one_or_none()
    if case is None or case.state not in _HOLDS[delivery.kind] or case.epoch != delivery.epoch:
        return False
    if delivery.kind == "ringing":
        return case.acknowledged_at is None and str(case.ringing_id) == delivery.facts.get("station_id")
    if delivery.kind == "nudge":
        return bool(case.act_step > 0) and case.officer_id == delivery.person_id
    if delivery.kind in ("raised", "assigned"):
        return case.officer_id == delivery.person_id  # type: ignore[no-any-return]  # a Row's column
    return True


async def still_called_off(db: Db, _: Runtime, delivery: Delivery) -> bool:
    """Not given back to the same officer meanwhile."""
    case = (await db.execute(_CASE, {"case_id": delivery.case_id})).one_or_none()
    return case is not None and case.officer_id != delivery.person_id


async def offer_stands(db: Db, _: Runtime, delivery: Delivery) -> bool:
    """The opening runs, and the officer has neither declined nor seen it on a live phone."""
    values = {"case_id": delivery.case_id, "epoch": delivery.epoch, "officer_id": delivery.person_id}
    return bool((await db.execute(_OFFER_STANDS, values)).scalar_one())


async def note_reach(runtime: Runtime, delivery: Delivery, outcome: Outcome) -> None:
    """The reach of an offer: which way took it, or why it did not; each pager is a way of its own."""
    if delivery.case_id is None or delivery.epoch is None:
        return
    steps = [(ReachChannel(kind.value), step) for kind, step in getattr(outcome, "steps", ())]
    if not steps and delivery.channel is not Channel.PAGER:
        steps = [(ReachChannel(delivery.channel.value), outcome)]
    async with runtime.database.moves() as db:
        if delivery.facts.get("heard"):  # it had its time to show the offer by itself
            await reached(
                db, delivery.case_id, delivery.epoch, delivery.person_id, ReachChannel.SOCKET, "not_shown"
            )
        for way, step in steps:
            said = "sent" if step.verdict is Verdict.SENT else step.reading or str(step.verdict)
            await reached(db, delivery.case_id, delivery.epoch, delivery.person_id, way, said)
    await ask_to_renew(runtime, delivery, outcome)


_OPEN_CASES = text(f"""
    SELECT state FROM cases
     WHERE reporter_id = :person_id AND state NOT IN {ENDED_SQL}
""")
_YET_TO_COME: dict[CaseState, tuple[str, ...]] = {
    CaseState.OPEN: ("handed_over", "claimed", "en_route", "arrived", "closed"),
    CaseState.HANDED_OVER: ("claimed", "en_route", "arrived", "closed"),
    CaseState.CLAIMED: ("en_route", "arrived", "closed"),
    CaseState.ASSIGNED: ("en_route", "arrived", "closed"),
    CaseState.EN_ROUTE: ("arrived", "closed"),
    CaseState.ARRIVED: ("closed",),
}


async def yet_to_come(db: Db, person_id: UUID) -> list[int]:
    """Priorities of the notices that this reporter's open cases have ahead of them on their longest straight way."""
    rows = (await db.execute(_OPEN_CASES, {"person_id": person_id})).all()
    return [POLICIES[kind].priority for row in rows for kind in _YET_TO_COME[CaseState(row.state)]]


def register() -> None:
    """Tell `notices` all of this. Doing it again changes nothing."""
    for event in _TO_REPORTER:
        register_rule(event, to_reporter)
    for event in _TO_HOLDER:
        register_rule(event, to_holder)
    register_rule(DispatchEvent.OFFERED, to_asked_officers)
    register_rule(PeopleEvent.DUTY_ON, to_probed)
    for kind in _HOLDS:
        register_truth(kind, still_stands)
    register_truth("called_off", still_called_off)
    for kind in (OFFER, *AT_ONCE):
        register_truth(kind, offer_stands)
        register_witness(kind, note_reach)
    for kind in set(_TO_HOLDER.values()):
        register_witness(kind, ask_to_renew)
    register_truth(PROBE, on_duty_still)
    register_witness(PROBE, note_probe)
    register_ready(Channel.PAGER, lambda runtime, _: bool(configured(runtime.settings)))
    register_outlook(yet_to_come)
