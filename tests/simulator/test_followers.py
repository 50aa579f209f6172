"""Tags, menus for some, codes with a scene."""

from typing import Any

import pytest

from tests.simulator.account import WeChat

CLICK = {"type": "click", "name": "report", "key": "REPORT"}
DUTY = {"type": "click", "name": "duty", "key": "DUTY"}


async def tag(wechat: WeChat, *users: dict[str, Any], name: str = "officers") -> int:
    tag_id = int((await wechat.post("tags/create", {"tag": {"name": name}}))["tag"]["id"])
    if users:
        posted = {"tagid": tag_id, "openid_list": [user["openid"] for user in users]}
        assert (await wechat.post("tags/members/batchtagging", posted))["errcode"] == 0
    return tag_id


async def menu_seen(wechat: WeChat, user: dict[str, Any]) -> str:
    told = await wechat.control(f"account?user={user['id']}", method="GET")
    tried = await wechat.post("menu/trymatch", {"user_id": user["openid"]})
    assert tried["menu"]["button"] == told["menu"]["button"]
    return str(told["menu"]["button"][0]["key"])


async def test_a_tag_is_given_told_and_taken(wechat: WeChat) -> None:
    user = await wechat.user()
    tag_id = await tag(wechat, user)

    facts = (await wechat.get("user/info", openid=user["openid"])).json()
    assert facts["tagid_list"] == [tag_id]
    assert (await wechat.post("tags/getidlist", {"openid": user["openid"]}))["tagid_list"] == [tag_id]
    assert (await wechat.post("user/tag/get", {"tagid": tag_id}))["data"]["openid"] == [user["openid"]]
    posted = {"tagid": tag_id, "openid_list": [user["openid"]]}
    assert (await wechat.post("tags/members/batchuntagging", posted))["errcode"] == 0
    assert (await wechat.get("tags/get")).json()["tags"] == [{"id": tag_id, "name": "officers", "count": 0}]
    assert (await wechat.post("tags/update", {"tag": {"id": tag_id, "name": "others"}}))["errcode"] == 0
    assert (await wechat.post("tags/delete", {"tag": {"id": tag_id}}))["errcode"] == 0
    assert (await wechat.post("user/tag/get", {"tagid": tag_id}))["errcode"] == 45159


async def test_tagging_is_checked(wechat: WeChat) -> None:
    stranger = await wechat.user(following=False)
    tag_id = await tag(wechat)

    async def code(**posted: Any) -> int:
        asked = {"tagid": tag_id, "openid_list": ["nobody"], **posted}
        return int((await wechat.post("tags/members/batchtagging", asked))["errcode"])

    assert await code() == 40003
    assert await code(openid_list=[stranger["openid"]]) == 49003
    assert await code(openid_list=[]) == 40032
    assert await code(openid_list=["x"] * 51) == 40032
    assert await code(tagid=2) == 45058
    assert (await wechat.post("tags/create", {"tag": {"name": "officers"}}))["errcode"] == 45157
    assert (await wechat.post("tags/create", {"tag": {"name": "长" * 31}}))["errcode"] == 45158


async def test_the_newest_menu_that_fits_is_seen(wechat: WeChat) -> None:
    officer, citizen = await wechat.user(), await wechat.user()
    tag_id = await tag(wechat, officer)
    conditional = {"button": [DUTY], "matchrule": {"tag_id": str(tag_id)}}
    assert (await wechat.post("menu/addconditional", conditional))["errcode"] == 65303
    await wechat.post("menu/create", {"button": [CLICK]})

    menu_id = (await wechat.post("menu/addconditional", conditional))["menuid"]

    assert [await menu_seen(wechat, one) for one in (officer, citizen)] == ["DUTY", "REPORT"]
    assert (await wechat.get("menu/get")).json()["conditionalmenu"][0]["menuid"] == int(menu_id)
    assert (await wechat.post("menu/delconditional", {"menuid": menu_id}))["errcode"] == 0
    assert await menu_seen(wechat, officer) == "REPORT"
    assert (await wechat.post("menu/delconditional", {"menuid": menu_id}))["errcode"] == 65301


@pytest.mark.parametrize(
    ("rule", "errcode"), [({}, 65305), ({"tag_id": "7"}, 65317), ({"client_platform_type": "4"}, 65316)]
)
async def test_a_rule_is_checked(wechat: WeChat, rule: dict[str, str], errcode: int) -> None:
    await wechat.post("menu/create", {"button": [CLICK]})

    told = await wechat.post("menu/addconditional", {"button": [DUTY], "matchrule": rule})

    assert told["errcode"] == errcode


async def test_deleting_the_menu_deletes_the_conditional_ones(wechat: WeChat) -> None:
    await wechat.post("menu/create", {"button": [CLICK]})
    assert (await wechat.get("get_current_selfmenu_info")).json()["is_menu_open"] == 1
    rule = {"client_platform_type": "2"}
    await wechat.post("menu/addconditional", {"button": [DUTY], "matchrule": rule})

    await wechat.get("menu/delete")

    assert (await wechat.get("menu/get")).json()["errcode"] == 46003
    assert (await wechat.get("get_current_selfmenu_info")).json() == {"is_menu_open": 0}


async def create_code(wechat: WeChat, name: str, scene: dict[str, Any], **more: Any) -> dict[str, Any]:
    posted = {"action_name": name, "action_info": {"scene": scene}, **more}
    told: dict[str, Any] = await wechat.post("qrcode/create", posted)
    return told


async def test_a_code_is_drawn_and_scanned_by_strangers_and_followers(wechat: WeChat) -> None:
    code = await create_code(wechat, "QR_LIMIT_STR_SCENE", {"scene_str": "station:1"})
    picture = await wechat.http.get("/cgi-bin/showqrcode", params={"ticket": code["ticket"]})
    user = await wechat.user(following=False)

    for _ in range(2):
        await wechat.control(f"users/{user['id']}/scan", {"ticket": code["ticket"]})

    assert picture.content.startswith(b"\x89PNG")
    told = [
        (m.findtext("Event"), m.findtext("EventKey"), m.findtext("Ticket")) for m in wechat.receiver.messages
    ]
    assert told == [
        ("subscribe", "qrscene_station:1", code["ticket"]),
        ("SCAN", "station:1", code["ticket"]),
    ]
    facts = (await wechat.get("user/info", openid=user["openid"])).json()
    assert (facts["subscribe_scene"], facts["qr_scene_str"]) == ("ADD_SCENE_QR_CODE", "station:1")


async def test_a_code_for_a_while_ends(wechat: WeChat) -> None:
    code = await create_code(wechat, "QR_STR_SCENE", {"scene_str": "task"}, expire_seconds=120)
    user = await wechat.user()
    await wechat.advance(121)

    answer = await wechat.http.post(f"/__wechat__/users/{user['id']}/scan", json={"ticket": code["ticket"]})

    assert code["expire_seconds"] == 120
    assert answer.status_code == 409
    assert (await wechat.http.get("/cgi-bin/showqrcode", params={"ticket": "no"})).status_code == 404


@pytest.mark.parametrize(
    ("name", "scene", "errcode"),
    [
        ("QR_OTHER", {}, 40053),
        ("QR_LIMIT_STR_SCENE", {"scene_str": "x" * 65}, 40054),
        ("QR_LIMIT_SCENE", {"scene_id": 100_001}, 40054),
    ],
)
async def test_a_code_is_checked(wechat: WeChat, name: str, scene: dict[str, Any], errcode: int) -> None:
    assert (await create_code(wechat, name, scene))["errcode"] == errcode
