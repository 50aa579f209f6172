"""Signing in and out, and oneself."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.events.edge import transaction
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.people.console import change_password, refused_evenly, sign_in
from app.people.devices import KNOWN_DAYS
from app.people.errors import SecondFactorRefused, SignInRefused, UnfitField
from app.people.identity import name_of
from app.people.second_factor import second_factor_totp
from app.people.sessions import CONSOLE_TTL_S, Actor, Role, revoke
from console.auth import (
    From,
    OwnOrigin,
    Staff,
    Stores,
    Watcher,
    cookie_name,
    csrf_token,
    device_cookie_name,
    is_plain,
)
from console.refusals import UNSAFE, OriginRefused, roles
from console.schema import In, Out, Totp

USERNAME_MAX = 40
PASSWORD_MAX = 128


class SignInIn(In):
    """All three, always."""

    username: str = Field(min_length=1, max_length=USERNAME_MAX, examples=["xuanwumen.desk"])
    password: str = Field(min_length=1, max_length=PASSWORD_MAX, examples=["correct horse battery staple"])
    totp: Totp


class SecondFactorIn(In):
    """A code that was not used before."""

    totp: Totp


class PasswordIn(In):
    """The old password and a fresh code allow the new one."""

    old: str = Field(min_length=1, max_length=PASSWORD_MAX, examples=["correct horse battery staple"])
    new: str = Field(min_length=12, max_length=PASSWORD_MAX, examples=["a longer one with a river in it"])
    totp: Totp


class GrantOut(Out):
    """A role at one station; station null: at all of them."""

    role: Role
    station_id: UUID | None


class MeOut(Out):
    """Who is signed in."""

    person_id: UUID
    name: str | None = Field(examples=["王值班"])
    language: str = Field(examples=["zh"])
    roles: list[GrantOut]
    locked: bool = Field(
        description="Idle for 30 min: words, places and contacts wait for POST /me/second-factor"
    )
    csrf: str = Field(
        description="For the X-CSRF-Token header of every method but GET",
        examples=["4Jr0nq7gk0Nn4x0o2v3mM6yTQw8S1cZr5c9bQvUuE1A"],
    )


routes = APIRouter(tags=["Console: sessions"])


@routes.post(
    "/sessions",
    status_code=201,
    operation_id="consoleSignIn",
    summary="Sign in",
    description="User name, password and TOTP code. After five failures in a row this browser, or whoever is "
    "not known yet in this network, waits for 15 minutes; nobody is told which part was wrong. The session is an HttpOnly, SameSite=Strict cookie for 12 h, "
    "and a second one lets this browser be known again.",
    responses=problems(SignInRefused, OriginRefused),
    openapi_extra={"x-roles": ["anyone"]},
    dependencies=[OwnOrigin],
)
async def post_session(body: SignInIn, response: Response, runtime: Stores, source: From) -> MeOut:
    """Sign in."""
    async with refused_evenly(), transaction(runtime) as db:
        signed = await sign_in(db, runtime, body.username, body.password, body.totp, source)
    response.set_cookie(
        cookie_name(runtime.settings), signed.token, max_age=CONSOLE_TTL_S, path="/", httponly=True,
        secure=not is_plain(runtime.settings), samesite="strict",
    )  # fmt: skip
    response.set_cookie(
        device_cookie_name(runtime.settings), signed.device, max_age=KNOWN_DAYS * 24 * 3600, path="/", httponly=True,
        secure=not is_plain(runtime.settings), samesite="strict",
    )  # fmt: skip
    return await _me(runtime, signed.actor)


@routes.delete(
    "/sessions/current",
    status_code=204,
    operation_id="consoleSignOut",
    summary="Sign out",
    description="Ends the session everywhere within 1 s, its sockets too.",
    responses=problems(*UNSAFE),
    openapi_extra=roles(),
)
async def delete_session(actor: Staff, runtime: Stores) -> Response:
    """Sign out."""
    async with transaction(runtime) as db:
        await revoke(db, actor.session_id, by=actor.person_id)
    response = Response(status_code=204)
    response.delete_cookie(
        cookie_name(runtime.settings),
        path="/",
        httponly=True,
        secure=not is_plain(runtime.settings),
        samesite="strict",
    )
    return response


@routes.get(
    "/me",
    operation_id="consoleMe",
    summary="Who am I",
    description="Also tells the CSRF token anew, after a page was loaded again.",
    responses=problems(),
    openapi_extra=roles(),
)
async def get_me(actor: Watcher, runtime: Stores) -> MeOut:
    """Oneself."""
    return await _me(runtime, actor)


@routes.post(
    "/me/second-factor",
    status_code=204,
    operation_id="consoleUnlock",
    summary="Unlock after 30 idle minutes",
    responses=problems(*UNSAFE, SecondFactorRefused),
    openapi_extra=roles(),
)
async def post_second_factor(body: SecondFactorIn, actor: Staff, runtime: Stores) -> Response:
    """Give the second factor again."""
    async with transaction(runtime) as db:
        await second_factor_totp(db, runtime, actor, body.totp)
    return Response(status_code=204)


@routes.put(
    "/me/password",
    status_code=204,
    operation_id="consoleChangePassword",
    summary="A new password",
    description="Every session of this person ends, this one too.",
    responses=problems(*UNSAFE, SignInRefused, UnfitField),
    openapi_extra=roles(),
)
async def put_password(body: PasswordIn, actor: Staff, runtime: Stores) -> Response:
    """Change one's password."""
    async with transaction(runtime) as db:
        await change_password(db, runtime, actor, old=body.old, new=body.new, code=body.totp)
    return Response(status_code=204)


async def _me(runtime: Runtime, actor: Actor) -> MeOut:
    async with runtime.database.moves() as db:
        name = await name_of(db, runtime, actor.person_id)
    return MeOut(
        person_id=actor.person_id, name=name, language=actor.language,
        roles=[GrantOut(role=g.role, station_id=g.station_id) for g in actor.roles],
        locked=not actor.may_see_personal_data, csrf=csrf_token(runtime, actor.session_id),
    )  # fmt: skip
