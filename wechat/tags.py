"""The tag on officers, by which WeChat shows them their own menu.

WeChat's list of who has the tag is compared with who is a bound, active officer, and the difference sent: nothing is
kept here that could be wrong, and whoever is suspended, or whose WeChat account was replaced, loses it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from app.kit.runtime import Runtime
from app.people.identity import openids_of_officers
from wechat.client import WeChatClient
from wechat.errors import WeChatRefused
from wechat.menu_table import OFFICERS_TAG

log = structlog.get_logger()

AT_ONCE: Final = 50
"""Openids that WeChat takes in one call."""
_PAGE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of the account."""

    id: int
    name: str


async def tag_named(client: WeChatClient, name: str) -> Tag | None:
    """The tag of this name, if there is one."""
    found = await client.call("tags_get", "GET", "/cgi-bin/tags/get")
    for tag in found.get("tags", []):
        if tag.get("name") == name:
            return Tag(int(tag["id"]), name)
    return None


async def make_tag(client: WeChatClient, name: str) -> Tag:
    """A new tag."""
    made = await client.call("tags_create", "POST", "/cgi-bin/tags/create", json={"tag": {"name": name}})
    return Tag(int(made["tag"]["id"]), name)


async def _tagged(client: WeChatClient, tag: Tag) -> set[str]:
    found: set[str] = set()
    after = ""
    while True:
        asked = {"tagid": tag.id, "next_openid": after}
        page = await client.call("user_tag_get", "POST", "/cgi-bin/user/tag/get", json=asked)
        openids = [str(one) for one in (page.get("data") or {}).get("openid", [])]
        found |= set(openids)
        after = str(page.get("next_openid") or "")
        if len(openids) < _PAGE or not after:
            return found


class OfficersTag:
    """The worker's job: compares when something has changed here since the last time, and once at its start."""

    def __init__(self, runtime: Runtime, client: WeChatClient) -> None:
        self._runtime, self._client = runtime, client
        self._seen: frozenset[UUID] | None = None  # rows of the vault, no openid is kept

    async def __call__(self) -> int:
        """Bring the tag up to date; returns how many officers got or lost it.

        Raises:
            WeChatRefused, WeChatUnreachable: tried again at the next round.
        """
        async with self._runtime.database.moves() as db:
            app_id = self._runtime.settings.wechat_app_id
            officers = await openids_of_officers(db, self._runtime, app_id, unless=self._seen)
        if officers is None:
            return 0
        wanted = officers.openids
        tag = await tag_named(self._client, OFFICERS_TAG)
        if tag is None and not wanted:
            self._seen = officers.rows
            return 0
        tag = tag or await make_tag(self._client, OFFICERS_TAG)
        have = await _tagged(self._client, tag)
        more = await self._send("batchtagging", tag, sorted(wanted - have))
        less = await self._send("batchuntagging", tag, sorted(have - wanted))
        self._seen = officers.rows
        if more or less:
            log.info("officers_tagged", tagged=more, untagged=less)
        return more + less

    async def _send(self, verb: str, tag: Tag, openids: Sequence[str]) -> int:
        sent = 0
        for start in range(0, len(openids), AT_ONCE):
            sent += await self._some(verb, tag, openids[start : start + AT_ONCE])
        return sent

    async def _some(self, verb: str, tag: Tag, openids: Collection[str]) -> int:
        """All at once; one by one when one of them is refused, for one who left must not keep the others waiting."""
        try:
            await self._call(verb, tag, openids)
        except WeChatRefused:
            if len(openids) == 1:
                return 0
            return sum([await self._some(verb, tag, [openid]) for openid in openids])
        return len(openids)

    async def _call(self, verb: str, tag: Tag, openids: Collection[str]) -> None:
        body = {"openid_list": list(openids), "tagid": tag.id}
        await self._client.call(f"tags_{verb}", "POST", f"/cgi-bin/tags/members/{verb}", json=body)
