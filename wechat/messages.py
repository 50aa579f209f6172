"""What a person or WeChat says to the account, and our words to a reply.

Positions of location messages are GCJ-02, as WeChat's map gives them; the core stores WGS-84, so
whoever hands them down converts once. Openids, texts and positions stay out of `repr`.
"""

import re
from dataclasses import dataclass, field
from typing import Final

MAX_TEXT_BYTES: Final = 2048

# Cc (except tab and line feed), lone surrogates, and what XML cannot carry.
_UNSAYABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What every message has.

    `sent_at_s` is WeChat's Unix time. `dedupe_key` is the same for each delivery of one message
    and tells nobody's openid: at most 40 ASCII characters.
    """

    sender: str = field(repr=False)  # openid
    recipient: str
    sent_at_s: int
    dedupe_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMessage(Incoming):
    """Words; `menu_id` when they come from a tap on an answer that we offered (`wechat.taps`)."""

    text: str = field(repr=False)
    menu_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMessage(Incoming):
    """A picture; WeChat deletes it after 3 days. Fetch it by id, the URL is open to anyone."""

    media_id: str = field(repr=False)
    picture_url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceMessage(Incoming):
    """Speech, in `amr` or `speex`; WeChat deletes it after 3 days."""

    media_id: str = field(repr=False)
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoMessage(Incoming):
    """A video, `short` when made with WeChat's own button; WeChat deletes it after 3 days."""

    media_id: str = field(repr=False)
    thumb_media_id: str = field(repr=False)
    short: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationMessage(Incoming):
    """A place the sender picked on WeChat's map: degrees in GCJ-02, not WGS-84."""

    gcj02_lat: float = field(repr=False)
    gcj02_lng: float = field(repr=False)
    label: str = field(repr=False)
    place_name: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMessage(Incoming):
    """A shared article; never fetched by us."""

    title: str = field(repr=False)
    description: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMessage(Incoming):
    """A file; WeChat gives accounts its name but no way to fetch it."""

    title: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowEvent(Incoming):
    """The sender follows the account; `scene` when a code of ours was scanned for it."""

    scene: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfollowEvent(Incoming):
    """The sender left; no reply arrives any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanEvent(Incoming):
    """A follower scanned a code of ours."""

    scene: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickEvent(Incoming):
    """A menu item with a key of ours; opens WeChat's window of one minute."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewEvent(Incoming):
    """A menu item that opened a page or a page of the mini-program."""

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuToolEvent(Incoming):
    """A menu item that opened a tool: `kind` is scancode_*, pic_* or location_select.

    A picture or a place follows as a message of its own.
    """

    kind: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationEvent(Incoming):
    """Where the phone was when the chat was opened, in degrees and metres.

    WeChat does not state the datum. Only `success` may be answered.
    """

    lat: float = field(repr=False)
    lng: float = field(repr=False)
    precision_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSentEvent(Incoming):
    """What became of a template message: `status` is `success` or starts with `failed`."""

    message_id: str
    status: str


@dataclass(frozen=True, slots=True)
class SubscriptionItem:
    """One template's line in a `SubscriptionEvent`.

    `status` is accept or reject, for a sent notice its error code ("0" when it arrived).
    """

    template_id: str
    status: str
    message_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEvent(Incoming):
    """Consent to notices given, withdrawn, or spent: `kind` is popup, change or sent."""

    kind: str
    items: tuple[SubscriptionItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRevokedEvent(Incoming):
    """The person took back consent to WeChat's data; what it covers must be deleted."""

    person: str = field(repr=False)  # openid
    revoked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMessage(Incoming):
    """A kind this door has no use for; `kind` is its MsgType, or its Event for an event."""

    kind: str
    is_event: bool = False


def text_reply(to: str, from_: str, text: str, *, now_s: int) -> str:
    """The clear XML of a passive text reply from the account `from_` to the openid `to`.

    The text is fitted as `fit_text` does; nothing in it can end the field it stands in.
    """
    return (
        f"<xml><ToUserName>{_cdata(to)}</ToUserName><FromUserName>{_cdata(from_)}</FromUserName>"
        f"<CreateTime>{now_s}</CreateTime><MsgType>{_cdata('text')}</MsgType>"
        f"<Content>{_cdata(fit_text(text))}</Content></xml>"
    )


def fit_text(text: str, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """What WeChat carries of a text: no control characters, at most `max_bytes` of UTF-8.

    A text that is cut ends with an ellipsis, never inside a character.
    """
    said = _UNSAYABLE.sub("", text.replace("\r\n", "\n"))
    encoded = said.encode()
    if len(encoded) <= max_bytes:
        return said
    ellipsis = "…".encode()
    return encoded[: max_bytes - len(ellipsis)].decode("utf-8", "ignore") + "…"


def _cdata(text: str) -> str:
    safe = _UNSAYABLE.sub("", text).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{safe}]]>"
