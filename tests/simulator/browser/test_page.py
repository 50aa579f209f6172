"""The chat page and the inspector in a browser: what is tapped, seen, refused; on small screens and wide ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.browser.chromium import Browser
from tests.browser.fixtures import Picture
from tests.browser.phones import handset
from tests.simulator.account import MP, WeChat

pytestmark = pytest.mark.slow
MENU = {
    "button": [
        {"type": "click", "name": "report", "key": "REPORT"},
        {"name": "more", "sub_button": [{"type": "click", "name": "mine", "key": "MINE"}]},
    ]
}
NOTICE = {"thing1": {"value": "民警正在赶来"}}


async def pushed(wechat: WeChat) -> list[tuple[str | None, str | None]]:
    """What the account was told: kind, and the key or the words."""
    return [
        (m.findtext("Event") or m.findtext("MsgType"), m.findtext("EventKey") or m.findtext("Content"))
        for m in wechat.receiver.messages
    ]


async def send(wechat: WeChat, user: dict[str, Any], kind: str, content: dict[str, Any]) -> None:
    told = await wechat.post(
        "message/custom/send", {"touser": user["openid"], "msgtype": kind, kind: content}
    )
    assert told["errcode"] == 0, told


async def test_the_menu_its_keyboard_and_what_a_message_offers_to_tap(
    browser: Browser, wechat: WeChat, address: str
) -> None:
    wechat.receiver.reply('好的 <a href="weixin://bizmsgmenu?msgmenucontent=进度&msgmenuid=7">进度</a>')
    await wechat.post("menu/create", MENU)
    user = await wechat.user(name="李雷")
    phone = await handset(browser, address, user["id"])
    page = phone.page

    await page.click(".menu button", "report")
    await page.until("document.querySelector('.line.passive')")
    await page.click(".has-below")
    await page.click(".below button", "mine")
    await page.until("document.querySelectorAll('.line.passive').length === 2")
    await page.click(".has-below")
    await page.click(".log")
    assert await page.run("document.querySelector('.below').hidden")
    await phone.tap("进度")
    menu = {"head_content": "满意吗", "list": [{"id": "1", "content": "满意"}], "tail_content": ""}
    await send(wechat, user, "msgmenu", menu)
    await page.until("document.querySelector('.choice')")
    await phone.tap("满意")
    await phone.say("还有一件事")

    assert await pushed(wechat) == [
        ("CLICK", "REPORT"), ("CLICK", "MINE"), ("text", "进度"), ("text", "满意"), ("text", "还有一件事"),
    ]  # fmt: skip
    assert page.errors == []
    await page.close()


async def test_notices_cards_and_links_are_text_and_never_markup(
    browser: Browser, wechat: WeChat, address: str
) -> None:
    user = await wechat.user(name="<b>李雷</b>")
    await wechat.say(user, "<img src=x onerror=alert(1)>")
    await wechat.control("templates", {"template_id": "T", "title": "进度提醒", "keys": {"thing1": "进度"}})
    notice = {"touser": user["openid"], "template_id": "T", "data": NOTICE}
    await wechat.post(
        "message/template/send", notice | {"miniprogram": {"appid": MP, "pagepath": "pages/case"}}
    )
    await send(wechat, user, "text", {"content": '<a href="javascript:alert(1)">x</a> https://example.org/a'})
    phone = await handset(browser, address, user["id"])
    page = phone.page
    await page.until("document.querySelector('.notice')")

    links = await page.run("[...document.querySelectorAll('.bubble a')].map(one => one.getAttribute('href'))")
    assert links == ["https://example.org/a"]
    assert await page.run("document.querySelector('.notice').innerText.includes('民警正在赶来')")
    assert await page.run("document.querySelectorAll('.log img').length") == 0
    assert "<b>李雷</b>" in await page.run("document.querySelector('.under').innerText")
    await page.click(".notice-foot")
    await page.until("document.querySelector('.status').innerText.includes('pages/case')")
    assert page.errors == []
    await page.close()


async def test_two_phones_side_by_side_and_every_call_decrypted(
    browser: Browser, wechat: WeChat, address: str, picture: Picture
) -> None:
    wechat.receiver.reply("收到")
    one, other = await wechat.user(id="one", name="李雷"), await wechat.user(id="two", name="韩梅梅")
    await asyncio.gather(wechat.say(one, "第一件"), wechat.say(other, "第二件"))
    await wechat.post(
        "message/custom/send", {"touser": "nobody", "msgtype": "text", "text": {"content": "x"}}
    )
    page = await browser.open(f"{address}/chat#one,two", width=1600, height=900)
    await page.until("document.querySelectorAll('.phone .line.passive').length === 2")

    await page.click("#open-inspector")
    await page.until("document.querySelectorAll('.call').length >= 3")
    await page.type("#inspector-filter", "第一件")
    await page.until("document.querySelectorAll('.call').length === 1")
    await page.click(".call-head")
    shown = await page.until("document.querySelector('.details')?.innerText")
    assert "<Content>第一件</Content>" in shown
    assert "收到" in shown
    await picture(page, "chat-inspector", width_px=1200)
    await page.run("document.querySelector('#inspector-filter').value = ''")
    await page.run(
        "(() => { const kind = document.querySelector('#inspector-kind'); kind.value = 'errors';"
        " kind.dispatchEvent(new Event('change')); })()"
    )
    failed = await page.until("document.querySelector('.call.bad')?.innerText")
    assert "40003" in failed
    assert page.errors == []
    await page.close()


async def test_a_person_is_made_follows_and_reads_english(
    browser: Browser, wechat: WeChat, address: str
) -> None:
    wechat.receiver.reply("Welcome")
    page = await browser.open(f"{address}/chat", width=390, height=844, touch=True)
    await page.until("document.querySelector('#people .hint')")

    await page.click("#language")
    await page.type("#new-name", "Ann")
    await page.click("#new-person .go")
    await page.until("document.querySelector('.line.passive')")

    [made] = (await wechat.control("users", method="GET"))["users"]
    assert (made["name"], made["language"], made["following"]) == ("Ann", "en", True)
    page_words = await page.run("document.body.innerText.replace('模拟微信', '').replace('演示公众号', '')")
    assert not any(
        "\u4e00" <= letter <= "\u9fff" for letter in page_words.replace("中文", "").replace("演", "")
    ), page_words
    assert page.errors == []
    await page.close()


async def test_an_account_that_does_not_answer_is_said_so_and_what_is_refused_too(
    browser: Browser, wechat: WeChat, address: str
) -> None:
    wechat.receiver.always(500, b"")
    user = await wechat.user()
    phone = await handset(browser, address, user["id"])
    await phone.page.click(".plus")
    await phone.page.type("textarea.draft", "你好")
    await phone.page.click(".send")
    await phone.page.until("document.querySelector('.system').innerText.includes('暂时无法提供服务')")

    await wechat.control("reset")
    await phone.page.type("textarea.draft", "还在吗")
    await phone.page.click(".send")
    refused = await phone.page.until("document.querySelector('.status:not([hidden])')?.innerText")
    assert user["id"] in refused
    await phone.page.close()


@pytest.mark.parametrize(
    ("width", "height", "dark"), [(320, 568, False), (390, 844, True), (780, 900, False)]
)
async def test_nothing_sticks_out_and_everything_is_large_enough_to_tap(
    browser: Browser, wechat: WeChat, address: str, width: int, height: int, dark: bool
) -> None:
    await wechat.post("menu/create", MENU)
    user = await wechat.user(name="名字很长很长很长很长很长很长的人")
    for act in ({"kind": "text", "text": "长" * 300 + "w" * 200}, {"kind": "sample", "file": "voice", "seconds": 60},
                {"kind": "sample"}, {"kind": "location", "lat": 32.06, "lng": 118.8, "datum": "wgs84", "label": "x" * 90}):  # fmt: skip
        await wechat.control(f"users/{user['id']}/send", act)
    phone = await handset(browser, address, user["id"], width=width, height=height, dark=dark)
    page = phone.page
    await page.until("document.querySelectorAll('.line').length === 4")

    assert await page.run("document.documentElement.scrollWidth") <= width
    assert await page.run(
        "document.querySelector('.log').scrollWidth <= document.querySelector('.log').clientWidth"
    )
    await page.click(".swap")
    await page.click(".plus")
    small = await page.run(
        "[...document.querySelectorAll('.phone button')].map(one => [one.className, one.getBoundingClientRect()])"
        ".filter(([, box]) => box.width && (box.width < 36 || box.height < 36)).map(([name]) => name)"
    )
    assert small == []
    assert page.errors == []
    await page.close()
