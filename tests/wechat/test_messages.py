"""Every kind of message and event as WeChat sends it, and replies that nothing can break out of."""

import contextlib
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import example, given
from hypothesis import strategies as st

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
    fit_text,
    text_reply,
)
from wechat.pushes import read_message

OPENID, OWN_ID = "oUser0000000000000000000001", "gh_0123456789ab"
SENT_AT_S = 1714112445


def xml(kind: str, fields: str = "", *, message_id: str = "24542317900000001", **changed: str) -> bytes:
    head = {"ToUserName": OWN_ID, "FromUserName": OPENID, "CreateTime": str(SENT_AT_S)} | changed
    tags = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in head.items())
    number = f"<MsgId>{message_id}</MsgId>" if message_id else ""
    return f"<xml>{tags}<MsgType><![CDATA[{kind}]]></MsgType>{fields}{number}</xml>".encode()


def event(name: str, fields: str = "", **changed: str) -> bytes:
    return xml("event", f"<Event><![CDATA[{name}]]></Event>{fields}", message_id="", **changed)


SUBSCRIPTION_LINE = (
    "<List><TemplateId>T1</TemplateId><SubscribeStatusString>accept</SubscribeStatusString>"
    "<PopupScene>0</PopupScene></List>"
)
SENT_LINE = (
    "<List><TemplateId>T1</TemplateId><MsgID>{id}</MsgID><ErrorCode>0</ErrorCode>"
    "<ErrorStatus>success</ErrorStatus></List>"
)


@pytest.mark.parametrize(
    ("clear", "kind", "facts"),
    [
        (xml("text", "<Content><![CDATA[你好]]></Content>"), TextMessage, {"text": "你好", "menu_id": None}),
        (
            xml("text", "<Content>满意</Content><bizmsgmenuid>101</bizmsgmenuid>"),
            TextMessage,
            {"text": "满意", "menu_id": "101"},
        ),
        (xml("text", "<Content></Content>"), TextMessage, {"text": ""}),
        (
            xml("image", "<PicUrl>http://p.example/1</PicUrl><MediaId>m1</MediaId>"),
            ImageMessage,
            {"media_id": "m1", "picture_url": "http://p.example/1"},
        ),
        (
            xml("voice", "<MediaId>m2</MediaId><Format>AMR</Format>"),
            VoiceMessage,
            {"media_id": "m2", "format": "amr"},
        ),
        (
            xml("video", "<MediaId>m3</MediaId><ThumbMediaId>t3</ThumbMediaId>"),
            VideoMessage,
            {"media_id": "m3", "thumb_media_id": "t3", "short": False},
        ),
        (
            xml("shortvideo", "<MediaId>m4</MediaId><ThumbMediaId>t4</ThumbMediaId>"),
            VideoMessage,
            {"media_id": "m4", "short": True},
        ),
        (
            xml(
                "location",
                "<Location_X>32.048</Location_X><Location_Y>118.797</Location_Y><Scale>16</Scale>"
                "<Label><![CDATA[玄武湖]]></Label><Poiname>x</Poiname>",
            ),
            LocationMessage,
            {"gcj02_lat": 32.048, "gcj02_lng": 118.797, "label": "玄武湖", "place_name": "x"},
        ),
        (
            xml("link", "<Title>a</Title><Description>b</Description><Url>http://c.example</Url>"),
            LinkMessage,
            {"title": "a", "description": "b", "url": "http://c.example"},
        ),
        (xml("file", "<Title>a.pdf</Title>"), FileMessage, {"title": "a.pdf"}),
        (event("subscribe"), FollowEvent, {"scene": None}),
        (event("subscribe", "<EventKey></EventKey>"), FollowEvent, {"scene": None}),
        (
            event("subscribe", "<EventKey>qrscene_12</EventKey><Ticket>t</Ticket>"),
            FollowEvent,
            {"scene": "12"},
        ),
        (event("unsubscribe"), UnfollowEvent, {}),
        (event("SCAN", "<EventKey>12</EventKey><Ticket>t</Ticket>"), ScanEvent, {"scene": "12"}),
        (event("CLICK", "<EventKey>REPORT</EventKey>"), ClickEvent, {"key": "REPORT"}),
        (event("VIEW", "<EventKey>https://a.example</EventKey>"), ViewEvent, {"target": "https://a.example"}),
        (event("view_miniprogram", "<EventKey>pages/x</EventKey>"), ViewEvent, {"target": "pages/x"}),
        (
            event("location_select", "<EventKey>LOC</EventKey><SendLocationInfo/>"),
            MenuToolEvent,
            {"kind": "location_select", "key": "LOC"},
        ),
        (
            event("scancode_waitmsg", "<EventKey>S</EventKey><ScanCodeInfo/>"),
            MenuToolEvent,
            {"kind": "scancode_waitmsg", "key": "S"},
        ),
        (
            event("pic_photo_or_album", "<EventKey>P</EventKey><SendPicsInfo/>"),
            MenuToolEvent,
            {"kind": "pic_photo_or_album"},
        ),
        (
            event(
                "LOCATION",
                "<Latitude>32.05</Latitude><Longitude>118.8</Longitude><Precision>65</Precision>",
            ),
            LocationEvent,
            {"lat": 32.05, "lng": 118.8, "precision_m": 65.0},
        ),
        (
            event("TEMPLATESENDJOBFINISH", "<MsgID>7</MsgID><Status>failed:user block</Status>"),
            TemplateSentEvent,
            {"message_id": "7", "status": "failed:user block"},
        ),
        (
            event(
                "subscribe_msg_popup_event",
                f"<SubscribeMsgPopupEvent>{SUBSCRIPTION_LINE}</SubscribeMsgPopupEvent>",
            ),
            SubscriptionEvent,
            {"kind": "popup", "items": (SubscriptionItem("T1", "accept", None),)},
        ),
        (
            event(
                "subscribe_msg_change_event",
                f"<SubscribeMsgChangeEvent>{SUBSCRIPTION_LINE * 2}</SubscribeMsgChangeEvent>",
            ),
            SubscriptionEvent,
            {"kind": "change", "items": (SubscriptionItem("T1", "accept", None),) * 2},
        ),
        (
            event(
                "subscribe_msg_sent_event",
                f"<SubscribeMsgSentEvent>{SENT_LINE.format(id=9)}</SubscribeMsgSentEvent>",
            ),
            SubscriptionEvent,
            {"kind": "sent", "items": (SubscriptionItem("T1", "0", "9"),)},
        ),
        (
            event("user_authorization_revoke", "<OpenID>oOther</OpenID><RevokeInfo>301</RevokeInfo>"),
            AuthorizationRevokedEvent,
            {"person": "oOther", "revoked": "301"},
        ),
        (event("card_pass_check"), UnknownMessage, {"kind": "card_pass_check"}),
        (event("never_heard_of"), UnknownMessage, {"kind": "never_heard_of"}),
        (xml("hologram"), UnknownMessage, {"kind": "hologram"}),
    ],
)
def test_each_kind_is_read(clear: bytes, kind: type[Incoming], facts: dict[str, Any]) -> None:
    message = read_message(clear)

    assert type(message) is kind
    assert (message.sender, message.recipient, message.sent_at_s) == (OPENID, OWN_ID, SENT_AT_S)
    assert {name: getattr(message, name) for name in facts} == facts


