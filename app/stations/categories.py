"""What a report can be about, when it is accepted, and the words by which a chat message names it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.stations.hours import Hours, within

MISSING_PERSON = "missing_person"
NEVER_SHARED = frozenset({MISSING_PERSON, "taxi_dispute", "neighbour_dispute"})
"""Of these nobody is told that there is one near: who is looked for, and who quarrels with whom, is theirs alone."""


class Category(BaseModel):
    """One kind of report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(pattern=r"^[a-z][a-z_]{1,29}$")
    zh: str = Field(min_length=1, max_length=20)
    en: str = Field(min_length=1, max_length=40)
    hours: tuple[Hours, ...] | None = None  # None: always; outside of them the case is born at the desk
    scene: bool = True  # False: there is nowhere to go, so the desk has it at once
    # Whoever reports the like near an open one is told of it and may say "me too" (app.dispatch.nearby).
    shared: bool = False
    skill: str | None = Field(None, max_length=30)  # only officers with it are offered the case
    words: tuple[str, ...] = ()  # in lower case; any of them in a chat message names this category

    @field_validator("words")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not word.strip() for word in value):
            raise ValueError("must not hold an empty word: every message would match it")
        return tuple(word.strip().lower() for word in value)

    @model_validator(mode="after")
    def _no_hours_for_the_missing(self) -> Category:
        if self.key == MISSING_PERSON and self.hours is not None:
            raise ValueError("a missing person is reported at any hour: take the hours out")
        return self

    @model_validator(mode="after")
    def _harmless_when_shared(self) -> Category:
        if self.shared and self.key in NEVER_SHARED:
            raise ValueError(f"{self.key} is nobody else's to know of: take shared out")
        return self


DEFAULT_CATEGORIES: tuple[Category, ...] = (
    Category(
        key="stolen_property", zh="财物被盗", en="Stolen property",
        words=("被盗", "被偷", "失窃", "偷了", "小偷", "扒手", "盗窃", "stolen", "theft", "stole", "thief", "pickpocket", "burglary"),
    ),
    Category(
        key="taxi_dispute", zh="打车纠纷", en="Taxi dispute",
        words=("打车", "出租车", "网约车", "拒载", "绕路", "多收车费", "车费", "司机", "taxi", "cab", "driver", "overcharged"),
    ),
    Category(
        key="animal_nuisance", zh="动物扰民", en="Animal nuisance", shared=True,
        words=("狗叫", "恶犬", "遛狗", "流浪狗", "流浪猫", "养狗", "动物", "蛇", "马蜂", "barking", "stray", "dog", "snake", "animal", "wasps"),
    ),
    Category(
        key=MISSING_PERSON, zh="人员走失", en="Missing person",
        words=("走失", "失踪", "走丢", "失联", "找不到人", "找不到孩子", "找不到老人", "孩子不见", "老人不见", "人不见了",
               "missing person", "missing child", "lost child", "is missing", "went missing", "disappeared"),
    ),
    Category(
        key="lost_and_found", zh="失物招领", en="Lost and found", shared=True,
        words=("丢了", "遗失", "失物", "捡到", "拾到", "忘在", "落在", "lost my", "i lost", "found a", "left my", "lost and found"),
    ),
    Category(
        key="neighbour_dispute", zh="邻里纠纷", en="Neighbour dispute",
        words=("邻居", "邻里", "楼上", "楼下", "漏水", "占道", "neighbour", "neighbor", "upstairs", "downstairs"),
    ),
    Category(
        key="noise", zh="噪音扰民", en="Noise", shared=True,
        words=("噪音", "噪声", "太吵", "很吵", "吵闹", "扰民", "广场舞", "施工", "半夜唱歌", "noise", "noisy", "loud", "music"),
    ),
    Category(
        key="online_fraud", zh="网络诈骗", en="Online fraud", scene=False,
        words=("诈骗", "被骗", "骗子", "刷单", "转账", "钓鱼网站", "杀猪盘", "验证码", "fraud", "scam", "phishing", "transferred money"),
    ),
    Category(key="other", zh="其他", en="Other", words=("其他", "其它", "something else")),
)  # fmt: skip
"""What every station takes unless it says otherwise; always open."""


def open_now(category: Category, now: datetime, timezone: str) -> bool:
    """Whether reports of this category are broadcast at `now` (aware), on the wall clock of `timezone`."""
    return within(category.hours, now, timezone)


def category_of(words: str, categories: Iterable[Category]) -> Category | None:
    """The category that a chat message names, or None.

    Its Chinese or English name counts as a word too. The longest match wins ("lost child" over "lost"),
    then the category that stands first.
    """
    text = words.lower()
    best, longest = None, 0
    for category in categories:
        for word in (category.zh, category.en.lower(), *category.words):
            if len(word) > longest and _names(word, text):
                best, longest = category, len(word)
    return best


def _names(word: str, text: str) -> bool:
    """Whether the text holds the word; an English one as a word of its own: "cab" is not in "cabbage"."""
    if not word.isascii():
        return word in text
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not (_is_latin(before) or _is_latin(after)):
            return True
        at = text.find(word, at + 1)
    return False


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()
