"""Why a question or an answer was refused."""

from __future__ import annotations

from app.kit.errors import Conflict, LimitReached, NotFound


class NoCommunityOfficer(NotFound):
    """The resident has scanned no officer's code, or has undone it."""

    code = "no_community_officer"
    message = "您还没有关联社区民警，请扫描片警的二维码"
    message_en = "You have no community officer yet: scan their code"


class OfficerNotThere(NotFound):
    """The scanned code leads to nobody who can be asked."""

    code = "officer_not_there"
    message = "该二维码已失效"
    message_en = "This code is no longer valid"


class TooManyQuestions(LimitReached):
    """Three open questions, or ten in a day."""

    code = "too_many_questions"
    message = "您的提问较多，请先等待回复。紧急情况请拨打110"
    message_en = "You have asked a lot: please wait for an answer. In an emergency call 110"


class QuestionNotFound(NotFound):
    """No such question, or not with this officer or desk."""

    code = "question_not_found"
    message = "没有找到该问题，可能已转交值班台"
    message_en = "No such question; the desk may have it"


class QuestionAnswered(Conflict):
    """Somebody has answered it."""

    code = "question_answered"
    message = "该问题已有回复"
    message_en = "This question has its answer"
