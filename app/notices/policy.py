"""The one table of notices: for each kind who is told, by which channels in order, how urgent, in which words.

`python -m app.notices.policy` prints docs/reference/notices.md; a test keeps the two the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.notices.tables import Channel
from app.notices.words import QUIET, WORDS, Words


class Told(StrEnum):
    """Who a notice is for."""

    REPORTER = "reporter"
    ASKED = "officer asked"  # an officer to whom a case is offered
    HOLDER = "officer in hand"  # who has the case, or just had it
    ON_DUTY = "officer on duty"
    COMMUNITY_OFFICER = "community officer"
    RESIDENT = "resident"
    JOINED = "who said me too"


@dataclass(frozen=True, slots=True)
class Policy:
    """One kind of notice. `priority` 1 is the highest; `short` are the words of a template, at most 20 characters.

    What is `hurried` does not wait for a channel that fails for the moment: the next one has it at once, be it that
    the person hears of it twice.
    """

    kind: str
    told: Told
    priority: int
    channels: tuple[Channel, ...]
    short: Words
    hurried: bool = False


TO_CITIZEN = (Channel.SOCKET, Channel.OFFICIAL_ACCOUNT, Channel.TEMPLATE, Channel.SUBSCRIPTION)
"""A citizen's ways, first one first; what none can carry waits in the chat and the mini-program."""
TO_OFFICER = (*TO_CITIZEN, Channel.PAGER)
OFFER = (Channel.OFFICIAL_ACCOUNT, Channel.TEMPLATE, Channel.SUBSCRIPTION, Channel.PAGER)
"""An offer lives for a minute, danger waits for nobody: neither is kept back while an open mini-program shows it."""
_OFFER = Words("有一条可接的任务", "Something to take")
IN_SILENCE = (Channel.OFFICIAL_ACCOUNT,)
"""Silent mode: a template's title on a lock screen would tell what the neutral words keep back."""

POLICIES: dict[str, Policy] = {
    p.kind: p
    for p in (
        Policy("handed_over", Told.REPORTER, 1, TO_CITIZEN, Words("已转交派出所值班台", "With the desk")),
        Policy("ringing", Told.REPORTER, 3, TO_CITIZEN, Words("已同时提请其他值班台", "Another desk rings")),
        Policy("claimed", Told.REPORTER, 1, TO_CITIZEN, Words("已有人接手", "Taken on")),
        Policy("en_route", Told.REPORTER, 4, TO_CITIZEN, Words("已出发", "On the way")),
        Policy("arrived", Told.REPORTER, 3, TO_CITIZEN, Words("已到达", "Arrived")),
        Policy("closed", Told.REPORTER, 2, TO_CITIZEN, Words("已办结，请评价", "Closed, please rate")),
        Policy("cancelled", Told.REPORTER, 2, TO_CITIZEN, Words("已取消", "Cancelled")),
        Policy("merged", Told.REPORTER, 2, TO_CITIZEN, Words("已与其他报告合并", "Handled with others")),
        Policy("me_too_ended", Told.JOINED, 4, TO_CITIZEN, Words("您关注的情况已结束", "It has ended")),
        Policy("offer", Told.ASKED, 1, OFFER, _OFFER, hurried=True),
        # Of an urgent case every way is used at the same time.
        Policy(
            "offer_now", Told.ASKED, 1, (Channel.OFFICIAL_ACCOUNT, Channel.TEMPLATE), _OFFER, hurried=True
        ),
        Policy("offer_now_notice", Told.ASKED, 1, (Channel.SUBSCRIPTION,), _OFFER),
        Policy("offer_now_page", Told.ASKED, 1, (Channel.PAGER,), _OFFER),
        Policy(
            "duty_test",
            Told.ON_DUTY,
            1,
            OFFER,
            Words("上岗提醒测试，请忽略", "Only a test"),
            hurried=True,
        ),
        Policy("nudge", Told.HOLDER, 1, TO_OFFICER, Words("手上的任务请确认", "Please confirm")),
        Policy("raised", Told.HOLDER, 1, OFFER, Words("手上的任务情况升级", "It became urgent")),
        Policy("assigned", Told.HOLDER, 1, TO_OFFICER, Words("值班台给您指派了任务", "Assigned to you")),
        Policy(
            "question", Told.COMMUNITY_OFFICER, 4, TO_CITIZEN, Words("有一条新留言", "A new message waits")
        ),
        Policy(
            "question_handed_over",
            Told.RESIDENT,
            4,
            TO_CITIZEN,
            Words("您的留言已转交", "Passed to the desk"),
        ),
        Policy("answer", Told.RESIDENT, 4, TO_CITIZEN, Words("您有一条新回复", "A new answer waits")),
        Policy(
            "called_off", Told.HOLDER, 1, TO_OFFICER, Words("手上的任务已取消或改派", "Cancelled or moved")
        ),
    )
}
"""Kind to policy. A rule that tells a kind which is not here is refused when it is written."""
SHORT_QUIET = Words("您有一条新消息", "A new message")


