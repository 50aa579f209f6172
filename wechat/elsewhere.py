"""What is no police work, by its words, and where it belongs. Nothing is turned away: who insists is taken.

Danger stands before this (the emergency gate) and so does every category of a station: only what none of them names
is looked up here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from wechat import replies, taps
from wechat.replies import Line
from wechat.turn import Turn

ASKED: Final = "elsewhere"
"""The question whether to report it all the same, as a draft notes it."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A number that is called for something else than police work."""

    phone: str
    who: Line
    what: Line
    such: str  # for the reference page
    words: re.Pattern[str]


SERVICES: Final = (
    Elsewhere(
        "119", Line("消防119", "the fire service, 119"), Line("消防隐患和救助", "Fire risks and rescues"), "消防通道被占, 电动车飞线充电, a cat in a tree",
        re.compile(
            r"消防通道|消防栓|灭火器|飞线充电|电动车(?:在)?(?:楼道|楼里|家里)充电|取戒指|(?:猫|狗).{0,6}(?:树上|卡住|掉(?:进|到))"
            r"|fire (?:lane|exit|hydrant)|cat .{0,12}tree|ring (?:is )?stuck"
        ),
    ),
    Elsewhere(
        "120", Line("急救120", "the ambulance, 120"), Line("生病和急救", "Illness and first aid"), "救护车, 发烧, a sprain",
        re.compile(
            r"救护车|急救|发烧|发高烧|拉肚子|头晕|肚子疼|扭伤|骨折|不舒服想去医院|ambulance|fever|feel(?:ing)? sick|dizzy|sprain"
        ),
    ),
    Elsewhere(
        "122", Line("交警122", "the traffic police, 122"), Line("交通事故和道路交通", "Traffic accidents and road traffic"), "追尾, 红绿灯不亮, 违停, a traffic jam",
        re.compile(
            r"追尾|剐蹭|刮蹭|擦碰|交通事故|红绿灯|信号灯(?:坏|不亮)|违章停车|违停|乱停车|堵车|闯红灯|酒驾"
            r"|car accident|fender bender|rear.?ended|traffic light|illegal(?:ly)? park|traffic jam|drunk driv"
        ),
    ),
    Elsewhere(
        "96110", Line("反诈专线96110", "the anti-fraud line, 96110"), Line("可疑电话和短信", "Suspicious calls and messages"), "可疑电话, 是不是骗子, a suspicious link",
        re.compile(
            r"可疑(?:电话|短信|链接|来电)|陌生(?:电话|短信).{0,10}(?:下载|转|验证|链接)|是不是骗|冒充(?:客服|公检法|领导)|反诈"
            r"|suspicious (?:call|message|text|link)|is (?:this|it) a (?:scam|fraud)"
        ),
    ),
    Elsewhere(
        "12345", Line("政务服务热线12345", "the city's service line, 12345"), Line("市政和公共服务", "City services"), "路灯, 井盖, 停水停电, 占道经营, a pothole",
        re.compile(
            r"路灯|井盖|垃圾|停水|停电|停气|断水|断电|污水|下水道|积水|路面(?:坏|破|塌)|坑洼|占道经营|违章建筑|违建|物业|社保|医保|公积金"
            r"|户口(?:本)?(?:怎么)?办|身份证(?:怎么)?办|居住证|公交(?:车)?(?:晚点|不停|改线)|挪车|共享单车乱|油烟|装修时间|树(?:枝)?(?:倒|断)"
            r"|street ?light|pothole|manhole|garbage|rubbish|trash|(?:power|water) (?:outage|cut)|property management|social security"
        ),
    ),
)  # fmt: skip
"""Who takes what is no police work; the first whose words fit."""


def elsewhere_of(text: str) -> Elsewhere | None:
    """Where a text belongs that names no category of the police."""
    plain = text.lower()
    return next((one for one in SERVICES if one.words.search(plain)), None)


def told(turn: Turn, where: Elsewhere) -> str:
    """Where it belongs, and how to report it all the same."""
    said = turn.say(replies.ELSEWHERE, what=turn.say(where.what), who=turn.say(where.who), phone=where.phone)
    return f"{said}{taps.command(turn.say(replies.INSIST))}"
