"""A record day's notices, accelerated: every wall holds, and each notice is sent, waits, or is known to be refused.

23,000 cases (Nanjing's busiest day) come in 24 waves, the highest 16 times the lowest, as Beijing's 110 has them.
Their events go through the real rules, and the real `deliver()` with four jobs sends to the simulator, whose windows,
consents and daily walls refuse as WeChat does. Our walls and the simulator's are the same, and below what the day
wants to send, so that they are met. A tenth of the people have little of their window left, some have unfollowed,
some block templates, a third agreed to the mini-program's messages. WeChat's word of what became of a template comes
back through the callback.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.cases.states import CaseEvent
from app.events.edge import transaction
from app.events.record import Event
from app.kit.ids import new_id
from app.kit.runtime import spare_the_collector
from app.notices.budget import Channel
from app.notices.jobs import deliver
from app.notices.rules import expand
from app.notices.sender import Senders
from app.people.identity import citizen_of
from app.stations.registry import forget_stations
from simulator.chat import Channel as Shown
from simulator.later import settle
from simulator.main import create_simulator
from simulator.quotas import Limit, used_today
from simulator.windows import Window
from simulator.world import Account, Grants, User, World, add_user
from tests.prove.figures import Figure, Progress
from tests.prove.ground import Ground, ground
from tests.races import crowd
from tests.simulator.account import MP, OA, make_config
from tests.wechat.channels import MP_TEMPLATE, OA_TEMPLATE, PATHS
from wechat import callback
from wechat.client import open_http
from wechat.sender import wechat_senders

CASES = 23_000
WAVES = (1, 1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 10, 9, 8, 8, 9, 10, 12, 14, 16, 13, 8, 4, 2)
"""An hour each, as parts of the day."""
WINDOW = 5
JOBS, AT_ONCE, TRIES = 4, 8, 8
T = TypeVar("T")
_STEPS: dict[str, tuple[tuple[CaseEvent, str], ...]] = {
    "taken": (
        (CaseEvent.CLAIMED, "claimed"),
        (CaseEvent.EN_ROUTE, "en_route"),
        (CaseEvent.ARRIVED, "arrived"),
        (CaseEvent.CLOSED, "closed"),
    ),
    "handed": (
        (CaseEvent.HANDED_OVER, "handed_over"),
        (CaseEvent.ASSIGNED, "assigned"),
        (CaseEvent.EN_ROUTE, "en_route"),
        (CaseEvent.ARRIVED, "arrived"),
        (CaseEvent.CLOSED, "closed"),
    ),
}
_OPEN = """
    INSERT INTO cases (id, number, state, reporter_id, category, meet_code, station_id, reported_at, deadline,
                       silence_s, stall_s, ack_s)
    SELECT n.id, n.number, 'open', n.reporter, 'noise', '4711', :station, clock_timestamp(),
           clock_timestamp() + interval '1 hour', '{60,120,180}', 600, 60
      FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS text[]), CAST(:reporters AS uuid[])) AS n(id, number, reporter)
    RETURNING id
"""
_STEP = """
    WITH moved AS (
        UPDATE cases c SET state = CAST(:state AS text),
               officer_id = CASE WHEN CAST(:state AS text) IN ('claimed', 'assigned') THEN n.officer
                                 WHEN CAST(:state AS text) IN ('en_route', 'arrived') THEN c.officer_id END,
               handed_over_at = CASE WHEN CAST(:state AS text) = 'handed_over' THEN clock_timestamp() ELSE c.handed_over_at END,
               closed_at = CASE WHEN CAST(:state AS text) = 'closed' THEN clock_timestamp() END
          FROM unnest(CAST(:ids AS uuid[]), CAST(:officers AS uuid[])) AS n(id, officer) WHERE c.id = n.id
        RETURNING c.id, c.station_id, c.epoch
    )
    INSERT INTO events (kind, case_id, station_id, epoch, data)
    SELECT CAST(:kind AS text), id, station_id, epoch, '{}' FROM moved
    RETURNING id, kind, at, case_id, station_id, actor_id, epoch, data
"""
_WINDOWS = """
    INSERT INTO windows (person_id, channel, long_left, long_until)
    SELECT n.id, 'official_account', n.have, 'infinity'
      FROM unnest(CAST(:ids AS uuid[]), CAST(:have AS smallint[])) AS n(id, have) RETURNING person_id
"""
_CONSENTS = """
    INSERT INTO consents (person_id, channel, template_id, left_once)
    SELECT unnest(CAST(:ids AS uuid[])), 'subscription', :template_id, 2 RETURNING person_id
"""
_ENDS = """
    SELECT channel, state, reading, count(*) AS n FROM deliveries WHERE NOT passed_on GROUP BY 1, 2, 3
