"""What people do, as the XML that WeChat pushes to the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Value = str | int | float | Mapping[str, "Value"]


@dataclass(frozen=True, slots=True)
class Push:
    """One callback to be: the same clear XML at every delivery.

    `answerable` is False for what may only be acknowledged: no reply reaches the person, and nobody
    tells them when the account is silent.
    """

    kind: str
    msg_id: str | None
    xml: str
    answerable: bool = True


def message(
    kind: str, *, sender: str, account: str, at_s: int, msg_id: int, fields: Mapping[str, Value]
) -> Push:
    """A message: text, image, voice, video, shortvideo, location or link."""
    head: dict[str, Value] = {
        "ToUserName": account,
        "FromUserName": sender,
        "CreateTime": at_s,
        "MsgType": kind,
    }
    return Push(kind, str(msg_id), _document({**head, **fields, "MsgId": msg_id}))


def event(
    name: str,
    *,
    sender: str,
    account: str,
    at_s: int,
    fields: Mapping[str, Value],
    answerable: bool = True,
) -> Push:
    """An event; it has no MsgId."""
    head: dict[str, Value] = {
        "ToUserName": account,
        "FromUserName": sender,
        "CreateTime": at_s,
        "MsgType": "event",
    }
    return Push(name, None, _document({**head, "Event": name, **fields}), answerable)


def cdata(words: str) -> str:
    """A CDATA section that holds any words, `]]>` included."""
    return f"<![CDATA[{words.replace(']]>', ']]]]><![CDATA[>')}]]>"


def padded(xml: str, size_bytes: int) -> str:
    """The same message with a filler element, at least so long."""
    filler = cdata("x" * size_bytes)
    return xml.removesuffix("</xml>") + f"<Filler>{filler}</Filler></xml>"


def _document(fields: Mapping[str, Value]) -> str:
    return f"<xml>{_elements(fields)}</xml>"


def _elements(fields: Mapping[str, Value]) -> str:
    return "".join(f"<{name}>{_text(value)}</{name}>" for name, value in fields.items())


def _text(value: Value) -> str:
    if isinstance(value, str):
        return cdata(value)
    if isinstance(value, Mapping):
        return _elements(value)
    return f"{value:.6f}" if isinstance(value, float) else str(value)
