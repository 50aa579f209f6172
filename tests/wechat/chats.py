"""A citizen who chats with the account: each call is one message through `advance`, committed."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy import text

from app.events.edge import transaction
from app.kit.geo import Point
from app.kit.runtime import Runtime
from tests.factories import CENTRE
from wechat.conversation import advance
from wechat.messages import (
    ClickEvent,
    FollowEvent,
    ImageMessage,
    Incoming,
    LocationMessage,
    TextMessage,
    UnfollowEvent,
)

_ids = itertools.count(1)


class Citizen:
    """One openid at the account."""

    def __init__(self, runtime: Runtime, openid: str = "oCitizen00000000000000000001") -> None:
        self.runtime, self.openid = runtime, openid

    def common(self) -> dict[str, Any]:
        return {
            "sender": self.openid, "recipient": "gh_0123456789ab", "sent_at_s": 1714112445, "dedupe_key": f"msg:{next(_ids)}",
        }  # fmt: skip

    async def send(self, message: Incoming) -> str:
        async with transaction(self.runtime) as db:
            reply = await advance(db, self.runtime, message)
        await self.runtime.drain()
        return reply or ""

    async def say(self, words: str, *, menu_id: str | None = None) -> str:
        return await self.send(TextMessage(text=words, menu_id=menu_id, **self.common()))

    async def show(self, media_id: str = "media-1") -> str:
        return await self.send(ImageMessage(media_id=media_id, picture_url="http://x", **self.common()))

    async def stand(self, at: Point = CENTRE, label: str = "某路1号") -> str:
        gcj02 = at.to_gcj02()
        return await self.send(
            LocationMessage(
                gcj02_lat=gcj02.lat, gcj02_lng=gcj02.lng, label=label, place_name="", **self.common()
            )
        )

    async def tap(self, key: str) -> str:
        return await self.send(ClickEvent(key=key, **self.common()))

    async def follow(self) -> str:
        return await self.send(FollowEvent(scene=None, **self.common()))

    async def unfollow(self) -> str:
        return await self.send(UnfollowEvent(**self.common()))

    async def cases(self) -> list[Any]:
        """Every case there is, oldest first."""
        return await rows(self.runtime, "SELECT * FROM cases ORDER BY reported_at")


async def rows(runtime: Runtime, sql: str, **values: Any) -> list[Any]:
    async with runtime.database.moves() as db:
        return list((await db.execute(text(sql), values)).all())
