"""Single-use tickets that open a socket, as a socket cannot carry a header of ours.

A ticket lives in Valkey for 30 s and is taken by GETDEL. While Valkey does not answer it is a row of
socket_tickets instead, taken by DELETE ... RETURNING: sockets must open in an outage too. One ticket is
never in both: after a time-out, which may have stored it, a new one is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.kit.errors import Unauthenticated, Unavailable
from app.kit.runtime import Runtime
from app.kit.secrets import hash_token, new_token
from app.kit.valkey import ValkeyDown, key_ticket

TICKET_EXPIRY_S = 30
_TICKET_MAX = 100  # characters; ours have 43

_INSERT = text(f"""
    WITH old AS (DELETE FROM socket_tickets WHERE expires_at <= clock_timestamp())
    INSERT INTO socket_tickets (ticket_hash, person_id, session_id, topics, expires_at)
    VALUES (:ticket_hash, :person_id, :session_id, CAST(:topics AS varchar[]),
            clock_timestamp() + interval '{TICKET_EXPIRY_S} seconds')
""")
_TAKE = text("""
    WITH taken AS (DELETE FROM socket_tickets WHERE ticket_hash = :ticket_hash RETURNING *)
    SELECT person_id, session_id, topics FROM taken WHERE expires_at > clock_timestamp()
""")


class TicketRefused(Unauthenticated):
    """Unknown, used or older than 30 s: ask for a new one."""

    code = "ticket_refused"
    message = "连接凭证已失效，请重新获取"
    message_en = "The ticket is unknown, used or older than 30 s: ask for a new one"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whose socket it opens, and what it listens to at first."""

    person_id: UUID
    session_id: UUID
    topics: tuple[str, ...]


async def issue(runtime: Runtime, *, person_id: UUID, session_id: UUID, topics: Iterable[str]) -> str:
    """A ticket for 30 s and one use.

    Raises:
        Unavailable: neither Valkey nor PostgreSQL answers.
    """
    names = list(dict.fromkeys(topics))
    ticket, ticket_hash = new_token()
    held = json.dumps({"person_id": str(person_id), "session_id": str(session_id), "topics": names})
    try:
        await runtime.valkey.set(key_ticket(ticket_hash.hex()), held, ex=TICKET_EXPIRY_S, nx=True)
        return ticket
    except ValkeyDown:
        ticket, ticket_hash = new_token()
    values = {"ticket_hash": ticket_hash, "person_id": person_id, "session_id": session_id, "topics": names}
    try:
        async with runtime.database.moves() as db:
            await db.execute(_INSERT, values)
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable("no ticket can be issued: neither Valkey nor PostgreSQL answers") from error
    return ticket


async def redeem(runtime: Runtime, ticket: str) -> Ticket:
    """Use a ticket up.

    Raises:
        TicketRefused: unknown, used or expired. Unavailable: PostgreSQL does not answer.
    """
    if not 0 < len(ticket) <= _TICKET_MAX:
        raise TicketRefused()
    ticket_hash = hash_token(ticket)
    try:
        held = await runtime.valkey.getdel(key_ticket(ticket_hash.hex()))
    except ValkeyDown:
        held = None
    if held is not None:
        facts = json.loads(held)
        return Ticket(UUID(facts["person_id"]), UUID(facts["session_id"]), tuple(facts["topics"]))
    try:
        async with runtime.database.moves() as db:
            row = (await db.execute(_TAKE, {"ticket_hash": ticket_hash})).one_or_none()
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable("the ticket cannot be checked: PostgreSQL does not answer") from error
    if row is None:
        raise TicketRefused()
    return Ticket(row.person_id, row.session_id, tuple(row.topics))
