"""Customer-service messages: what an account may write to a person who did something lately."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from simulator.api.wire import BOTH, Answer, Call, endpoint, read_json, read_unescaped
from simulator.chat import Channel
from simulator.errors import refusal
from simulator.files import find
from simulator.windows import spend
from simulator.world import Kind, User, user_by_openid

OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}
MOST_TEXT_BYTES = 2048
TYPING_S = 15.0
_KINDS = {
    Kind.OFFICIAL: {"text", "image", "voice", "video", "news", "msgmenu", "miniprogrampage"},
    Kind.MINI_PROGRAM: {"text", "image", "link", "miniprogrampage"},
}


def mount(app: FastAPI) -> None:
    """Add sending and the typing mark."""
    endpoint(app, "POST", "/cgi-bin/message/custom/send", post_send, accounts=BOTH)
    endpoint(app, "POST", "/cgi-bin/message/custom/typing", post_typing, accounts=BOTH)


async def post_send(call: Call) -> Answer:
    """Send one message. There is nothing to recognise a repeat by: sent twice, it is seen twice."""
    posted = read_unescaped(call)
    user = _addressee(call, posted)
    if user.refuses_messages:
        raise refusal(48002)
    kind = str(posted.get("msgtype", ""))
    if kind not in _KINDS[call.owner.kind]:
        raise refusal(40008)
    content = posted.get(kind)
    if not isinstance(content, Mapping):
        raise refusal(40035, f"key: {kind}")
    body = _READERS[kind](call, content)
    spend(user.windows_of(call.owner), call.world.clock.now())
    user.chat.typing_until = 0.0
    entry = user.chat.add(Channel.CUSTOM, kind, body)
    call.facts |= {"user": user.id, "entry": entry.seq}
    return OK


async def post_typing(call: Call) -> Answer:
    """Show or take away "typing": 15 s at most, for who wrote within the last 30 s."""
    posted = read_json(call)
    user = _addressee(call, posted)
    command, now = posted.get("command"), call.world.clock.now()
    if command not in ("Typing", "CancelTyping"):
        raise refusal(45072)
    if now - user.windows_of(call.owner).wrote_at > 30:
        raise refusal(45080)
    if command == "Typing" and user.chat.typing_until > now:
        raise refusal(45081)
    user.chat.typing_until = now + TYPING_S if command == "Typing" else 0.0
    user.chat.wake()
    return OK


def _addressee(call: Call, posted: Mapping[str, Any]) -> User:
    user = user_by_openid(call.world, call.owner, posted.get("touser"))
    if user is None:
        raise refusal(40003)
    if call.owner.kind is Kind.OFFICIAL and not user.following:
        raise refusal(43004)
    return user


def _word(content: Mapping[str, Any], key: str, *, needed: bool = True) -> str:
    value = content.get(key, "")
    if not isinstance(value, str) or (needed and not value):
        raise refusal(40035, f"key: {key}")
    return value


def _text(_call: Call, content: Mapping[str, Any]) -> dict[str, Any]:
    words = content.get("content")
    if not isinstance(words, str) or not words:
        raise refusal(44004)
    if len(words.encode()) > MOST_TEXT_BYTES:
        raise refusal(45002)
    return {"text": words}


def _file(call: Call, media_id: object) -> dict[str, Any]:
    if not media_id:
        raise refusal(41006)
    file = find(call.world.files, media_id, now=call.world.clock.now(), app_id=call.owner.app_id)
    if file is None:
        raise refusal(40007)
    return {"url": f"__wechat__/files/{file.media_id}", "media_id": file.media_id}


def _media(call: Call, content: Mapping[str, Any]) -> dict[str, Any]:
    return _file(call, content.get("media_id"))


def _video(call: Call, content: Mapping[str, Any]) -> dict[str, Any]:
    _file(call, content.get("thumb_media_id"))
    named = {key: _word(content, key, needed=False) for key in ("title", "description")}
    return _media(call, content) | named


def _news(_call: Call, content: Mapping[str, Any]) -> dict[str, Any]:
    articles = content.get("articles")
    if not isinstance(articles, list) or not all(isinstance(one, Mapping) for one in articles):
        raise refusal(40035, "key: articles")
    if len(articles) != 1:
        raise refusal(45008)
    keys = ("title", "description", "url", "picurl")
    return {"articles": [{key: _word(articles[0], key, needed=key == "title") for key in keys}]}


def _msgmenu(_call: Call, content: Mapping[str, Any]) -> dict[str, Any]:
    items = content.get("list")
    if not isinstance(items, list) or not items or not all(isinstance(one, Mapping) for one in items):
        raise refusal(40035, "key: list")
    return {
        "head": _word(content, "head_content", needed=False),
        "items": [{"id": _word(one, "id"), "content": _word(one, "content")} for one in items],
        "tail": _word(content, "tail_content", needed=False),
    }


def _page(call: Call, content: Mapping[str, Any]) -> dict[str, Any]:
    app_id = call.world.config.mp_app_id
    if call.owner.kind is Kind.OFFICIAL and content.get("appid") != app_id:
        raise refusal(40013)  # only a mini-program linked to the account
    thumb = _file(call, content.get("thumb_media_id"))
    return {
        "title": _word(content, "title", needed=False),
        "appid": app_id,
        "pagepath": _word(content, "pagepath"),
        "thumb_url": thumb["url"],
    }


def _link(_call: Call, content: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("title", "description", "url", "thumb_url")
    return {key: _word(content, key, needed=key in ("title", "url")) for key in keys}


_READERS = {
    "text": _text,
    "image": _media,
    "voice": _media,
    "video": _video,
    "news": _news,
    "msgmenu": _msgmenu,
    "miniprogrampage": _page,
    "link": _link,
}
