"""The state machine of a case: states, causes, and MOVES, every transition in one table.

A move is data: from which states, to which, under which guard, what it sets, which event it
writes. `app.cases.moves` turns it into one conditional UPDATE. In `guard` and `sets`, `c` is the
case before the move and `t.now` the one reading of the database's clock; `:names` are parameters
the mover must give. A test enumerates every state against every move.

Source of the table: docs/explanation/dispatch.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    EN_ROUTE = "en_route"
    ARRIVED = "arrived"
    HANDED_OVER = "handed_over"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"


ACTIVE = frozenset({CaseState.CLAIMED, CaseState.ASSIGNED, CaseState.EN_ROUTE, CaseState.ARRIVED})
"""An officer holds the case."""

ENDED = frozenset({CaseState.CLOSED, CaseState.CANCELLED, CaseState.MERGED})


def _listed(states: frozenset[CaseState]) -> str:
    return f"({', '.join(repr(str(state)) for state in sorted(states))})"


ACTIVE_SQL = _listed(ACTIVE)
"""The active states as SQL has them, brackets included: `state IN {ACTIVE_SQL}`."""

ENDED_SQL = _listed(ENDED)
"""The ended states as SQL has them, brackets included: `state NOT IN {ENDED_SQL}`."""

HELPS_SQL = "b.left_at IS NULL AND b.joined_at >= greatest(c.claimed_at, c.assigned_at)"
"""Whether a back-up `b` helps on the case `c`: whom its present holder asked. Who helped the one before is followed no
more, and hears no more, when the case changes hands or is taken up again."""

REOPEN_DAYS = 7
"""How long after its closing a reporter may say "not solved", and a case closed lately is shown in the chat."""


class Cause(StrEnum):
    """Why a case is with the desk."""

    DEADLINE = "deadline"
    OUT_OF_HOURS = "out_of_hours"
    NO_PLACE = "no_place"
    NO_SCENE = "no_scene"
    NOBODY_REACHABLE = "nobody_reachable"
    URGENT = "urgent"
    FLOOD = "flood"
    FORWARDED = "forwarded"
    RELEASED = "released"
    SILENT = "silent"
    NEEDS_ANOTHER_UNIT = "needs_another_unit"
    RETURNED = "returned"
    NOT_SOLVED = "not_solved"
    REOPENED = "reopened"
    NOT_THIS_OFFICER = "not_this_officer"


class CaseEvent(StrEnum):
    """What happened to a case, as its events say."""

    REPORTED = "case_reported"
    CLAIMED = "case_claimed"
    RELEASED = "case_released"
    HANDED_OVER = "case_handed_over"
    CANCELLED = "case_cancelled"
    CANCEL_ASKED = "case_cancel_asked"
    EN_ROUTE = "case_en_route"
    ARRIVED = "case_arrived"
    CLOSED = "case_closed"
    TAKEN = "case_taken_by_desk"
    ASSIGNED = "case_assigned"
    FORWARDED = "case_forwarded"
    RETURNED = "case_returned"
    MERGED = "case_merged"
    REOPENED = "case_reopened"
    TAKEN_BACK = "case_taken_back"
    NUDGED = "case_nudged"
    ALARMED = "case_alarmed"
    STALLED = "case_stalled"
    ESCALATED = "case_escalated"
    ACKNOWLEDGED = "case_acknowledged"
    RAISED = "case_raised"
    MOVED_PLACE = "case_place_moved"
    RATED = "case_rated"
    BACKUP_ASKED = "case_backup_asked"
    BACKUP_JOINED = "case_backup_joined"
    BACKUP_LEFT = "case_backup_left"


@dataclass(frozen=True, slots=True)
class Move:
    """One allowed transition. `target` None: the state stays, something else is marked."""

    name: str
    sources: frozenset[CaseState]
    target: CaseState | None
    event: CaseEvent
    guard: str = "TRUE"
    sets: str = ""
    new_holder: bool = False  # the epoch grows: whoever acts by the old one gets Conflict
    why: str = ""


S = CaseState
_HELD = frozenset({S.CLAIMED, S.ASSIGNED, S.EN_ROUTE})
# A desk's bell can ring for it; for an open one when the desk is alarmed while everybody is asked.
_RINGABLE = _HELD | {S.OPEN, S.ARRIVED, S.HANDED_OVER}

# An alarm that nobody has answered rings on where it rings; it does not start over at the first desk.
_ALARM_RINGS = "c.urgent AND c.ack_by IS NOT NULL"
_TO_DESK = f"""officer_id = NULL, previous_officer_id = c.officer_id, released_at = CASE WHEN c.officer_id IS NULL THEN
    c.released_at ELSE t.now END, desk_person_id = NULL, handed_over_at = t.now, next_ring_at = NULL, act_by = NULL,
    act_step = 0, acknowledged_at = NULL, ack_step = CASE WHEN {_ALARM_RINGS} THEN c.ack_step ELSE 0 END,
    ringing_id = CASE WHEN {_ALARM_RINGS} THEN coalesce(c.ringing_id, c.station_id) ELSE c.station_id END,
    ack_by = CASE WHEN {_ALARM_RINGS} THEN c.ack_by ELSE t.now + make_interval(secs => c.ack_s) END"""
_HELD_NOW = """sign_at = t.now, act_step = 0, act_by = t.now + make_interval(secs => c.silence_s[1]),
    next_ring_at = NULL, facts = c.facts - 'code_tries'"""
_LET_GO = (
    "officer_id = NULL, previous_officer_id = c.officer_id, released_at = t.now, act_by = NULL, act_step = 0"
)
GUARDED = frozenset({"neighbour_dispute"})
"""Categories in which a victim may be forced to cancel, as with a silent or urgent report: the desk checks."""
_UNFORCED = f"NOT c.urgent AND NOT c.text_only AND c.category NOT IN ({', '.join(repr(str(g)) for g in sorted(GUARDED))})"
_ENDS = "act_by = NULL, ack_by = NULL, next_ring_at = NULL, closed_at = t.now"

# Who was rung for another station may see and do what its desk may. Once somebody of the station's own desk answers,
# that is over: the neighbour has nothing to do with the case any more, and nothing to read in it.
_OWN_DESK_ANSWERS = """ringing_id = CASE WHEN EXISTS (
        SELECT FROM roles r WHERE r.person_id = :actor_id AND r.role IN ('desk', 'commander') AND r.station_id = c.station_id
    ) THEN c.station_id ELSE c.ringing_id END"""

CLAIM = Move(
    "claim", frozenset({S.OPEN}), S.CLAIMED, CaseEvent.CLAIMED,
    guard="c.deadline > t.now AND NOT (:actor_id = ANY(c.excluded))",
    sets=f"officer_id = :actor_id, claimed_at = t.now, {_HELD_NOW}, ack_by = CASE WHEN c.urgent THEN c.ack_by END",
    new_holder=True, why="an officer's thumb does not answer for the desk: an alarm rings on until a human there does",
)  # fmt: skip
HAND_OVER = Move(
    "hand_over", frozenset({S.OPEN}), S.HANDED_OVER, CaseEvent.HANDED_OVER,
    guard="c.deadline <= t.now", sets=f"handover_cause = 'deadline', {_TO_DESK}", new_holder=True,
)  # fmt: skip
NOBODY_TO_ASK = Move(
    "nobody_to_ask", frozenset({S.OPEN}), S.HANDED_OVER, CaseEvent.HANDED_OVER,
    sets=f"handover_cause = 'nobody_reachable', {_TO_DESK}", new_holder=True,
)  # fmt: skip
CANCEL_UNHELD = Move(
    "cancel", frozenset({S.OPEN, S.HANDED_OVER, S.CLAIMED, S.ASSIGNED}), S.CANCELLED, CaseEvent.CANCELLED,
    guard=f"c.reporter_id = :actor_id AND {_UNFORCED}",
    sets=f"previous_officer_id = c.officer_id, released_at = t.now, {_ENDS}",
)  # fmt: skip
AGREE_TO_CANCEL = Move(
    "agree_to_cancel", frozenset({S.EN_ROUTE}), S.CANCELLED, CaseEvent.CANCELLED,
    guard=f"c.officer_id = :actor_id AND c.facts ? 'cancel_asked' AND {_UNFORCED}",
    sets=f"previous_officer_id = c.officer_id, released_at = t.now, {_ENDS}",
)  # fmt: skip
EN_ROUTE = Move(
    "en_route", frozenset({S.CLAIMED, S.ASSIGNED}), S.EN_ROUTE, CaseEvent.EN_ROUTE,
    guard="c.officer_id = :actor_id",
    sets="en_route_at = t.now, sign_at = t.now, act_step = 0, act_by = t.now + make_interval(secs => c.stall_s)",
)  # fmt: skip
ARRIVE = Move(
    "arrive", frozenset({S.EN_ROUTE}), S.ARRIVED, CaseEvent.ARRIVED,
    guard="c.officer_id = :actor_id", sets="arrived_at = t.now, sign_at = t.now, act_by = NULL",
)  # fmt: skip
CLOSE = Move(
    "close", frozenset({S.ARRIVED}), S.CLOSED, CaseEvent.CLOSED,
    guard="c.officer_id = :actor_id",
    sets=f"disposition = :disposition, disposition_note = :note, previous_officer_id = c.officer_id, {_ENDS}",
)  # fmt: skip
RELEASE_TO_OPEN = Move(
    "release", frozenset({S.CLAIMED}), S.OPEN, CaseEvent.RELEASED,
    guard="c.officer_id = :actor_id AND c.deadline > t.now AND NOT c.urgent",
    sets=f"excluded = array_append(c.excluded, c.officer_id), ring = 0, next_ring_at = t.now, {_LET_GO}", new_holder=True,
)  # fmt: skip
RELEASE_TO_DESK = Move(
    "release_to_desk", frozenset({S.CLAIMED, S.EN_ROUTE}), S.HANDED_OVER, CaseEvent.HANDED_OVER,
    guard="c.officer_id = :actor_id AND (c.state <> 'claimed' OR c.deadline <= t.now OR c.urgent)",
    sets=f"excluded = array_append(c.excluded, c.officer_id), handover_cause = 'released', {_TO_DESK}", new_holder=True,
)  # fmt: skip
ANOTHER_UNIT = Move(
    "another_unit", frozenset({S.ARRIVED}), S.HANDED_OVER, CaseEvent.HANDED_OVER,
    guard="c.officer_id = :actor_id", sets=f"handover_cause = 'needs_another_unit', {_TO_DESK}", new_holder=True,
)  # fmt: skip
REFUSE_OFFICER = Move(
    "refuse_officer", frozenset({S.CLAIMED, S.ASSIGNED, S.EN_ROUTE}), S.HANDED_OVER, CaseEvent.HANDED_OVER,
    guard="c.reporter_id = :actor_id",
    sets=f"excluded = array_append(c.excluded, c.officer_id), handover_cause = 'not_this_officer', {_TO_DESK}",
    new_holder=True, why="the reporter says: not this officer; no reason is asked",
)  # fmt: skip
TAKE_BACK_TO_OPEN = Move(
    "take_back", frozenset({S.CLAIMED}), S.OPEN, CaseEvent.TAKEN_BACK,
    guard="c.act_step = 2 AND c.act_by <= t.now AND c.deadline > t.now AND NOT c.urgent",
    sets=f"excluded = array_append(c.excluded, c.officer_id), ring = 0, next_ring_at = t.now, {_LET_GO}", new_holder=True,
)  # fmt: skip
TAKE_BACK_TO_DESK = Move(
    "take_back_to_desk", frozenset({S.CLAIMED, S.ASSIGNED}), S.HANDED_OVER, CaseEvent.TAKEN_BACK,
    guard="c.act_step = 2 AND c.act_by <= t.now AND (c.state <> 'claimed' OR c.deadline <= t.now OR c.urgent)",
    sets=f"excluded = array_append(c.excluded, c.officer_id), handover_cause = 'silent', {_TO_DESK}", new_holder=True,
)  # fmt: skip
NUDGE = Move(
    "nudge", frozenset({S.CLAIMED, S.ASSIGNED}), None, CaseEvent.NUDGED,
    guard="c.act_step = 0 AND c.act_by <= t.now",
    sets="act_step = 1, act_by = c.sign_at + make_interval(secs => c.silence_s[2])",
)  # fmt: skip
ALARM = Move(
    "alarm", frozenset({S.CLAIMED, S.ASSIGNED}), None, CaseEvent.ALARMED,
    guard="c.act_step = 1 AND c.act_by <= t.now",
    sets="act_step = 2, act_by = c.sign_at + make_interval(secs => c.silence_s[3])",
)  # fmt: skip
STALL = Move(
    "stall", frozenset({S.EN_ROUTE}), None, CaseEvent.STALLED,
    guard="c.act_by <= t.now", sets="act_step = 1, act_by = t.now + make_interval(secs => c.stall_s)",
    why="en route without progress: the desk is told, again each time the span passes",
)  # fmt: skip
ESCALATE = Move(
    "escalate", _RINGABLE, None, CaseEvent.ESCALATED,
    guard="c.ack_by <= t.now AND c.acknowledged_at IS NULL AND c.ack_step = :step",
    sets="ack_step = least(c.ack_step + 1, 2), ringing_id = :ringing_id, ack_by = t.now + make_interval(secs => c.ack_s)",
)  # fmt: skip
RING_ELSEWHERE = Move(
    "ring_elsewhere", _RINGABLE, None, CaseEvent.ESCALATED,
    guard="c.acknowledged_at IS NULL AND c.ack_by IS NOT NULL AND c.ack_step = 0",
    sets="ack_step = 1, ringing_id = :ringing_id, ack_by = t.now + make_interval(secs => c.ack_s)",
    why="the station has no desk on duty: its parent rings at once",
)  # fmt: skip
ACKNOWLEDGE = Move(
    "acknowledge", _RINGABLE, None, CaseEvent.ACKNOWLEDGED,
    guard="c.acknowledged_at IS NULL AND c.ack_by IS NOT NULL",
    sets=f"acknowledged_at = t.now, ack_by = NULL, {_OWN_DESK_ANSWERS}",
)  # fmt: skip
TAKE = Move(
    "take", frozenset({S.HANDED_OVER}), S.HANDED_OVER, CaseEvent.TAKEN,
    guard="c.desk_person_id IS NULL",
    sets="desk_person_id = :actor_id, acknowledged_at = coalesce(c.acknowledged_at, t.now), ack_by = NULL, "
    f"{_OWN_DESK_ANSWERS}",
)  # fmt: skip
ASSIGN = Move(
    "assign", frozenset({S.HANDED_OVER}), S.ASSIGNED, CaseEvent.ASSIGNED,
    guard="(c.desk_person_id IS NULL OR c.desk_person_id = :actor_id) AND NOT (:officer_id = ANY(c.excluded)) "
    "AND :officer_id <> c.reporter_id",
    sets=f"officer_id = :officer_id, assigned_at = t.now, desk_person_id = :actor_id, "
    f"acknowledged_at = coalesce(c.acknowledged_at, t.now), ack_by = NULL, {_OWN_DESK_ANSWERS}, {_HELD_NOW}",
    new_holder=True,
)  # fmt: skip
RETURN = Move(
    "return", frozenset({S.ASSIGNED}), S.HANDED_OVER, CaseEvent.RETURNED,
    guard="c.officer_id = :actor_id", sets=f"handover_cause = 'returned', {_TO_DESK}", new_holder=True,
)  # fmt: skip
PUT_BACK = Move(
    "put_back", frozenset({S.HANDED_OVER}), S.HANDED_OVER, CaseEvent.RETURNED,
    guard="c.desk_person_id = :actor_id",
    sets="desk_person_id = NULL, ack_by = t.now + make_interval(secs => c.ack_s), acknowledged_at = NULL, ack_step = 0, "
    "ringing_id = c.station_id", new_holder=True, why="the desk person lays the case back into the queue",
)  # fmt: skip
FORWARD = Move(
    "forward", frozenset({S.HANDED_OVER}), S.HANDED_OVER, CaseEvent.FORWARDED,
    guard="(c.desk_person_id IS NULL OR c.desk_person_id = :actor_id) AND c.forwards < 2",
    sets="station_id = :to_station_id, forwards = c.forwards + 1, handover_cause = 'forwarded', desk_person_id = NULL, "
    "handed_over_at = t.now, acknowledged_at = NULL, ack_step = 0, ringing_id = :to_station_id, "
    "ack_by = t.now + make_interval(secs => c.ack_s)", new_holder=True,
)  # fmt: skip
FORWARD_BY_COMMANDER = Move(
    "forward_by_commander", frozenset({S.HANDED_OVER}), S.HANDED_OVER, CaseEvent.FORWARDED,
    sets=FORWARD.sets, new_holder=True, why="after two bounces the commander decides where it stays",
)  # fmt: skip
CLOSE_AT_DESK = Move(
    "close_at_desk", frozenset({S.HANDED_OVER}), S.CLOSED, CaseEvent.CLOSED,
    guard="c.desk_person_id = :actor_id", sets=f"disposition = :disposition, disposition_note = :note, {_ENDS}",
)  # fmt: skip
MERGE = Move(
    "merge", frozenset({S.HANDED_OVER}), S.MERGED, CaseEvent.MERGED,
    guard="(c.desk_person_id IS NULL OR c.desk_person_id = :actor_id) AND c.id <> :into_id",
    sets=f"merged_into = :into_id, {_ENDS}",
)  # fmt: skip
NOT_SOLVED = Move(
    "not_solved", frozenset({S.CLOSED}), S.HANDED_OVER, CaseEvent.REOPENED,
    guard=f"c.reporter_id = :actor_id AND c.closed_at > t.now - interval '{REOPEN_DAYS} days'",
    sets=f"handover_cause = 'not_solved', {_TO_DESK}", new_holder=True,
)  # fmt: skip
REOPEN = Move(
    "reopen", frozenset({S.CLOSED}), S.HANDED_OVER, CaseEvent.REOPENED,
    sets=f"handover_cause = 'reopened', {_TO_DESK}", new_holder=True,
)  # fmt: skip
RAISE = Move(
    "raise", frozenset({S.OPEN}), S.HANDED_OVER, CaseEvent.HANDED_OVER,
    guard="NOT c.urgent",
    sets=f"urgent = TRUE, handover_cause = 'urgent', ack_s = :ack_s, {_TO_DESK.replace('c.ack_s)', ':ack_s)')}",
    new_holder=True, why="danger words about an open case: the desk has it at once; not when it is alarmed already and "
    "everybody is being asked",
)  # fmt: skip
MARK_URGENT = Move(
    "mark_urgent", _RINGABLE, None, CaseEvent.RAISED, guard="c.state <> 'open' OR c.urgent",
    sets="urgent = TRUE, ack_s = :ack_s, ringing_id = coalesce(c.ringing_id, c.station_id), acknowledged_at = NULL, "
    "ack_step = CASE WHEN c.urgent AND c.ack_by IS NOT NULL THEN c.ack_step ELSE 0 END, "
    "ack_by = CASE WHEN c.urgent AND c.ack_by IS NOT NULL THEN c.ack_by "
    "ELSE t.now + make_interval(secs => :ack_s) END",
    why="danger about a case in hand, with the desk or asked of everybody: a human acknowledges, or the ladder rings; said again, it rings on",
)  # fmt: skip

ASK_TO_CANCEL = Move(
    "ask_to_cancel", _HELD | {S.OPEN, S.HANDED_OVER}, None, CaseEvent.CANCEL_ASKED,
    guard="c.reporter_id = :actor_id", sets="facts = c.facts || '{\"cancel_asked\": true}'",
    why="an officer on the way agrees, or comes and sees; a silent or danger report goes to a desk check",
)  # fmt: skip
RECALL = Move(
    "recall", _HELD | {S.ARRIVED}, S.HANDED_OVER, CaseEvent.RETURNED,
    sets=f"handover_cause = 'returned', {_TO_DESK}", new_holder=True,
    why="the desk takes a case back from an officer who stalled or asked for it",
)  # fmt: skip

MOVES: tuple[Move, ...] = (
    CLAIM, HAND_OVER, NOBODY_TO_ASK, CANCEL_UNHELD, AGREE_TO_CANCEL, EN_ROUTE, ARRIVE, CLOSE, RELEASE_TO_OPEN,
    RELEASE_TO_DESK, ANOTHER_UNIT, REFUSE_OFFICER, TAKE_BACK_TO_OPEN, TAKE_BACK_TO_DESK, NUDGE, ALARM, STALL, ESCALATE, RING_ELSEWHERE,
    ACKNOWLEDGE, TAKE, ASSIGN, RETURN, PUT_BACK, FORWARD, FORWARD_BY_COMMANDER, CLOSE_AT_DESK, MERGE, NOT_SOLVED, REOPEN,
    RAISE, MARK_URGENT, ASK_TO_CANCEL, RECALL,
)  # fmt: skip
"""Every transition there is."""
