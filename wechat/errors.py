"""What WeChat's refusals mean for us: one table, code to reading."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reading(StrEnum):
    """What the backend does about a refusal."""

    DONE = "done"  # a repeat of what WeChat already has: as good as success
    RETRY = "retry"  # busy: back off with jitter
    REFRESH = "refresh"  # the access token is bad; the client has already tried a new one
    ONE_BY_ONE = "one_by_one"  # another send to this person is under way: again after 1-2 s
    WAIT_MINUTE = "wait_minute"  # at least 60 s
    WAIT_ALONE = "wait_alone"  # this one message again in 60 s; others may go
    WAIT_QUOTA = "wait_quota"  # until midnight in Beijing, or until the quota is reset
    WINDOW_CLOSED = "window_closed"  # the person must write first; use another channel
    REFUSED_BY_PERSON = "refused_by_person"  # use another channel, expect no consent
    NOT_FOLLOWING = "not_following"  # use another channel until a follow event
    WRONG_OPENID = "wrong_openid"  # not a person of this account: check the pairing
    BAD_CONTENT = "bad_content"  # kind, size or length of what was sent: change it first
    MEDIA_LOST = "media_lost"  # upload again; a citizen's media is recorded as lost
    CODE_SPENT = "code_spent"  # the client must sign in anew; never the same code again
    SIGN_IN_BLOCKED = "sign_in_blocked"  # WeChat sees a risk: offer the phone, do not loop
    AUTHORISE_AGAIN = "authorise_again"
    NO_MENU = "no_menu"  # the account has none yet: create it
    UNCHECKED = "unchecked"  # WeChat could not check this content; go on, marked so
    HOLD_FOR_REVIEW = "hold_for_review"
    OUR_FAULT = "our_fault"  # body, parameter or template: no retry, a person must look
    CAPABILITY_GONE = "capability_gone"  # the account may not do this (any more): degrade
    OPERATOR = "operator"  # secret, address or account: nothing works until one acts
    UNKNOWN = "unknown"  # not in the table: no retry, a person must look


MEANINGS: Final[dict[Reading, tuple[str, str]]] = {
    Reading.DONE: ("it has this already", "nothing: as good as success"),
    Reading.RETRY: ("it is busy", "again, with back-off and full jitter"),
    Reading.REFRESH: (
        "the access token is bad",
        "one new token, one repeat; then nobody is written to for a minute",
    ),
    Reading.ONE_BY_ONE: ("another send to this person is under way", "again after 1.5 s"),
    Reading.WAIT_MINUTE: ("too many calls in this minute", "the channel rests for a minute"),
    Reading.WAIT_ALONE: ("this message was repeated too fast", "this message again after 60 s"),
    Reading.WAIT_QUOTA: (
        "the day's calls are used up",
        "the channel rests until midnight in Beijing; the next one has it",
    ),
    Reading.WINDOW_CLOSED: (
        "the person must write first",
        "our record of their window is emptied; the next channel has it",
    ),
    Reading.REFUSED_BY_PERSON: (
        "the person does not want it",
        "their consent is emptied; the next channel has it",
    ),
    Reading.NOT_FOLLOWING: ("the person does not follow the account", "the next channel has it"),
    Reading.WRONG_OPENID: (
        "not a person of this account",
        "dead letter; look at the pairing of AppID and openid",
    ),
    Reading.BAD_CONTENT: ("kind, size or length is not allowed", "dead letter"),
    Reading.MEDIA_LOST: ("the media is gone", "a citizen's media is recorded as lost"),
    Reading.CODE_SPENT: ("the sign-in code is used or old", "the client signs in anew"),
    Reading.SIGN_IN_BLOCKED: ("it sees a risk in this person", "sign-in is refused, the phone is offered"),
    Reading.AUTHORISE_AGAIN: ("the web authorisation has ended", "authorise again"),
    Reading.NO_MENU: ("the account has no menu", "create one"),
    Reading.UNCHECKED: ("the person was not active in the last 2 h", "it stays unchecked, and is marked so"),
    Reading.HOLD_FOR_REVIEW: ("the content is against its rules", "held for a human"),
    Reading.OUR_FAULT: ("body, parameter or template is wrong", "dead letter"),
    Reading.CAPABILITY_GONE: (
        "the account may not do this (any more)",
        "the channel rests for an hour at a time; the next one has it; an operator looks",
    ),
    Reading.OPERATOR: (
        "secret, address or account is wrong or frozen",
        "the channel rests for 5 min at a time; an operator acts",
    ),
    Reading.UNKNOWN: ("a code that is not in this table", "dead letter"),
}
"""What WeChat says, and what we do about it when it is about a notice, in words for operators."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one error code means; `alert` when a person must hear of it."""

    reading: Reading
    alert: bool


