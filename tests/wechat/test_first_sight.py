"""First sight: asked once, never waited for long, never in the way of a message."""

from __future__ import annotations

import asyncio

import pytest

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people.identity import citizen_of, person_by_openid
from wechat import first_sight
from wechat.client import Follower
from wechat.errors import WeChatUnreachable
from wechat.first_sight import introduce


class Asked:
    """A WeChat that says one thing and counts."""

    def __init__(self, says: str | Exception | None, language: str | None = "zh_CN") -> None:
        self.says, self.language, self.times = says, language, 0

    async def follower_of(self, openid: str) -> Follower:
        self.times += 1
        if isinstance(self.says, Exception):
            raise self.says
        return Follower(self.says, self.language)


async def test_the_chat_and_the_mini_program_know_one_person(runtime: Runtime) -> None:
    wechat = Asked("union-1")
    await introduce(runtime, wechat, "o-chat")
    await introduce(runtime, wechat, "o-chat")

    async with transaction(runtime) as db:
        chat = await person_by_openid(db, runtime, app_id=runtime.settings.wechat_app_id, openid="o-chat")
        phone = await citizen_of(
            db, runtime, app_id=runtime.settings.miniprogram_app_id, openid="o-phone", unionid="union-1"
        )

    assert chat is not None
    assert chat.id == phone.id
    assert wechat.times == 1


@pytest.mark.parametrize("says", [None, WeChatUnreachable("user_info", sent=False, cause="down")])
async def test_without_an_answer_the_message_goes_on(says: Exception | None, runtime: Runtime) -> None:
    await introduce(runtime, Asked(says), f"o-{says}")

    async with transaction(runtime) as db:
        app_id = runtime.settings.wechat_app_id
        assert await person_by_openid(db, runtime, app_id=app_id, openid=f"o-{says}") is None


async def test_a_silent_wechat_is_not_waited_for(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        async def follower_of(self, openid: str) -> Follower:
            await asyncio.Event().wait()
            return Follower(None)

    monkeypatch.setattr(first_sight, "ASKED_FOR_S", 0.01)
    async with asyncio.timeout(5):
        await introduce(runtime, Silent(), "o-silent")


async def test_who_was_known_by_chat_alone_is_joined_after_their_message(runtime: Runtime) -> None:
    async with transaction(runtime) as db:
        app_id = runtime.settings.wechat_app_id
        chat = await citizen_of(db, runtime, app_id=app_id, openid="o-chat-alone")
        phone = await citizen_of(
            db, runtime, app_id=runtime.settings.miniprogram_app_id, openid="o-phone", unionid="union-1"
        )
    wechat = Asked("union-1")

    await introduce(runtime, wechat, "o-chat-alone")
    await runtime.drain()

    async with transaction(runtime) as db:
        now = await person_by_openid(db, runtime, app_id=app_id, openid="o-chat-alone")
    assert now is not None
    assert now.id == chat.id  # known for longer
    assert phone.id != chat.id
    assert wechat.times == 1


@pytest.mark.parametrize(
    ("unionid", "language", "spoken"),
    [("union-1", "en", "en"), (None, "en", "en"), ("union-1", "ja", "en"), ("union-1", "zh_TW", "zh")],
)
async def test_who_is_new_is_spoken_to_in_the_language_of_their_wechat(
    runtime: Runtime, unionid: str | None, language: str, spoken: str
) -> None:
    await introduce(runtime, Asked(unionid, language), f"o-{unionid}-{language}")

    async with transaction(runtime) as db:
        person = await citizen_of(
            db, runtime, app_id=runtime.settings.wechat_app_id, openid=f"o-{unionid}-{language}"
        )
    assert person.language == spoken


async def test_who_has_chosen_a_language_keeps_it(runtime: Runtime) -> None:
    async with transaction(runtime) as db:
        app_id = runtime.settings.wechat_app_id
        await citizen_of(db, runtime, app_id=app_id, openid="o-chosen")

    await introduce(runtime, Asked("union-1", "en"), "o-chosen")
    await runtime.drain()

    async with transaction(runtime) as db:
        person = await person_by_openid(db, runtime, app_id=app_id, openid="o-chosen")
    assert person is not None
    assert person.language == "zh"
