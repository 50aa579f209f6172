"""reach: officers asked are reached within 5 s though nine screens in ten are dark.

The real service, worker and simulator, each a process. A phone is in hand for some 10 s every three minutes, and when its owner looks at what rang: then its socket
is new, it sends a fix, shows offers and says so. Locked, it works on for 5 s and then goes deaf, as WeChat's
mini-programs do: its socket stays open and nothing is read from it. What rings it then is WeChat's messages (5 in 48 h,
unless the officer writes to the account again), subscription messages (few agreed) and pagers (some carry one). Who is
rung may look, and take the case.

An offer counts as reached when the phone showed it or a channel took it, by the database's clock; that everything
taken rang a phone is checked against the simulator. An offer whose case was taken before any message was due is moot.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import websockets

from app.events.edge import transaction
from app.kit.embedded.ports import free_port
from app.kit.geo import Point
from app.notices.consents import allow
from app.notices.tables import Channel
from app.people.identity import add_openid
from app.people.sessions import issue
from app.people.tables import Audience
from simulator import pagers
from tests.conftest import SECRETS
from tests.factories import CENTRE, Made
from tests.prove.figures import Figure, Progress, percentile
from tests.prove.ground import Ground, ground
from tests.races import crowd

OFFICERS, CASES = 200, 100
CASE_EVERY_S = 4.0
"""A district's worst: 0.23 cases a second."""
WITHIN_S = 5.0
IN_HAND_S, IN_POCKET_S = 10.0, 190.0
SUSPENDED_AFTER_S = 5.0
CONSENTS = 0.3
"""Share of officers who agreed to subscription messages, three each."""
PAGERS = {"police_app": 0.4, "sms": 0.2}
"""Share who carry them; the rest is unknown to the gateways."""
LOOKS, TAKES, WRITES = 0.2, 0.5, 0.7
"""Of those rung, who takes the phone out; of those who see an offer, who takes it; of those asked to write, who does."""
GOAL = 0.99
"""Of those who had any way left: what WeChat does not allow nobody can promise. The share of all is told beside it."""
TEMPLATE = "T-offer"


@dataclass
class Phone:
    """One officer's phone."""

    made: Made
    user: str
    token: str
    at: Point
    locked: bool = True
    busy: bool = False
    task: asyncio.Task[None] | None = None
    socket: websockets.ClientConnection | None = None
    reader: asyncio.Task[None] | None = None


