"""Access tokens: `/cgi-bin/token` and `/cgi-bin/stable_token`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from simulator.api.wire import ANYONE, Answer, Call, endpoint, read_json
from simulator.errors import refusal
from simulator.tokens import issue_classic, issue_stable
from simulator.world import Account, World


def mount(app: FastAPI) -> None:
    """Add both."""
    endpoint(app, "GET", "/cgi-bin/token", get_token, accounts=ANYONE)
    endpoint(app, "POST", "/cgi-bin/stable_token", post_stable_token, accounts=ANYONE)


async def get_token(call: Call) -> Answer:
    """A new token of the classic family."""
    account = identify(call.world, call.request.query_params, grant="client_credential")
    call.facts["of"] = account.app_id
    return issue_classic(account.classic, call.world.clock)


async def post_stable_token(call: Call) -> Answer:
    """The stable family's token."""
    posted = read_json(call)
    account = identify(call.world, posted, grant="client_credential")
    call.facts["of"] = account.app_id
    before = len(account.stable.issued)
    force = posted.get("force_refresh") is True
    answer = issue_stable(account.stable, call.world.clock, force=force)
    if force and len(account.stable.issued) == before:
        call.world.journal.flag("force_refresh_without_effect", of=account.app_id)
    return answer


def identify(world: World, given: Mapping[str, Any], *, grant: str) -> Account:
    """The account that these credentials are of.

    Raises:
        Refusal: 40002 grant type, 41002 and 41004 missing, 40013 app id, 40125 secret.
    """
    if given.get("grant_type") != grant:
        raise refusal(40002)
    return identify_by_secret(world, given)


def identify_by_secret(world: World, given: Mapping[str, Any]) -> Account:
    """The account of an app id and its secret.

    Raises:
        Refusal: 41002 and 41004 missing, 40013 app id, 40125 secret.
    """
    app_id, secret = given.get("appid"), given.get("secret")
    if not app_id:
        raise refusal(41002)
    if not secret:
        raise refusal(41004)
    account = world.accounts.get(str(app_id))
    if account is None:
        raise refusal(40013)
    if account.addresses_closed:
        raise refusal(40164)
    if not secrets.compare_digest(str(secret).encode(), account.secret.encode()):
        raise refusal(40125)
    return account