def key_of(clear: bytes) -> str:
    return read_message(clear).dedupe_key


def test_a_message_is_known_by_its_id() -> None:
    assert key_of(xml("text", message_id="18446744073709551615")) == "msg:18446744073709551615"


def test_an_event_is_known_by_who_when_and_what_without_telling_who() -> None:
    click = "<EventKey>A</EventKey>"
    key = key_of(event("CLICK", click))

    assert key == key_of(event("CLICK", click))
    assert OPENID not in key
    assert len(key) <= 40
    others = [
        event("CLICK", "<EventKey>B</EventKey>"),
        event("VIEW", click),
        event("CLICK", click, CreateTime=str(SENT_AT_S + 1)),
        event("CLICK", click, FromUserName="oUser0000000000000000000002"),
    ]
    assert len({key, *map(key_of, others)}) == 5


@pytest.mark.parametrize(
    "report",
    [
        lambda id_: event("TEMPLATESENDJOBFINISH", f"<MsgID>{id_}</MsgID><Status>success</Status>"),
        lambda id_: event(
            "subscribe_msg_sent_event",
            f"<SubscribeMsgSentEvent>{SENT_LINE.format(id=id_)}</SubscribeMsgSentEvent>",
        ),
    ],
)
def test_two_notices_reported_in_one_second_are_two(report: Any) -> None:
    assert key_of(report(1)) == key_of(report(1)) != key_of(report(2))


def test_messages_without_an_id_are_told_apart_by_their_words() -> None:
    first = xml("text", "<Content>a</Content>", message_id="")

    assert key_of(first) == key_of(first)
    assert key_of(first) != key_of(xml("text", "<Content>b</Content>", message_id=""))


