"""Codes of the account that carry a scene: which station, which community officer, which task.

WeChat keeps a lasting code for good, 100,000 of them at most; one for a while lives 30 days at most. It gives the
address that the code stands for, and the picture is drawn here: nobody else learns what is printed.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from app.kit.errors import Invalid, Unavailable
from app.people.preference import prefer_station
from app.stations.registry import registry
from wechat import community_chat, replies
from wechat.client import WeChatClient
from wechat.errors import WeChatError
from wechat.replies import Line
from wechat.turn import Turn

STATION, OFFICER, TASK = "station", "officer", "task"
SCENE_MAX: Final = 64
"""Characters of a scene, by WeChat's rule."""
LONGEST_S: Final = 30 * 24 * 3600
_SCENE: Final = re.compile(r"(station|officer|task)\.([0-9A-Za-z._-]{1,55})")

AT_STATION: Final = Line(
    "您好，这里是{station}（电话 {phone}）。", "Hello, this is {station_en} (phone {phone})."
)
TASKS_LATER: Final = Line(
    "谢谢您愿意帮忙！志愿任务尚未开放，开放后请再次扫码。报警请直接写下发生了什么；紧急情况请拨打110。",
    "Thank you for wanting to help! Tasks for volunteers are not open yet: please scan again then. To report, just write "
    "what happened; in an emergency call 110.",
)


def scene_of(kind: str, name: str) -> str:
    """The scene of a code.

    Raises:
        Invalid: a kind that is none, or a name that a scene cannot carry.
    """
    scene = f"{kind}.{name}"
    if not _SCENE.fullmatch(scene) or len(scene) > SCENE_MAX:
        raise Invalid(
            f"a code is for a station, officer or task, by 1 to 55 letters, digits, dots, dashes: {scene[:80]!r} is not"
        )
    return scene


async def scanned(turn: Turn, scene: str | None) -> str | None:
    """What to say to who scanned a code of ours; None: no scene that is known here, so they simply follow."""
    found = _SCENE.fullmatch(scene or "")
    if found is None:
        return None
    kind, name = found.groups()
    if kind == STATION:
        return await _at_station(turn, name)
    if kind == OFFICER:
        officer_id = _uuid(name)
        return await community_chat.bound(turn, officer_id) if officer_id else None
    return turn.say(TASKS_LATER)


async def _at_station(turn: Turn, code: str) -> str | None:
    """A report that begins now is with this station until its place is known."""
    station = (await registry(turn.runtime)).by_code(code)
    if station is None:
        return None
    await prefer_station(turn.db, turn.person_id, station.id)
    return f"{turn.say(AT_STATION, **station.facts())}\n{turn.say(replies.GREETING)}"


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


async def create_code(client: WeChatClient, scene: str, *, lasts_s: int | None = None) -> str:
    """The address that a code with this scene stands for; `lasts_s` None: for good.

    Raises as the calls of `WeChatClient`.
    """
    action = {"action_info": {"scene": {"scene_str": scene}}}
    if lasts_s is None:
        asked: dict[str, object] = {"action_name": "QR_LIMIT_STR_SCENE", **action}
    else:
        asked = {"action_name": "QR_STR_SCENE", "expire_seconds": min(lasts_s, LONGEST_S), **action}
    made = await client.call("qrcode_create", "POST", "/cgi-bin/qrcode/create", json=asked)
    return str(made["url"])


class SceneCodes:
    """The port `console.codes.Codes` on the Official Account."""

    def __init__(self, client: WeChatClient) -> None:
        self._client = client

    async def address_of(self, kind: str, name: str) -> str:
        """The address of a lasting code. Raises: Invalid as `scene_of`; Unavailable: WeChat gives none now."""
        scene = scene_of(kind, name)
        try:
            return await create_code(self._client, scene)
        except WeChatError as error:
            raise Unavailable("WeChat gives no code now; the log says why. Try again later") from error
