"""Pushing to the account: signed, encrypted, 5 seconds to answer, up to three deliveries of the same."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import httpx

from simulator.chat import Channel
from simulator.config import Mode
from simulator.crypto import encrypt, signature
from simulator.faults import CallbackFault, CallbackFaultKind, take_callback_fault
from simulator.messages import Push, cdata, padded
from simulator.replies import UNAVAILABLE, Bubble, Malformed, read_reply
from simulator.world import User, World

DELIVERIES = 3


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


async def deliver(world: World, user: User, push: Push) -> Outcome:
    """Push one message until it is answered, at most three times, and put the reply into the chat.

    An answer counts when it comes with HTTP 200 within the time; malformed, it is not asked for again
    and the person is told that the account is unavailable.
    """
    fault = take_callback_fault(world.faults)
    outcome = Outcome(push.kind, push.msg_id)
    if fault is not None and fault.kind is CallbackFaultKind.DROP:
        outcome.problem = "dropped on purpose"
        world.journal.note("callback", push=push.kind, msg_id=push.msg_id, dropped=True)
        return outcome
    if fault is not None and fault.kind is CallbackFaultKind.CONCURRENT:
        outcome.attempts += await asyncio.gather(
            *(_attempt(world, user, push, fault) for _ in range(1 + fault.copies))
        )
        # WeChat has given up the earlier connections: only the last one is live.
        _conclude(outcome, user, push, outcome.attempts[-1])
        return outcome
    _conclude(outcome, user, push, await _until_answered(world, user, push, fault, outcome.attempts))
    if fault is not None and fault.kind is CallbackFaultKind.DUPLICATE:
        for _ in range(fault.copies):
            outcome.attempts.append(await _attempt(world, user, push, fault))
    return outcome


async def verify_address(world: World) -> dict[str, Any]:
    """Check the callback address as the account's console does: it must echo a random text."""
    stamp, nonce, echo = str(int(time.time())), _nonce(), secrets.token_hex(10)
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


async def _until_answered(
    world: World, user: User, push: Push, fault: CallbackFault | None, attempts: list[Attempt]
) -> Attempt:
    began = time.monotonic()
    lost = fault.copies if fault is not None and fault.kind is CallbackFaultKind.LOSE_ANSWER else 0
    for number in range(DELIVERIES):
        wait_s = began + number * world.config.callback_pace_s - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        attempt = await _attempt(world, user, push, fault)
        if number < lost:
            attempt = Attempt(None, attempt.latency_ms, "the answer was lost on purpose")
        attempts.append(attempt)
        if attempt.answered:
            break
    return attempts[-1]


async def _attempt(world: World, user: User, push: Push, fault: CallbackFault | None) -> Attempt:
    began = time.monotonic()
    query, body = _request(world, user, push, fault)
    status, answer, problem = None, b"", None
    try:
        # The library's own limits are per read; WeChat's is for the whole exchange.
        async with asyncio.timeout(world.config.callback_timeout_s):
            response = await world.callbacks.post(
                world.config.callback_url, params=query, content=body, headers={"content-type": "text/xml"}
            )
        status, answer = response.status_code, response.content
    except (TimeoutError, httpx.HTTPError) as failure:
        problem = _named(failure)
    latency_ms = round((time.monotonic() - began) * 1000)
    attempt = _judge(world, user, status, answer, problem, latency_ms)
    world.journal.note(
        "callback",
        push=push.kind,
        msg_id=push.msg_id,
        user=user.id,
        status=status,
        latency_ms=latency_ms,
        problem=attempt.problem,
        fault=fault.kind.value if fault else None,
    )
    return attempt


def _judge(
    world: World, user: User, status: int | None, answer: bytes, problem: str | None, latency_ms: int
) -> Attempt:
    if status is None:
        return Attempt(None, latency_ms, problem)
    if status != httpx.codes.OK:
        return Attempt(status, latency_ms, f"HTTP {status}")
    try:
        bubble = read_reply(world, answer, openid=user.openids[world.config.app_id])
    except Malformed as malformed:
        return Attempt(status, latency_ms, str(malformed), answered=True)
    return Attempt(status, latency_ms, bubble=bubble, answered=True)


def _request(
    world: World, user: User, push: Push, fault: CallbackFault | None
) -> tuple[dict[str, str], bytes]:
    c = world.config
    kind = fault.kind if fault else None
    age_s = fault.age_s if fault and kind is CallbackFaultKind.STALE else 0
    xml = padded(push.xml, fault.size_bytes) if fault and kind is CallbackFaultKind.OVERSIZE else push.xml
    stamp, nonce = str(int(time.time()) - age_s), _nonce()
    query = {"timestamp": stamp, "nonce": nonce, "openid": user.openids[c.app_id]}
    query["signature"] = signature(c.token, stamp, nonce)
    if c.mode is Mode.SECURE:
        owner = c.mp_app_id if kind is CallbackFaultKind.WRONG_APP_ID else c.app_id
        sealed = encrypt(xml, aes_key=c.aes_key, app_id=owner)
        query["encrypt_type"] = "aes"
        query["msg_signature"] = signature(c.token, stamp, nonce, sealed)
        xml = f"<xml><ToUserName>{cdata(c.original_id)}</ToUserName><Encrypt>{cdata(sealed)}</Encrypt></xml>"
    if kind is CallbackFaultKind.BAD_SIGNATURE:
        broken = "msg_signature" if c.mode is Mode.SECURE else "signature"
        query[broken] = signature(query[broken])
    return query, xml.encode()


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


def _nonce() -> str:
    return str(secrets.randbelow(9 * 10**8) + 10**8)


def _named(failure: Exception) -> str:
    return "no answer in time" if isinstance(failure, TimeoutError) else type(failure).__name__