@dataclass
class City:
    """Everything that a run goes through."""

    stage: Ground
    service: httpx.AsyncClient
    wechat: httpx.AsyncClient
    port: int
    phones: list[Phone]
    places: dict[str, Point] = field(default_factory=dict)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    rung: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    dark: list[float] = field(default_factory=list)  # share of screens, at each report
    chance: random.Random = field(default_factory=lambda: random.Random(11))

    def soon(self, work: Any) -> None:
        """Let it happen beside the rest."""
        task = asyncio.create_task(self._guarded(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except (httpx.HTTPError, OSError, websockets.WebSocketException, TimeoutError) as error:
            self.odd[type(error).__name__] += 1

    async def call(self, phone: Phone, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.service.request(
            method, path, json=body, headers={"Authorization": f"Bearer {phone.token}"}
        )

    async def control(self, path: str, body: Any) -> Any:
        answer = await self.wechat.post(f"/__wechat__/{path}", json=body)
        answer.raise_for_status()
        return answer.json()


async def reach(scale: float) -> Figure:
    """One run of the city."""
    cases = max(10, int(CASES * scale))
    async with ground() as stage, city(stage, max(20, int(OFFICERS * scale))) as town:
        watching = asyncio.create_task(_watch(town))
        for phone in town.phones:
            phone.task = asyncio.create_task(_day(town, phone))
        await asyncio.sleep(20)  # until the phones are in all stages of their day, and the tests have arrived
        before = await _left(stage)
        await _report(town, cases)
        await asyncio.sleep(15)
        watching.cancel()
        for task in [*town.tasks, *(p.task for p in town.phones), *(p.reader for p in town.phones)]:
            if task is not None:
                task.cancel()
        return await _judge(town, cases, before)


@asynccontextmanager
async def city(stage: Ground, officers: int) -> AsyncIterator[City]:
    """The processes, and officers on duty who have written to the account."""
    port = free_port()
    wechat = f"http://127.0.0.1:{port}"
    settings = {
        "WECHAT_API_BASE": wechat,
        "MINIPROGRAM_TEMPLATES": json.dumps({"*": {"id": TEMPLATE, "words": "thing1"}}),
        "PAGER_POLICE_APP_URL": f"{wechat}/pagers/police-app",
        "PAGER_POLICE_APP_KEY": pagers.POLICE_APP_KEY,
        "PAGER_SMS_URL": f"{wechat}/pagers/sms",
        "PAGER_SMS_TOKEN": pagers.SMS_TOKEN,
    }
    service = await stage.processes.start("serve", **settings)
    stage.processes.launch(
        "-m", "simulator", "--port", str(port), "--callback", f"http://127.0.0.1:{service.port}/wechat/callback",
        "--token", SECRETS["WECHAT_TOKEN"], "--aes-key", SECRETS["WECHAT_AES_KEY"],
        "--app-id", SECRETS["WECHAT_APP_ID"], "--app-secret", SECRETS["WECHAT_APP_SECRET"],
        "--mp-app-id", SECRETS["MINIPROGRAM_APP_ID"], "--mp-app-secret", SECRETS["MINIPROGRAM_APP_SECRET"],
    )  # fmt: skip
    await _listens(port)
    await stage.processes.start("worker", **settings)
    limits = httpx.Limits(max_connections=60)
    async with (
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{service.port}/miniprogram/v1", timeout=20, limits=limits
        ) as client,
        httpx.AsyncClient(base_url=wechat, timeout=20, limits=limits) as simulator,
    ):
        town = City(stage, client, simulator, service.port or 0, [])
        await stage.make.the_station()
        for number in range(officers):
            town.phones.append(await _officer(town, number))
        yield town


async def _listens(port: int) -> None:
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)


async def _officer(town: City, number: int) -> Phone:
    """On duty, known to the account, with what they carry; the tap on "on duty" sends the test."""
    runtime, chance = town.stage.runtime, town.chance
    at = Point(CENTRE.lat + chance.uniform(-0.02, 0.02), CENTRE.lng + chance.uniform(-0.024, 0.024))
    made = await town.stage.make.officer(at=at, on_duty=False)
    user = await town.control("users", {"id": f"officer-{number}"})
    agreed = chance.random() < CONSENTS
    async with transaction(runtime) as db:
        token, _ = await issue(db, made.id, Audience.MINIPROGRAM, ttl_s=3600, second_factor=True)
        for app, openid in (("WECHAT_APP_ID", "openid"), ("MINIPROGRAM_APP_ID", "mp_openid")):
            await add_openid(db, runtime, person_id=made.id, app_id=SECRETS[app], openid=user[openid])
        for _ in range(3 if agreed else 0):
            await allow(db, made.id, Channel.SUBSCRIPTION, TEMPLATE, lasting=False)
    if agreed:
        await town.control(f"users/{user['id']}/grants", {"template_id": TEMPLATE, "times": 3})
    carries = [pager for pager, share in PAGERS.items() if chance.random() < share]
    await town.control(f"users/{user['id']}/pagers", {"badge": made.badge, "carries": carries})
    phone = Phone(made, user["id"], token, at)
    await town.control(f"users/{phone.user}/send", {"kind": "text", "text": "在岗"})
    (await town.call(phone, "POST", "/duty/on")).raise_for_status()
    return phone


async def _day(town: City, phone: Phone) -> None:
    """In the pocket, in hand, in the pocket again."""
    chance = town.chance
    await asyncio.sleep(chance.uniform(0, IN_POCKET_S + IN_HAND_S) * 0.2)
    if chance.random() < IN_HAND_S / (IN_HAND_S + IN_POCKET_S):
        town.soon(_in_hand(town, phone, IN_HAND_S))
    while True:
        await asyncio.sleep(chance.expovariate(1 / IN_POCKET_S))
        await town._guarded(_in_hand(town, phone, chance.uniform(0.5, 1.5) * IN_HAND_S))


async def _in_hand(town: City, phone: Phone, seconds: float) -> None:
    """Unlock: a new socket, a fix, what is open. Lock: 5 s more, then deaf, with the socket open."""
    if not phone.locked:
        return
    phone.locked = False
    try:
        await town.control(f"users/{phone.user}/phone", {"locked": False})
        if phone.reader:
            phone.reader.cancel()
        if phone.socket is not None:
            phone.socket.transport.abort()
        ticket = (await town.call(phone, "POST", "/live/tickets")).raise_for_status().json()["ticket"]
        phone.socket = await websockets.connect(
            f"ws://127.0.0.1:{town.port}/miniprogram/v1/live", ping_interval=None
        )
        await phone.socket.send(json.dumps({"ticket": ticket}))
        phone.reader = asyncio.create_task(town._guarded(_read(town, phone, phone.socket)))
        await asyncio.sleep(seconds)
    finally:
        phone.locked = True
        with suppress(httpx.HTTPError):
            await town.control(f"users/{phone.user}/phone", {"locked": True})
        if phone.socket is not None:
            town.soon(_goes_deaf(phone, phone.socket))


async def _goes_deaf(phone: Phone, socket: websockets.ClientConnection) -> None:
    await asyncio.sleep(SUSPENDED_AFTER_S)
    if phone.locked and phone.socket is socket:
        if phone.reader:
            phone.reader.cancel()
        with suppress(RuntimeError):
            socket.transport.pause_reading()


async def _read(town: City, phone: Phone, socket: websockets.ClientConnection) -> None:
    """What a running mini-program does: a fix at once and every 15 s, and each offer shown and acknowledged."""
    fix = {
        "type": "fixes", "fixes": [{
            "lat": phone.at.lat, "lng": phone.at.lng, "datum": "wgs84", "accuracy_m": 15,
            "at": await _database_now(town),
        }],
    }  # fmt: skip
    await socket.send(json.dumps(fix))
    while True:
        frame = json.loads(await socket.recv())
        offers = (
            frame["offers"] if frame["type"] == "snapshot" else [frame] if frame["type"] == "offer" else []
        )
        for offer in offers:
            await asyncio.sleep(town.chance.uniform(0.02, 0.2))  # to draw it
            await socket.send(
                json.dumps({"type": "seen", "case_id": offer["case_id"], "epoch": offer["epoch"]})
            )
            if not phone.busy and town.chance.random() < TAKES:
                phone.busy = True
                town.soon(_take(town, phone, offer))


async def _database_now(town: City) -> str:
    [row] = await crowd.rows(town.stage.runtime, "SELECT clock_timestamp() AS now")
    return str(row.now.isoformat())


async def _take(town: City, phone: Phone, offer: Any) -> None:
    """Thumb, drive, close."""
    try:
        await asyncio.sleep(town.chance.uniform(2, 5))
        case_id, epoch = offer["case_id"], offer["epoch"]
        claim = await town.call(phone, "POST", f"/offers/{case_id}/claim", {"epoch": epoch})
        if claim.status_code != 201:
            return
        epoch = claim.json()["epoch"]
        place = town.places[case_id]
        there = {"lat": place.lat, "lng": place.lng, "datum": "wgs84"}
        await town.call(phone, "POST", f"/cases/{case_id}/en-route", {"epoch": epoch})
        await asyncio.sleep(town.chance.uniform(5, 15))
        await town.call(phone, "POST", f"/cases/{case_id}/arrived", {"epoch": epoch, "at": there})
        closed = await town.call(
            phone, "POST", f"/cases/{case_id}/close", {"epoch": epoch, "disposition": "mediated"}
        )
        if not closed.is_success:
            town.odd[f"close {closed.status_code}"] += 1
    finally:
        phone.busy = False


async def _watch(town: City) -> None:
    """What rings a phone: some owners take it out, some write to the account when they are asked to."""
    by_user = {phone.user: phone for phone in town.phones}
    by_badge = {phone.made.badge: phone for phone in town.phones}
    after = 0
    while True:
        found = (await town.wechat.get("/__wechat__/log", params={"after": after, "kind": "api"})).json()
        after = found["last"]
        for entry in found["entries"]:
            body = entry["body"] if isinstance(entry["body"], dict) else {}
            phone = by_user.get(entry.get("user", "")) or by_badge.get(body.get("badge", ""))
            if phone is None or entry["status"] != 200 or entry["errcode"] not in (0, None):
                continue
            town.rung[entry["path"]] += 1
            if "在岗" in json.dumps(body, ensure_ascii=False) and town.chance.random() < WRITES:
                town.soon(_write(town, phone))
            if town.chance.random() < LOOKS:
                town.soon(_look(town, phone))
        await asyncio.sleep(0.25)


async def _write(town: City, phone: Phone) -> None:
    await asyncio.sleep(town.chance.uniform(5, 20))
    await town.control(f"users/{phone.user}/send", {"kind": "text", "text": "在岗"})


async def _look(town: City, phone: Phone) -> None:
    await asyncio.sleep(town.chance.uniform(1, 4))
    await _in_hand(town, phone, town.chance.uniform(4, 7))


async def _report(town: City, cases: int) -> None:
    """One case after the other, each by somebody else, anywhere in the middle of the area."""
    progress, loop = Progress("reach", cases, "cases"), asyncio.get_running_loop()
    begun = loop.time()
    for number in range(cases):
        await asyncio.sleep(max(0.0, begun + number * CASE_EVERY_S - loop.time()))
        reporter = await town.stage.make.citizen()
        async with transaction(town.stage.runtime) as db:
            token, _ = await issue(db, reporter.id, Audience.MINIPROGRAM, ttl_s=600)
        at = Point(
            CENTRE.lat + town.chance.uniform(-0.012, 0.012), CENTRE.lng + town.chance.uniform(-0.014, 0.014)
        )
        town.dark.append(sum(phone.locked for phone in town.phones) / len(town.phones))
        answer = await town.service.post(
            "/reports",
            json={"category": "noise", "words": "楼上很吵", "place": {"point": {"lat": at.lat, "lng": at.lng, "datum": "wgs84"}}},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"prove-reach-{number:06d}"},
        )  # fmt: skip
        answer.raise_for_status()
        town.places[answer.json()["case_id"]] = at
        progress.at(number + 1)


