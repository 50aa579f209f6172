"""Every kind of message and event that WeChat pushes: a kind answer to who wrote, `success` to what only informs."""

from __future__ import annotations

import pytest

from app.kit.runtime import Runtime
from tests.factories import Made
from tests.wechat.callback_door import Door
from tests.wechat.chats import rows

MESSAGES = {
    "voice": "<MediaId>v1</MediaId><Format>amr</Format>",
    "video": "<MediaId>v1</MediaId><ThumbMediaId>t1</ThumbMediaId>",
    "shortvideo": "<MediaId>v1</MediaId><ThumbMediaId>t1</ThumbMediaId>",
    "image": "<PicUrl>http://x/y</PicUrl><MediaId>i1</MediaId>",
    "link": "<Title>看看</Title><Description>d</Description><Url>http://bad.example/x</Url>",
    "miniprogrampage": "<Title>卡片</Title><AppId>wx1</AppId><PagePath>p</PagePath><ThumbUrl>u</ThumbUrl>",
    "file": "<Title>a.pdf</Title>",
    "location": "<Location_X>32.06</Location_X><Location_Y>118.82</Location_Y><Scale>16</Scale><Label>路</Label>",
    "sticker_of_next_year": "<Whatever>1</Whatever>",
}
ANSWERED = {
    "subscribe": "",
    "SCAN": "<EventKey>station.7</EventKey><Ticket>t</Ticket>",
    "CLICK": "<EventKey>report</EventKey>",
    "CLICK#unknown": "<EventKey>a-key-of-an-old-menu</EventKey>",
}
ACKNOWLEDGED = {
    "unsubscribe": "",
    "LOCATION": "<Latitude>32.06</Latitude><Longitude>118.82</Longitude><Precision>10</Precision>",
    "VIEW": "<EventKey>http://x</EventKey><MenuId>1</MenuId>",
    "view_miniprogram": "<EventKey>pages/x</EventKey><MenuId>1</MenuId>",
    "scancode_push": "<EventKey>k</EventKey><ScanCodeInfo><ScanType>qrcode</ScanType><ScanResult>1</ScanResult></ScanCodeInfo>",
    "pic_photo_or_album": "<EventKey>k</EventKey><SendPicsInfo><Count>1</Count><PicList><item><PicMd5Sum>a</PicMd5Sum></item></PicList></SendPicsInfo>",
    "location_select": "<EventKey>k</EventKey><SendLocationInfo><Location_X>32</Location_X><Location_Y>118</Location_Y><Scale>16</Scale><Label>a</Label><Poiname></Poiname></SendLocationInfo>",
    "TEMPLATESENDJOBFINISH": "<MsgID>1</MsgID><Status>success</Status>",
    "subscribe_msg_popup_event": "<SubscribeMsgPopupEvent><List><TemplateId>T1</TemplateId><SubscribeStatusString>accept</SubscribeStatusString><PopupScene>0</PopupScene></List></SubscribeMsgPopupEvent>",
    "subscribe_msg_change_event": "<SubscribeMsgChangeEvent><List><TemplateId>T1</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List></SubscribeMsgChangeEvent>",
    "subscribe_msg_sent_event": "<SubscribeMsgSentEvent><List><TemplateId>T1</TemplateId><MsgID>9</MsgID><ErrorCode>0</ErrorCode><ErrorStatus>success</ErrorStatus></List></SubscribeMsgSentEvent>",
    "user_authorization_revoke": "<OpenID>o</OpenID><AppID>wx</AppID><RevokeInfo>1</RevokeInfo>",
    "wxa_media_check": "<appid>wx</appid><trace_id>t</trace_id>",
    "an_event_of_next_year": "<Something>1</Something>",
}  # fmt: skip


@pytest.fixture
def door(runtime: Runtime, station: Made) -> Door:
    return Door(runtime)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", MESSAGES)
async def test_every_kind_of_message_gets_a_kind_answer(door: Door, kind: str, language: str) -> None:
    await door.say("English" if language == "en" else "中文")

    said = await door.told(kind, MESSAGES[kind])

    assert said
    chinese = any("\u4e00" <= letter <= "\u9fff" for letter in said)
    assert chinese is (language == "zh"), said
    assert "Something went wrong" not in said
    assert "系统" not in said


@pytest.mark.parametrize("event", ANSWERED)
async def test_an_event_that_a_person_made_is_answered(door: Door, event: str) -> None:
    assert await door.told("event", f"<Event>{event.partition('#')[0]}</Event>{ANSWERED[event]}")


@pytest.mark.parametrize("event", ACKNOWLEDGED)
async def test_an_event_that_only_informs_is_acknowledged(door: Door, event: str) -> None:
    answer = await door.push("event", f"<Event>{event}</Event>{ACKNOWLEDGED[event]}")

    assert (answer.status_code, answer.text) == (200, "success")


async def test_a_link_is_words_of_a_report_under_way_and_opens_nothing_alone(
    door: Door, runtime: Runtime
) -> None:
    alone = await door.told("link", MESSAGES["link"])
    nothing = await rows(runtime, "SELECT 1 FROM cases")
    await door.say("半夜唱歌太吵")
    with_it = await door.told("link", MESSAGES["link"])
    await door.stand()

    assert "不会打开" in alone
    assert nothing == []
    assert "bad.example" not in with_it
    assert len(await rows(runtime, "SELECT 1 FROM cases")) == 1
