"""For each call of the contract one that works, and what must have happened before; and ways to be refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.simulator.account import MP, MP_SECRET, OA, OA_SECRET, WeChat

PNG = b"\x89PNG\r\n\x1a\npicture"
BUTTONS = [{"type": "click", "name": "report", "key": "REPORT"}]
DATA = {"thing1": {"value": "好"}}
GONE: Any = object()
"""In a change: this field is left out."""


@dataclass
class Stage:
    """A simulator with one person on it, and what the calls name."""

    wechat: WeChat
    user: dict[str, Any]
    tag: int
    media: str
    rid: str

    @property
    def openid(self) -> str:
        return str(self.user["openid"])

    @property
    def mp_openid(self) -> str:
        return str(self.user["mp_openid"])

    async def do(self, path: str, **body: Any) -> Any:
        """One act of this person."""
        return await self.wechat.control(f"users/{self.user['id']}/{path}", body)

    async def sign_in(self) -> None:
        """Use the mini-program."""
        params = {"appid": MP, "secret": MP_SECRET, "js_code": (await self.do("login-code"))["code"]}
        await self.wechat.http.get(
            "/sns/jscode2session", params=params | {"grant_type": "authorization_code"}
        )

    async def web(self, *, scope: str = "snsapi_userinfo") -> str:
        """A code of a web page."""
        asked = await authorize(self) | {"scope": scope}
        answer = await self.wechat.http.get("/connect/oauth2/authorize", params=asked)
        return str(answer.headers["location"]).partition("code=")[2].partition("&")[0]

    async def web_token(self, **how: Any) -> dict[str, Any]:
        """A web page's tokens."""
        params = {
            "appid": OA,
            "secret": OA_SECRET,
            "code": await self.web(**how),
            "grant_type": "authorization_code",
        }
        told: dict[str, Any] = (await self.wechat.http.get("/sns/oauth2/access_token", params=params)).json()
        return told


async def stage(wechat: WeChat) -> Stage:
    """Ready for every call."""
    user = await wechat.user(id="somebody", name="李雷")
    tag = (await wechat.post("tags/create", {"tag": {"name": "officers"}}))["tag"]["id"]
    sent = await wechat.http.post(f"/__wechat__/users/{user['id']}/files", content=PNG)
    assert sent.status_code == 200
    media = (await wechat.seen(user))[0]["body"]["media_id"]
    refused = await wechat.post("message/custom/send", {"touser": "nobody"})
    await wechat.post("menu/create", {"button": BUTTONS})
    return Stage(wechat, user, tag, media, refused["errmsg"].rpartition("rid: ")[2])


async def authorize(on: Stage) -> dict[str, Any]:
    """The address of a web page's sign-in."""
    return {"appid": OA, "redirect_uri": "https://a.test/", "response_type": "code", "scope": "snsapi_base", "state": "1", "as": on.user["id"]}  # fmt: skip


async def notice(on: Stage, *, official: bool) -> dict[str, Any]:
    await on.do("grants", template_id="T", times=1)
    return {"touser": on.openid if official else on.mp_openid, "template_id": "T", "data": DATA}


async def text_check(on: Stage) -> dict[str, Any]:
    await on.sign_in()
    return {"version": 2, "openid": on.mp_openid, "scene": 1, "content": "好"}


async def session(on: Stage) -> dict[str, Any]:
    code = (await on.do("login-code"))["code"]
    return {"appid": MP, "secret": MP_SECRET, "js_code": code, "grant_type": "authorization_code"}


async def conditional(on: Stage) -> str:
    posted = {"button": BUTTONS, "matchrule": {"tag_id": str(on.tag)}}
    return str((await on.wechat.post("menu/addconditional", posted))["menuid"])


async def with_words(on: Stage) -> dict[str, Any]:
    await on.wechat.say(on.user)
    return {"touser": on.openid, "msgtype": "text", "text": {"content": "好"}}


async def _named(name: str, value: Awaitable[str]) -> dict[str, Any]:
    return {name: await value}


async def _ticket(on: Stage) -> dict[str, Any]:
    posted = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "s"}}}
    return {"ticket": (await on.wechat.post("qrcode/create", posted))["ticket"]}


