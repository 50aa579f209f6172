"""What complaints refuse."""

from __future__ import annotations

from app.kit.errors import Conflict, Invalid, NotFound


class ComplaintNotFound(NotFound):
    """No such complaint."""

    code = "complaint_not_found"
    message = "没有该投诉"
    message_en = "There is no such complaint"


class AlreadyAnswered(Conflict):
    """A complaint is answered once."""

    code = "complaint_answered"
    message = "该投诉已答复"
    message_en = "This complaint has been answered already"


class ComplaintFull(Invalid):
    """The words do not fit whole, and nothing of them was written; `facts["left"]` says how many characters would."""

    code = "complaint_full"
    message = "投诉内容过长，没有加上"
    message_en = "The complaint has no room for this; nothing was added"
