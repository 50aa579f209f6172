"""The case as docs/explanation/dispatch.md has it, in plain Python: what each act must do, or that it does nothing.

Written from the page, not from the code: the state machine test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product

HELD = ("claimed", "assigned", "en_route")
ACTIVE = (*HELD, "arrived")
RINGABLE = (*ACTIVE, "handed_over")
ENDED = ("closed", "cancelled", "merged")
OFFICERS, DESKS, STATIONS = ("anna", "bo", "chen"), ("dai", "er"), ("north", "south")
CODE_TRIES, FORWARDS = 5, 2


@dataclass
class Case:
    """One case. `silent`: spans of a minute without a sign; `late`: its deadline has passed."""

    state: str = "open"
    epoch: int = 0
    holder: str | None = None
    desk: str | None = None
    station: str = "north"
    late: bool = False
    silent: int = 0
    step: int = 0
    stalled: bool = False
    ringing: bool = False
    raised: int | None = (
        None  # in which epoch danger, or a wish to cancel, was told last: said again it is no news
    )
    asked: int | None = None
    acknowledged: bool = False
    unanswered: bool = False
    forwards: int = 0
    cancel_asked: bool = False
    urgent: bool = False
    rated: bool = False
    tries: int = 0
    events: int = 0
    out: set[str] = field(default_factory=set)
    offers: dict[tuple[int, str], bool] = field(default_factory=dict)  # (epoch, officer): still standing

    def happens(self, state: str | None = None, *, new_holder: bool = False) -> None:
        """A move: one event; the epoch grows when the holder changes."""
        self.state = state or self.state
        self.epoch += new_holder
        self.events += 1

    def to_desk(self, *, leave_out: bool = False) -> None:
        """Whoever held it does so no more; the desk rings anew, and an alarm that nobody answered rings on."""
        if leave_out and self.holder:
            self.out.add(self.holder)
        self.holder = self.desk = None
        self.silent, self.step, self.stalled = 0, 0, False
        if not (self.urgent and self.ringing):
            self.bell_rings()
        self.acknowledged = False
        self.happens("handed_over", new_holder=True)

    def bell_rings(self) -> None:
        """From the first step of the ladder."""
        self.ringing, self.acknowledged, self.unanswered = True, False, False

    def somebody_answers(self) -> None:
        self.ringing, self.acknowledged, self.unanswered = False, True, False

    def turns_urgent(self) -> None:
        """The bell rings; said again while it rings, it rings on."""
        if not (self.urgent and self.ringing):
            self.bell_rings()
        self.urgent, self.acknowledged = True, False
        self.raised = self.epoch
        self.happens()

    def held_by(self, officer: str, state: str) -> None:
        """A grant: by claim or by the desk."""
        self.holder, self.silent, self.step, self.stalled = officer, 0, 0, False
        self.ringing = self.unanswered = False
        self.tries = 0
        self.happens(state, new_holder=True)

    def ends(self, state: str) -> None:
        self.silent = self.step = 0
        self.stalled = self.unanswered = self.ringing = False
        self.happens(state)


@dataclass(frozen=True, order=True)
class Act:
    """Somebody does something: `who` an officer or a desk person, `whom` an officer, station, case or evidence."""

    verb: str
    case: int
    who: str = ""
    whom: str = ""
    stale: bool = False


@dataclass
class World:
    """Two cases, three officers, two desk persons and a commander."""

    cases: list[Case]
    on_duty: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(OFFICERS, True))

    def busy(self, officer: str) -> bool:
        return any(c.holder == officer and c.state in ACTIVE for c in self.cases)

    def moves(self, act: Act) -> bool:
        """Whether this act must change something."""
        return VERBS[act.verb](self, self.cases[act.case], act, False)

    def do(self, act: Act) -> None:
        """Change what the act changes; nothing when it must not."""
        if self.moves(act):
            VERBS[act.verb](self, self.cases[act.case], act, True)


Verb = Callable[[World, Case, Act, bool], bool]
VERBS: dict[str, Verb] = {}


def verb(rule: Verb) -> Verb:
    """A row of the table: answers whether it moves, and makes the change when told to."""
    VERBS[rule.__name__] = rule
    return rule


def _mine(case: Case, act: Act, *states: str) -> bool:
    return case.state in states and case.holder == act.who and not act.stale


def _desks(case: Case, act: Act) -> bool:
    return case.state == "handed_over" and case.desk in (None, act.who) and not act.stale


@verb
def claim(world: World, case: Case, act: Act, do: bool) -> bool:
    may = (
        case.state == "open" and not case.late and not act.stale and act.who not in case.out
        and case.offers.get((case.epoch, act.who), False) and world.on_duty[act.who] and not world.busy(act.who)
    )  # fmt: skip
    if do:
        case.held_by(act.who, "claimed")
    return may


@verb
def decline(_: World, case: Case, act: Act, do: bool) -> bool:
    offer = (case.epoch - act.stale, act.who)
    if do:
        case.offers[offer] = False
        case.events += 1
    return case.offers.get(offer, False)


@verb
def release(_: World, case: Case, act: Act, do: bool) -> bool:
    if do and case.state == "claimed" and not case.late and not case.urgent:
        case.out.add(act.who)
        case.holder, case.silent, case.step = None, 0, 0
        case.happens("open", new_holder=True)
    elif do:
        case.to_desk(leave_out=True)
    return _mine(case, act, "claimed", "en_route")


@verb
def en_route(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.silent = case.step = 0
        case.happens("en_route")
    return _mine(case, act, "claimed", "assigned")


@verb
def arrived(_: World, case: Case, act: Act, do: bool) -> bool:
    """`whom`: the evidence. A try of the code counts, right or wrong, while the case is theirs."""
    shown = act.whom == "position" or (act.whom == "code" and case.tries < CODE_TRIES)
    if do:
        if case.state != "en_route":
            case.happens("en_route")
        case.silent = case.step = 0
        case.stalled = False
        case.happens("arrived")
    return shown and _mine(case, act, *HELD)


@verb
def close(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.ends("closed")
    return _mine(case, act, "arrived")


@verb
def needs_another_unit(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.to_desk()
    return _mine(case, act, "arrived")


@verb
def give_back(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.to_desk()
    return _mine(case, act, "assigned")


@verb
def agree_to_cancel(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.ends("cancelled")
    return _mine(case, act, "en_route") and case.cancel_asked and not case.urgent


@verb
def raise_to_urgent(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.turns_urgent()
    return _mine(case, act, *ACTIVE)


@verb
def still_coming(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.silent = case.step = 0
    return _mine(case, act, "claimed", "assigned")


@verb
def cancel(_: World, case: Case, act: Act, do: bool) -> bool:
    """The reporter: at once, unless urgent (a desk check) or an officer is on the way (who agrees)."""
    at_once = not case.urgent and case.state in ("open", "handed_over", "claimed", "assigned")
    if do and at_once:
        case.ends("cancelled")
    elif do:
        case.cancel_asked = True
        if case.asked != case.epoch:
            case.asked = case.epoch
            case.happens()
    return case.state in ("open", "handed_over", *HELD)


@verb
def refuse_officer(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.to_desk(leave_out=True)
    return case.state in HELD


@verb
def not_solved(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.to_desk()
    return case.state == "closed"


@verb
def raise_urgent(_: World, case: Case, act: Act, do: bool) -> bool:
    if do and case.state == "open":
        case.urgent = True
        case.to_desk()
    elif do and not (case.urgent and case.ringing and case.raised == case.epoch):
        case.turns_urgent()
    return case.state not in ENDED


@verb
def rate(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.rated = True
        case.events += 1
    return case.state == "closed"


@verb
def acknowledge(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.somebody_answers()
        case.happens()
    return case.state in RINGABLE and case.ringing and not case.acknowledged


@verb
def take_case(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.desk = act.who
        case.somebody_answers()
        case.happens()
    return _desks(case, act) and case.desk is None


@verb
def put_back(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.desk = None
        case.bell_rings()
        case.happens(new_holder=True)
    return _desks(case, act) and case.desk == act.who


@verb
def assign(world: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.desk = act.who
        case.somebody_answers()
        case.held_by(act.whom, "assigned")
    fit = act.whom not in case.out and world.on_duty[act.whom] and not world.busy(act.whom)
    return _desks(case, act) and fit


@verb
def recall(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.to_desk()
    return case.state in ACTIVE and not act.stale


@verb
def forward(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.station, case.forwards, case.desk = act.whom, case.forwards + 1, None
        case.bell_rings()
        case.happens(new_holder=True)
    commands = act.who == "commander"
    mine = _desks(case, act) or (commands and case.state == "handed_over" and not act.stale)
    return mine and act.whom != case.station and (commands or case.forwards < FORWARDS)


@verb
def close_at_desk(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.ends("closed")
    return _desks(case, act) and case.desk == act.who


@verb
def merge(world: World, case: Case, act: Act, do: bool) -> bool:
    """Into the other case, while that one goes on."""
    if do:
        case.ends("merged")
    return _desks(case, act) and world.cases[1 - act.case].state not in ENDED


@verb
def reopen(_: World, case: Case, act: Act, do: bool) -> bool:
    if do:
        case.to_desk()
    return case.state == "closed"


def deadline_passes(case: Case) -> None:
    """The sweep: only an open case whose minute is over."""
    if case.state == "open" and case.late:
        case.to_desk()


def silence_is_heard(case: Case) -> None:
    """One step a sweep: nudge, alarm, take back; a stall is told, again each time its span passes."""
    if case.state == "en_route" and case.stalled:
        case.stalled = False
        case.happens()
    if case.state not in ("claimed", "assigned") or case.silent <= case.step:
        return
    if case.step < 2:
        case.step += 1
        case.happens()
    elif case.state == "claimed" and not case.late and not case.urgent:
        case.out.add(str(case.holder))
        case.holder, case.silent, case.step = None, 0, 0
        case.happens("open", new_holder=True)
    else:
        case.to_desk(leave_out=True)


def ladder_rings(case: Case) -> None:
    """Nobody acknowledged in time: the next desk."""
    if case.state in RINGABLE and case.ringing and case.unanswered:
        case.unanswered = False
        case.happens()


def _people(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who may try a verb, and on whom."""
    if name == "arrived":
        return OFFICERS, ("code", "wrong", "position")
    if name == "assign":
        return DESKS, OFFICERS
    if name == "forward":
        return (*DESKS, "commander"), STATIONS
    if name in ("acknowledge", "take_case", "put_back", "recall", "close_at_desk", "merge", "reopen"):
        return DESKS, ("",)
    if name in ("cancel", "refuse_officer", "not_solved", "raise_urgent", "rate"):
        return ("reporter",), ("",)
    return OFFICERS, ("",)


def every_act() -> list[Act]:
    """Everything anybody could try."""
    acts = []
    for name in VERBS:
        who, whom = _people(name)
        fenced = name not in (
            "cancel",
            "refuse_officer",
            "not_solved",
            "raise_urgent",
            "rate",
            "acknowledge",
            "reopen",
        )
        acts += [
            Act(name, *rest) for rest in product((0, 1), who, whom, (False, True) if fenced else (False,))
        ]
    return acts