"""
_REST = """
    SELECT (SELECT count(*) FROM (SELECT DISTINCT event_id, person_id, kind FROM deliveries) AS d) AS notices,
           (SELECT count(*) FROM deliveries WHERE NOT passed_on) AS ends,
           (SELECT count(*) FROM deliveries WHERE state = 'sent') AS sent,
           (SELECT count(*) FROM deliveries WHERE reading = 'user_block') AS blocked,
           (SELECT count(*) FROM deliveries WHERE code IN (45009, 45011, 45015, 45047, 43101)) AS refused_for_a_limit
"""


@dataclass
class Day:
    """The day's people and what carries their notices."""

    stage: Ground
    world: World
    people: list[UUID]
    users: list[User]
    officers: list[UUID]
    station: UUID
    broken_off: int = 0


async def notices(scale: float) -> Figure:
    """The whole day; the figure says what became of every notice."""
    count = max(240, int(CASES * scale))
    wanted = count * 4 + count // 4
    walls = {
        Channel.OFFICIAL_ACCOUNT: int(wanted * 0.7),
        Channel.TEMPLATE: int(wanted * 0.08),
        Channel.SUBSCRIPTION: int(wanted * 0.9),
    }
    async with ground() as stage:
        settings = stage.runtime.settings.model_copy(update={
            "wechat_templates": {"*": OA_TEMPLATE}, "miniprogram_templates": {"*": MP_TEMPLATE},
            "wechat_daily_messages": walls[Channel.OFFICIAL_ACCOUNT], "wechat_daily_templates": walls[Channel.TEMPLATE],
            "miniprogram_daily_subscriptions": walls[Channel.SUBSCRIPTION],
        })  # fmt: skip
        stage.runtime.settings = settings
        door = FastAPI()
        door.include_router(callback.router(settings))
        door.state.runtime, door.state.wechat_official = stage.runtime, None
        simulator = create_simulator(make_config(), callback_transport=httpx.ASGITransport(door))
        world: World = simulator.state.world
        for channel, path in PATHS.items():
            _account(world, channel).quotas.limits[path] = Limit(per_day=walls[channel])
        begun = time.monotonic()
        async with open_http("http://wechat.test", transport=httpx.ASGITransport(simulator)) as http:
            day = await _people(stage, world, count)
            made_s = time.monotonic() - begun
            spare_the_collector()
            await _live(day, Senders(wechat_senders(stage.runtime, http)), count)
        took_s = time.monotonic() - begun - made_s
        return await _figure(day, count, walls, took_s)


def _account(world: World, channel: Channel) -> Account:
    return world.mini_program if channel is Channel.SUBSCRIPTION else world.official


async def _people(stage: Ground, world: World, count: int) -> Day:
    station = await stage.make.the_station()
    forget_stations(stage.runtime)
    most = max(_waves(count))
    officers = [o.id for o in await crowd.officers(stage.runtime, station, most)]
    users = [add_user(world, user_id=f"p{n}") for n in range(count)]
    turns = asyncio.Semaphore(AT_ONCE)

    async def known(user: User) -> UUID:
        async with turns, transaction(stage.runtime) as db:
            person = await citizen_of(
                db, stage.runtime, app_id=OA, openid=user.openids[OA], unionid=user.unionid
            )
            await citizen_of(db, stage.runtime, app_id=MP, openid=user.openids[MP], unionid=user.unionid)
        return person.id

    progress, people = Progress("notices", count, "people made"), []
    for n in range(0, count, 500):
        people += await asyncio.gather(*(known(user) for user in users[n : n + 500]))
        progress.at(len(people))
    have = [1 if n % 10 == 0 else 0 if n % 33 == 0 else WINDOW for n in range(count)]
    now = world.clock.now()
    for n, user in enumerate(users):
        user.windows_of(world.official).long = Window(have[n], now + 40 * 3600)
        user.following = n % 33 != 0
        user.template_failure = "failed:user block" if n % 20 == 0 else None
        if n % 3 == 0:
            user.grants[MP_TEMPLATE.id] = Grants(once=2)
    await crowd.rows(stage.runtime, _WINDOWS, ids=people, have=have)
    agreed = [p for n, p in enumerate(people) if n % 3 == 0]
    await crowd.rows(stage.runtime, _CONSENTS, ids=agreed, template_id=MP_TEMPLATE.id)
    return Day(stage, world, people, users, officers, station.id)


async def _live(day: Day, sender: Senders, count: int) -> None:
    """Wave after wave, each case from its report to its end."""
    done, progress = 0, Progress("notices", count, "cases")
    for size in _waves(count):
        await _wave(day, sender, day.people[done : done + size])
        done += size
        progress.at(done)


