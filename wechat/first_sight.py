"""Who writes for the first time: one person in the chat and in the mini-program, in the language of their WeChat.

A callback names an openid only. At first sight WeChat is asked for the unionid and the language, outside any
transaction and for a moment only: when it does not answer, the person is known by the chat alone, in Chinese. Of
somebody known by the chat alone it is asked once more in each process, after their message has gone on; two people
who were one are merged. The language is kept with the person; what they write decides from then on.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final, Protocol

import structlog

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people.identity import citizen_of, has_unionid, person_by_openid, set_language
from wechat.client import Follower
from wechat.errors import WeChatRefused, WeChatUnreachable

log = structlog.get_logger()

ASKED_FOR_S: Final = 1.5
_MET_MAX: Final = 100_000

# By runtime and blind index: known, not asked again.
_met: OrderedDict[tuple[int, bytes], None] = OrderedDict()


class Followers(Protocol):
    """What is asked of WeChat."""

    async def follower_of(self, openid: str) -> Follower:
        """The unionid of a follower, if our accounts are joined at WeChat, and the language of their WeChat."""


async def introduce(runtime: Runtime, wechat: Followers | None, openid: str) -> None:
    """Make the person behind an openid known, joined with who they are in the mini-program. Cheap when known."""
    app_id = runtime.settings.wechat_app_id
    key = (id(runtime), runtime.index.of("met", openid))
    if wechat is None or key in _met:
        return
    async with runtime.database.transaction() as db:
        known = await person_by_openid(db, runtime, app_id=app_id, openid=openid)
        joined = known is not None and await has_unionid(db, known.id)
    if known and not joined:
        runtime.after(_join(runtime, wechat, openid), what="unionid_of_who_is_known")
    elif not known:
        await _join(runtime, wechat, openid, new=True)
    while len(_met) >= _MET_MAX:
        _met.popitem(last=False)
    _met[key] = None


async def _join(runtime: Runtime, wechat: Followers, openid: str, *, new: bool = False) -> None:
    """Who is `new` gets the language too; who is known has chosen one."""
    follower = await _follower(wechat, openid)
    english = new and not (follower.language or "zh").lower().startswith("zh")
    if not follower.unionid and not english:
        return
    async with transaction(runtime) as db:
        person = await citizen_of(
            db, runtime, app_id=runtime.settings.wechat_app_id, openid=openid, unionid=follower.unionid
        )
        if english and person.language == "zh":
            await set_language(db, person.id, "en")  # the one other language there is


async def _follower(wechat: Followers, openid: str) -> Follower:
    try:
        async with asyncio.timeout(ASKED_FOR_S):
            return await wechat.follower_of(openid)
    except (WeChatRefused, WeChatUnreachable, TimeoutError) as error:
        log.warning("follower_not_known", error=type(error).__name__)
        return Follower(None)
