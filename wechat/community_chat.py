"""A resident asks their community officer in the chat, reads answers, and undoes the binding."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from app.community.errors import OfficerNotThere
from app.community.queries import officer_of
from app.community.service import Cause, ask, bind, take_answers, unbind
from app.kit.errors import AppError
from app.stations.registry import registry
from wechat.intents import tidied
from wechat.messages import ClickEvent, Incoming, TextMessage
from wechat.replies import Line
from wechat.taps import words_of_another
from wechat.turn import Turn

ASK_KEY: Final = "ask"
"""The menu's key."""
_ASK: Final = re.compile(
    r"(问片警|问社区民警|咨询片警|ask my officer|ask)[\s:：,，]+(.+)", re.IGNORECASE | re.DOTALL
)
_HOW: Final = re.compile(
    r"问片警|片警|社区民警|我的片警|my officer|community officer|ask my officer", re.IGNORECASE
)
_READ: Final = re.compile(r"查看|查看回复|read", re.IGNORECASE)
_UNBIND: Final = re.compile(r"解除片警|取消片警|解绑片警|leave my officer|unbind", re.IGNORECASE)

BOUND: Final = Line(
    "已关联社区民警 {who}（{station}，电话 {phone}）。发“问片警 内容”提问：内容只给这位民警，其不在岗时转{station}值班台；"
    "加密保存，答复后30天删除。不同意或不再需要，发“解除片警”。紧急情况请拨打110。",
    '{who} of {station_en} (phone {phone}) is now your community officer. Send "ask" and your words: they go to this '
    "officer alone, or to the desk of {station_en} when off duty; they are kept encrypted and deleted 30 days after the "
    'answer. If you do not agree, or no longer need it, send "leave my officer". In an emergency call 110.',
)
HOW_TO_ASK: Final = Line(
    "您的社区民警是 {who}（{station}，电话 {phone}）。发“问片警 内容”提问，“解除片警”解除。报警请直接写下发生了什么。",
    'Your community officer is {who} of {station_en} (phone {phone}). Send "ask" and your words, "leave my officer" to '
    "undo it. To report, just write what happened.",
)
NO_OFFICER: Final = Line(
    "您还没有关联社区民警：请扫描社区公示栏或民警出示的二维码。报警请直接写下发生了什么。",
    "You have no community officer yet: scan the code on the notice board or the officer's phone. To report, just write "
    "what happened.",
)
ASKED: Final = Line(
    "已转给您的社区民警，回复会在这里告知。报警请直接写下发生了什么；紧急情况请拨打110。",
    "Passed to your community officer; the answer comes here. To report, just write what happened; in an emergency call 110.",
)
TO_DESK: Final[dict[Cause, Line]] = {
    Cause.OFF_DUTY: Line(
        "您的社区民警现在不在岗，已转{station}值班台（电话 {phone}），回复会在这里告知。紧急情况请拨打110。",
        "Your community officer is off duty: it went to the desk of {station_en} (phone {phone}); the answer comes here. "
        "In an emergency call 110.",
    ),
    Cause.SUSPENDED: Line(
        "您的社区民警暂时无法回复，已转{station}值班台（电话 {phone}），回复会在这里告知。紧急情况请拨打110。",
        "Your community officer cannot answer: it went to the desk of {station_en} (phone {phone}); the answer comes here. "
        "In an emergency call 110.",
    ),
    Cause.MOVED: Line(
        "您的社区民警已调离，已转{station}值班台（电话 {phone}），回复会在这里告知。紧急情况请拨打110。",
        "Your community officer has moved: it went to the desk of {station_en} (phone {phone}); the answer comes here. "
        "In an emergency call 110.",
    ),
}
UNBOUND: Final = Line(
    "已解除社区民警。需要时可再次扫码。",
    "Undone: you have no community officer now. Scan a code to have one again.",
)
NOTHING_NEW: Final = Line("没有新的回复。", "No new answer.")
REPLY: Final = Line("您问：{question}\n答复：{answer}", "You asked: {question}\nAnswer: {answer}")
_QUOTED = 40


async def answer(turn: Turn, message: Incoming) -> str | None:
    """What to say to a resident's word about their officer; None when the message is none."""
    if isinstance(message, ClickEvent):
        return await _how(turn) if message.key == ASK_KEY else None
    if not isinstance(message, TextMessage):
        return None
    plain = tidied(message.text)
    if _READ.fullmatch(plain):
        return await answers(turn) or turn.say(NOTHING_NEW)
    if _UNBIND.fullmatch(plain):
        return turn.say(UNBOUND if await unbind(turn.db, turn.person_id) else NO_OFFICER)
    if _HOW.fullmatch(plain):
        return await _how(turn)
    asked = _ASK.fullmatch(message.text.strip())
    if asked is None:
        return None
    if asked[1].lower() == "ask" and await officer_of(turn.db, turn.person_id) is None:
        return None  # "ask them to be quiet" begins a report
    return await _ask(turn, asked[2].strip())


async def _ask(turn: Turn, words: str) -> str:
    try:
        asked = await ask(turn.db, turn.runtime, person_id=turn.person_id, words=words, key=turn.key)
    except AppError as error:
        return turn.refused(error)
    return turn.say(TO_DESK[asked.cause] if asked.cause else ASKED, **await _station(turn, asked.station_id))


async def answers(turn: Turn) -> str | None:
    """Answers not read before; None when there is none."""
    found = await take_answers(turn.db, turn.runtime, turn.person_id)
    if not found:
        return None
    return "\n".join(
        turn.say(
            REPLY, question=words_of_another(one.question[:_QUOTED]), answer=words_of_another(one.answer)
        )
        for one in found
    )


async def bound(turn: Turn, officer_id: UUID) -> str:
    """The officer's code was scanned: bind, and say to what."""
    try:
        made = await bind(turn.db, turn.person_id, officer_id)
    except OfficerNotThere as error:
        return turn.refused(error)
    return turn.say(BOUND, who=await turn.officer(officer_id), **await _station(turn, made.station_id))


async def _how(turn: Turn) -> str:
    officer = await officer_of(turn.db, turn.person_id)
    if officer is None:
        return turn.say(NO_OFFICER)
    who = await turn.officer(officer.officer_id)
    return turn.say(HOW_TO_ASK, who=who, **await _station(turn, officer.station_id))


async def _station(turn: Turn, station_id: UUID) -> dict[str, str]:
    return (await registry(turn.runtime)).get(station_id).facts()
