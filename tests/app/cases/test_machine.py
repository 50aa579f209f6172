"""The case against the database: whatever anybody tries in whatever order, both agree after every step."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from app.dispatch import acts, citizen, closed, desk, handover
from app.dispatch.claim import claim, decline, release
from app.events.edge import transaction
from app.events.record import Event
from app.kit.errors import AppError
from app.kit.runtime import Runtime
from app.people.officers import duty_off, duty_on
from app.settings import Settings
from tests.app.cases import model
from tests.app.cases.model import DESKS, OFFICERS, STATIONS, Act, World, every_act
from tests.conftest import clean, make_runtime
from tests.factories import CENTRE, Made, Make, acting

RUNS = int(os.environ.get("DIDI_MACHINE_RUNS", "300"))
STEPS = 25
WINDOW_S = 7200
"""Long, so that the real clock decides nothing: rows are aged past it."""

T = TypeVar("T")
EVERY_ACT = every_act()
DICE = st.integers(0, 2**48)


class Told(Runtime):
    """A runtime whose events wait in the outbox: nothing follows, so one row must wait for each event."""

    def after(self, work: Coroutine[Any, Any, None], *, what: str) -> None:
        work.close()


class Stage:
    """The loop, the stores and the people, shared by all runs of the machine."""

    def __init__(self, given: Settings) -> None:
        self.loop = asyncio.new_event_loop()
        self.runtime = self.run(self._open(given))
        self.make = Make(self.runtime)
        self.people: dict[str, Made] = {}
        self.stations: dict[str, Made] = {}
        self.taken: Counter[str] = Counter()
        self.run(self._set())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _open(self, given: Settings) -> Runtime:
        made = make_runtime(given)
        return Told(made.settings, made.database, made.valkey, made.keys, made.index)

    async def _set(self) -> None:
        await clean(self.runtime)
        for name in STATIONS:
            self.stations[name] = await self.make.station()
        self.people["reporter"] = await self.make.citizen()
        for name in DESKS:
            self.people[name] = await self.make.staff("desk")
        self.people["commander"] = await self.make.staff("commander")
        for name in OFFICERS:
            self.people[name] = await self.make.officer(station=self.stations["north"])

    async def case(self) -> Made:
        return await self.make.case(
            station=self.stations["north"],
            reporter=self.people["reporter"],
            window_s=WINDOW_S,
            next_ring_at=None,
        )

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.runtime.database.moves() as db:
            result = await db.execute(text(statement), values)
            return list(result.all())

    def end(self) -> None:
        self.run(self.runtime.close())
        self.loop.close()


async def _perform(stage: Stage, act: Act, case: Made, other: Made, epoch: int) -> object:
    """The verb of the core that the act names."""
    runtime, who = stage.runtime, acting(stage.people[act.who])
    common: dict[str, Any] = {"epoch": epoch - act.stale}
    reporter_id = stage.people["reporter"].id
    by_officer = {
        "claim": (claim, {}), "decline": (decline, {"reason": "far"}), "release": (release, {"reason": "car"}),
        "en_route": (acts.en_route, {}), "close": (acts.close, {"disposition": "solved"}),
        "needs_another_unit": (acts.needs_another_unit, {"reason": "dog"}), "give_back": (acts.give_back, {"reason": "car"}),
        "agree_to_cancel": (acts.agree_to_cancel, {}), "raise_to_urgent": (acts.raise_to_urgent, {}),
        "still_coming": (acts.still_coming, {}),
    }  # fmt: skip
    by_reporter: dict[str, Any] = {
        "cancel": citizen.cancel, "refuse_officer": citizen.refuse_officer, "not_solved": citizen.not_solved,
        "raise_urgent": citizen.raise_urgent,
    }  # fmt: skip
    by_desk = {
        "acknowledge": (desk.acknowledge, {}), "take_case": (desk.take_case, common), "put_back": (desk.put_back, common),
        "recall": (desk.recall, common | {"reason": "stall"}), "reopen": (desk.reopen, {"reason": "complaint"}),
        "close_at_desk": (desk.close_at_desk, common | {"disposition": "advised", "note": "told by phone"}),
        "merge": (desk.merge, common | {"into_id": other.id}),
    }  # fmt: skip
    if act.verb in by_officer:
        verb, more = by_officer[act.verb]
        return await verb(runtime, case.id, officer=who, **common, **more)  # type: ignore[operator]
    if act.verb in by_reporter:
        return await by_reporter[act.verb](runtime, case.id, reporter_id=reporter_id)
    if act.verb in by_desk:
        verb, given = by_desk[act.verb]
        return await verb(runtime, case.id, actor=who, **given)  # type: ignore[operator]
    if act.verb == "rate":
        return await citizen.rate(runtime, case.id, reporter_id=reporter_id, stars=5)
    if act.verb == "arrived":
        shown = (
            {"at": CENTRE}
            if act.whom == "position"
            else {"meet_code": {"code": "4711"}.get(act.whom, "0000")}
        )
        return await acts.arrived(runtime, case.id, officer=who, **common, **shown)
    if act.verb == "assign":
        return await desk.assign(runtime, case.id, officer_id=stage.people[act.whom].id, actor=who, **common)
    assert act.verb == "forward"
    to = stage.stations[act.whom].id
    return await desk.forward(runtime, case.id, to_station_id=to, actor=who, reason="near", **common)


class CaseMachine(RuleBasedStateMachine):
    """Rules: anything that must move, anything at all, the clocks, offers, duty, and late cache writes."""

    stage: Stage

    @initialize()
    def begin(self) -> None:
        self.world = World([model.Case(), model.Case()])
        self.rows = [self.stage.run(self.stage.case()) for _ in range(2)]
        self.tried: set[str] = set()  # in this run: what was not yet has precedence

    def teardown(self) -> None:
        """Everybody is free and on duty for the next run."""
        run, sql = self.stage.run, self.stage.sql
        run(
            sql(
                "UPDATE cases SET state = 'cancelled', closed_at = clock_timestamp(), act_by = NULL, ack_by = NULL"
            )
        )
        run(sql("UPDATE officers SET on_duty = TRUE"))

    def _attempt(self, act: Act) -> None:
        """Do it on both sides. The verb may refuse, or repeat a success, only where the model stays still."""
        case, moves = self.world.cases[act.case], self.world.moves(act)
        row, other = self.rows[act.case], self.rows[1 - act.case]
        tried = act.verb == "arrived" and act.whom != "position" and case.holder == act.who
        tried = tried and case.state not in ("open", "handed_over", "arrived", "merged")
        try:
            self.stage.run(_perform(self.stage, act, row, other, case.epoch))
            refused = None
        except AppError as error:
            refused = error
        assert refused is None or not moves, f"{act} was refused: {refused!r}"
        if moves:
            self.stage.taken[f"{case.state} {act.verb}"] += 1
        self.world.do(act)
        if tried:
            case.tries = min(model.CODE_TRIES, case.tries + 1)

    @rule(dice=DICE)
    def somebody_does_what_must_move(self, dice: int) -> None:
        """Any verb that must move something first, then any such act of it: rare verbs get their turn."""
        self._act_of(dice, moving=True)

    @rule(first=DICE, second=DICE, third=DICE)
    def three_in_a_row(self, first: int, second: int, third: int) -> None:
        for dice in (first, second, third):
            self._act_of(dice, moving=True)

    @rule(dice=DICE)
    def somebody_does_what_must_change_nothing(self, dice: int) -> None:
        """By the wrong one, from the wrong state, too late, or stale."""
        self._act_of(dice, moving=False)

    def _act_of(self, dice: int, *, moving: bool) -> None:
        roll = random.Random(dice)  # evenly, where Hypothesis by itself prefers what stands first
        for number in (0, 1):
            if self.world.cases[number].state in ("cancelled", "merged") and roll.random() < 0.5:
                self.another_case_follows_an_ended_one(number)
            if roll.random() < 0.5:
                self.everybody_is_offered(number)
        acts = [a for a in EVERY_ACT if self.world.moves(a) == moving]
        verbs = sorted({a.verb for a in acts})
        if verbs:
            name = roll.choice([v for v in verbs if v not in self.tried] or verbs)
            self.tried.add(name)
            self._attempt(roll.choice([a for a in acts if a.verb == name]))

    @rule(number=st.sampled_from((0, 1)))
    def everybody_is_offered(self, number: int) -> None:
        case = self.world.cases[number]
        fit = [
            o for o in OFFICERS
            if self.world.on_duty[o] and not self.world.busy(o) and o not in case.out
            and all(standing for (_, who), standing in case.offers.items() if who == o)
        ]  # fmt: skip
        if case.state != "open" or case.late:
            return
        for officer in fit:
            if (case.epoch, officer) not in case.offers:
                case.offers[case.epoch, officer] = True
                self.stage.run(self.stage.make.offer(self.rows[number], self.stage.people[officer]))

    @rule(number=st.sampled_from((0, 1)))
    def a_calm_case_on_the_way_is_given_up(self, number: int) -> None:
        """The reporter asks, the officer agrees: too many things must not have happened for chance to find it."""
        case = self.world.cases[number]
        if case.state == "en_route" and not case.urgent:
            self._attempt(model.Act("cancel", number, "reporter"))
            self._attempt(model.Act("agree_to_cancel", number, str(case.holder)))

    @rule(number=st.sampled_from((0, 1)))
    def its_minute_is_over(self, number: int) -> None:
        if self.world.cases[number].late:
            return
        self.world.cases[number].late = True
        past = timedelta(seconds=WINDOW_S + 1)
        self._age(number, "reported_at = reported_at - :past, deadline = deadline - :past, claimed_at = claimed_at - :past",
                  past=past)  # fmt: skip

    @rule()
    def the_worker_sweeps_deadlines(self) -> None:
        self.stage.run(handover.sweep(self.stage.runtime))
        for case in self.world.cases:
            model.deadline_passes(case)

    @rule(number=st.sampled_from((0, 1)))
    def a_minute_without_a_sign(self, number: int) -> None:
        case = self.world.cases[number]
        if case.state in ("claimed", "assigned"):
            case.silent += 1
            past = timedelta(seconds=61)
            self._age(number, "sign_at = sign_at - :past, act_by = act_by - :past", past=past)
        elif case.state == "en_route":
            case.stalled = True
            self._age(number, "act_by = clock_timestamp() - :past", past=timedelta(seconds=1))

    @rule()
    def the_worker_sweeps_silence(self) -> None:
        self.stage.run(handover.sweep_silent(self.stage.runtime))
        for case in self.world.cases:
            model.silence_is_heard(case)

    @rule(number=st.sampled_from((0, 1)))
    def no_desk_answers(self, number: int) -> None:
        case = self.world.cases[number]
        if case.state in model.RINGABLE and case.ringing and not case.acknowledged:
            case.unanswered = True
            self._age(number, "ack_by = clock_timestamp() - :past", past=timedelta(seconds=1))

    @rule()
    def the_worker_sweeps_the_ladder(self) -> None:
        self.stage.run(handover.sweep_unacknowledged(self.stage.runtime))
        for case in self.world.cases:
            model.ladder_rings(case)

    @rule(number=st.sampled_from((0, 1)), officer=st.sampled_from(OFFICERS))
    def it_is_called_off_on_the_way(self, number: int, officer: str) -> None:
        """As far as it goes: the one path that needs four acts in a row and no danger in between."""
        self.everybody_is_offered(number)
        for verb, who in (("claim", officer), ("en_route", officer), ("cancel", "reporter")):
            self._attempt(Act(verb, number, who))
        self._attempt(Act("agree_to_cancel", number, officer))

    @rule(officer=st.sampled_from(OFFICERS))
    def duty(self, officer: str) -> None:
        """Off duty, unless a case is in hand; on again."""
        on = self.world.on_duty[officer]

        async def change() -> None:
            async with transaction(self.stage.runtime) as db:
                await (duty_off if on else duty_on)(db, self.stage.people[officer].id)

        try:
            self.stage.run(change())
            refused = False
        except AppError:
            refused = True
        assert refused == (on and self.world.busy(officer))
        if not refused:
            self.world.on_duty[officer] = not on

    @rule(number=st.sampled_from((0, 1)))
    def a_late_cache_write(self, number: int) -> None:
        """Everything that ever ended an opening of the case is written to the cache now."""

        async def write() -> None:
            rows = await self.stage.sql(
                "SELECT id, kind, at, case_id, station_id, actor_id, epoch, data FROM events WHERE case_id = :id",
                id=self.rows[number].id,
            )
            for row in rows:
                if row.data.get("from") == "open":
                    await closed.remember(self.stage.runtime, Event(*row))

        self.stage.run(write())

    @rule(number=st.sampled_from((0, 1)))
    def another_case_follows_an_ended_one(self, number: int) -> None:
        if self.world.cases[number].state in ("cancelled", "merged"):
            self.world.cases[number] = model.Case()
            self.rows[number] = self.stage.run(self.stage.case())

    def _age(self, number: int, sets: str, **values: Any) -> None:
        for name in values:
            sets = sets.replace(f":{name}", f"CAST(:{name} AS interval)")
        self.stage.run(
            self.stage.sql(f"UPDATE cases SET {sets} WHERE id = :id", id=self.rows[number].id, **values)
        )

    @invariant()
    def both_agree(self) -> None:
        if not hasattr(self, "rows"):
            return
        names: dict[UUID | None, str | None] = {p.id: n for n, p in self.stage.people.items()} | {None: None}
        places = {s.id: n for n, s in self.stage.stations.items()}
        rows = self.stage.run(self.stage.sql(
            "SELECT c.id, c.state, c.epoch, c.officer_id, c.desk_person_id, c.station_id, c.excluded, c.forwards, c.urgent,"
            " c.stars, c.acknowledged_at IS NOT NULL AS acknowledged, c.act_step,"
            " (SELECT count(*) FROM events e WHERE e.case_id = c.id) AS events,"
            " (SELECT count(*) FROM events e JOIN outbox o ON o.event_id = e.id WHERE e.case_id = c.id) AS waiting"
            " FROM cases c WHERE c.id = ANY(CAST(:ids AS uuid[]))", ids=[r.id for r in self.rows],
        ))  # fmt: skip
        found = {row.id: row for row in rows}
        for case, made in zip(self.world.cases, self.rows, strict=True):
            row = found[made.id]
            holder = names[row.officer_id] if row.state in model.ACTIVE else None
            assert (row.state, row.epoch, holder, row.events) == (
                case.state, case.epoch, case.holder if case.state in model.ACTIVE else None, case.events,
            )  # fmt: skip
            assert row.waiting == row.events
            assert (places[row.station_id], row.forwards, row.urgent) == (
                case.station,
                case.forwards,
                case.urgent,
            )
            assert {names[o] for o in row.excluded} == case.out
            assert (row.stars is not None) == case.rated
            if case.state == "handed_over":
                assert (names[row.desk_person_id], row.acknowledged) == (case.desk, case.acknowledged)
            if case.state in ("claimed", "assigned"):
                assert row.act_step == case.step

    @invariant()
    def nobody_holds_two_or_is_off_duty_with_one(self) -> None:
        if not hasattr(self, "rows"):
            return
        held = self.stage.run(self.stage.sql(
            "SELECT c.officer_id, f.on_duty FROM cases c JOIN officers f ON f.person_id = c.officer_id"
            " WHERE c.state IN ('claimed', 'assigned', 'en_route', 'arrived')"
        ))  # fmt: skip
        assert len({row.officer_id for row in held}) == len(held)
        assert all(row.on_duty for row in held)


@pytest.fixture
def stage(settings: Settings) -> Any:
    made = Stage(settings)
    yield made
    made.end()


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_the_case_and_the_database_agree_whatever_is_tried(stage: Stage) -> None:
    """Each run is up to 25 steps; the rows of the table that were walked are counted at the end."""

    class Machine(CaseMachine):
        pass

    Machine.stage = stage
    given = settings(
        max_examples=RUNS, stateful_step_count=STEPS, deadline=None, derandomize=RUNS <= 300, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink], print_blob=False,
    )  # fmt: skip
    run_state_machine_as_test(Machine, settings=given)

    walked = {row.split()[1] for row in stage.taken}
    if RUNS >= 300:
        assert walked == set(model.VERBS), f"never moved: {set(model.VERBS) - walked}"