@pytest.mark.parametrize(
    "clear",
    [
        b"",
        b"<xml/>",
        b"<xml></xml>",
        b"\xff",
        b"not xml",
        b"<other><MsgType>text</MsgType></other>",
        xml(""),
        xml("text", FromUserName=""),
        xml("text", ToUserName=""),
        xml("text", CreateTime="soon"),
        xml("text", CreateTime="-5"),
        xml("text", message_id="1.5e3"),
        xml("text", message_id="1_000"),
        xml("text", "<MsgType>image</MsgType>"),
        xml("text", "<Content>a</Content><Content>b</Content>"),
        xml("text", "<Content kind='a'>a</Content>"),
        xml("text", "<Content><b>a</b></Content>"),
        xml("image", "<PicUrl>http://p.example/1</PicUrl>"),
        xml("location", "<Location_X>32.0</Location_X>"),
        xml("location", "<Location_X>nan</Location_X><Location_Y>1</Location_Y>"),
        xml("location", "<Location_X>1</Location_X><Location_Y>inf</Location_Y>"),
        xml("location", "<Location_X>90.1</Location_X><Location_Y>1</Location_Y>"),
        xml("location", "<Location_X>1</Location_X><Location_Y>-180.1</Location_Y>"),
        xml("location", "<Location_X>north</Location_X><Location_Y>1</Location_Y>"),
        xml("event", message_id=""),
        event("subscribe", "<EventKey>a</EventKey><EventKey>b</EventKey>"),
        event("CLICK"),
        event("subscribe_msg_popup_event", "<SubscribeMsgPopupEvent>x</SubscribeMsgPopupEvent>"),
        event("LOCATION", "<Latitude>1</Latitude>"),
    ],
)
def test_a_message_of_another_form_is_malformed(clear: bytes) -> None:
    with pytest.raises(Rejected) as rejected:
        read_message(clear)

    assert rejected.value.reason is RejectReason.MALFORMED
    assert rejected.value.__cause__ is None


FIELDS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "ToUserName",
                "FromUserName",
                "CreateTime",
                "MsgType",
                "MsgId",
                "Event",
                "EventKey",
                "Content",
                "MediaId",
                "Location_X",
                "Location_Y",
                "Latitude",
                "SubscribeMsgPopupEvent",
                "List",
                "SendPicsInfo",
                "MsgID",
                "Status",
            ]
        ),
        st.sampled_from(
            [
                "text",
                "image",
                "location",
                "event",
                "subscribe",
                "SCAN",
                "subscribe_msg_popup_event",
                "device_text",
                "1",
                "12",
                "qrscene_",
                "scanbarcode|",
                "<List/>",
                "<a>b</a>",
                "<List><TemplateId/></List>",
            ]
        )
        | st.text(st.characters(exclude_characters="<&", codec="utf-8"), max_size=9),
    ),
    max_size=12,
)


@given(fields=FIELDS)
@example(fields=[("MsgType", "device_text")])
def test_any_fields_give_a_message_or_malformed(fields: list[tuple[str, str]]) -> None:
    clear = f"<xml>{''.join(f'<{name}>{value}</{name}>' for name, value in fields)}</xml>".encode()

    # Anything but a message or Rejected rises, and fails.
    with contextlib.suppress(Rejected):
        message = read_message(clear)
        assert message.sender
        assert message.dedupe_key


@given(clear=st.binary(max_size=200))
def test_any_bytes_are_malformed(clear: bytes) -> None:
    with pytest.raises(Rejected):
        read_message(clear)


def test_what_is_personal_does_not_show_when_a_message_is_printed() -> None:
    place = xml(
        "location",
        "<Location_X>32.048</Location_X><Location_Y>118.797</Location_Y><Label>home</Label>",
    )
    shown = repr(read_message(place)) + repr(read_message(xml("text", "<Content>secret</Content>")))

    for personal in (OPENID, "32.048", "118.797", "home", "secret"):
        assert personal not in shown


def reply_fields(reply: str) -> dict[str, str]:
    return {element.tag: element.text or "" for element in fromstring(reply, forbid_dtd=True)}


def test_a_reply_goes_to_the_sender_from_the_account() -> None:
    fields = reply_fields(text_reply(OPENID, OWN_ID, "收到\n编号 1", now_s=SENT_AT_S))

    assert fields == {
        "ToUserName": OPENID,
        "FromUserName": OWN_ID,
        "CreateTime": str(SENT_AT_S),
        "MsgType": "text",
        "Content": "收到\n编号 1",
    }


@given(text=st.text(st.characters(), max_size=200), to=st.text(max_size=20))
@example(text="]]><MsgType>news</MsgType>", to="]]>")
@example(text="]]]]>>", to="")
@example(text="a\x00b\x1f\ud800\ufffe\x85", to="")
@example(text="]]\x00>", to="")
def test_no_text_breaks_out_of_its_field(text: str, to: str) -> None:
    fields = reply_fields(text_reply(to, OWN_ID, text, now_s=SENT_AT_S))

    assert fields["Content"] == fit_text(text)
    assert fields["MsgType"] == "text"
    assert len(fields) == 5


@given(text=st.text("a…好🚓\n", min_size=0, max_size=2000))
@example(text="好" * 682 + "ab")
@example(text="好" * 683)
@example(text="🚓" * 512)
@example(text="🚓" * 513)
def test_a_text_is_cut_on_a_character_with_an_ellipsis_and_only_when_it_must(text: str) -> None:
    fitted = fit_text(text)

    assert len(fitted.encode()) <= 2048
    if len(text.encode()) <= 2048:
        assert fitted == text
    else:
        assert fitted.endswith("…")
        assert text.startswith(fitted[:-1])
        assert len(fitted.encode()) > 2048 - 4


def test_control_characters_are_dropped_and_line_ends_kept() -> None:
    assert fit_text("a\r\nb\tc\rd\x07\x7f\x9fe") == "a\nb\tcde"