def _rows(reading: Reading, codes: Iterable[int], *, alert: bool = False) -> Iterator[tuple[int, Row]]:
    return ((code, Row(reading, alert)) for code in codes)


READINGS: Final[dict[int, Row]] = dict(
    [
        *_rows(Reading.RETRY, (-1, 61450)),
        *_rows(Reading.REFRESH, (40001, 40014, 42001), alert=True),
        *_rows(Reading.OPERATOR, (40002, 40013, 40125, 41002, 41004), alert=True),
        *_rows(Reading.OPERATOR, (40164, 89501, 89503, 89506, 89507), alert=True),
        *_rows(Reading.OPERATOR, (40243, 50004, 50007), alert=True),
        *_rows(Reading.WRONG_OPENID, (40003, 46004), alert=True),
        *_rows(Reading.NOT_FOLLOWING, (43004, 50005)),
        *_rows(Reading.REFUSED_BY_PERSON, (43019, 48002, 43101)),
        *_rows(Reading.CAPABILITY_GONE, (43107, 48004, 48008, 48001, 50001, 50002), alert=True),
        *_rows(Reading.ONE_BY_ONE, (43108,)),
        *_rows(Reading.WAIT_QUOTA, (45009,), alert=True),
        *_rows(Reading.WAIT_MINUTE, (45011,)),
        *_rows(Reading.WINDOW_CLOSED, (45015, 45047)),
        *_rows(Reading.BAD_CONTENT, (*range(40004, 40007), *range(40009, 40013), 40137)),
        *_rows(Reading.BAD_CONTENT, range(45001, 45009)),
        *_rows(Reading.MEDIA_LOST, (40007,)),
        *_rows(Reading.CODE_SPENT, (40029, 40163, 41008, 42003)),
        *_rows(Reading.SIGN_IN_BLOCKED, (40226,)),
        *_rows(Reading.AUTHORISE_AGAIN, (40030, 42002, 42007)),
        *_rows(
            Reading.OUR_FAULT,
            (40033, 40035, 40097, 41001, *range(43001, 43004), 44002, 44004, 47001),
            alert=True,
        ),
        *_rows(Reading.OUR_FAULT, (40037, 41030, 47003, 40036), alert=True),
        *_rows(
            Reading.OUR_FAULT,
            (*range(40015, 40029), 40119, 40120, 65301, 65303, 65305, 65307, 65316),
            alert=True,
        ),  # a menu's form
        *_rows(Reading.OUR_FAULT, (40008, 41006, *range(40052, 40055)), alert=True),  # a call's form
        *_rows(Reading.OUR_FAULT, (40032, 45058, *range(45157, 45160), 65317), alert=True),  # tags
        *_rows(Reading.NOT_FOLLOWING, (49003,)),
        *_rows(Reading.NO_MENU, (46003,)),
        *_rows(Reading.DONE, (45065,)),
        *_rows(Reading.WAIT_ALONE, (45066,)),
        *_rows(Reading.UNCHECKED, (61010,)),
        *_rows(Reading.HOLD_FOR_REVIEW, (87014,)),
    ]
)

