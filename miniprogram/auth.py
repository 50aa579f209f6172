"""Who is asking: the bearer token becomes an Actor; and the port by which a code of `wx.login` names a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Protocol

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from app.dispatch.errors import OffDuty
from app.kit.errors import AppError, Forbidden, LimitReached, Unauthenticated, Unavailable
from app.kit.lanes import lane
from app.kit.runtime import Runtime
from app.people.sessions import Actor, Audience, PersonKind, actor_of
from app.tracking.service import Ingest

TOKEN_MAX = 200
"""Characters of a bearer token that are looked at; ours have 43."""
WAIT_MINUTE_S = 60


class OfficersOnly(Forbidden):
    """A route of officers and auxiliaries."""

    code = "officers_only"
    message = "仅限民警使用"
    message_en = "Only officers may do this"


class CitizensOnly(Forbidden):
    """A citizen's own data; an officer's are kept by the administrator."""

    code = "citizens_only"
    message = "民警资料由管理员维护"
    message_en = "An officer's name and phone are kept by the administrator"


class SecondFactorNeeded(Forbidden):
    """The session of an officer without its second factor opens no door of officers."""

    code = "second_factor_needed"
    message = "请先完成二次验证"
    message_en = "Give your second factor first: a TOTP code, or your desk's approval"


class CodeRefused(Unauthenticated):
    """WeChat does not know this code (any more): call `wx.login` again."""

    code = "sign_in_code_refused"
    message = "登录凭证已失效，请重试"
    message_en = "WeChat does not know this code: call wx.login again for a new one"


class SignInBlocked(Forbidden):
    """WeChat holds this account for risky: do not loop, offer the phone."""

    code = "sign_in_blocked"
    message = "微信暂时不允许该账号登录，请拨打110"
    message_en = "WeChat does not let this account sign in; call 110"


class SignInTooOften(LimitReached):
    """WeChat counts sign-ins per person and minute."""

    code = "sign_in_too_often"
    message = "登录过于频繁，请稍后再试"
    message_en = "Too many sign-ins, try again in a minute"


class WeChatSilent(Unavailable):
    """WeChat does not answer."""

    code = "wechat_silent"
    message = "微信暂时没有响应，请稍后再试；紧急情况请拨打110"
    message_en = "WeChat does not answer, try again; in an emergency call 110"


class SignedIn(Protocol):
    """Whom a code named."""

    @property
    def openid(self) -> str:
        """At the mini-program's account."""

    @property
    def unionid(self) -> str | None:
        """The same at all accounts of one owner, if WeChat told it."""


class Code2Session(Protocol):
    """WeChat's sign-in, plugged in by the composition.

    A refusal has `reading` (`code_spent`, `sign_in_blocked`, `wait_minute`, else anything); a silence has `sent`.
    """

    async def code2session(self, js_code: str) -> SignedIn:
        """Who holds this code; a code works once, for 5 min."""


_REFUSALS: dict[str, AppError] = {
    "code_spent": CodeRefused(),
    "sign_in_blocked": SignInBlocked(),
    "wait_minute": SignInTooOften(retry_after_s=WAIT_MINUTE_S),
}


async def who_holds(wechat: Code2Session, js_code: str) -> SignedIn:
    """The person of a code. Called outside of any transaction, as it goes over the network.

    Raises:
        CodeRefused, SignInBlocked, SignInTooOften: what WeChat said. WeChatSilent: nothing usable.
    """
    try:
        return await wechat.code2session(js_code)
    except AppError:
        raise
    except Exception as error:  # the port's own kinds, known here by their shape alone
        if not hasattr(error, "reading") and not hasattr(error, "sent"):
            raise
        raise _REFUSALS.get(str(getattr(error, "reading", "")), WeChatSilent()) from error


def runtime_of(connection: HTTPConnection) -> Runtime:
    """The stores and keys of this process."""
    runtime: Runtime = connection.app.state.runtime
    return runtime


def ingest_of(connection: HTTPConnection) -> Ingest:
    """Where fixes go."""
    ingest: Ingest = connection.app.state.ingest
    return ingest


def wechat_of(connection: HTTPConnection) -> Code2Session:
    """WeChat's sign-in."""
    wechat: Code2Session = connection.app.state.wechat_miniprogram
    return wechat


Stores = Annotated[Runtime, Depends(runtime_of)]
Fixes = Annotated[Ingest, Depends(ingest_of)]
WeChat = Annotated[Code2Session, Depends(wechat_of)]

_bearer = HTTPBearer(
    auto_error=False, description="The token that POST /sessions gave, opaque, 43 characters"
)
_Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def anyone(runtime: Stores, bearer: _Bearer) -> Actor | None:
    """Whoever asks, signed in or not; a token that has ended is refused all the same."""
    return await _actor(runtime, bearer, acting=True) if bearer else None


async def signed_in(runtime: Stores, bearer: _Bearer) -> AsyncIterator[Actor]:
    """A citizen, or an officer in their own affairs; with few requests at a time (`app.kit.lanes`)."""
    actor = await _actor(runtime, bearer, acting=True)
    async with lane(runtime, actor.person_id):
        yield actor


async def citizen(actor: Annotated[Actor, Depends(signed_in)]) -> Actor:
    """A citizen, and nobody else."""
    if actor.kind is not PersonKind.CITIZEN:
        raise CitizensOnly()
    return actor


async def officer(actor: Annotated[Actor, Depends(signed_in)]) -> Actor:
    """An officer or auxiliary whose session has its second factor."""
    return as_officer(actor)


async def on_duty(actor: Annotated[Actor, Depends(officer)]) -> Actor:
    """An officer on duty."""
    if actor.officer is None or not actor.officer.on_duty:
        raise OffDuty()
    return actor


async def carried(runtime: Stores, bearer: _Bearer) -> Actor:
    """An officer's phone in a pocket: what it sends by itself does not keep the session from its idle lock."""
    return as_officer(await _actor(runtime, bearer, acting=False))


def as_officer(actor: Actor) -> Actor:
    """The actor, if it is an officer with the second factor. Raises: OfficersOnly, SecondFactorNeeded."""
    if actor.officer is None:
        raise OfficersOnly()
    if not actor.second_factor:
        raise SecondFactorNeeded()
    return actor


async def who(runtime: Runtime, token: str | None, *, acting: bool) -> Actor:
    """Who holds this token. Raises: Unauthenticated."""
    if token is None or not 0 < len(token) <= TOKEN_MAX:
        raise Unauthenticated()
    return await actor_of(runtime, token, Audience.MINIPROGRAM, acting=acting)


async def _actor(runtime: Runtime, bearer: HTTPAuthorizationCredentials | None, *, acting: bool) -> Actor:
    return await who(runtime, bearer.credentials if bearer else None, acting=acting)


Anyone = Annotated[Actor | None, Depends(anyone)]
CitizenOrOfficer = Annotated[Actor, Depends(signed_in)]
Citizen = Annotated[Actor, Depends(citizen)]
Officer = Annotated[Actor, Depends(officer)]
OnDutyOfficer = Annotated[Actor, Depends(on_duty)]
OfficersPhone = Annotated[Actor, Depends(carried)]
