"""The five kinds of error that the core raises; a door turns the kind into its own words.

`code` is stable and part of the API; `message` is a sentence for people; `facts` go to the log
and to the caller, so they hold ids, counts and times, never personal data.
"""

from __future__ import annotations

from typing import ClassVar


class AppError(Exception):
    """Base of what the core raises on purpose. Use one of the five kinds below."""

    code: ClassVar[str] = "error"
    message: ClassVar[str] = "出错了，请稍后再试"
    message_en: ClassVar[str] = "Something went wrong, please try again"

    def __init__(self, detail: str | None = None, **facts: object) -> None:
        super().__init__(detail or self.message_en)
        self.detail = detail or self.message_en
        self.facts = facts


class NotFound(AppError):
    """No such thing, or not for this person: a stranger cannot tell the two apart."""

    code = "not_found"
    message = "没有找到"
    message_en = "Not found"


class Forbidden(AppError):
    """The person is known, and this is not theirs to do."""

    code = "forbidden"
    message = "没有权限"
    message_en = "You may not do this"


class Unauthenticated(Forbidden):
    """Nobody, or somebody whose session ended: sign in (again)."""

    code = "sign_in"
    message = "请先登录"
    message_en = "Sign in first"


class Conflict(AppError):
    """The world has moved on: another was first, or the epoch is stale."""

    code = "conflict"
    message = "情况已变化，请刷新"
    message_en = "Things have changed, please refresh"


class Invalid(AppError):
    """What was given cannot be used; the detail says what, where and what to do."""

    code = "invalid"
    message = "内容有误"
    message_en = "This cannot be used"


class LimitReached(Invalid):
    """A named limit was reached; `facts` hold its name and value, and when to try again."""

    code = "limit_reached"
    message = "已达上限，请稍后再试"
    message_en = "A limit was reached, try again later"


class Unavailable(AppError):
    """A part we need is down; nothing was done, trying again is safe."""

    code = "unavailable"
    message = "服务暂时不可用，请稍后再试；紧急情况请拨打110"
    message_en = "Temporarily unavailable, please try again; in an emergency call 110"
