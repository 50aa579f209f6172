"""WeChat's check of words (msg_sec_check, version 2) for what we publish ourselves, never for what a citizen writes.

No process makes one yet: nothing is published so far (`app.publishing.check`).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from app.kit.runtime import Runtime
from app.people.identity import openid_of
from app.publishing.check import Judgement, Published, worst
from wechat.client import WeChatClient
from wechat.errors import Reading, WeChatError, WeChatRefused

MOST_LETTERS: Final = 2500
_SCENES: Final = {Published.PROFILE: 1, Published.BULLETIN: 3}


class WeChatContentCheck:
    """The port `app.publishing.check.ContentCheck`; `client` is the mini-program's.

    The author must have used the mini-program within 2 h, or WeChat does not check.
    """

    def __init__(self, runtime: Runtime, client: WeChatClient) -> None:
        self._runtime = runtime
        self._client = client

    async def judge(self, words: str, *, author_id: UUID, what: Published) -> Judgement:
        """The worst that WeChat says of any 2,500 characters."""
        async with self._runtime.database.moves() as db:
            openid = await openid_of(db, self._runtime, author_id, self._runtime.settings.miniprogram_app_id)
        if openid is None:
            return Judgement.UNCHECKED
        parts = [words[n : n + MOST_LETTERS] for n in range(0, len(words), MOST_LETTERS)]
        return worst([await self._judged(part, openid, _SCENES[what]) for part in parts if part.strip()])

    async def _judged(self, words: str, openid: str, scene: int) -> Judgement:
        asked = {"version": 2, "openid": openid, "scene": scene, "content": words}
        try:
            facts = await self._client.call("msg_sec_check", "POST", "/wxa/msg_sec_check", json=asked)
        except WeChatRefused as refused:  # logged by the client
            return Judgement.REVIEW if refused.reading is Reading.HOLD_FOR_REVIEW else Judgement.UNCHECKED
        except WeChatError:
            return Judgement.UNCHECKED
        result = facts.get("result")
        said = result.get("suggest") if isinstance(result, dict) else None
        return Judgement(said) if said in ("pass", "review", "risky") else Judgement.UNCHECKED