async def _wave(day: Day, sender: Senders, reporters: list[UUID]) -> None:
    ids = [new_id() for _ in reporters]
    await crowd.rows(
        day.stage.runtime,
        _OPEN,
        ids=ids,
        numbers=[i.hex[-15:] for i in ids],
        reporters=reporters,
        station=day.station,
    )
    ways = {"handed": ids[::4], "taken": [i for n, i in enumerate(ids) if n % 4]}
    for step in range(5):
        events: list[Event] = []
        for way, mine in ways.items():
            if step < len(_STEPS[way]) and mine:
                kind, state = _STEPS[way][step]
                shift = 0 if way == "handed" else len(ways["handed"])
                events += await _step(day, mine, kind, state, day.officers[shift : shift + len(mine)])
        await _tell(day, events)
        await _deliver(day, sender)


async def _step(day: Day, ids: list[UUID], kind: CaseEvent, state: str, officers: list[UUID]) -> list[Event]:
    rows = await crowd.rows(day.stage.runtime, _STEP, ids=ids, kind=kind, state=state, officers=officers)
    return [Event(r.id, r.kind, r.at, r.case_id, r.station_id, r.actor_id, r.epoch, r.data) for r in rows]


async def _tell(day: Day, events: list[Event]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(event: Event) -> None:
        async with turns:
            await _in_the_end(day, lambda: expand(day.stage.runtime, event))

    await asyncio.gather(*(one(event) for event in events))


async def _in_the_end(day: Day, work: Callable[[], Awaitable[T]]) -> T:
    """As outbox and worker do: what a lost connection broke off is done again.

    PostgreSQL cuts off who holds a transaction for 2 s, which a busy machine may do to a process.
    """
    for _ in range(TRIES):
        try:
            return await work()
        except DBAPIError:
            day.broken_off += 1
    return await work()


async def _deliver(day: Day, sender: Senders) -> None:
    """Four jobs until nothing is queued; what WeChat tells of templates comes back meanwhile."""
    while True:

        async def job() -> None:
            while await _in_the_end(day, lambda: deliver(day.stage.runtime, sender)):
                pass

        await asyncio.gather(*(job() for _ in range(JOBS)))
        await settle(day.world)
        await day.stage.runtime.drain()
        # Back-offs of seconds would only make the proof longer.
        due = await crowd.rows(
            day.stage.runtime,
            "UPDATE deliveries SET due_at = clock_timestamp() WHERE state = 'queued' RETURNING id",
        )
        if not due:
            return


async def _figure(day: Day, count: int, walls: dict[Channel, int], took_s: float) -> Figure:
    ends = await crowd.rows(day.stage.runtime, _ENDS)
    [rest] = await crowd.rows(day.stage.runtime, _REST)
    became: Counter[str] = Counter()
    for row in ends:
        became[_became(row)] += row.n
    used = {
        channel: used_today(_account(day.world, channel).quotas, path, day.world.clock)
        for channel, path in PATHS.items()
    }
    shown = sum(
        entry.channel in (Shown.CUSTOM, Shown.TEMPLATE, Shown.SUBSCRIPTION)
        for u in day.users
        for entry in u.chat.entries
    )
    expected = count * 4 + sum(-(-n // 4) for n in _waves(count))
    whole = (
        rest.notices == rest.ends == expected == sum(became[k] for k in ("sent", "pull", "refused", "stale"))
    )
    ok = (
        whole
        and became["lost"] == 0
        and rest.refused_for_a_limit == 0
        and all(used[c] <= walls[c] for c in walls)
        and shown == rest.sent
        and became["pull"] > 0
    )
    walls_said = ", ".join(f"{c} {used[c]} of {walls[c]}" for c in sorted(walls))
    measured = (
        f"{count} cases in {len(WAVES)} waves, {expected} notices: {became['sent']} sent, {became['pull']} wait as pull,"
        f" {became['refused']} refused by the person, {became['stale']} no longer true, {became['lost']} unaccounted for;"
        f" walls {walls_said}; {rest.refused_for_a_limit} calls that WeChat refused for a limit, {rest.blocked} templates"
        f" blocked and passed on, {day.broken_off} connections lost meanwhile, {shown} shown on phones for {rest.sent} sent ({expected / took_s:.0f} notices/s)"
    )
    return Figure("notices", ok, measured)


def _waves(count: int) -> list[int]:
    """How many cases each hour has."""
    sizes = [count * part // sum(WAVES) for part in WAVES]
    sizes[-1] += count - sum(sizes)
    return sizes


def _became(row: Any) -> str:  # a Row of _ENDS
    if row.state == "sent":
        return "sent"
    if row.reading == "stale":
        return "stale"
    if row.state == "dropped":
        return "pull"
    if row.state == "refused":
        return "refused"
    return "lost"
