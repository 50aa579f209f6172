"""The callback under inputs nobody means well: made from a seed, sent straight into the ASGI app, judged one by one.

Most envelopes are sealed and signed as WeChat does, so that what is odd inside them gets past the cryptography.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import random
import re
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.conftest import SECRETS
from wechat.callback import PATH

ACCOUNT: Final = SECRETS["WECHAT_ORIGINAL_ID"]
TOKEN: Final = SECRETS["WECHAT_TOKEN"]
APP_ID: Final = SECRETS["WECHAT_APP_ID"]
AES_KEY: Final = base64.b64decode(SECRETS["WECHAT_AES_KEY"] + "=")
PEOPLE: Final = 200
ANSWERS: Final = frozenset({200, 400, 403, 413})
"""What docs say a callback may be answered with; nothing of 5xx, or WeChat sends it again."""

Fields = list[tuple[str, str]]
"""Names and raw XML of the elements under `<xml>`, in order; names may repeat."""

_SAYINGS: Final = (
    "他有刀", "半夜唱歌太吵", "进度", "取消", "改", "新报警", "评分5", "English", "help", "钱包被偷了", "没有位置", "1", "9", "未解决", "我换地方了",
)  # fmt: skip
_ODD: Final[tuple[str, ...]] = (
    "", " ", "0", "-1", "1e309", "NaN", "Infinity", "-Infinity", "9223372036854775808", "-9223372036854775809", "1" * 400, "0x10", "1_000", "١٢٣",
    "null", "None", "true", "[]", "{}", "'; DROP TABLE cases; --", "%00", "\x00", "\x01\x02", "\x7f", "\ufffe", "\ufeff", "\u202e\u200b", "\U0001f52a",
    "é" * 5000, "啊" * 20000, "&amp;&lt;", "&#0;", "&#xD800;", "&#x110000;", "&#65;", "&unknown;", "<![CDATA[x]]>", "<![CDATA[]]]]><![CDATA[>]]>",
    "<![CDATA[<xml>]]>", "<![CDATA[", "]]>", "<a><b><c/></b></a>", "<a>" * 30 + "</a>" * 30, "<item>1</item><item>2</item>", "<!-- x -->", "<?php x ?>",
    "<List></List>", "<List><TemplateId>t</TemplateId></List>", "a\nb\tc\r", "\ud800", "../../etc/passwd", "qrscene_" * 30, "qrscene_", "SubScribe",
)  # fmt: skip
_KINDS: Final = (
    "text",
    "image",
    "voice",
    "video",
    "shortvideo",
    "location",
    "link",
    "file",
    "event",
    "miniprogrampage",
    "hologram",
    "TEXT",
    "Event",
)
_EVENTS: Final = (
    "subscribe", "unsubscribe", "SCAN", "CLICK", "VIEW", "view_miniprogram", "LOCATION", "TEMPLATESENDJOBFINISH", "scancode_push", "scancode_waitmsg",
    "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select", "subscribe_msg_popup_event", "subscribe_msg_change_event",
    "subscribe_msg_sent_event", "user_authorization_revoke", "wxa_media_check", "MASSSENDJOBFINISH", "never_heard_of", "kf_create_session",
)  # fmt: skip
_BOXES: Final = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent", "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent", "scancode_push": "ScanCodeInfo", "scancode_waitmsg": "ScanCodeInfo",
    "pic_sysphoto": "SendPicsInfo", "pic_photo_or_album": "SendPicsInfo", "pic_weixin": "SendPicsInfo", "location_select": "SendLocationInfo",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Given:
    """One request: its query, its body, and by which ways it was spoilt."""

    query: str
    body: bytes
    ways: tuple[str, ...]


@dataclass
class Tally:
    """What came back. `wrong`: the first answers outside what is promised, with the ways of their inputs."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def count(self) -> int:
        return sum(self.statuses.values())


def inputs(seed: int, count: int) -> Iterator[Given]:
    """The same inputs for the same seed, but for their time and what encrypts them."""
    source = random.Random(seed)
    before: Given | None = None
    for nth in range(count):
        if before is not None and source.random() < 0.03:
            yield Given(before.query, before.body, ("replay",))
            continue
        before = _one(source, f"{seed}{nth:07d}")
        yield before