async def _typing(on: Stage) -> dict[str, Any]:
    await on.wechat.say(on.user)
    return {"touser": on.openid, "command": "Typing"}


async def _phone_code(on: Stage) -> str:
    return str((await on.do("phone-code"))["code"])


async def _media_check(on: Stage) -> dict[str, Any]:
    await on.sign_in()
    url = "http://localhost:8001/__wechat__/files/x"
    return {"media_url": url, "media_type": 2, "version": 2, "scene": 1, "openid": on.mp_openid}


async def _risk(on: Stage) -> dict[str, Any]:
    await on.sign_in()
    return {"appid": MP, "openid": on.mp_openid, "scene": 0, "client_ip": "127.0.0.1"}


async def _web_code(on: Stage) -> dict[str, Any]:
    return {"appid": OA, "secret": OA_SECRET, "code": await on.web(), "grant_type": "authorization_code"}


async def _refresh(on: Stage) -> dict[str, Any]:
    token = (await on.web_token())["refresh_token"]
    return {"appid": OA, "grant_type": "refresh_token", "refresh_token": token}


async def _web_user(on: Stage) -> dict[str, Any]:
    return {"access_token": (await on.web_token())["access_token"], "openid": on.openid}


Made = dict[str, Any] | Awaitable[dict[str, Any]]
TOKEN = {"grant_type": "client_credential", "appid": OA, "secret": OA_SECRET}
WAYS: dict[str, Callable[[Stage], Made]] = {
    "GET /cgi-bin/token": lambda on: TOKEN,
    "POST /cgi-bin/stable_token": lambda on: TOKEN,
    "GET /cgi-bin/ticket/getticket": lambda on: {"type": "jsapi"},
    "GET /cgi-bin/getcallbackip": lambda on: {},
    "POST /cgi-bin/clear_quota": lambda on: {"appid": OA},
    "POST /cgi-bin/clear_quota/v2": lambda on: {"appid": OA, "appsecret": OA_SECRET},
    "POST /cgi-bin/openapi/quota/get": lambda on: {"cgi_path": "/cgi-bin/media/get"},
    "POST /cgi-bin/openapi/rid/get": lambda on: {"rid": on.rid},
    "GET /cgi-bin/user/info": lambda on: {"openid": on.openid},
    "POST /cgi-bin/tags/create": lambda on: {"tag": {"name": "others"}},
    "GET /cgi-bin/tags/get": lambda on: {},
    "POST /cgi-bin/tags/update": lambda on: {"tag": {"id": on.tag, "name": "others"}},
    "POST /cgi-bin/tags/delete": lambda on: {"tag": {"id": on.tag}},
    "POST /cgi-bin/tags/members/batchtagging": lambda on: {"tagid": on.tag, "openid_list": [on.openid]},
    "POST /cgi-bin/tags/members/batchuntagging": lambda on: {"tagid": on.tag, "openid_list": [on.openid]},
    "POST /cgi-bin/tags/getidlist": lambda on: {"openid": on.openid},
    "POST /cgi-bin/user/tag/get": lambda on: {"tagid": on.tag},
    "POST /cgi-bin/menu/create": lambda on: {"button": BUTTONS},
    "GET /cgi-bin/menu/get": lambda on: {},
    "GET /cgi-bin/get_current_selfmenu_info": lambda on: {},
    "POST /cgi-bin/menu/addconditional": lambda on: {"button": BUTTONS, "matchrule": {"tag_id": str(on.tag)}},
    "POST /cgi-bin/menu/trymatch": lambda on: {"user_id": on.openid},
    "POST /cgi-bin/menu/delconditional": lambda on: _named("menuid", conditional(on)),
    "GET /cgi-bin/menu/delete": lambda on: {},
    "POST /cgi-bin/qrcode/create": lambda on: {
        "action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "s"}}, "expire_seconds": 600,
    },
    "GET /cgi-bin/showqrcode": _ticket,
    "POST /cgi-bin/message/custom/send": with_words,
    "POST /cgi-bin/message/custom/typing": _typing,
    "POST /cgi-bin/message/template/send": lambda on: {"touser": on.openid, "template_id": "T", "data": DATA},
    "GET /cgi-bin/template/get_all_private_template": lambda on: {},
    "POST /cgi-bin/message/subscribe/bizsend": lambda on: notice(on, official=True),
    "POST /cgi-bin/message/subscribe/send": lambda on: notice(on, official=False),
    "POST /cgi-bin/media/upload": lambda on: {"type": "image"},
    "GET /cgi-bin/media/get": lambda on: {"media_id": on.media},
    "GET /sns/jscode2session": session,
    "POST /wxa/business/getuserphonenumber": lambda on: _named("code", _phone_code(on)),
    "POST /wxa/getwxacodeunlimit": lambda on: {"scene": "a=1", "page": "pages/case"},
    "POST /wxa/generatescheme": lambda on: {"jump_wxa": {"path": "pages/case", "query": "a=1"}, "expire_interval": 1},
    "POST /wxa/generate_urllink": lambda on: {"path": "pages/case", "query": "a=1", "expire_interval": 1},
    "POST /wxa/msg_sec_check": text_check,
    "POST /wxa/media_check_async": _media_check,
    "POST /wxa/getuserriskrank": _risk,
    "GET /connect/oauth2/authorize": authorize,
    "GET /sns/oauth2/access_token": _web_code,
    "GET /sns/oauth2/refresh_token": _refresh,
    "GET /sns/userinfo": _web_user,
}  # fmt: skip


