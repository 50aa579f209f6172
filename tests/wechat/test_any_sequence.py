"""Whatever is sent in whatever order: always an answer, never an error, one report is one case, four messages at most."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.settings import Settings
from app.stations.places import read_csv, replace_places
from tests.conftest import clean, make_runtime
from tests.factories import CENTRE, SQUARE, Make
from tests.wechat.callback_door import Door, opened, taps
from tests.wechat.chats import rows
from tests.wechat.test_kinds import ACKNOWLEDGED, ANSWERED, MESSAGES
from wechat import replies
from wechat.intents import ASKINGS, Intent

PLACES = f"name,aliases,lat,lng\n青莲公园,,{CENTRE.lat},{CENTRE.lng}\n"
WORDS = (
    "三楼又是这样", "我朋友失踪了", "孩子走失了", "半夜唱歌太吵", "被骗转账了", "青莲公园", "青莲公园有人唱歌太吵", "路灯坏了", "派出所不立案",
    "我要投诉民警", "他有刀", "我在青莲公园等你们", "1", "2", "9", "99", "0", "", "…", "\U0001f600", "a" * 2000, "](<a>", "{number}",
)  # fmt: skip
FAULTS = (replies.DOWN, replies.BUSY)
_people = itertools.count(1)
_numbers = itertools.count(80_000_001)

COMMANDS = ("say", "same_or_new.2")
Step = Callable[[Door, str], Awaitable[str]]


def _say(words: str) -> Step:
    return lambda door, _: door.say(words)


def _push(kind: str, fields: str) -> Step:
    return lambda door, _: door.told(kind, fields)


def _click(key: str) -> Step:
    return lambda door, _: door.click(key)


def _tap(which: int, *, commands: bool = True) -> Step:
    """The first or the last of what the answer before offered; "cancel" is one of the `commands`, and so is "new"."""

    async def tap(door: Door, last: str) -> str:
        found = [one for one in taps(last) if commands or one[1] not in COMMANDS]
        return await door.say(found[which][0], tap_id=found[which][1]) if found else await door.say("好的")

    return tap


STEPS: dict[str, Step] = {
    **{f"say:{words[:12]}": _say(words) for words in WORDS},
    **{f"ask:{a.intent}": _say((a.zh or a.en or (a.example,))[0]) for a in ASKINGS if a.intent is not Intent.NEW},
    **{f"message:{kind}": _push(kind, fields) for kind, fields in MESSAGES.items()},
    **{f"event:{name}": _push("event", f"<Event>{name.partition('#')[0]}</Event>{fields}") for name, fields in ANSWERED.items() if name != "CLICK"},
    **{f"click:{key}": _click(key) for key in ("status", "text_only", "needs", "cancel", "english", "complain")},
    "stale tap": lambda door, _: door.say("是", tap_id="risk.1"),
    "tap of nothing": lambda door, _: door.say("是", tap_id="place.x"),
    "first tap": _tap(0),
    "last tap": _tap(-1),
}  # fmt: skip
SILENT = {
    f"event:{name}": _push("event", f"<Event>{name}</Event>{fields}") for name, fields in ACKNOWLEDGED.items()
}


T = TypeVar("T")


class Ground:
    """A loop of its own, as Hypothesis calls tests that are no coroutines; a station, its officer, a known place."""

    def __init__(self, given: Settings) -> None:
        self.loop = asyncio.new_event_loop()
        self.runtime = self.run(self._open(given))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _open(self, given: Settings) -> Runtime:
        runtime = make_runtime(given)
        await clean(runtime)
        make = Make(runtime)
        centre = await make.station(is_command=True, ring=None)
        station = await make.station(ring=SQUARE, parent=centre)
        await make.officer(station=station)
        async with transaction(runtime) as db:
            await replace_places(db, station.id, read_csv(PLACES))
        await runtime.drain()
        return runtime

    def close(self) -> None:
        self.run(self.runtime.close())
        self.loop.close()


@pytest.fixture
def ground(settings: Settings) -> Iterator[Ground]:
    ground = Ground(settings)
    yield ground
    ground.close()


async def walk(runtime: Runtime, names: list[str]) -> None:
    """One new person's messages; each answer is looked at."""
    door, last = Door(runtime, f"oCitizen{next(_people):020d}"), ""
    for name in names:
        if name in SILENT:
            assert await SILENT[name](door, last) == "", name
            continue
        last = await STEPS[name](door, last)
        assert last, f"no answer to {name} in {names}"
        assert len(last.encode()) <= 2048, name
        assert not any(last.startswith((fault.zh, fault.en)) for fault in FAULTS), (name, names)
        assert "{" not in last, (name, last)


EXAMPLES = int(os.environ.get("DIDI_CHAT_RUNS", "40"))
every = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_any_sequence_is_answered(ground: Ground) -> None:
    @every
    @given(st.lists(st.sampled_from([*STEPS, *SILENT]), min_size=1, max_size=8))
    def any_sequence(names: list[str]) -> None:
        ground.run(walk(ground.runtime, names))

    any_sequence()


ONE_MATTER: dict[str, Step] = {
    **{f"say:{words}": _say(words) for words in ("三楼又是这样", "半夜唱歌太吵", "青莲公园", "就在楼上", "7", "都不是", "你好", "没有位置", "替邻居报警")},
    **{kind: _push(kind, MESSAGES[kind]) for kind in ("image", "voice", "location", "link")},
    "status": lambda door, _: door.say("进度"),
    "first tap": _tap(0, commands=False),
    "last tap": _tap(-1, commands=False),
}  # fmt: skip
TELLS = ("say:三楼又是这样", "say:半夜唱歌太吵", "say:就在楼上", "say:青莲公园", "image", "voice")
"""What says what happened; four messages that begin with it lead to a number."""


class Twice(Door):
    """Each message is delivered twice with one id, as WeChat does when it hears nothing; both answers are the same."""

    async def push(self, kind: str, fields: str, *, message_id: int | None = None) -> httpx.Response:
        number = message_id or next(_numbers)
        first = await super().push(kind, fields, message_id=number)
        again = await super().push(kind, fields, message_id=number)
        assert opened(first) == opened(again)
        return first


async def one_matter(runtime: Runtime, names: list[str]) -> None:
    """One person, one matter."""
    before = await _cases(runtime)
    door, last = Twice(runtime, f"oCitizen{next(_people):020d}"), ""
    for name in names:
        last = await ONE_MATTER[name](door, last)
    opened_now = await _cases(runtime) - before
    assert opened_now <= 1, names
    told = [n for n, name in enumerate(names) if name in TELLS]
    about_it = [name for name in names if name != "status"]  # to ask how far it is tells nothing
    if told and told[0] == 0 and len(about_it) >= 4:
        assert opened_now == 1, names


async def _cases(runtime: Runtime) -> int:
    [row] = await rows(runtime, "SELECT count(*) AS n FROM cases")
    return int(row.n)


def test_one_matter_is_one_case_within_four_messages(ground: Ground) -> None:
    @every
    @given(st.lists(st.sampled_from(list(ONE_MATTER)), min_size=1, max_size=7))
    def any_order(names: list[str]) -> None:
        ground.run(one_matter(ground.runtime, names))

    any_order()