def channels_of(kind: str, *, quiet: bool = False) -> tuple[Channel, ...]:
    """The ways of this kind in order; of a kind that is not in the table the Official Account alone."""
    policy = POLICIES.get(kind)
    if policy is None:
        return (Channel.OFFICIAL_ACCOUNT,)
    return tuple(c for c in policy.channels if c in IN_SILENCE) if quiet else policy.channels


def next_channel(kind: str, channel: Channel, *, quiet: bool, ready: frozenset[Channel]) -> Channel | None:
    """The way after `channel` of those that are `ready` here; None: it waits to be asked for."""
    ways = channels_of(kind, quiet=quiet)
    after = ways[ways.index(channel) + 1 :] if channel in ways else ()
    return next((c for c in after if c in ready), None)


def short_words(kind: str, language: str, *, quiet: bool = False) -> str:
    """What stands in a template's field for words: at most 20 characters, no line break.

    Raises:
        KeyError: a kind that is not in the table.
    """
    words = SHORT_QUIET if quiet else POLICIES[kind].short
    return words.en if language == "en" else words.zh


def notices_page() -> str:
    """The reference page, in Markdown."""
    lines = [
        "# Notices",
        "",
        "What a person is told outside an open page, printed by `python -m app.notices.policy`.",
        "",
        "Channels are tried in order, one at a time. The next one has the notice when the one before has no window,",
        "no consent, no message left in the day, or refused for good; nothing is sent that is no longer true.",
        "What no channel could carry waits: the chat's next answer counts it, the mini-program lists it. Who reported",
        f"in silent mode is told by {_named(IN_SILENCE)} alone, in the neutral words at the end.",
        "What is marked *hurried* waits for no channel that fails for the moment: the next one has it at once.",
        "",
        "| kind | told | priority | channels, in order | in a template |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| `{p.kind}` | {p.told} | {p.priority}{', *hurried*' if p.hurried else ''} | {_named(p.channels)} | {p.short.zh} / {p.short.en} |"
            for p in POLICIES.values()
        ),
        "",
        "## Channels",
        "",
        "| channel | what it is | counts as told when |",
        "| --- | --- | --- |",
        *(f"| `{channel}` | {what} | {when} |" for channel, (what, when) in _CHANNELS.items()),
        "",
        "## Words",
        "",
        "`{...}` are facts of the notice. They hold no name, no place and no word of a report.",
        "",
        "| kind | Chinese | English |",
        "| --- | --- | --- |",
        *(f"| `{kind}` | {words.zh} | {words.en} |" for kind, words in WORDS.items() if kind != QUIET),
        f"| silent mode | {WORDS[QUIET].zh} | {WORDS[QUIET].en} |",
        "",
    ]
    return "\n".join(lines)


def _named(channels: tuple[Channel, ...]) -> str:
    return ", ".join(f"`{channel}`" for channel in channels)


_CHANNELS: dict[Channel, tuple[str, str]] = {
    Channel.SOCKET: (
        "the mini-program, open at this moment; left out for whoever has no socket",
        "the phone says within 3 s that it showed it",
    ),
    Channel.OFFICIAL_ACCOUNT: ("a customer-service message, while a window is open", "WeChat took it"),
    Channel.TEMPLATE: (
        "a template message or subscription notice of the Official Account, where a template is set",
        "WeChat took it; it is told to have failed when WeChat says so later",
    ),
    Channel.SUBSCRIPTION: (
        "a subscription message of the mini-program, where a template is set and the person agreed",
        "WeChat took it; as above",
    ),
    Channel.PAGER: ("an officer's pager, where one is set up", "the pager took it"),
}


if __name__ == "__main__":
    print(notices_page(), end="")
