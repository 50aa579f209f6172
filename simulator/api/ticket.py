"""Tickets that web pages sign with for the JS-SDK: the same one for two hours."""

from __future__ import annotations

import secrets

from fastapi import FastAPI

from simulator.api.wire import OFFICIAL, Answer, Call, endpoint
from simulator.belongings import Ticket
from simulator.errors import refusal

LIFETIME_S = 7200
_TYPES = ("jsapi", "wx_card")


def mount(app: FastAPI) -> None:
    """Add it."""
    endpoint(app, "GET", "/cgi-bin/ticket/getticket", get_ticket, accounts=OFFICIAL)


async def get_ticket(call: Call) -> Answer:
    """The ticket of this type, with what is left of its life."""
    kind = call.query("type")
    if kind not in _TYPES:
        raise refusal(40097, "key: type")
    now = call.world.clock.now()
    ticket = call.owner.tickets.get(kind)
    if ticket is None or ticket.ends_at <= now:
        ticket = call.owner.tickets[kind] = Ticket(secrets.token_urlsafe(64), now + LIFETIME_S)
    left_s = int(ticket.ends_at - now)
    return {"errcode": 0, "errmsg": "ok", "ticket": ticket.value, "expires_in": left_s}