BAD_TOKEN_CODES: Final = frozenset(code for code, row in READINGS.items() if row.reading is Reading.REFRESH)
_UNKNOWN: Final = Row(Reading.UNKNOWN, alert=True)


def read_code(code: int) -> Row:
    """What an error code of WeChat's API means; a code without a row is `UNKNOWN`, with alert."""
    return READINGS.get(code, _UNKNOWN)


class WeChatError(Exception):
    """A call of WeChat's API that did not succeed."""

    def __init__(self, api: str, sentence: str) -> None:
        super().__init__(f"{api}: {sentence}")
        self.api = api


class WeChatRefused(WeChatError):
    """WeChat answered, and said no.

    `rid` names the call to WeChat's support for 7 days. `hint` is the part of WeChat's answer that
    says where the fault is (an address not allowed, a template's key), and nothing personal.
    """

    def __init__(self, api: str, code: int, *, rid: str | None, hint: str | None) -> None:
        row = read_code(code)
        where = f", at {hint}" if hint else ""
        super().__init__(
            api,
            f"WeChat refused with {code}{where}, to be handled as {row.reading} "
            f"(rid {rid or 'none'}; explain it with POST /cgi-bin/openapi/rid/get)",
        )
        self.code = code
        self.rid = rid
        self.hint = hint
        self.reading = row.reading
        self.alert = row.alert


class WeChatUnreachable(WeChatError):
    """WeChat did not answer, or with something that is not an answer.

    `sent` is False only when it is certain that the request asked for never left; otherwise WeChat
    may have acted on it, and a repeat may be a duplicate.
    """

    def __init__(self, api: str, *, sent: bool, cause: str) -> None:
        outcome = "it may have been acted on" if sent else "nothing was sent, repeating is safe"
        super().__init__(api, f"WeChat is unreachable ({cause}); {outcome}")
        self.sent = sent
        self.cause = cause
        self.reading = Reading.RETRY


class AnswerTooLarge(WeChatError):
    """An answer or a file beyond the cap; nothing of it is kept."""

    def __init__(self, api: str, *, max_bytes: int) -> None:
        super().__init__(api, f"larger than {max_bytes} bytes; a file is to be recorded as not kept")
        self.max_bytes = max_bytes


class MediaElsewhere(WeChatError):
    """A video: WeChat answers with a link to another host, which the caller must allow first."""

    def __init__(self, api: str, *, url: str) -> None:
        super().__init__(api, "WeChat answered with a link instead of the file; see `url`")
        self.url = url


def codes_page() -> str:
    """The reference page of every code, in Markdown."""
    codes: dict[tuple[Reading, bool], list[int]] = {}
    for code, row in READINGS.items():
        codes.setdefault((row.reading, row.alert), []).append(code)
    lines = [
        f"| {', '.join(str(c) for c in sorted(found, key=abs))} | `{reading}` | {MEANINGS[reading][0]} |"
        f" {MEANINGS[reading][1]} | {'yes' if alert else ''} |"
        for (reading, alert), found in codes.items()
    ]
    unknown = MEANINGS[Reading.UNKNOWN]
    return "\n".join(
        [
            "# WeChat's codes",
            "",
            "What each error code of WeChat's API means to us, printed by `python -m wechat.errors`. The reading stands in logs,",
            "in the ledger of notices, and in `didi outbox list`. With an alert the log line is an error.",
            "After a dead letter, too, the next channel has the notice.",
            "",
            "| codes | reading | WeChat says | we do | alert |",
            "| --- | --- | --- | --- | --- |",
            *lines,
            f"| any other | `{Reading.UNKNOWN}` | {unknown[0]} | {unknown[1]} | yes |",
            "",
        ]
    )


if __name__ == "__main__":
    print(codes_page(), end="")
