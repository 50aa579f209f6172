"""Judging what the account answers to a callback: what the person sees, or why they see nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from simulator.config import Mode, SimulatorConfig
from simulator.crypto import CipherError, decrypt, signature
from simulator.files import find
from simulator.world import World

UNAVAILABLE = "该公众号暂时无法提供服务，请稍后再试"
MOST_TEXT_BYTES = 2048
_MUSIC = ("Title", "Description", "MusicUrl", "HQMusicUrl")
_ARTICLE = (("Title", "title"), ("Description", "description"), ("PicUrl", "picurl"), ("Url", "url"))


class Malformed(Exception):
    """An answer that WeChat cannot use; the sentence says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """A reply, ready for the chat."""

    kind: str
    body: dict[str, Any]  # Any: whatever JSON can carry


@dataclass(frozen=True, slots=True)
class Read:
    """An answer as WeChat reads it: in the clear, and what it shows, if anything."""

    clear: str
    bubble: Bubble | None


def read_acknowledgement(answer: bytes) -> Read:
    """What a mini-program answers to its pushes: `success`, an empty body, or a hand-over to an agent.

    Raises:
        Malformed: anything else.
    """
    words = answer.decode(errors="replace").strip()
    if words in ("", "success", '"success"') or "transfer_customer_service" in words:
        return Read(words, None)
    raise Malformed("a mini-program's push is answered by `success`, an empty body or a hand-over")


def read_reply(world: World, answer: bytes, *, openid: str) -> Read:
    """A passive reply, and its bubble; none for `success` or an empty body: nothing is shown.

    Raises:
        Malformed: not the envelope, signature, account, addressee or form that WeChat takes.
    """
    try:
        words = answer.decode()
    except UnicodeDecodeError:
        raise Malformed("the answer is not UTF-8") from None
    if words.strip() in ("", "success"):
        return Read(words.strip(), None)
    root = _parse(words)
    # In compatible mode either is taken.
    sealed = root.find("Encrypt") is not None and world.config.mode is Mode.COMPATIBLE
    if world.config.mode is Mode.SECURE or sealed:
        words = _opened(root, world.config)
        root = _parse(words)
    if _text(root, "ToUserName") != openid:
        raise Malformed("ToUserName is not the openid of who wrote")
    if _text(root, "FromUserName") != world.config.original_id:
        raise Malformed("FromUserName is not the account's original id (gh_...)")
    if not _text(root, "CreateTime").isdecimal():
        raise Malformed("CreateTime is not Unix seconds")
    return Read(words, _bubble(world, root, _text(root, "MsgType")))


def _opened(envelope: Element, config: SimulatorConfig) -> str:
    sealed = _text(envelope, "Encrypt")
    if not sealed:
        raise Malformed("in secure mode the answer must be encrypted: it has no Encrypt")
    stamp, nonce = _text(envelope, "TimeStamp"), _text(envelope, "Nonce")
    if not stamp.isdecimal() or not nonce:
        raise Malformed("TimeStamp or Nonce is missing")
    if _text(envelope, "MsgSignature") != signature(config.token, stamp, nonce, sealed):
        raise Malformed("MsgSignature is wrong")
    try:
        return decrypt(sealed, aes_key=config.aes_key, app_id=config.app_id)
    except CipherError as problem:
        raise Malformed(str(problem)) from None


def _parse(words: str) -> Element:
    try:
        root: Element = fromstring(words, forbid_dtd=True)
    except Exception:  # expat and the guard around it raise several kinds
        raise Malformed("the answer is neither `success` nor well-formed XML") from None
    if root.tag != "xml":
        raise Malformed("the root of the answer is not <xml>")
    return root


def _text(node: Element | None, name: str) -> str:
    return (node.findtext(name) or "").strip() if node is not None else ""


def _bubble(world: World, root: Element, kind: str) -> Bubble:
    if kind == "text":
        words = root.findtext("Content") or ""
        if not words:
            raise Malformed("Content is empty")
        if len(words.encode()) > MOST_TEXT_BYTES:
            raise Malformed(f"Content is longer than {MOST_TEXT_BYTES} bytes")
        return Bubble("text", {"text": words})
    if kind in ("image", "voice", "video"):
        return _media(world, root.find(kind.capitalize()), kind)
    if kind == "music":
        return Bubble("music", {name: _text(root.find("Music"), name) for name in _MUSIC})
    if kind == "news":
        return _news(root)
    if kind == "transfer_customer_service":
        return Bubble("transfer", {"agent": _text(root.find("TransInfo"), "KfAccount")})
    raise Malformed("MsgType is none that a reply can have")


def _media(world: World, node: Element | None, kind: str) -> Bubble:
    media_id = _text(node, "MediaId")
    app_id = world.config.app_id
    if find(world.files, media_id, now=world.clock.now(), app_id=app_id) is None:
        raise Malformed("MediaId is unknown, expired or another account's")
    body = {"url": f"__wechat__/files/{media_id}", "media_id": media_id}
    if kind == "video":
        body |= {"title": _text(node, "Title"), "description": _text(node, "Description")}
    return Bubble(kind, body)


def _news(root: Element) -> Bubble:
    items = root.findall("Articles/item")
    if not items or _text(root, "ArticleCount") != str(len(items)):
        raise Malformed("ArticleCount is not the number of articles, or there is none")
    # More than one may be sent, and only the first is shown.
    article = {key: _text(items[0], name) for name, key in _ARTICLE}
    return Bubble("news", {"articles": [article]})
