"""What people do, as WeChat pushes it to an account: XML, or JSON where the account chose it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Value = str | int | float | Mapping[str, "Value"] | Sequence[Mapping[str, "Value"]]


@dataclass(frozen=True, slots=True)
class Push:
    """One callback to be: the same clear document at every delivery.

    `answerable` is False for what may only be acknowledged: no reply reaches the person, and nobody
    tells them when the account is silent. `in_json` replaces fields that JSON has in another form.
    """

    kind: str
    msg_id: str | None
    fields: Mapping[str, Value]
    answerable: bool = True
    in_json: Mapping[str, Value] = field(default_factory=dict)

    def xml(self) -> str:
        """The clear document in XML."""
        return f"<xml>{_elements(self.fields)}</xml>"

    def json(self) -> str:
        """The same in JSON."""
        nested = [name for name, value in self.fields.items() if not isinstance(value, str | int | float)]
        plain = {name: value for name, value in self.fields.items() if name not in nested}
        rest = self.in_json or {name: self.fields[name] for name in nested}
        return json.dumps({**plain, **rest}, ensure_ascii=False)


def message(
    kind: str, *, sender: str, account: str, at_s: int, msg_id: int, fields: Mapping[str, Value]
) -> Push:
    """A message: text, image, voice, video, shortvideo, location, link or miniprogrampage."""
    head: dict[str, Value] = {
        "ToUserName": account,
        "FromUserName": sender,
        "CreateTime": at_s,
        "MsgType": kind,
    }
    return Push(kind, str(msg_id), {**head, **fields, "MsgId": msg_id})


def event(
    name: str,
    *,
    sender: str,
    account: str,
    at_s: int,
    fields: Mapping[str, Value],
    answerable: bool = True,
    in_json: Mapping[str, Value] | None = None,
) -> Push:
    """An event; it has no MsgId."""
    head: dict[str, Value] = {
        "ToUserName": account,
        "FromUserName": sender,
        "CreateTime": at_s,
        "MsgType": "event",
    }
    return Push(name, None, {**head, "Event": name, **fields}, answerable, in_json or {})


def cdata(words: str) -> str:
    """A CDATA section that holds any words, `]]>` included."""
    return f"<![CDATA[{words.replace(']]>', ']]]]><![CDATA[>')}]]>"


def padded(xml: str, size_bytes: int) -> str:
    """The same message with a filler element, at least so long."""
    filler = cdata("x" * size_bytes)
    return xml.removesuffix("</xml>") + f"<Filler>{filler}</Filler></xml>"


def _elements(fields: Mapping[str, Value]) -> str:
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name: str, value: Value) -> str:
    # What repeats stands under the same name, once each.
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(_element(name, one) for one in value)
    return f"<{name}>{_text(value)}</{name}>"


def _text(value: str | int | float | Mapping[str, Value]) -> str:
    if isinstance(value, str):
        return cdata(value)
    if isinstance(value, Mapping):
        return _elements(value)
    return f"{value:.6f}" if isinstance(value, float) else str(value)
