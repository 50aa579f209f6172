"""The account's menus, as data: for everybody, and for officers. `didi wechat menu push` brings them to WeChat.

A conditional menu cannot go by language any more (WeChat stopped honouring it), so English stands in the menu as a
button; who taps it, or writes English, is answered in English.
"""

from __future__ import annotations

from typing import Final

Button = dict[str, object]
"""A button as WeChat's API has it."""


def _click(name: str, key: str) -> Button:
    return {"type": "click", "name": name, "key": key}


def _group(name: str, *buttons: Button) -> Button:
    return {"name": name, "sub_button": list(buttons)}


_EMERGENCY: Final = _click("危急求助", "emergency")

EVERYBODY: Final[list[Button]] = [
    _click("一键报警", "report"),
    _EMERGENCY,
    _group(
        "更多",
        _click("办理进度", "status"),
        _click("不方便说话", "text_only"),
        _click("问片警", "ask"),
        _click("特殊需要", "needs"),
        _click("English", "english"),
    ),
]
OFFICERS: Final[list[Button]] = [
    _group(
        "接警",
        _click("接单", "officer.take"),
        _click("出发", "officer.en_route"),
        _click("到达", "officer.arrived"),
        _click("结束", "officer.close"),
    ),
    _group(
        "执勤",
        _click("在岗", "officer.duty_on"),
        _click("下岗", "officer.duty_off"),
        _click("状态", "officer.status"),
        _click("居民提问", "officer.questions"),
    ),
    _group(
        "更多",
        _click("一键报警", "report"),
        _click("危急求助", "emergency"),
        _click("办理进度", "status"),
        _click("English", "english"),
    ),
]
OFFICERS_TAG: Final = "民警"
"""The tag that WeChat gives the second menu by. `wechat.tags` keeps it on who is a bound, active officer."""