def text(**changed: Any) -> dict[str, Any]:
    return {"text": changed}


LONG = {"type": "click", "name": "report", "key": "x" * 129}
BELOW = {"name": "more", "sub_button": [{"type": "click", "name": "report", "key": "K"}]}
# call, code, what is changed in a request that works
REFUSED: list[tuple[str, int, dict[str, Any]]] = [
    *[
        (call, code, changed)
        for call in ("GET /cgi-bin/token", "POST /cgi-bin/stable_token")
        for code, changed in (
            (40002, {"grant_type": "x"}), (41002, {"appid": GONE}), (41004, {"secret": GONE}),
            (40013, {"appid": "wx0"}), (40125, {"secret": "x"}),
        )
    ],
    ("GET /cgi-bin/ticket/getticket", 40097, {"type": "x"}),
    ("POST /cgi-bin/clear_quota", 40013, {"appid": MP}),
    ("POST /cgi-bin/clear_quota/v2", 41002, {"appid": GONE}),
    ("POST /cgi-bin/clear_quota/v2", 41004, {"appsecret": GONE}),
    ("POST /cgi-bin/clear_quota/v2", 40013, {"appid": "wx0"}),
    ("POST /cgi-bin/clear_quota/v2", 40125, {"appsecret": "x"}),
    ("POST /cgi-bin/openapi/quota/get", 76021, {"cgi_path": "/cgi-bin/none"}),
    ("POST /cgi-bin/openapi/rid/get", 40035, {"rid": ""}),
    ("POST /cgi-bin/openapi/rid/get", 76022, {"rid": "none"}),
    ("GET /cgi-bin/user/info", 40003, {"openid": "x"}),
    ("POST /cgi-bin/tags/create", 47001, {"tag": "x"}),
    ("POST /cgi-bin/tags/create", 45157, {"tag": {"name": "officers"}}),
    ("POST /cgi-bin/tags/create", 45158, {"tag": {"name": ""}}),
    ("POST /cgi-bin/tags/update", 45058, {"tag": {"id": 1, "name": "x"}}),
    ("POST /cgi-bin/tags/update", 45158, {"tag": {"id": 100, "name": ""}}),
    ("POST /cgi-bin/tags/update", 45159, {"tag": {"id": 999, "name": "x"}}),
    ("POST /cgi-bin/tags/delete", 45058, {"tag": {"id": 0}}),
    ("POST /cgi-bin/tags/delete", 45159, {"tag": {"id": 999}}),
    ("POST /cgi-bin/tags/members/batchtagging", 40003, {"openid_list": ["x"]}),
    ("POST /cgi-bin/tags/members/batchtagging", 40032, {"openid_list": []}),
    ("POST /cgi-bin/tags/members/batchtagging", 45058, {"tagid": 2}),
    ("POST /cgi-bin/tags/members/batchtagging", 45159, {"tagid": 999}),
    ("POST /cgi-bin/tags/members/batchuntagging", 40003, {"openid_list": ["x"]}),
    ("POST /cgi-bin/tags/members/batchuntagging", 40032, {"openid_list": []}),
    ("POST /cgi-bin/tags/members/batchuntagging", 45159, {"tagid": 999}),
    ("POST /cgi-bin/tags/getidlist", 40003, {"openid": "x"}),
    ("POST /cgi-bin/user/tag/get", 45159, {"tagid": 999}),
    ("POST /cgi-bin/menu/create", 40016, {"button": []}),
    ("POST /cgi-bin/menu/create", 40017, {"button": [BUTTONS[0] | {"type": "x"}]}),
    ("POST /cgi-bin/menu/create", 40018, {"button": [BUTTONS[0] | {"name": "x" * 17}]}),
    ("POST /cgi-bin/menu/create", 40019, {"button": [LONG]}),
    ("POST /cgi-bin/menu/create", 40020, {"button": [{"type": "view", "name": "x", "url": ""}]}),
    ("POST /cgi-bin/menu/create", 40023, {"button": [{"name": "x", "sub_button": BUTTONS * 6}]}),
    ("POST /cgi-bin/menu/create", 40024, {"button": [{"name": "x", "sub_button": [{"name": "x", "type": "x"}]}]}),
    ("POST /cgi-bin/menu/create", 40025, {"button": [{"name": "x", "sub_button": [{"name": ""}]}]}),
    ("POST /cgi-bin/menu/create", 40026, {"button": [{"name": "x", "sub_button": [LONG]}]}),
    ("POST /cgi-bin/menu/create", 40027, {"button": [{"name": "x", "sub_button": [{"type": "view", "name": "x"}]}]}),
    ("POST /cgi-bin/menu/create", 40013, {"button": [
        {"type": "miniprogram", "name": "x", "url": "https://a.test", "appid": "wx0", "pagepath": "p"}]}),
    ("POST /cgi-bin/menu/create", 40033, {"button": [BUTTONS[0] | {"name": "报"}]}),
    ("POST /cgi-bin/menu/addconditional", 65305, {"matchrule": {}}),
    ("POST /cgi-bin/menu/addconditional", 65316, {"matchrule": {"client_platform_type": "9"}}),
    ("POST /cgi-bin/menu/addconditional", 65317, {"matchrule": {"tag_id": "9"}}),
    ("POST /cgi-bin/menu/addconditional", 40016, {"button": []}),
    ("POST /cgi-bin/menu/trymatch", 65309, {"user_id": "x"}),
    ("POST /cgi-bin/menu/delconditional", 65301, {"menuid": "9"}),
    ("POST /cgi-bin/qrcode/create", 40035, {"action_info": {}}),
    ("POST /cgi-bin/qrcode/create", 40052, {"expire_seconds": 0}),
    ("POST /cgi-bin/qrcode/create", 40053, {"action_name": "x"}),
    ("POST /cgi-bin/qrcode/create", 40054, {"action_info": {"scene": {"scene_str": ""}}}),
    ("POST /cgi-bin/message/custom/send", 40003, {"touser": "x"}),
    ("POST /cgi-bin/message/custom/send", 40008, {"msgtype": "x"}),
    ("POST /cgi-bin/message/custom/send", 40035, {"text": GONE}),
    ("POST /cgi-bin/message/custom/send", 44004, text(content="")),
    ("POST /cgi-bin/message/custom/send", 45002, text(content="长" * 700)),
    ("POST /cgi-bin/message/custom/typing", 40003, {"touser": "x"}),
    ("POST /cgi-bin/message/custom/typing", 45072, {"command": "x"}),
    ("POST /cgi-bin/message/template/send", 40003, {"touser": "x"}),
    ("POST /cgi-bin/message/template/send", 40013, {"miniprogram": {"appid": "wx0"}}),
    ("POST /cgi-bin/message/template/send", 40035, {"client_msg_id": "x" * 33}),
    ("POST /cgi-bin/message/template/send", 40037, {"template_id": ""}),
    ("POST /cgi-bin/message/template/send", 47003, {"data": {}}),
    ("POST /cgi-bin/message/subscribe/bizsend", 40003, {"touser": "x"}),
    ("POST /cgi-bin/message/subscribe/bizsend", 40013, {"miniprogram": {"appid": "wx0"}}),
    ("POST /cgi-bin/message/subscribe/bizsend", 43101, {"template_id": "none"}),
    ("POST /cgi-bin/message/subscribe/bizsend", 47003, {"data": {"thing1": {"value": "长" * 21}}}),
    ("POST /cgi-bin/message/subscribe/send", 40003, {"touser": "x"}),
    ("POST /cgi-bin/message/subscribe/send", 40035, {"miniprogram_state": "x"}),
    ("POST /cgi-bin/message/subscribe/send", 43101, {"template_id": "none"}),
    ("POST /cgi-bin/message/subscribe/send", 47003, {"data": {"thing1": {"value": "长" * 21}}}),
    ("POST /cgi-bin/media/upload", 40004, {"type": "x"}),
    ("POST /cgi-bin/media/upload", 40005, {"type": "voice"}),
    ("GET /cgi-bin/media/get", 40007, {"media_id": "x"}),
    ("GET /cgi-bin/media/get", 41006, {"media_id": GONE}),
    ("GET /sns/jscode2session", 40002, {"grant_type": "x"}),
    ("GET /sns/jscode2session", 40013, {"appid": "wx0"}),
    ("GET /sns/jscode2session", 40029, {"js_code": "x"}),
    ("GET /sns/jscode2session", 41002, {"appid": GONE}),
    ("GET /sns/jscode2session", 41004, {"secret": GONE}),
    ("GET /sns/jscode2session", 41008, {"js_code": GONE}),
    ("POST /wxa/business/getuserphonenumber", 40029, {"code": "x"}),
    ("POST /wxa/business/getuserphonenumber", 41008, {"code": ""}),
    ("POST /wxa/getwxacodeunlimit", 40097, {"width": 1}),
    ("POST /wxa/getwxacodeunlimit", 40169, {"scene": "x" * 33}),
    ("POST /wxa/getwxacodeunlimit", 41030, {"page": "/pages/case"}),
    *[
        (call, code, changed)
        for call, changes in (
            ("POST /wxa/generatescheme", ({"jump_wxa": {"env_version": "x"}}, {"jump_wxa": {"path": "p?a"}})),
            ("POST /wxa/generate_urllink", ({"env_version": "x"}, {"path": "p?a"})),
        )
        for code, changed in zip((40097, 40165), changes, strict=True)
    ],
    ("POST /wxa/generatescheme", 85401, {"expire_interval": 31}),
    ("POST /wxa/generate_urllink", 85401, {"expire_interval": 31}),
    ("POST /wxa/msg_sec_check", 40003, {"openid": "x"}),
    ("POST /wxa/msg_sec_check", 40097, {"version": 1}),
    ("POST /wxa/msg_sec_check", 44004, {"content": ""}),
    ("POST /wxa/msg_sec_check", 45002, {"content": "x" * 2501}),
    ("POST /wxa/media_check_async", 40003, {"openid": "x"}),
    ("POST /wxa/media_check_async", 40097, {"media_type": 9}),
    ("POST /wxa/getuserriskrank", 40129, {"scene": 9}),
    ("POST /wxa/getuserriskrank", 43104, {"openid": "x"}),
    ("GET /sns/oauth2/access_token", 40002, {"grant_type": "x"}),
    ("GET /sns/oauth2/access_token", 40029, {"code": "x"}),
    ("GET /sns/oauth2/access_token", 41008, {"code": GONE}),
    ("GET /sns/oauth2/refresh_token", 40002, {"grant_type": "x"}),
    ("GET /sns/oauth2/refresh_token", 40013, {"appid": "wx0"}),
    ("GET /sns/oauth2/refresh_token", 40030, {"refresh_token": "x"}),
    ("GET /sns/userinfo", 40001, {"access_token": "x"}),
    ("GET /sns/userinfo", 40003, {"openid": "x"}),
]  # fmt: skip
