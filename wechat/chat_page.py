"""The reference page of what a citizen can write: `python -m wechat.chat_page > docs/reference/chat.md`."""

from __future__ import annotations

from typing import Final

from app.cases.queries import Flag
from app.dispatch.citizen import CORRECT_RATING_MIN
from app.dispatch.nearby import PEOPLE_MIN, TOLD_A_DAY
from app.stations.categories import DEFAULT_CATEGORIES
from wechat import replies
from wechat.elsewhere import SERVICES
from wechat.intents import ASKINGS, Asking
from wechat.reporting import LAST_TURN, MOST_ASKS_FOR_PLACE

_HEAD: Final = f"""# What a citizen can write

Printed by `python -m wechat.chat_page` from the tables that the account works by. Whatever is written, of any kind, is
answered, in the language it was written in. Danger stands before all of this: words that speak of it, and the menu's
button for it, are answered with 110 whatever else is under way ([safety](../explanation/safety.md)).

## A report
Words or a photo, a category and a place, in any order; only what is missing is asked for. At most {LAST_TURN} messages lead to a
number: each question is put once, the place {MOST_ASKS_FOR_PLACE} times, and the fourth message opens the case with whatever is there.

- **Category**: recognised by words, else offered to tap: the list of the station that has the place, or of the command centre
  while that is not known. One that is not taken at this hour says so and is born with the desk.
- **Place**: WeChat's location, a place picked on its map, or words. Words that name a known place are asked about ("do you mean
  ...?") before they count; other words stay as they are, and the desk asks. Known places are imported for each station by its
  administrator: `PUT /console/v1/stations/{{id}}/places`, a CSV of `name,aliases,lat,lng`.
- **Outside** the area of every station a report goes to the command centre's desk, where there is none to the nearest station's,
  and it is said so.
- **Me too**: of {{shared}} somebody who is about to report the same within about 300 m is asked whether it is this one, told its
  category and no more; only when {PEOPLE_MIN} different people have spoken of it, {TOLD_A_DAY} times a day. Where the desk has opened an area case,
  its words are asked about, for its category. "Me too" opens no case and is told of the end; anything else does. Danger,
  silent mode, children and missing persons are never asked.
- **Missing person**: age and risk are asked first, at any hour, with no limit. A question passed over counts as yes.
- **Online fraud**: 96110 before anything else; nobody need come, so no place is asked for.
- A report that is not finished waits for `DIDI_DRAFT_KEPT_DAYS` days. After an hour's pause the next message says that it goes
  on; too old, it is erased, and its writer is told once.
- After the number, photos and words are added, a location moves the case. Words that name another kind of matter are asked
  about; passed over twice they are added: one matter is one case.

## What a line asks for
A whole line, give or take punctuation and case.

| asks for | in Chinese | in English | what it does |
| --- | --- | --- | --- |
"""

_RATING: Final = f"""
A bare number answers the question that was asked; with none asked, 1 to 5 rates the report that was closed last. A rating is
given once: for {CORRECT_RATING_MIN} minutes a slip of the thumb can be put right, then it stands.
"""

_TAIL: Final = f"""
## How to be met
Said in a line of its own, within other words ("I am 12", "don't call me"), or by the menu. It reaches the officer with the case,
and the desk; it is never taken down again.

| flag | seen as | what it does |
| --- | --- | --- |
| `{Flag.TEXT_ONLY}` | never call: write | contact is locked for officer and desk; `despite_text_only` with a purpose unlocks it, in the audit chain |
| `{Flag.LARGE_PRINT}` | write large | told before arrival |
| `{Flag.CHILD}` | the reporter is a child | told before arrival |
| `{Flag.FOR_ANOTHER}` | the place is another person's | told before arrival; the place that is asked for is theirs |

Phrases to tap in silent mode: {{presets}}.
Notices of a silent case say nothing; its state is told only when asked for. Giving up a silent report, also one that was not
opened yet, goes to the desk with the same neutral answer as withdrawing one: somebody may be forcing the hand.

## What is no police work
Told where it belongs, and nothing is opened. "仍要报警" ("report anyway"), a photo, a location or more words report it all the same.
What a category of the police names is never sent elsewhere.

| call | for | such as |
| --- | --- | --- |
"""

_END: Final = """
## Complaints about police
12389, or written here: then the auditor of all stations alone reads them, by `/console/v1/complaints`, each look on record. They have a
number (`D482-915-3067`) and a receipt of their own, are encrypted, and no event, notice, queue or board knows of them. Until
"完" ("done"), what is written is added to the complaint; a command leaves it too, and so do 30 minutes. Words that may be a
complaint or a report are asked about, and nobody reads them before the answer. A complaint takes words only, 2,000 characters
in all: what does not fit is refused whole, with how many fit. Words of danger go to the desk at once even here: life comes first.

## Other kinds
"""


def page() -> str:
    """The page as Markdown."""
    tail = _TAIL.replace("{presets}", ", ".join(f"{line.zh} ({line.en})" for line in replies.PRESETS))
    services = "".join(f"| {one.phone} | {one.what.en} | {one.such} |\n" for one in SERVICES)
    kinds = "".join(f"- `{kind}`: {line.en}\n" for kind, line in replies.KINDS.items())
    shared = ", ".join(f"`{c.key}`" for c in DEFAULT_CATEGORIES if c.shared)
    return (
        _HEAD.replace("{shared}", shared)
        + "".join(_row(asking) for asking in ASKINGS)
        + _RATING
        + _categories()
        + tail
        + services
        + _END
        + kinds
    )


def _row(asking: Asking) -> str:
    zh, en = "、".join(asking.zh), ", ".join(asking.en)
    example = f" Example: {asking.example}" if asking.example else ""
    return f"| {asking.intent} | {zh or '-'} | {en or '-'} | {asking.does}{example} |\n"


def _categories() -> str:
    rows = "".join(
        f"| `{c.key}` | {c.zh} | {c.en} | {'、'.join(c.words[:4])} |\n" for c in DEFAULT_CATEGORIES
    )
    return (
        "\n## Categories\nUnless a station has its own.\n\n| key | Chinese | English | recognised by, among others |\n"
        f"| --- | --- | --- | --- |\n{rows}"
    )


if __name__ == "__main__":
    print(page(), end="")
