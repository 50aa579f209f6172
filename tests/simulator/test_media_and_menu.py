"""Files, the menu, subscription messages."""

import json
from typing import Any

import pytest

from tests.simulator.account import MP, WeChat

JPEG, PNG = b"\xff\xd8\xff\xe0picture", b"\x89PNG\r\n\x1a\npicture"


async def upload(
    wechat: WeChat, content: bytes, kind: str = "image", *, app_id: str = "", name: str = "media"
) -> Any:
    token = await wechat.token(app_id) if app_id else await wechat.token()
    params = {"access_token": token, "type": kind}
    answer = await wechat.http.post("/cgi-bin/media/upload", params=params, files={name: ("a.bin", content)})
    return answer.json()


async def sent_file(wechat: WeChat, kind: str, content: bytes) -> dict[str, Any]:
    user = await wechat.user()
    await wechat.http.post(f"/__wechat__/users/{user['id']}/files?kind={kind}", content=content)
    body: dict[str, Any] = (await wechat.seen(user))[0]["body"]
    return body


async def test_a_picture_somebody_sent_comes_as_bytes(wechat: WeChat) -> None:
    sent = await sent_file(wechat, "image", JPEG)

    answer = await wechat.get("media/get", media_id=sent["media_id"])

    assert answer.content == JPEG
    assert answer.headers["content-type"] == "image/jpeg"
    assert "filename=" in answer.headers["content-disposition"]
    picture_url = wechat.receiver.messages[0].findtext("PicUrl") or ""
    assert picture_url.startswith("http://localhost:8001/__wechat__/files/")
    assert (await wechat.http.get(f"/{sent['url']}")).content == JPEG


async def test_a_video_comes_as_an_address(wechat: WeChat) -> None:
    sent = await sent_file(wechat, "video", b"\0\0\0 ftypisom")

    answer = await wechat.get("media/get", media_id=sent["media_id"])

    assert set(answer.json()) == {"video_url"}


async def test_a_file_is_gone_after_three_days_and_never_the_other_accounts(wechat: WeChat) -> None:
    sent = await sent_file(wechat, "image", JPEG)

    assert (await wechat.get("media/get", media_id=sent["media_id"], app_id=MP)).json()["errcode"] == 40007
    assert (await wechat.get("media/get", media_id="unknown")).json()["errcode"] == 40007
    assert (await wechat.get("media/get")).json()["errcode"] == 41006
    await wechat.advance(3 * 86400)
    assert (await wechat.get("media/get", media_id=sent["media_id"])).json()["errcode"] == 40007


