"""Notices a second to WeChat's simulator, against bare httpx posts to the same endpoint; and the day's walls."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable

import httpx
from sqlalchemy import text

from app.kit.runtime import Runtime
from app.notices.jobs import deliver
from app.notices.sender import Sender, Senders
from app.notices.tables import Channel
from app.notices.walls import reserve
from app.notices.words import WORDS, Words
from app.people.identity import citizen_of
from app.settings import Settings
from benchmarks.measure import at_least, interleaved, note, pin, ratio, unpin
from benchmarks.simulated import OA, SECRET, openids
from benchmarks.stage import runtime_on, served
from wechat.client import Account, TokenStore, open_http
from wechat.sender import wechat_senders

NOTICES, JOBS, AT_ONCE, TAKEN = 400, 2, 20, 400
PATH = "/cgi-bin/message/custom/send"
SAID = "您的报告 482-915-3067 已有人接手。回复“进度”查看详情。"

_WINDOWS = text("""
    INSERT INTO windows (person_id, channel, long_left, long_until)
    SELECT unnest(CAST(:ids AS uuid[])), 'official_account', 30000, 'infinity'
""")
_QUEUE = text("""
    WITH e AS (INSERT INTO events (kind, data) VALUES ('bench', '{}') RETURNING id)
    INSERT INTO deliveries (event_id, person_id, channel, kind, priority, facts)
    SELECT e.id, p.id, 'official_account', 'bench', 1, '{}' FROM e, unnest(CAST(:ids AS uuid[])) AS p(id)
""")
_FILLED = text("UPDATE windows SET long_left = 5")
_SENT = text("SELECT count(*) FROM deliveries WHERE state = 'sent'")
_ONE_ROW = text(
    "UPDATE daily_sends SET taken = taken + 1 WHERE channel = 'pager' AND taken < 1000000000 RETURNING taken"
)
_THE_ROW = text("INSERT INTO daily_sends (channel, day, shard) VALUES ('pager', '2000-01-01', 0)")


async def run(settings: Settings, seconds: float) -> None:
    """Two jobs of a worker; 400 people with one notice each, every round."""
    async with served("simulated") as (port, _):
        settings = settings.model_copy(update={"wechat_api_base": f"http://127.0.0.1:{port}"})
        async with runtime_on(settings) as runtime, open_http(settings.wechat_api_base) as http:
            WORDS["bench"] = Words(SAID, SAID)
            people = [await _known(runtime, openid) for openid in openids()]
            async with runtime.database.moves() as db:
                await db.execute(_WINDOWS, {"ids": people})
            token = await TokenStore(http, Account(OA, SECRET), runtime.valkey).get()
            pin(1)
            found = await interleaved(
                3,
                posts=_posts(http, token),
                deliveries=_deliveries(runtime, Senders(wechat_senders(runtime, http)), people),
            )
            unpin()
            walls = await interleaved(3, one_row=_taken(runtime, _one_row), shards=_taken(runtime, _shards))
    note(f"deliveries: {max(found['deliveries']):.0f}/s, bare posts {max(found['posts']):.0f}/s")
    note(
        f"daily wall: {max(walls['shards']):.0f} reservations/s in shards, {max(walls['one_row']):.0f} on one row"
    )
    at_least("deliveries", ratio(found, "deliveries", "posts"), "x", 0.3)
    at_least("wall_shards", ratio(walls, "shards", "one_row"), "x", 1.5)


async def _known(runtime: Runtime, openid: str) -> object:
    async with runtime.database.transaction() as db:
        return (await citizen_of(db, runtime, app_id=OA, openid=openid)).id


def _posts(http: httpx.AsyncClient, token: str) -> Callable[[], Awaitable[float]]:
    everybody = itertools.cycle(openids())

    async def one(count: int) -> None:
        for _ in range(count):
            body = {"touser": next(everybody), "msgtype": "text", "text": {"content": SAID}}
            answer = await http.post(
                PATH, params={"access_token": token}, content=json.dumps(body, ensure_ascii=False).encode()
            )
            if answer.json()["errcode"] != 0:
                raise RuntimeError(f"the simulator refused a bare post: {answer.text}")

    async def measured() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(one(NOTICES // AT_ONCE) for _ in range(AT_ONCE)))
        return NOTICES / (time.perf_counter() - began)

    return measured


def _deliveries(runtime: Runtime, sender: Sender, people: list[object]) -> Callable[[], Awaitable[float]]:
    sent = 0

    async def job() -> None:
        while await deliver(runtime, sender, limit=AT_ONCE // JOBS):
            pass

    async def measured() -> float:
        nonlocal sent
        async with runtime.database.moves() as db:
            await db.execute(_FILLED)
            await db.execute(_QUEUE, {"ids": people[:NOTICES]})
        began = time.perf_counter()
        await asyncio.gather(*(job() for _ in range(JOBS)))
        took_s = time.perf_counter() - began
        sent += NOTICES
        async with runtime.database.moves() as db:
            if (found := (await db.execute(_SENT)).scalar_one()) != sent:
                raise RuntimeError(
                    f"{found} of {sent} notices were sent: the figure would be of something else"
                )
        return NOTICES / took_s

    return measured


async def _shards(runtime: Runtime) -> None:
    async with runtime.database.transaction() as db:
        await reserve(db, runtime, Channel.OFFICIAL_ACCOUNT, 1)


async def _one_row(runtime: Runtime) -> None:
    async with runtime.database.transaction() as db:
        if (await db.execute(_ONE_ROW)).one_or_none() is None:
            await db.execute(_THE_ROW)


def _taken(runtime: Runtime, take: Callable[[Runtime], Awaitable[None]]) -> Callable[[], Awaitable[float]]:
    async def many() -> None:
        for _ in range(TAKEN // 10):
            await take(runtime)

    async def measured() -> float:
        await take(runtime)
        began = time.perf_counter()
        await asyncio.gather(*(many() for _ in range(10)))
        return TAKEN / (time.perf_counter() - began)

    return measured