def _one(source: random.Random, number: str) -> Given:
    fields = _message(source, number)
    ways: list[str] = []
    for _ in range(source.choice((0, 1, 1, 1, 2, 3))):
        way = source.choice(_FIELD_WAYS)
        way(source, fields)
        ways.append(way.__name__)
    xml = "".join(["<xml>", *(f"<{name}>{raw}</{name}>" for name, raw in fields), "</xml>"])
    clear = xml.encode("utf-8", "surrogatepass")
    if source.random() < 0.1:
        spoil = source.choice(_CLEAR_WAYS)
        clear = spoil(source, clear)
        ways.append(spoil.__name__)
    return _pushed(source, clear, ways)


def _cdata(text: str) -> str:
    return f"<![CDATA[{text}]]>"


def _message(source: random.Random, number: str) -> Fields:
    """A message as WeChat would send it."""
    kind = source.choice(("event", "event", "text", source.choice(_KINDS)))
    fields = [
        ("ToUserName", _cdata(ACCOUNT)), ("FromUserName", _cdata(f"oFuzz{source.randrange(PEOPLE):023d}")),
        ("CreateTime", str(int(time.time()))), ("MsgType", _cdata(kind)),
    ]  # fmt: skip
    if kind.lower() == "event":
        return fields + _event(source)
    fields.append(("MsgId", number))
    match kind.lower():
        case "text":
            fields.append(("Content", _cdata(source.choice(_SAYINGS))))
        case "location":
            fields += [
                ("Location_X", "32.06"),
                ("Location_Y", "118.82"),
                ("Scale", "16"),
                ("Label", _cdata("某路1号")),
            ]
        case "link":
            fields += [
                ("Title", _cdata("t")),
                ("Description", _cdata("d")),
                ("Url", _cdata("https://example.invalid/")),
            ]
        case _:
            fields += [
                ("MediaId", _cdata(f"m{number}")), ("PicUrl", _cdata("http://x")), ("Format", _cdata("amr")), ("ThumbMediaId", _cdata("t")),
                ("Title", _cdata("t")),
            ]  # fmt: skip
    return fields


def _event(source: random.Random) -> Fields:
    event = source.choice(_EVENTS)
    fields = [
        ("Event", _cdata(event)), ("EventKey", _cdata(source.choice(("report", "status", "qrscene_1", "1", "emergency", "english")))),
        ("Ticket", _cdata("x")), ("Latitude", "32.06"), ("Longitude", "118.82"), ("Precision", "30"), ("MsgID", "7"), ("Status", _cdata("success")),
    ]  # fmt: skip
    if box := _BOXES.get(event):
        lines = "".join(_line(source) for _ in range(source.choice((0, 1, 1, 2, 40))))
        fields.append(
            (
                box,
                source.choice(
                    (lines, f"<List>{lines}</List>", "<List/>", "<Count>x</Count><List/>", "text", "")
                ),
            )
        )
    return fields


def _line(source: random.Random) -> str:
    parts = [
        "<TemplateId>t</TemplateId>",
        "<SubscribeStatusString>accept</SubscribeStatusString>",
        "<MsgID>1</MsgID>",
        "<ErrorCode>0</ErrorCode>",
    ]
    taken = source.sample(parts, source.randrange(len(parts) + 1))
    return source.choice(("<List>{}</List>", "<item>{}</item>", "<List><List>{}</List></List>")).format(
        "".join(taken)
    )


# Ways to spoil the fields of a message that is then sealed and signed well.


def without_a_field(source: random.Random, fields: Fields) -> None:
    if fields:
        fields.pop(source.randrange(len(fields)))


def a_field_twice(source: random.Random, fields: Fields) -> None:
    if fields:
        name, raw = source.choice(fields)
        fields.insert(source.randrange(len(fields) + 1), (name, source.choice((raw, source.choice(_ODD)))))


def an_odd_value(source: random.Random, fields: Fields) -> None:
    if fields:
        at = source.randrange(len(fields))
        odd = source.choice(_ODD)
        fields[at] = (fields[at][0], source.choice((odd, _cdata(odd))))


def another_kind(source: random.Random, fields: Fields) -> None:
    for at, (name, _) in enumerate(fields):
        if name in ("MsgType", "Event"):
            fields[at] = (
                name,
                source.choice((_cdata(source.choice((*_KINDS, *_EVENTS))), source.choice(_ODD))),
            )


