"""What complaints refuse."""

from __future__ import annotations

from app.kit.errors import Conflict, NotFound


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
