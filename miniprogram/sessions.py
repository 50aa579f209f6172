"""Signing in and out, the second factor of an officer, and what the vault holds of oneself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from app.events.edge import transaction
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.people.errors import (
    BindingTooOften,
    ConsentMissing,
    InvitationRefused,
    OfficerNotFound,
    PhoneBound,
    SecondFactorRefused,
    SecretsBusy,
    UnfitField,
)
from app.people.identity import citizen_of, openid_of, set_identity, withdraw_consent
from app.people.invitations import bind
from app.people.second_factor import ask_approval, second_factor_totp
from app.people.sessions import (
    CITIZEN_TTL_S,
    OFFICER_TTL_S,
    Actor,
    Audience,
    PersonKind,
    actor_now,
    issue,
    revoke,
)
from app.stations.registry import registry
from miniprogram.auth import (
    Anyone,
    Citizen,
    CitizenOrOfficer,
    CitizensOnly,
    Code2Session,
    CodeRefused,
    SignedIn,
    SignInBlocked,
    SignInTooOften,
    Stores,
    WeChat,
    WeChatSilent,
    who_holds,
)
from miniprogram.schema import In, Out, text_of

CODE_MAX = 128
"""Characters of a code of `wx.login`."""

JsCode = Annotated[
    str, Field(min_length=1, max_length=CODE_MAX, pattern=r"^[\x21-\x7e]+$", examples=["0a3Xyz"])
]


class SignInIn(In):
    """The code that `wx.login` gave; it works once, for 5 minutes."""

    code: JsCode


class OfficerOut(Out):
    """What an officer's phone shows of its owner."""

    badge: str = Field(examples=["017342"])
    station: str = Field(examples=["玄武门派出所"])
    skills: list[str]
    on_duty: bool
    crew_lead: bool = Field(description="Alone or leading a crew; who is led does not claim")


class MeOut(Out):
    """Who this session belongs to."""

    kind: PersonKind = Field(examples=["officer"])
    language: str = Field(examples=["zh"])
    second_factor: bool = Field(description="Given in this session; an officer's routes need it")
    locked: bool = Field(description="Idle for 30 min: personal data of others wait for the second factor")
    officer: OfficerOut | None


class SessionOut(Out):
    """The token is told once: keep it, send it as `Authorization: Bearer`."""

    token: str = Field(examples=["kQ3tq0m1m6cS0c3b2bV2oJmJc4c3fY0S7mVYw8b1d2E"])
    expires_in_s: int = Field(examples=[OFFICER_TTL_S])
    me: MeOut


class BindIn(In):
    """An invitation. `js_code` names the phone's WeChat account; left out, the session does."""

    badge: Annotated[str, text_of(20)] = Field(examples=["017342"])
    code: Annotated[str, text_of(20)] = Field(description="8 digits, spaces allowed", examples=["4711 0815"])
    js_code: JsCode | None = None