def in_another_order(source: random.Random, fields: Fields) -> None:
    source.shuffle(fields)


def an_unknown_field(source: random.Random, fields: Fields) -> None:
    name = source.choice(
        (
            "Foo",
            "Content",
            "bizmsgmenuid",
            "Recognition",
            "Encrypt",
            "xml",
            "MsgId",
            "_",
            "a-b",
            "名",
            "EventKey",
            "OpenID",
        )
    )
    fields.append((name, source.choice(_ODD)))


def attributes(source: random.Random, fields: Fields) -> None:
    if fields:
        at = source.randrange(len(fields))
        fields[at] = (f'{fields[at][0]} a="1"', fields[at][1])


def somebody_else(source: random.Random, fields: Fields) -> None:
    at = source.randrange(len(fields)) if fields else 0
    if fields:
        fields[at] = (
            source.choice(("FromUserName", "ToUserName")),
            _cdata(source.choice(("gh_other", "o" * 600, "", ACCOUNT.upper()))),
        )


_FIELD_WAYS: Final[tuple[Callable[[random.Random, Fields], None], ...]] = (
    *[an_odd_value] * 6, *[an_unknown_field] * 3, *[in_another_order] * 2, *[another_kind] * 2, *[without_a_field] * 2,
    a_field_twice, attributes, somebody_else,
)  # fmt: skip


# Ways to spoil the clear bytes before they are sealed.


def a_dtd(source: random.Random, clear: bytes) -> bytes:
    laughs = b'<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    return (
        source.choice((b"<!DOCTYPE xml [" + laughs + b"]>", b'<!DOCTYPE xml SYSTEM "file:///etc/passwd">'))
        + clear
    )


def another_encoding(source: random.Random, clear: bytes) -> bytes:
    name = source.choice(("utf-16", "gbk", "utf-7", "latin-1", "big5", "utf-32"))
    head = f'<?xml version="1.0" encoding="{name}"?>'.encode()
    return head + source.choice((clear, clear.decode("utf-8", "replace").encode(name, "replace")))


def cut_short(source: random.Random, clear: bytes) -> bytes:
    return clear[: source.randrange(len(clear) + 1)]


def flipped(source: random.Random, clear: bytes) -> bytes:
    spoilt = bytearray(clear)
    for _ in range(source.randrange(1, 6)):
        if spoilt:
            spoilt[source.randrange(len(spoilt))] = source.randrange(256)
    return bytes(spoilt)


def noise(source: random.Random, clear: bytes) -> bytes:
    return source.randbytes(source.randrange(200))


def deep(source: random.Random, clear: bytes) -> bytes:
    depth = source.choice((9, 50, 3000))
    return b"<xml>" + b"<a>" * depth + b"</a>" * depth + b"</xml>"


def another_root(source: random.Random, clear: bytes) -> bytes:
    return clear.replace(b"xml>", source.choice((b"html>", b"Xml>", b"x:xml>", b"!>")))


_CLEAR_WAYS: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    a_dtd, another_encoding, cut_short, flipped, noise, deep, another_root,
)  # fmt: skip


def _digest(*parts: str) -> str:
    return hashlib.sha1(
        "".join(sorted(parts)).encode("utf-8", "surrogatepass"), usedforsecurity=False
    ).hexdigest()


def _sealed(clear: bytes, app_id: str, length: int | None = None) -> str:
    size = len(clear) if length is None else length
    plain = os.urandom(16) + struct.pack(">I", size) + clear + app_id.encode()
    pad = 32 - len(plain) % 32
    aes = Cipher(algorithms.AES(AES_KEY), modes.CBC(AES_KEY[:16])).encryptor()
    return base64.b64encode(aes.update(plain + bytes([pad]) * pad) + aes.finalize()).decode()


