"""What people's accounts, sessions and duty refuse."""

from __future__ import annotations

from app.kit.errors import Conflict, Forbidden, Invalid, LimitReached, NotFound, Unauthenticated, Unavailable


class PersonNotFound(NotFound):
    """Nobody with this id."""

    code = "person_not_found"
    message = "没有找到该人员"
    message_en = "No such person"


class OfficerNotFound(NotFound):
    """No officer or auxiliary with this id, or suspended."""

    code = "officer_not_found"
    message = "没有找到该民警"
    message_en = "No such officer"


class ApprovalNotFound(NotFound):
    """No such sign-in waits at this desk: decided, older than 10 minutes, or another station's."""

    code = "approval_not_found"
    message = "该登录申请不存在或已处理"
    message_en = "No such sign-in is waiting"


class CaseInHand(Conflict):
    """An officer with a case in hand stays on duty."""

    code = "case_in_hand"
    message = "您手上还有未结的警情，不能下班"
    message_en = "You hold a case: close it or give it back before going off duty"


class BadgeTaken(Conflict):
    """The badge number belongs to another officer."""

    code = "badge_taken"
    message = "该警号已属于他人"
    message_en = "This badge number belongs to somebody else"


class UsernameTaken(Conflict):
    """The user name belongs to another account."""

    code = "username_taken"
    message = "该用户名已被使用"
    message_en = "This user name is taken"


class PhoneBound(Conflict):
    """The phone's WeChat account is bound to another officer."""

    code = "phone_bound"
    message = "该微信已绑定其他民警"
    message_en = "This WeChat account is bound to another officer"


class AdministratorExists(Conflict):
    """The first administrator exists; they make the others."""

    code = "administrator_exists"
    message = "管理员已存在"
    message_en = "There is an administrator already: ask them for an account"


class LastAdministrator(Conflict):
    """Without an administrator of all stations nobody could make another."""

    code = "last_administrator"
    message = "不能撤销最后一名管理员"
    message_en = "The last administrator of all stations cannot be removed"


class InvitationRefused(Unauthenticated):
    """Wrong badge or code, over 10 minutes old, used, or five tries are over: nobody is told which."""

    code = "invitation_refused"
    message = "警号或邀请码不正确，或邀请已失效；请向管理员索取新的邀请码"
    message_en = (
        "The badge or the code is wrong, or the invitation is over: ask an administrator for a new one"
    )


class SignInRefused(Unauthenticated):
    """Wrong name, password or code, or locked: nobody is told which."""

    code = "sign_in_refused"
    message = "用户名、密码或动态码不正确；连续5次错误后须等待15分钟"
    message_en = "The user name, password or code is wrong; after five failures wait for 15 minutes"


class SecondFactorRefused(Unauthenticated):
    """Wrong or used code, no TOTP set up, or locked: nobody is told which."""

    code = "second_factor_refused"
    message = "动态码不正确或已使用；连续5次错误将锁定15分钟"
    message_en = "The code is wrong or was used; five failures lock it for 15 minutes"


class PersonalDataLocked(Forbidden):
    """The session has no second factor, or was idle for 30 minutes: give the second factor (again)."""

    code = "personal_data_locked"
    message = "请再次验证身份后查看"
    message_en = "Give your second factor again to see personal data"


class BindingTooOften(LimitReached):
    """Five wrong invitations by one WeChat account: it waits, and nobody else does."""

    code = "binding_too_often"
    message = "尝试次数过多，请稍后再试"
    message_en = "Five wrong tries by this WeChat account: try again when `Retry-After` says so"


class SecretsBusy(Unavailable):
    """So many secrets are being compared at this moment that one more would keep everybody waiting."""

    code = "secrets_busy"
    message = "登录请求过多，请稍后再试"
    message_en = "Too many are signing in at this moment; nothing was done, try again in a few seconds"


class ConsentMissing(Invalid):
    """A citizen's name or phone is kept only with consent on record."""

    code = "consent_missing"
    message = "请先同意个人信息处理规则"
    message_en = "Consent comes before the first personal field"


class UnfitField(Invalid):
    """A field cannot be used; the detail says which and what form it has."""

    code = "unfit_field"
