"""Pushing to the account: signed, encrypted, 5 seconds to answer, up to three deliveries of the same."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import httpx

from simulator.chat import Channel
from simulator.config import Form, Inbox
from simulator.crypto import signature
from simulator.envelopes import envelope, new_nonce
from simulator.faults import CallbackFault, CallbackFaultKind, take_callback_fault
from simulator.later import later
from simulator.messages import Push
from simulator.replies import UNAVAILABLE, Bubble, Malformed, read_acknowledgement, read_reply
from simulator.world import Account, User, World


class Shown(StrEnum):
    """What the person sees of the account's answer."""

    REPLY = "reply"
    NOTHING = "nothing"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery. `status` is None when there was no answer; `problem` why it did not count."""

    status: int | None
    latency_ms: int
    problem: str | None = None
    bubble: Bubble | None = field(default=None, repr=False)
    answered: bool = False  # usable or not, WeChat does not send again


@dataclass(slots=True)
class Outcome:
    """What came of one message: every delivery, and what the person saw."""

    kind: str
    msg_id: str | None
    shown: Shown = Shown.NOTHING
    reply: dict[str, Any] | None = None  # Any: an entry of the chat, JSON
    attempts: list[Attempt] = field(default_factory=list)
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The outcome as the control API tells it."""
        attempts = [asdict(attempt) for attempt in self.attempts]
        for attempt in attempts:
            attempt["bubble"] = attempt["bubble"]["kind"] if attempt["bubble"] else None
        return {
            "kind": self.kind,
            "msg_id": self.msg_id,
            "shown": self.shown.value,
            "text": self.reply["body"].get("text") if self.reply else None,
            "reply": self.reply,
            "attempts": attempts,
            "problem": self.problem,
        }


async def deliver(world: World, user: User, push: Push, account: Account) -> Outcome:
    """Push one message until it is answered, at most three times, and put the reply into the chat.

    An answer counts when it comes with HTTP 200 within the time; malformed, it is not asked for again
    and the person is told that the account is unavailable.
    """
    outcome = Outcome(push.kind, push.msg_id)
    inbox = world.config.inbox if account is world.official else world.config.mp_inbox
    if inbox is None:
        outcome.problem = "not pushed: the mini-program has no callback address (mp_callback_url)"
        return outcome
    way = _Way(world, user, push, account, inbox, take_callback_fault(world.faults, push.kind))
    match way.fault.kind if way.fault else None:
        case CallbackFaultKind.DROP:
            outcome.problem = "dropped on purpose"
            world.journal.note("callback", push=push.kind, msg_id=push.msg_id, user=user.id, dropped=True)
        case CallbackFaultKind.OVERTAKEN:
            outcome.problem = "held back on purpose: delivered after later ones"
            world.held.append((way.fault.copies if way.fault else 1, _release(way)))
        case _:
            await _carry(way, outcome)
            _let_overtaken_go(world)
    return outcome


@dataclass(frozen=True, slots=True)
class _Way:
    """One message on its way to one address."""

    world: World
    user: User
    push: Push
    account: Account
    inbox: Inbox
    fault: CallbackFault | None


async def _carry(way: _Way, outcome: Outcome) -> None:
    fault = way.fault
    if fault is not None and fault.kind is CallbackFaultKind.CONCURRENT:
        outcome.attempts += await asyncio.gather(*(_attempt(way) for _ in range(1 + fault.copies)))
        # WeChat has given up the earlier connections: only the last one is live.
        _conclude(outcome, way.user, way.push, outcome.attempts[-1])
        return
    _conclude(outcome, way.user, way.push, await _until_answered(way, outcome.attempts))
    if fault is not None and fault.kind is CallbackFaultKind.DUPLICATE:
        for _ in range(fault.copies):
            outcome.attempts.append(await _attempt(way))


async def _release(way: _Way) -> None:
    await _carry(way, Outcome(way.push.kind, way.push.msg_id))


def _let_overtaken_go(world: World) -> None:
    """One more message has passed those that are held back."""
    waiting = [(more - 1, release) for more, release in world.held]
    world.held[:] = [one for one in waiting if one[0] > 0]
    for more, release in waiting:
        if more <= 0:
            later(world, release)