async def test_an_uploaded_picture_can_be_sent(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    told = await upload(wechat, PNG)

    posted = {"touser": user["openid"], "msgtype": "image", "image": {"media_id": told["media_id"]}}

    assert told["type"] == "image"
    assert (await wechat.post("message/custom/send", posted))["errcode"] == 0
    assert (await wechat.seen(user))[-1]["kind"] == "image"


async def test_a_thumb_has_a_name_of_its_own_and_makes_a_card(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    thumb = (await upload(wechat, JPEG, "thumb"))["thumb_media_id"]
    page = {"title": "案件", "appid": MP, "pagepath": "pages/case", "thumb_media_id": thumb}

    told = await wechat.post(
        "message/custom/send",
        {"touser": user["openid"], "msgtype": "miniprogrampage", "miniprogrampage": page},
    )

    assert told["errcode"] == 0
    assert (await wechat.seen(user))[-1]["body"]["pagepath"] == "pages/case"


@pytest.mark.parametrize(
    ("content", "kind", "errcode"),
    [
        (JPEG, "song", 40004),
        (b"", "image", 44001),
        (b"text", "image", 40005),
        (PNG, "thumb", 40005),
        (JPEG + b"x" * 65536, "thumb", 40012),
        (b"#!AMR" + b"x" * 2 * 1024 * 1024, "voice", 40010),
    ],
)
async def test_an_upload_is_checked(wechat: WeChat, content: bytes, kind: str, errcode: int) -> None:
    assert (await upload(wechat, content, kind))["errcode"] == errcode


async def test_an_upload_needs_its_field_and_a_mini_program_an_image(wechat: WeChat) -> None:
    assert (await upload(wechat, JPEG, name="file"))["errcode"] == 41005
    assert (await wechat.post("media/upload?type=image", {}))["errcode"] in (41005, 40004)
    assert (await upload(wechat, JPEG, "thumb", app_id=MP))["errcode"] == 40004
    assert "media_id" in await upload(wechat, JPEG, "image", app_id=MP)


CLICK = {"type": "click", "name": "联系我们", "key": "CONTACT"}


async def create(wechat: WeChat, *buttons: Any) -> int:
    content = json.dumps({"button": buttons}, ensure_ascii=False).encode()
    params = {"access_token": await wechat.token()}
    answer = await wechat.http.post("/cgi-bin/menu/create", params=params, content=content)
    return int(answer.json()["errcode"])


async def test_a_menu_is_created_shown_and_deleted(wechat: WeChat) -> None:
    assert (await wechat.get("menu/get")).json()["errcode"] == 46003
    page = {"type": "miniprogram", "name": "一键", "url": "https://x", "appid": MP, "pagepath": "pages/a"}

    assert await create(wechat, CLICK, {"name": "更多", "sub_button": [CLICK, page]}) == 0

    shown = (await wechat.get("menu/get")).json()["menu"]["button"]
    assert shown[1]["sub_button"][1] == page
    assert (await wechat.control("account", method="GET"))["menu"]["button"] == shown
    assert (await wechat.get("menu/delete")).json()["errcode"] == 0
    assert (await wechat.get("menu/get")).json()["errcode"] == 46003


@pytest.mark.parametrize(
    ("buttons", "errcode"),
    [
        ([], 40016),
        ([CLICK] * 4, 40016),
        (["x"], 40017),
        ([CLICK | {"type": "dance"}], 40017),
        ([CLICK | {"name": "很长很长的名字"}], 40018),
        ([CLICK | {"key": "k" * 129}], 40019),
        ([{"type": "view", "name": "看", "url": "u" * 1025}], 40020),
        ([{"name": "更多", "sub_button": [CLICK] * 6}], 40023),
        ([{"name": "更多", "sub_button": [CLICK | {"type": "x"}]}], 40024),
        ([{"type": "miniprogram", "name": "一", "url": "u", "appid": "wxother", "pagepath": "p"}], 40013),
    ],
)
async def test_a_menu_is_checked(wechat: WeChat, buttons: list[Any], errcode: int) -> None:
    assert await create(wechat, *buttons) == errcode


async def test_a_menu_with_escaped_letters_is_refused(wechat: WeChat) -> None:
    params = {"access_token": await wechat.token()}
    content = json.dumps({"button": [CLICK]}).encode()

    answer = await wechat.http.post("/cgi-bin/menu/create", params=params, content=content)

    assert answer.json()["errcode"] == 40033


DATA = {
    "character_string1": {"value": "AJ20260001"},
    "phrase2": {"value": "已受理"},
    "time3": {"value": "2026年11月24日 15:01"},
    "thing4": {"value": "请留意后续通知"},
}


async def notify(wechat: WeChat, user: dict[str, Any], data: Any = None, **more: Any) -> dict[str, Any]:
    posted = {"touser": user["mp_openid"], "template_id": "T1", "data": DATA if data is None else data}
    told: dict[str, Any] = await wechat.post("message/subscribe/send", posted | more, app_id=MP)
    return told


async def test_each_grant_sends_one_notice(wechat: WeChat) -> None:
    user = await wechat.user()
    assert (await notify(wechat, user))["errcode"] == 43101
    await wechat.control(f"users/{user['id']}/grants", {"template_id": "T1", "times": 2})

    told = [await notify(wechat, user) for _ in range(3)]

    assert [one["errcode"] for one in told] == [0, 0, 43101]
    assert told[0]["msgid"] != told[1]["msgid"]
    assert [one["channel"] for one in await wechat.seen(user)] == ["subscription"] * 2
    assert (await notify(wechat, user, template_id="T2"))["errcode"] == 43101


async def test_a_long_term_grant_stays_until_refused(wechat: WeChat) -> None:
    user = await wechat.user()
    grants = f"users/{user['id']}/grants"
    await wechat.control(grants, {"template_id": "T1", "long_term": True})
    assert [(await notify(wechat, user))["errcode"] for _ in range(3)] == [0, 0, 0]

    await wechat.control(grants, {"template_id": "T1", "times": 0})
    assert (await notify(wechat, user))["errcode"] == 43101


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("thing4", "长" * 21),
        ("thing4", "两\n行"),
        ("thing4", ""),
        ("character_string1", "中文"),
        ("phrase2", "ok"),
        ("phrase2", "超过五个字了"),
        ("time3", "tomorrow"),
        ("number5", "12a"),
        ("phone_number6", "1" * 18),
        ("mystery7", "x"),
    ],
)
async def test_a_bad_value_is_refused_by_its_key(wechat: WeChat, key: str, value: str) -> None:
    user = await wechat.user()
    await wechat.control(f"users/{user['id']}/grants", {"template_id": "T1"})

    told = await notify(wechat, user, DATA | {key: {"value": value}})

    assert told["errcode"] == 47003
    assert key in told["errmsg"]
    assert (await notify(wechat, user))["errcode"] == 0, "a refused notice spends no grant"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("time1", "15:01"),
        ("date1", "2026年11月24日"),
        ("date1", "2026-11-24 15:01"),
        ("number1", "-3.5"),
        ("amount1", "¥12.50"),
        ("name1", "欧阳修"),
        ("phone_number1", "+86-110"),
        ("letter1", "ABC"),
        ("car_number1", "苏A12345"),
    ],
)
async def test_a_good_value_of_each_type_passes(wechat: WeChat, key: str, value: str) -> None:
    user = await wechat.user()
    await wechat.control(f"users/{user['id']}/grants", {"template_id": "T1"})

    assert (await notify(wechat, user, {key: {"value": value}}))["errcode"] == 0


async def test_a_notice_to_the_official_accounts_openid_is_refused(wechat: WeChat) -> None:
    user = await wechat.user()

    assert (await notify(wechat, user, touser=user["openid"]))["errcode"] == 40003
    assert (await notify(wechat, user, miniprogram_state="beta"))["errcode"] == 40035
