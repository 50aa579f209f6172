"""Clear XML of WeChat's pushes to typed messages; wechatpy parses, this file trusts nothing of it."""

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from wechatpy import events as known_events
from wechatpy import messages as known
from wechatpy.parser import parse_message

from wechat.guard import Rejected, RejectReason
from wechat.messages import (
    AuthorizationRevokedEvent,
    ClickEvent,
    FileMessage,
    FollowEvent,
    ImageMessage,
    Incoming,
    LinkMessage,
    LocationEvent,
    LocationMessage,
    MenuToolEvent,
    ScanEvent,
    SubscriptionEvent,
    SubscriptionItem,
    TemplateSentEvent,
    TextMessage,
    UnfollowEvent,
    UnknownMessage,
    VideoMessage,
    ViewEvent,
    VoiceMessage,
)


def read_message(clear: bytes) -> Incoming:
    """Read what `guard.open_envelope` returned.

    Raises:
        Rejected: always `malformed`: fields missing, twice, or of another form than WeChat's.
    """
    try:
        message = parse_message(clear.decode("utf-8"))
        make = _MAKERS.get(type(message), _unknown)
        return make(message, _common(message, clear))
    except Exception:
        # wechatpy raises KeyError, TypeError, AttributeError, ExpatError by what is missing. The
        # cause is dropped because it may quote the message.
        raise Rejected(RejectReason.MALFORMED) from None


# The kinds that wechatpy does not know are registered as its own, so that its parser names them.


def _unknown_to_wechatpy(base: Any, name: str) -> Any:  # wechatpy has no types
    return type(name, (base,), {})


_SUBSCRIPTION_FIELDS: Final = {
    "subscribe_msg_popup_event": ("popup", "SubscribeMsgPopupEvent"),
    "subscribe_msg_change_event": ("change", "SubscribeMsgChangeEvent"),
    "subscribe_msg_sent_event": ("sent", "SubscribeMsgSentEvent"),
}
_SubscriptionEvent: Final = _unknown_to_wechatpy(known_events.BaseEvent, "SubscriptionEvent")
_RevokedEvent: Final = _unknown_to_wechatpy(known_events.BaseEvent, "RevokedEvent")
_FileMessage: Final = _unknown_to_wechatpy(known.BaseMessage, "FileMessage")
for _event in _SUBSCRIPTION_FIELDS:
    known_events.register_event(_event)(_SubscriptionEvent)
known_events.register_event("user_authorization_revoke")(_RevokedEvent)
known.register_message("file")(_FileMessage)


_STATUS_MAX: Final = 40
"""Characters of a status that are kept: WeChat's longest, `failed: system failed`, has 21."""
_TEMPLATE_ID_MAX: Final = 64
"""WeChat's have 43."""


# One maker for each kind: `m` is the message of wechatpy, `common` holds what all have.


def _common(message: Any, clear: bytes) -> dict[str, Any]:
    sender = _required(message, "FromUserName")
    sent_at_s = _number(_required(message, "CreateTime"))
    event = _optional(message, "Event") if _is_event(message) else None
    return {
        "sender": sender,
        "recipient": _required(message, "ToUserName"),
        "sent_at_s": sent_at_s,
        "dedupe_key": _dedupe_key(message, sender, sent_at_s, event, clear),
    }


def _dedupe_key(m: Any, sender: str, sent_at_s: int, event: str | None, clear: bytes) -> str:
    if message_id := _optional(m, "MsgId"):
        return f"msg:{_number(message_id)}"
    parts = [sender, str(sent_at_s), event or ""]
    if event is None:
        # A message without an id is not WeChat's habit; its own words tell it from another.
        parts.append(hashlib.sha256(clear).hexdigest())
    else:
        # Two notices may be reported as sent in one second: their ids tell them apart.
        sent = [item.message_id or "" for item in _subscription_items(m)]
        parts += [_optional(m, "EventKey"), _optional(m, "MsgID"), *sent]
    # NUL cannot stand in XML, so the parts cannot run into one another.
    return "event:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _text(m: Any, common: dict[str, Any]) -> Incoming:
    menu_id = _optional(m, "bizmsgmenuid") or None
    return TextMessage(text=_optional(m, "Content"), menu_id=menu_id, **common)


def _image(m: Any, common: dict[str, Any]) -> Incoming:
    return ImageMessage(media_id=_required(m, "MediaId"), picture_url=_optional(m, "PicUrl"), **common)


def _voice(m: Any, common: dict[str, Any]) -> Incoming:
    return VoiceMessage(media_id=_required(m, "MediaId"), format=_optional(m, "Format").lower(), **common)


def _video(m: Any, common: dict[str, Any]) -> Incoming:
    return VideoMessage(
        media_id=_required(m, "MediaId"),
        thumb_media_id=_optional(m, "ThumbMediaId"),
        short=isinstance(m, known.ShortVideoMessage),
        **common,
    )


def _location(m: Any, common: dict[str, Any]) -> Incoming:
    return LocationMessage(
        gcj02_lat=_degrees(_required(m, "Location_X"), 90),  # X is the latitude, Y the longitude
        gcj02_lng=_degrees(_required(m, "Location_Y"), 180),
        label=_optional(m, "Label"),
        place_name=_optional(m, "Poiname"),
        **common,
    )


def _link(m: Any, common: dict[str, Any]) -> Incoming:
    return LinkMessage(
        title=_optional(m, "Title"),
        description=_optional(m, "Description"),
        url=_optional(m, "Url"),
        **common,
    )


def _file(m: Any, common: dict[str, Any]) -> Incoming:
    return FileMessage(title=_optional(m, "Title"), **common)