async def _left(stage: Ground) -> float:
    [row] = await crowd.rows(
        stage.runtime, "SELECT coalesce(avg(w.long_left), 0)::float8 AS n FROM officers f"
        " LEFT JOIN windows w ON w.person_id = f.person_id AND w.channel = 'official_account'",
    )  # fmt: skip
    return float(row.n)


_OFFERS = """
    SELECT o.case_id, o.officer_id, first.channel,
           extract(epoch FROM first.at - o.offered_at)::float8 AS took_s,
           extract(epoch FROM coalesce(c.claimed_at, c.handed_over_at) - o.offered_at)::float8 AS open_s,
           (SELECT array_agg(r.channel || ' ' || r.outcome ORDER BY r.at) FROM reaches r
             WHERE r.case_id = o.case_id AND r.epoch = o.epoch AND r.officer_id = o.officer_id) AS steps
      FROM offers o JOIN cases c ON c.id = o.case_id
      LEFT JOIN LATERAL (SELECT r.channel, r.at FROM reaches r WHERE r.case_id = o.case_id AND r.epoch = o.epoch
                            AND r.officer_id = o.officer_id AND r.outcome IN ('sent', 'seen') ORDER BY r.at LIMIT 1
                        ) AS first ON TRUE
"""


async def _judge(town: City, cases: int, left_before: float) -> Figure:
    rows = await crowd.rows(town.stage.runtime, _OFFERS)
    moot = [
        r for r in rows if r.took_s is None and not r.steps and (r.open_s is not None and r.open_s < WITHIN_S)
    ]
    counted = [r for r in rows if r not in moot]
    reached = [r for r in counted if r.took_s is not None]
    in_time = [r for r in reached if r.took_s <= WITHIN_S]
    ways = Counter(r.channel for r in in_time)
    waited = sum(r.channel != "socket" and r.took_s >= 1.9 for r in in_time)
    nothing_left = sum(r.took_s is None and bool(r.steps) for r in counted)
    silent = sum(r.took_s is None and not r.steps for r in counted)
    took = [r.took_s for r in reached]
    [sent] = await crowd.rows(
        town.stage.runtime, "SELECT count(*) AS n FROM deliveries d JOIN officers f ON f.person_id = d.person_id WHERE d.state = 'sent'"
    )  # fmt: skip
    rung = sum(town.rung.values())
    share = len(in_time) / len(counted) if counted else 0.0
    with_a_way = len(in_time) / max(1, len(counted) - nothing_left)
    by_way = ", ".join(f"{way} {n / len(counted):.1%}" for way, n in ways.most_common())
    officers: set[UUID] = {r.officer_id for r in counted}
    of_officers = {r.officer_id for r in in_time}
    measured = (
        f"{len(town.phones)} officers, {sum(town.dark) / len(town.dark):.0%} of screens dark, {cases} cases,"
        f" {len(counted)} offers: {share:.1%} reached within {WITHIN_S:.0f} s ({by_way}), {with_a_way:.1%} of those with any way left;"
        f" p50 {percentile(took, 0.5):.2f} s, p99 {percentile(took, 0.99):.2f} s; {waited} of them had been heard lately and were"
        f" told after 2 s; not reached: {nothing_left} with nothing left, {silent} without any step,"
        f" {len(reached) - len(in_time)} late; {len(moot)} moot; {len(of_officers)} of {len(officers)} officers reached at least once;"
        f" messages left per officer {left_before:.1f} before, {await _left(town.stage):.1f} after;"
        f" {sent.n} sent, {rung} rang a phone; odd {dict(town.odd) or 0}"
    )
    good = with_a_way >= GOAL and silent == 0 and rung >= sent.n > 0
    return Figure("reach", good, measured)
