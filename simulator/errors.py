"""WeChat's refusals: HTTP 200 with a number, a sentence, and the id of the call at its end."""

from __future__ import annotations

import secrets
import time

_SENTENCES = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40005: "invalid file type",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40010: "invalid voice size",
    40011: "invalid video size",
    40012: "invalid thumb size",
    40013: "invalid appid",
    40014: "invalid access_token",
    40015: "invalid menu type",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40032: "invalid openid list size",
    40052: "invalid expire_seconds",
    40053: "invalid action info",
    40054: "invalid scene",
    40029: "invalid code",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40035: "invalid parameter",
    40097: "invalid args",
    40037: "invalid template_id",
    40030: "invalid refresh_token",
    40129: "invalid scene",
    40164: "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist",
    40165: "invalid path: a query has a field of its own",
    40169: "invalid length for scene, or the data is not json string",
    40226: "code blocked",
    42002: "refresh_token expired",
    43104: "appid does not match with openid",
    48002: "user does not accept messages of this account",
    61010: "code is expired: the user was not active for 2 hours",
    85401: "expire time is beyond 30 days",
    40125: "invalid appsecret",
    40163: "code been used",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41005: "media data missing",
    41006: "media_id missing",
    41008: "code missing",
    41030: "invalid page",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    43107: "this account may not send this kind of notice",
    43108: "concurrent send to the same user",
    43101: "user refuse to accept the msg",
    44001: "empty media data",
    44002: "empty post data",
    44004: "empty content",
    45002: "content size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    45029: "too many lasting codes",
    45056: "tag number exceed the limit",
    45058: "can't modify sys tag",
    45059: "user's tag exceed the limit",
    45157: "tag name already exists",
    45158: "tag name too long",
    45159: "invalid tag",
    49003: "openid is not a follower",
    65301: "no such conditional menu",
    65303: "there must be a default menu before a conditional one",
    65305: "the rule of a conditional menu is empty",
    65309: "user_id is not a follower",
    65316: "invalid client_platform_type",
    65317: "invalid tag_id",
    45065: "clientmsgid exist",
    45066: "same clientmsgid retry too fast",
    45072: "invalid command",
    45080: "typing requires a recent message of the user",
    45081: "already typing",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    76021: "cgi_path not found",
    76022: "could not use this cgi_path, no permission",
    76023: "rid is out of time",
    48006: "forbid to clear quota because of reaching the limit",
}


class Refusal(Exception):
    """An answer with an errcode. Its sentence has no request id yet."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(f"{errcode} {errmsg}")
        self.errcode = errcode
        self.errmsg = errmsg


def refusal(errcode: int, hint: str = "") -> Refusal:
    """The refusal with WeChat's sentence; `hint` says which key or value it is about."""
    sentence = _SENTENCES.get(errcode, "refused")
    return Refusal(errcode, f"{sentence} {hint}" if hint else sentence)


def request_id() -> str:
    """What WeChat puts after `rid: `, to ask its support about one call."""
    return f"{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
