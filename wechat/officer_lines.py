"""What the account says to officers, Chinese and English. No name, no address, no word of a report."""

from __future__ import annotations

from typing import Final

from wechat.replies import Line

BOUND: Final = Line(
    "已绑定警号 {badge}。已请值班台确认登录；也可发“验证 六位数”（身份验证器）。确认后发“在岗”上岗。",
    'Bound to badge {badge}. The desk was asked to confirm; or send "verify" and the six digits of your authenticator. '
    'Then send "on duty".',
)
REPLACED: Final = Line(
    "之前绑定的微信已解除，请在小程序重新绑定。",
    "The WeChat account bound before lost its place: bind the mini-program again.",
)
ASKED_DESK: Final = Line(
    "请先登录：已请值班台确认，确认后重发；也可发“验证 六位数”。",
    'Sign in first: the desk was asked to confirm, then send it again; or send "verify" and the six digits.',
)
VERIFIED: Final = Line("已验证。发“在岗”上岗，“状态”查看。", 'Verified. Send "on duty", or "status".')
UNLOCK: Final = Line(
    "超过30分钟未操作，查看居民内容请先发“验证 六位数”。",
    'Idle for over 30 minutes: send "verify" and the six digits to read what residents wrote.',
)
SIGNED_IN: Final = Line(
    "您已登录。发“在岗”上岗，“状态”查看。", 'You are signed in. Send "on duty", or "status".'
)
SIGNED_OUT: Final = Line("已退出。再次使用请发“登录”。", 'Signed out. Send "sign in" to come back.')
NOT_AN_OFFICER: Final = Line(
    "请先绑定：发“绑定 警号 邀请码”（邀请码由管理员提供）。",
    'Bind first: send "bind BADGE CODE", the code comes from your administrator.',
)
ON_DUTY: Final = Line("已上岗，附近有任务会在此提醒。", "On duty: what is near will be told here.")
OFF_DUTY: Final = Line(
    "已下岗，不再接收任务，也不再记录位置。", "Off duty: nothing is offered, no position is kept."
)
DUTY: Final = (Line("未在岗", "off duty"), Line("在岗", "on duty"))
STATUS: Final = Line("警号 {badge}，{duty}。", "Badge {badge}, {duty}.")
HOLDS: Final = Line("手上：{number}（{category}），{state}。", "In hand: {number} ({category}), {state}.")
NOTHING_HELD: Final = Line("手上没有任务。", "Nothing in hand.")
OPEN_OFFERS: Final = Line("可接 {n} 条：", "{n} to take:")
OFFER: Final = Line(
    "{short}（{category}）{where}，还剩{seconds}秒", "{short} ({category}) {where}, {seconds} s left"
)
QUESTIONS_WAIT: Final = Line(
    "居民提问 {n} 条，回复“问题”查看。", '{n} questions from residents: reply "questions".'
)
NOTHING_OPEN: Final = Line("现在没有可接的任务。", "Nothing can be taken now.")
NO_SUCH_OFFER: Final = Line(
    "没有推送过尾号为 {digits} 的任务。", "Nothing that ends in {digits} was offered to you."
)
SEVERAL: Final = Line(
    "有多条尾号相同，请发完整编号：{numbers}", "Several end so, send the whole number: {numbers}"
)
WON: Final = Line(
    "已接下 {number}（{category}），{where}，报案后{seconds}秒。导航和详情请打开小程序；请尽快{next}。",
    "Yours: {number} ({category}), {where}, {seconds} s after the report. Open the mini-program for the way there; "
    "please go soon: {next}.",
)
WON_AGAIN: Final = Line("{number} 已是您的任务。", "{number} is yours already.")
TAKEN_BY: Final = Line(
    "已被{who}先接下（报案后{seconds}秒）。谢谢！",
    "{who} was first, {seconds} s after the report. Thank you!",
)
TAKEN: Final = Line("已被其他民警先接下。谢谢！", "A colleague was first. Thank you!")
DECLINED: Final = Line("已记录：不接 {short}。", "Noted: not {short}.")
EN_ROUTE: Final = Line(
    "已出发：{number}。到达后发“到了 会面码”。",
    'On the way: {number}. There, send "arrived" and the meet code.',
)
STILL_COMING: Final = Line("已记录，继续前往 {number}。", "Noted: on your way to {number}.")
ARRIVED: Final = Line("已到达：{number}。办结后：{next}", "Arrived: {number}. When done: {next}")
HOW_TO_ARRIVE: Final = Line(
    "请发“到了”和报案人手机上的四位会面码；或在现场打开本聊天、上报位置后再发“到了”。",
    'Send "arrived" and the four digits on the reporter\'s phone; or open this chat at the place and send "arrived" again.',
)
WHICH_END: Final = Line("{number} 如何办结？\n{choices}", "How did {number} end?\n{choices}")
CLOSED: Final = Line("已办结：{number}（{disposition}）。", "Closed: {number} ({disposition}).")
WHY_RELEASE: Final = Line(
    "为什么放弃 {number}？可点选，或发“放弃 原因”。\n{choices}",
    'Why let {number} go? Tap, or send "release" and the reason.\n{choices}',
)
RELEASED: Final = (
    Line("已放弃 {number}，正在询问其他民警。", "{number} let go: others are asked."),
    Line("已放弃 {number}，已转值班台。", "{number} let go: the desk has it."),
)
CHANGED: Final = Line(
    "情况已变化，刚才的操作没有执行。您手上现在是 {number}（{category}），{state}。确认后请再发一次。",
    "Things have changed, nothing was done. In hand now: {number} ({category}), {state}. If that is the one, send it again.",
)
OVER: Final = Line(
    "情况已变化，刚才的操作没有执行：那项任务已不在您手上。",
    "Things have changed, nothing was done: that one is no longer yours.",
)
NO_QUESTIONS: Final = Line("没有待回复的居民提问。", "No questions wait.")
QUESTION: Final = Line("【{n}】{words}", "[{n}] {words}")
HOW_TO_ANSWER: Final = Line("回复“答 编号 内容”。", 'Reply "answer", the number and your words.')
ANSWERED: Final = Line("已回复 {n}。", "Answered: {n}.")
STATES: Final[dict[str, Line]] = {
    "claimed": Line("已接下，未出发", "taken, not under way"),
    "assigned": Line("值班台指派，未出发", "assigned by the desk, not under way"),
    "en_route": Line("在途", "on the way"),
    "arrived": Line("已到达", "arrived"),
}
AWAY: Final = Line("距您约{metres}米{direction}", "about {metres} m{direction}")
HERE: Final = Line("在您附近", "near you")
UNKNOWN_PLACE: Final = Line("位置见小程序", "see the place in the mini-program")
DIRECTIONS: Final = (
    Line("（北）", " to the north"), Line("（东北）", " to the north-east"), Line("（东）", " to the east"),
    Line("（东南）", " to the south-east"), Line("（南）", " to the south"), Line("（西南）", " to the south-west"),
    Line("（西）", " to the west"), Line("（西北）", " to the north-west"),
)  # fmt: skip