class TotpIn(In):
    """A code of the authenticator, used for the first time."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["492039"])]


class ContactIn(In):
    """How an officer on the way may reach me. `consent` is the version of the rules that the page showed."""

    name: Annotated[str, text_of(60)] | None = Field(None, examples=["李雷"])
    phone: Annotated[str, text_of(20, 5)] | None = Field(None, examples=["13800000000"])
    consent: Annotated[str, text_of(20)] = Field(examples=["2025-01"])


routes = APIRouter(tags=["Sessions"])


@routes.post(
    "/sessions",
    status_code=201,
    operation_id="signIn",
    summary="Sign in with a code of wx.login",
    description="The first sign-in makes a citizen. An officer's session then needs its second factor.",
    responses=problems(CodeRefused, SignInBlocked, SignInTooOften, WeChatSilent),
)
async def post_session(body: SignInIn, runtime: Stores, wechat: WeChat) -> SessionOut:
    """Open a session."""
    found = await who_holds(wechat, body.code)
    async with transaction(runtime) as db:
        person = await citizen_of(
            db,
            runtime,
            app_id=runtime.settings.miniprogram_app_id,
            openid=found.openid,
            unionid=found.unionid,
        )
        ttl_s = CITIZEN_TTL_S if person.kind is PersonKind.CITIZEN else OFFICER_TTL_S
        token, _ = await issue(db, person.id, Audience.MINIPROGRAM, ttl_s=ttl_s)
        actor = await actor_now(db, token, Audience.MINIPROGRAM)  # refuses the suspended
    return SessionOut(token=token, expires_in_s=ttl_s, me=await _me(runtime, actor))


@routes.delete(
    "/sessions/current",
    status_code=204,
    operation_id="signOut",
    summary="Sign out",
    description="Ends this session within 1 s everywhere; its sockets close with 4401. "
    "An officer without another session goes off duty.",
    responses=problems(),
)
async def delete_session(actor: CitizenOrOfficer, runtime: Stores) -> Response:
    """End this session."""
    async with transaction(runtime) as db:
        await revoke(db, actor.session_id, by=actor.person_id)
    return Response(status_code=204)


@routes.post(
    "/officers/bind",
    status_code=201,
    operation_id="bindOfficer",
    summary="Bind this phone to an invited officer",
    description="By the badge and the one-time code of an invitation (10 min, one phone). Five WeChat accounts may "
    "try a code; one that is wrong five times in a row waits for 15 min. Every earlier "
    "session of the officer and of this phone ends; the new one needs its second factor.",
    responses=problems(
        InvitationRefused,
        CodeRefused,
        SignInBlocked,
        SignInTooOften,
        BindingTooOften,
        WeChatSilent,
        SecretsBusy,
        PhoneBound,
    ),
)
async def post_binding(body: BindIn, actor: Anyone, runtime: Stores, wechat: WeChat) -> SessionOut:
    """Bind an officer."""
    app_id = runtime.settings.miniprogram_app_id
    phone = await _phone(runtime, wechat, body.js_code, actor)
    async with transaction(runtime) as db:
        bound = await bind(
            db,
            runtime,
            badge=body.badge,
            code=body.code,
            app_id=app_id,
            openid=phone.openid,
            unionid=phone.unionid,
        )
        token, _ = await issue(db, bound.person_id, Audience.MINIPROGRAM, ttl_s=OFFICER_TTL_S)
        now = await actor_now(db, token, Audience.MINIPROGRAM)
    return SessionOut(token=token, expires_in_s=OFFICER_TTL_S, me=await _me(runtime, now))


@dataclass(frozen=True, slots=True)
class _Phone:
    openid: str
    unionid: str | None = None  # of a session it is in the vault already, if it was told


async def _phone(
    runtime: Runtime, wechat: Code2Session, js_code: str | None, actor: Actor | None
) -> SignedIn | _Phone:
    """Whose phone it is: the code's, else the session's."""
    if js_code is not None:
        return await who_holds(wechat, js_code)
    if actor is None:
        raise CodeRefused("give `js_code`, or sign in first")
    async with runtime.database.moves() as db:
        openid = await openid_of(db, runtime, actor.person_id, runtime.settings.miniprogram_app_id)
    if openid is None:
        raise CodeRefused("this session has no WeChat account: give `js_code`")
    return _Phone(openid)


@routes.post(
    "/me/second-factor",
    operation_id="giveSecondFactor",
    summary="Give the second factor by TOTP",
    description="Also unlocks a session that was idle for 30 min. Five failures in a row lock it for 15 min.",
    responses=problems(SecondFactorRefused),
)
async def post_second_factor(body: TotpIn, actor: CitizenOrOfficer, runtime: Stores) -> MeOut:
    """Give the second factor."""
    async with transaction(runtime) as db:
        await second_factor_totp(db, runtime, actor, body.code)
    return await _me(runtime, actor, given=True)


@routes.post(
    "/me/second-factor/approval",
    status_code=202,
    response_class=Response,
    operation_id="askApproval",
    summary="Ask the station's desk to let me in",
    description="In place of TOTP. Poll `GET /me` until `second_factor` is true; refused, the session ends (401). "
    "It waits for 10 min; asking again is the same question.",
    responses=problems(OfficerNotFound),
)
async def post_approval(actor: CitizenOrOfficer, runtime: Stores) -> Response:
    """Ask the desk."""
    async with transaction(runtime) as db:
        await ask_approval(db, actor)
    return Response(status_code=202)


@routes.get("/me", operation_id="me", summary="Who I am", responses=problems())
async def get_me(actor: CitizenOrOfficer, runtime: Stores) -> MeOut:
    """This session's person."""
    return await _me(runtime, actor)


@routes.put(
    "/me/contact",
    status_code=204,
    operation_id="setContact",
    summary="Leave my name and phone for the officer on the way",
    description="Kept encrypted. Shown to the officer who is en route to my case, to the desk that has it, and to "
    "nobody else; every look is recorded. What is left out stays as it is.",
    responses=problems(CitizensOnly, ConsentMissing, UnfitField),
)
async def put_contact(body: ContactIn, actor: Citizen, runtime: Stores) -> Response:
    """Write one's own contact."""
    async with transaction(runtime) as db:
        await set_identity(
            db, runtime, actor.person_id, name=body.name, phone=body.phone, consent=body.consent
        )
    return Response(status_code=204)


@routes.delete(
    "/me/contact",
    status_code=204,
    operation_id="withdrawContact",
    summary="Take my consent back: name and phone are erased",
    responses=problems(CitizensOnly),
)
async def delete_contact(actor: Citizen, runtime: Stores) -> Response:
    """Erase one's own contact."""
    async with transaction(runtime) as db:
        await withdraw_consent(db, actor.person_id)
    return Response(status_code=204)


async def _me(runtime: Runtime, actor: Actor, *, given: bool = False) -> MeOut:
    facts = actor.officer
    officer = None
    if facts is not None:
        officer = OfficerOut(
            badge=facts.badge, station=(await registry(runtime)).get(facts.station_id).name, skills=list(facts.skills),
            on_duty=facts.on_duty, crew_lead=facts.lead_id in (None, actor.person_id),
        )  # fmt: skip
    return MeOut(
        kind=actor.kind, language=actor.language, second_factor=given or actor.second_factor,
        locked=actor.idle_locked and not given, officer=officer,
    )  # fmt: skip
