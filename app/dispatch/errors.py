"""Why dispatch refused."""

from __future__ import annotations

from app.kit.errors import Conflict, Invalid, LimitReached


class OffDuty(Conflict):
    """Only an officer on duty is offered cases and can take one."""

    code = "off_duty"
    message = "您未在岗，请先上岗"
    message_en = "You are off duty: go on duty first"


class CaseStillOpen(Conflict):
    """A citizen cannot be erased while police work on a report of theirs."""

    code = "case_still_open"
    message = "您还有未结的报警，请先撤销或等待结案后再注销"
    message_en = "A report of yours is open: cancel it, or wait until it is closed, then ask again"


class MovedTooOften(LimitReached):
    """ "I moved" of one case, more often than anybody can follow."""

    code = "moved_too_often"
    message = "位置更新过于频繁，请稍后再试；紧急情况请拨打110"
    message_en = (
        "The place was changed several times this minute; try again shortly, in an emergency call 110"
    )


class ArrivalNotShown(Invalid):
    """Neither the meet code nor a position near the place."""

    code = "arrival_not_shown"
    message = "请输入报案人手机上的会面码，或在现场附近再试"
    message_en = "Give the meet code on the reporter's phone, or try again near the place"


class TooManyCodes(Invalid):
    """Five wrong meet codes; a position near the place still counts."""

    code = "meet_code_tries"
    message = "会面码错误次数过多，请到现场后以定位确认"
    message_en = "Too many wrong meet codes; confirm by position at the place"


class UnknownDisposition(Invalid):
    """The disposition is not on the list."""

    code = "unknown_disposition"
    message = "处置结果不在列表中"
    message_en = "This disposition is not on the list"


class NotFree(Conflict):
    """The officer is off duty or holds another case."""

    code = "officer_not_free"
    message = "该民警未在岗或手上有警情"
    message_en = "The officer is off duty or holds another case"


class WindowOver(Conflict):
    """Rated already, or the seven days are over."""

    code = "window_over"
    message = "已超过期限或已操作过"
    message_en = "Done already, or the time for it is over"


class AreaNotShared(Conflict):
    """No area case for this case: it has ended, is urgent or silent, or nobody else may know of its category."""

    code = "area_not_shared"
    message = "该警情已结束、紧急、静默或类别不宜公开，不能设为区域警情"
    message_en = "This case has ended, is urgent or silent, or of a category that is not told to others"


class AreaOpenAlready(Conflict):
    """The case has an area case that runs."""

    code = "area_open_already"
    message = "该警情已有进行中的区域警情，请先结束"
    message_en = "This case has an area case already: end that one first"


class NoAreaOpen(Conflict):
    """The case has no area case that runs."""

    code = "no_area_open"
    message = "该警情没有进行中的区域警情"
    message_en = "This case has no area case that runs"