def _pushed(source: random.Random, clear: bytes, ways: list[str]) -> Given:
    """Sealed and signed as WeChat does; one in ten is spoilt on the outside."""
    chance = source.random()
    outside = "" if chance > 0.1 else source.choice(
        ("app_id", "length", "signature", "message_signature", "stale", "no_query", "cut", "not_xml", "huge", "twice", "plain", "odd_query", "cipher")
    )  # fmt: skip
    if outside:
        ways.append(f"outside_{outside}")
    now = str(int(time.time()) - (100_000 if outside == "stale" else 0))
    if outside == "odd_query":
        now = source.choice(("", "-1", "NaN", "9" * 30, "１２３４５６７８９０", "\x00"))
    nonce = (
        source.choice(("415670741", "", "x" * 900, "é"))
        if outside == "odd_query"
        else f"{source.randrange(10**9)}"
    )
    cipher = _sealed(
        clear, "wx0000000000000000" if outside == "app_id" else APP_ID, source.choice((0, 1, 2**31, 2**32 - 1)) if outside == "length" else None
    )  # fmt: skip
    if outside == "cipher":
        cipher = source.choice(
            (cipher[:-5], cipher[:40], "====", "AAAA", base64.b64encode(source.randbytes(64)).decode(), "é")
        )
    query = {
        "timestamp": now, "nonce": nonce, "encrypt_type": "aes", "openid": "oFuzz",
        "signature": "0" * 40 if outside == "signature" else _digest(TOKEN, now, nonce),
        "msg_signature": "0" * 40 if outside == "message_signature" else _digest(TOKEN, now, nonce, cipher),
    }  # fmt: skip
    body = f"<xml><ToUserName>{ACCOUNT}</ToUserName><Encrypt>{_cdata(cipher)}</Encrypt></xml>".encode()
    match outside:
        case "no_query":
            query = {}
        case "cut":
            body = body[: source.randrange(len(body))]
        case "not_xml":
            body = source.choice((b"", b"{}", source.randbytes(100), b"<xml/>", b"\xff\xfe"))
        case "huge":
            body += b" " * 70_000
        case "twice":
            body = body.replace(b"</xml>", b"<Encrypt>x</Encrypt></xml>")
        case "plain":
            query.pop("msg_signature")
            query.pop("encrypt_type")
            body = clear
    return Given(urlencode(query), body, tuple(ways))


class ErrorCounter:
    """A structlog processor that counts what is logged as an error, and lets nothing be written."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()

    def __call__(self, _: Any, level: str, event: Any) -> Any:
        if level in ("error", "exception", "critical"):
            self.errors[
                f"{event.get('event')}: {event.get('error') or event.get('exc_info') or event.get('code') or ''} {event.get('cause') or ''}"
            ] += 1
        raise structlog.DropEvent


async def run(
    app: Any, given: Iterator[Given], *, at_once: int, also: Callable[[int], None] | None = None
) -> Tally:
    """Send them, `at_once` at a time, and judge each answer; `also` is called with how many are done."""
    tally = Tally()
    began = time.monotonic()

    async def sender() -> None:
        for one in given:
            status, body = await _sent(app, one)
            _judge(tally, one, status, body)
            if also:
                also(tally.count)

    await asyncio.gather(*(sender() for _ in range(at_once)))
    tally.elapsed_s = time.monotonic() - began
    return tally


_SEALED: Final = re.compile(rb"<xml><Encrypt><!\[CDATA\[[0-9A-Za-z+/=]+\]\]></Encrypt>.*</xml>", re.DOTALL)


def _judge(tally: Tally, one: Given, status: int, body: bytes) -> None:
    tally.statuses[status] += 1
    tally.accepted += status == 200
    kept = body == b"" if status != 200 else body == b"success" or _SEALED.fullmatch(body) is not None
    if (status not in ANSWERS or not kept) and len(tally.wrong) < 20:
        tally.wrong.append(f"{status} {body[:80]!r} after {'+'.join(one.ways) or 'nothing'}")


async def _sent(app: Any, one: Given) -> tuple[int, bytes]:
    """One POST through the ASGI app; what the app raises is a 500."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http", "path": PATH,
        "raw_path": PATH.encode(), "root_path": "", "query_string": one.query.encode(), "headers": [(b"content-type", b"text/xml")],
        "client": ("127.0.0.1", 1), "server": ("test", 80),
    }  # fmt: skip
    status, parts = 0, []
    unread = [one.body]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": unread.pop() if unread else b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    try:
        await app(scope, receive, send)
    except Exception as error:
        return 500, type(error).__name__.encode()
    return status, b"".join(parts)
