"""What an operator should know before the phone rings, each finding with what to do."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httpx
from sqlalchemy import text

from app.backlog import read_backlog
from app.dispatch.pagers import configured
from app.kit.migrate import current_revision, newest_revision
from app.kit.runtime import Runtime
from app.media.errors import MediaUnreadable
from app.media.quota import today
from app.media.store import store_of
from app.notices.queries import stops
from app.notices.walls import used_today
from app.stations.registry import registry, stations_without_desk

CLOCK_OFF_MAX_S = 1.0
OLDEST_POSTGRESQL = 150000
OLDEST_EVENT_S = 60
OLDEST_MEDIUM_S = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    do: str = ""


async def examine(runtime: Runtime) -> list[Finding]:
    """Settings are right when this runs at all; then stores, schema, clocks, stations, WeChat."""
    findings = [Finding("settings", True, runtime.settings.env), _pagers(runtime)]
    findings += await _database(runtime)
    findings.append(await _valkey(runtime))
    if all(f.ok for f in findings if f.what in ("database", "migrations")):
        findings += await _stations(runtime)
        findings += await _outbox(runtime)
        findings.append(await _media(runtime))
    findings.append(await _media_store(runtime))
    findings.append(await _wechat(runtime))
    return findings


def _pagers(runtime: Runtime) -> Finding:
    """Not having one is no fault, but an operator should have meant it."""
    named = ", ".join(configured(runtime.settings))
    return Finding(
        "pagers", True, named or "none: an officer whose WeChat window is closed may be reached by nothing"
    )


async def _database(runtime: Runtime) -> list[Finding]:
    try:
        async with runtime.database.moves() as db:
            asked = time.time()
            row = (
                await db.execute(
                    text(
                        "SELECT current_setting('server_version_num')::int AS version, current_setting('server_version')"
                        " AS name, extract(epoch FROM clock_timestamp())::float8 AS now,"
                        " current_setting('idle_in_transaction_session_timeout') AS idle"
                    )
                )
            ).one()
            off_s = row.now - (asked + time.time()) / 2
    except Exception as error:
        do = "check DATABASE_URL, and that PostgreSQL runs and lets this host in"
        return [Finding("database", False, type(error).__name__, do)]
    has, wants = await current_revision(runtime.database), newest_revision()
    return [
        Finding("database", row.version >= OLDEST_POSTGRESQL, f"PostgreSQL {row.name}", "version 15 or newer is needed"),
        Finding("migrations", has == wants, f"{has or 'none'} of {wants}", "run: didi migrate"),
        Finding("frozen processes", row.idle == "2s", f"idle_in_transaction_session_timeout {row.idle}", "run: didi migrate"),
        Finding(
            "clock", abs(off_s) < CLOCK_OFF_MAX_S, f"{off_s:+.3f} s against the database's",
            "deadlines are safe, they are the database's; set this host's clock by NTP, as WeChat's time stamps need it",
        ),
    ]  # fmt: skip


async def _valkey(runtime: Runtime) -> Finding:
    try:
        await runtime.valkey.ping()
        info = await runtime.valkey.info("server")
    except Exception as error:
        return Finding(
            "valkey", False, type(error).__name__, "check VALKEY_URL; no promise is lost, speed is"
        )
    first = info if "redis_version" in info else next(iter(info.values()))
    return Finding("valkey", True, str(first.get("valkey_version") or first.get("redis_version")))


async def _stations(runtime: Runtime) -> list[Finding]:
    stations = await registry(runtime)
    async with runtime.database.transaction() as db:
        missing = await stations_without_desk(db, stations)
    count = len(stations.all())
    return [
        Finding("stations", count > 0, f"{count} stations", "an administrator adds stations in the console"),
        Finding(
            "command centre", stations.command_centre() is not None, "there" if stations.command_centre() else "none",
            "mark one station as the command centre: reports from outside the district go there",
        ),
        Finding(
            "desks", not missing, ", ".join(s.code for s in missing) or "every station has somebody",
            "give somebody the role desk there, or at its parent",
        ),
    ]  # fmt: skip


async def _outbox(runtime: Runtime) -> list[Finding]:
    async with runtime.database.moves() as db:
        backlog = await read_backlog(db)
        stopped = await stops(db)
        near = [u for u in await used_today(db, runtime) if u.near]
    dead = backlog.dead_events + backlog.dead_notices
    return [
        Finding(
            "outbox", backlog.oldest_s < OLDEST_EVENT_S, f"oldest waits {backlog.oldest_s:.0f} s",
            "is a worker running? The log says why events fail",
        ),
        Finding(
            "dead letters", dead == 0, f"{backlog.dead_events} events, {backlog.dead_notices} notices",
            "look: didi outbox list; then didi outbox retry, or drop",
        ),
        Finding(
            "channels", not stopped,
            ", ".join(f"{s.channel} stopped until {s.until:%d %b %H:%M} UTC: {s.reading}" for s in stopped) or "open",
            "citizens are not told: the desk calls them. wait_quota: the day's messages are spent, ask WeChat for more; "
            "operator: mend WECHAT_APP_SECRET or the account's settings; capability_gone: WeChat took a right away, see its console",
        ),
        Finding(
            "daily walls", not near, ", ".join(f"{u.channel} {u.taken} of {u.wall}" for u in near) or "far",
            "lesser notices wait already; if the account's console shows a higher quota, set WECHAT_DAILY_MESSAGES, "
            "WECHAT_DAILY_TEMPLATES or MINIPROGRAM_DAILY_SUBSCRIPTIONS",
        ),
    ]  # fmt: skip


async def _media(runtime: Runtime) -> Finding:
    async with runtime.database.moves() as db:
        used = await today(db, runtime)
    return Finding(
        "media", not used.near and used.oldest_s < OLDEST_MEDIUM_S,
        f"{used.downloads} of {used.limit} downloads today, {used.waiting} wait, the oldest {used.oldest_s:.0f} s",
        "near the day's limit: ask WeChat for more, the rest waits for Beijing's midnight and nothing is lost before three "
        "days; waiting without that: is a worker running, does the store of media answer? The log says why",
    )  # fmt: skip


async def _media_store(runtime: Runtime) -> Finding:
    name = runtime.settings.media_store
    try:
        await store_of(runtime).probe()
    except MediaUnreadable as error:
        do = "check MEDIA_FOLDER and its owner, or MEDIA_S3_ENDPOINT, the bucket and its keys; media wait meanwhile"
        return Finding("media store", False, f"{name}: {error.detail}", do)
    return Finding("media store", True, name)


async def _wechat(runtime: Runtime) -> Finding:
    base = runtime.settings.wechat_api_base
    try:
        async with asyncio.timeout(5), httpx.AsyncClient() as http:
            answer = await http.get(f"{base}/cgi-bin/getcallbackip")
        return Finding(
            "wechat", answer.status_code == 200, f"HTTP {answer.status_code}", "check WECHAT_API_BASE"
        )
    except (httpx.HTTPError, TimeoutError) as error:
        do = "check the way out to WeChat's API: DNS, firewall, proxy"
        return Finding("wechat", False, type(error).__name__, do)