def _follow(m: Any, common: dict[str, Any]) -> Incoming:
    # wechatpy has taken the prefix `qrscene_` off where there was one.
    scanned = isinstance(m, known_events.SubscribeScanEvent)
    return FollowEvent(scene=_optional(m, "EventKey") if scanned else None, **common)


def _unfollow(_m: Any, common: dict[str, Any]) -> Incoming:
    return UnfollowEvent(**common)


def _scan(m: Any, common: dict[str, Any]) -> Incoming:
    return ScanEvent(scene=_required(m, "EventKey"), **common)


def _click(m: Any, common: dict[str, Any]) -> Incoming:
    return ClickEvent(key=_required(m, "EventKey"), **common)


def _view(m: Any, common: dict[str, Any]) -> Incoming:
    return ViewEvent(target=_optional(m, "EventKey"), **common)


def _menu_tool(m: Any, common: dict[str, Any]) -> Incoming:
    return MenuToolEvent(kind=m.event, key=_optional(m, "EventKey"), **common)


def _location_event(m: Any, common: dict[str, Any]) -> Incoming:
    return LocationEvent(
        lat=_degrees(_required(m, "Latitude"), 90),
        lng=_degrees(_required(m, "Longitude"), 180),
        precision_m=_finite(_optional(m, "Precision") or "0"),
        **common,
    )


def _template_sent(m: Any, common: dict[str, Any]) -> Incoming:
    message_id, status = _sent_id(_required(m, "MsgID")), _required(m, "Status")[:_STATUS_MAX]
    return TemplateSentEvent(message_id=message_id, status=status, **common)


def _subscription(m: Any, common: dict[str, Any]) -> Incoming:
    kind, _ = _SUBSCRIPTION_FIELDS[_required(m, "Event").lower()]
    return SubscriptionEvent(kind=kind, items=_subscription_items(m), **common)


def _revoked(m: Any, common: dict[str, Any]) -> Incoming:
    person = _optional(m, "OpenID") or common["sender"]
    return AuthorizationRevokedEvent(person=person, revoked=_optional(m, "RevokeInfo"), **common)


def _unknown(m: Any, common: dict[str, Any]) -> Incoming:
    name = "Event" if _is_event(m) else "MsgType"
    return UnknownMessage(kind=_required(m, name).lower(), is_event=_is_event(m), **common)


_MAKERS: Final[Mapping[Any, Callable[[Any, dict[str, Any]], Incoming]]] = {
    known.TextMessage: _text,
    known.ImageMessage: _image,
    known.VoiceMessage: _voice,
    known.VideoMessage: _video,
    known.ShortVideoMessage: _video,
    known.LocationMessage: _location,
    known.LinkMessage: _link,
    _FileMessage: _file,
    known_events.SubscribeEvent: _follow,
    known_events.SubscribeScanEvent: _follow,
    known_events.UnsubscribeEvent: _unfollow,
    known_events.ScanEvent: _scan,
    known_events.ClickEvent: _click,
    known_events.ViewEvent: _view,
    known_events.ViewMiniProgramEvent: _view,
    known_events.ScanCodePushEvent: _menu_tool,
    known_events.ScanCodeWaitMsgEvent: _menu_tool,
    known_events.PicSysPhotoEvent: _menu_tool,
    known_events.PicPhotoOrAlbumEvent: _menu_tool,
    known_events.PicWeChatEvent: _menu_tool,
    known_events.LocationSelectEvent: _menu_tool,
    known_events.LocationEvent: _location_event,
    known_events.TemplateSendJobFinishEvent: _template_sent,
    _SubscriptionEvent: _subscription,
    _RevokedEvent: _revoked,
}


# The mapping of wechatpy holds None for an empty element, a list for a repeated one.


def _optional(m: Any, name: str) -> str:
    value = m._data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Rejected(RejectReason.MALFORMED)
    return value


def _required(m: Any, name: str) -> str:
    if value := _optional(m, name):
        return value
    raise Rejected(RejectReason.MALFORMED)


def _is_event(m: Any) -> bool:
    return _optional(m, "MsgType").lower() == "event"


def _subscription_items(m: Any) -> tuple[SubscriptionItem, ...]:
    if not isinstance(m, _SubscriptionEvent):
        return ()
    _, name = _SUBSCRIPTION_FIELDS[_required(m, "Event").lower()]
    found = (m._data.get(name) or {}).get("List") or []
    lines = found if isinstance(found, list) else [found]
    return tuple(_subscription_item(line) for line in lines)


def _subscription_item(line: Mapping[str, Any]) -> SubscriptionItem:
    template_id, message_id = line["TemplateId"], line.get("MsgID")
    if not isinstance(template_id, str) or len(template_id) > _TEMPLATE_ID_MAX:
        raise Rejected(RejectReason.MALFORMED)
    status = str(line.get("SubscribeStatusString") or line.get("ErrorCode") or "")[:_STATUS_MAX]
    return SubscriptionItem(template_id, status, None if message_id is None else _sent_id(message_id))


def _sent_id(value: str) -> str:
    """The id of a message we sent: digits, kept as they came."""
    _number(value)
    return value


def _number(value: str) -> int:
    # int() alone also takes signs, underscores and other scripts' digits.
    if not re.fullmatch("[0-9]{1,20}", value, re.ASCII):
        raise Rejected(RejectReason.MALFORMED)
    return int(value)


def _degrees(value: str, limit: int) -> float:
    degrees = _finite(value)
    if abs(degrees) > limit:
        raise Rejected(RejectReason.MALFORMED)
    return degrees


def _finite(value: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise Rejected(RejectReason.MALFORMED)
    return number