async def verify_address(world: World) -> dict[str, Any]:
    """Check the callback address as the account's console does: it must echo a random text."""
    stamp, nonce, echo = str(int(time.time())), new_nonce(), secrets.token_hex(10)
    query = {"timestamp": stamp, "nonce": nonce, "echostr": echo}
    query["signature"] = signature(world.config.token, stamp, nonce)
    try:
        async with asyncio.timeout(world.config.callback_timeout_s):
            answer = await world.callbacks.get(world.config.callback_url, params=query)
    except (TimeoutError, httpx.HTTPError) as problem:
        return {"ok": False, "status": None, "problem": _named(problem)}
    right = answer.status_code == 200 and answer.content == echo.encode()
    problem_text = None if right else "the answer is not exactly the echostr"
    return {"ok": right, "status": answer.status_code, "problem": problem_text}


async def _until_answered(way: _Way, attempts: list[Attempt]) -> Attempt:
    world, fault = way.world, way.fault
    began = time.monotonic()
    lost = fault.copies if fault is not None and fault.kind is CallbackFaultKind.LOSE_ANSWER else 0
    for number in range(world.config.deliveries):
        wait_s = began + number * world.config.callback_pace_s - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        attempt = await _attempt(way)
        if number < lost:
            attempt = Attempt(None, attempt.latency_ms, "the answer was lost on purpose")
        attempts.append(attempt)
        if attempt.answered:
            break
    return attempts[-1]


async def _attempt(way: _Way) -> Attempt:
    world, inbox = way.world, way.inbox
    began = time.monotonic()
    openid = way.user.openids[inbox.app_id]
    stranger = next(app_id for app_id in world.accounts if app_id != inbox.app_id)
    query, body = envelope(inbox, way.push, openid=openid, stranger=stranger, fault=way.fault)
    content_type = "application/json" if inbox.form is Form.JSON else "text/xml"
    status, answer, problem = None, b"", None
    try:
        # The library's own limits are per read; WeChat's is for the whole exchange.
        async with asyncio.timeout(world.config.callback_timeout_s):
            response = await world.callbacks.post(
                inbox.url, params=query, content=body, headers={"content-type": content_type}
            )
        status, answer = response.status_code, response.content
    except (TimeoutError, httpx.HTTPError) as failure:
        problem = _named(failure)
    latency_ms = round((time.monotonic() - began) * 1000)
    attempt, clear = _judge(way, status, answer, problem, latency_ms)
    world.journal.note(
        "callback",
        push=way.push.kind,
        msg_id=way.push.msg_id,
        user=way.user.id,
        app_id=inbox.app_id,
        path=urlsplit(inbox.url).path,
        mode=inbox.mode.value,
        sent=way.push.json() if inbox.form is Form.JSON else way.push.xml(),
        answer=clear,
        status=status,
        latency_ms=latency_ms,
        problem=attempt.problem,
        fault=way.fault.kind.value if way.fault else None,
    )
    return attempt


def _judge(
    way: _Way, status: int | None, answer: bytes, problem: str | None, latency_ms: int
) -> tuple[Attempt, str | None]:
    """The delivery, and the answer in the clear when it could be read."""
    if status is None:
        return Attempt(None, latency_ms, problem), None
    if status != httpx.codes.OK:
        return Attempt(status, latency_ms, f"HTTP {status}"), None
    try:
        if way.account is way.world.official:
            read = read_reply(way.world, answer, openid=way.user.openids[way.inbox.app_id])
        else:
            read = read_acknowledgement(answer)
    except Malformed as malformed:
        return Attempt(status, latency_ms, str(malformed), answered=True), None
    return Attempt(status, latency_ms, bubble=read.bubble, answered=True), read.clear


def _conclude(outcome: Outcome, user: User, push: Push, last: Attempt) -> None:
    outcome.problem = last.problem
    if not push.answerable:
        if last.bubble is not None:
            outcome.problem = "a reply to what may only be acknowledged: not shown"
        return
    if last.problem is not None:
        outcome.shown = Shown.UNAVAILABLE
        user.chat.add(Channel.SYSTEM, "unavailable", {"text": UNAVAILABLE}, push.msg_id)
    elif last.bubble is not None:
        outcome.shown = Shown.REPLY
        entry = user.chat.add(Channel.PASSIVE, last.bubble.kind, last.bubble.body, push.msg_id)
        outcome.reply = entry.as_json()


def _named(failure: Exception) -> str:
    return "no answer in time" if isinstance(failure, TimeoutError) else type(failure).__name__
