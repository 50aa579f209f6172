"""Why a move of a case was refused."""

from __future__ import annotations

from app.kit.errors import Conflict, NotFound


class CaseNotFound(NotFound):
    """No such case, or not this person's."""

    code = "case_not_found"
    message = "没有找到该警情"
    message_en = "No such case"


class CaseAlreadyTaken(Conflict):
    """Another officer was first. Facts: `officer_id`, `after_s` since the report."""

    code = "case_already_taken"
    message = "该警情已被其他民警接下"
    message_en = "Another officer has taken this case"


class CaseHandedOver(Conflict):
    """The minute is over, or the desk has it."""

    code = "case_handed_over"
    message = "该警情已移交值班台"
    message_en = "The desk has this case"


class CaseEnded(Conflict):
    """Closed, cancelled or merged. Fact: `state`."""

    code = "case_ended"
    message = "该警情已结束"
    message_en = "This case has ended"


class CaseReopened(Conflict):
    """The case is open again: this offer is of an earlier opening."""

    code = "offer_over"
    message = "该推送已失效"
    message_en = "This offer is over"


class StaleEpoch(Conflict):
    """The case has changed hands since. Facts: `epoch` now, `given`."""

    code = "stale_epoch"
    message = "该警情已换人处理"
    message_en = "The case has changed hands since"


class WrongState(Conflict):
    """The move is not allowed from where the case stands. Fact: `state`."""

    code = "wrong_state"
    message = "当前状态不能这样操作"
    message_en = "This is not possible in the case's present state"


class NotTheHolder(Conflict):
    """Somebody else holds the case."""

    code = "not_the_holder"
    message = "该警情由他人处理"
    message_en = "Somebody else holds this case"


class OfficerHasACase(Conflict):
    """One active case at a time."""

    code = "officer_has_a_case"
    message = "您手上还有未结的警情"
    message_en = "You hold another case"


class TooManyForwards(Conflict):
    """A case bounces between stations twice at most; then the commander decides."""

    code = "too_many_forwards"
    message = "该警情已转派两次，请指挥长决定"
    message_en = "Forwarded twice already: the commander decides"
