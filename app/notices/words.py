"""The words of notices, Chinese and English, fit for a lock screen: never what, where or who.

A station's name and phone stand only where the case is handed over or rings elsewhere, for there the
citizen must know whom to call. "Progress" and "status" are answered by the chat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Words:
    """One notice in both languages, with fields of its facts."""

    zh: str
    en: str


QUIET = "quiet"
"""What a person who reported in silent mode is told, whatever happened."""

_OFFER = Words(
    "附近有一条可接的任务：在此回复“接 {short}”，或打开小程序。",
    'Something near you can be taken: reply "take {short}" here, or open the mini-program.',
)
_OFFER_LAST = Words(
    f"{_OFFER.zh}微信允许的条数快用完了，请在此回复“在岗”，以便继续收到提醒。",
    f'{_OFFER.en} WeChat allows few more messages: please reply "on duty" here, so that they keep coming.',
)

WORDS: dict[str, Words] = {
    "handed_over": Words(
        "您的报告 {number} 已转交{station}值班台（电话 {phone}），值班人员会与您联系。回复“进度”随时查看。紧急情况请拨打110。",
        "Your report {number} is now with the desk of {station_en} (phone {phone}), who will contact you. "
        'Reply "status" at any time. In an emergency call 110.',
    ),
    "handed_over:nobody_reachable": Words(
        "您的报告 {number}：目前没有可派出的人员，已立即转交{station}值班台（电话 {phone}），值班人员会与您联系。"
        "回复“进度”随时查看。紧急情况请拨打110。",
        "Your report {number}: nobody could be asked just now, so it went at once to the desk of {station_en} "
        '(phone {phone}), who will contact you. Reply "status" at any time. In an emergency call 110.',
    ),
    "ringing": Words(
        "您的报告 {number} 已同时提请{station}值班台（电话 {phone}）处理。回复“进度”随时查看。紧急情况请拨打110。",
        "Your report {number} now also rings at the desk of {station_en} (phone {phone}). "
        'Reply "status" at any time. In an emergency call 110.',
    ),
    "claimed": Words(
        "您的报告 {number} 已有人接手。回复“进度”查看详情。",
        'Your report {number} has been taken on. Reply "status" for details.',
    ),
    "en_route": Words(
        "您的报告 {number} 有新进展：已出发。回复“进度”查看详情。",
        'Your report {number}: on the way. Reply "status" for details.',
    ),
    "arrived": Words(
        "您的报告 {number} 有新进展：已到达。会面时请核对会面码，回复“进度”查看。",
        'Your report {number}: arrived. Compare the meet code when you meet; reply "status" to see it.',
    ),
    "closed": Words(
        "您的报告 {number} 已办结。请回复“评分5”到“评分1”评价（5为最满意）；如未解决，7天内回复“未解决”。",
        'Your report {number} is closed. Please reply "rate 5" to "rate 1" (5 is best), '
        'or "not solved" within 7 days.',
    ),
    "cancelled": Words(
        "您的报告 {number} 已取消。如仍需帮助，请直接在此留言。紧急情况请拨打110。",
        "Your report {number} has been cancelled. If you still need help, write here. In an emergency call 110.",
    ),
    "merged": Words(
        "您的报告 {number} 已与同一事件的其他报告合并处理。回复“进度”查看详情。",
        'Your report {number} is now handled together with others of the same event. Reply "status" for details.',
    ),
    "me_too_ended": Words(
        "您此前反映的同类情况已结束处理。如情况仍在，请直接在此写下。紧急情况请拨打110。",
        "What you reported together with others has ended. If it goes on, write here. In an emergency call 110.",
    ),
    QUIET: Words("您有一条新消息，回复“进度”查看。", 'You have a new message. Reply "status" to see it.'),
    "offer": _OFFER,
    "offer:last": _OFFER_LAST,
    "offer_now": _OFFER,
    "offer_now:last": _OFFER_LAST,
    "offer_now_notice": _OFFER,
    "offer_now_page": _OFFER,
    "duty_test": Words(
        "这是上岗提醒测试：您能在此收到提醒。无需处理。",
        "A test as you go on duty: you are reached here. There is nothing to do.",
    ),
    "duty_test:last": Words(
        "这是上岗提醒测试：您能在此收到提醒，但微信允许的条数快用完了。请在此回复“在岗”，以便继续收到提醒。",
        "A test as you go on duty: you are reached here, but WeChat allows few more messages. "
        'Please reply "on duty" here, so that they keep coming.',
    ),
    "question": Words(
        "您有一条新留言，回复“问题”查看，用“答 编号 内容”回复。",
        'A new message waits: reply "questions" to read it, "answer NUMBER words" to answer.',
    ),
    "question_handed_over": Words(
        "您的留言已转交{station}值班台（电话 {phone}），回复会在这里告知。紧急情况请拨打110。",
        "Your message is now with the desk of {station_en} (phone {phone}); the answer comes here. In an emergency call 110.",
    ),
    "answer": Words("您有一条新回复，回复“查看”阅读。", 'A new answer waits. Reply "read" to see it.'),
    "nudge": Words(
        "您手上的任务还没有动静：请回复“出发”或“在途”，或打开小程序确认。",
        'What you have taken shows no sign yet: reply "en route" or "still coming", or open the mini-program.',
    ),
    "raised": Words(
        "您手上的任务情况升级，请立即回复“状态”或打开小程序查看。",
        'What you have taken has become urgent: reply "status" or open the mini-program at once.',
    ),
    "assigned": Words(
        "值班台给您指派了一项任务，请回复“状态”或打开小程序查看。",
        'The desk has assigned something to you: reply "status", or open the mini-program.',
    ),
    "called_off": Words(
        "您手上的任务已取消或改派，请回复“状态”或打开小程序查看。",
        'What you had taken is cancelled or reassigned: reply "status", or open the mini-program.',
    ),
}


def words_of(kind: str, language: str, facts: Mapping[str, Any]) -> str:
    """What to send. `facts["quiet"]` puts the neutral words in place of the kind's own, `facts["variant"]` its variant's.

    Raises:
        KeyError: a kind without words, or a fact that its words need is missing: our fault, to be seen.
    """
    variant = facts.get("variant")
    words = WORDS[QUIET if facts.get("quiet") else f"{kind}:{variant}" if variant else kind]
    return (words.en if language == "en" else words.zh).format_map(facts)


def words_shown(kind: str, language: str, facts: Mapping[str, Any]) -> str:
    """What a page shows of a notice; one whose words are missing, our fault, says at least that there is news."""
    try:
        return words_of(kind, language, facts)
    except (KeyError, ValueError, IndexError):
        return words_of(QUIET, language, {"quiet": True})
