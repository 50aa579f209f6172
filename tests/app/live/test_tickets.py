"""A ticket opens one socket, once, within 30 s; with Valkey or without."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.kit.errors import Unauthenticated
from app.kit.secrets import hash_token
from app.kit.valkey import key_ticket
from app.live import tickets
from app.live.tickets import Ticket, TicketRefused, issue, redeem

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(params=["valkey", "postgresql"])
def runtime(request, make_runtime):
    return make_runtime(None if request.param == "valkey" else NOWHERE)


async def test_a_ticket_works_once(runtime):
    person, session = uuid4(), uuid4()
    ticket = await issue(
        runtime, person_id=person, session_id=session, topics=["person:1", "case:2", "person:1"]
    )

    assert await redeem(runtime, ticket) == Ticket(person, session, ("person:1", "case:2"))
    with pytest.raises(TicketRefused):
        await redeem(runtime, ticket)


async def test_of_many_at_once_one_gets_through(runtime):
    ticket = await issue(runtime, person_id=uuid4(), session_id=uuid4(), topics=[])

    tried = await asyncio.gather(*(redeem(runtime, ticket) for _ in range(10)), return_exceptions=True)

    assert sum(isinstance(one, Ticket) for one in tried) == 1
    assert sum(isinstance(one, TicketRefused) for one in tried) == 9


@pytest.mark.parametrize("ticket", ["", "x", "x" * 5000, "\x00"])
async def test_a_made_up_ticket_is_refused(runtime, ticket):
    with pytest.raises(Unauthenticated, match="ticket"):
        await redeem(runtime, ticket)


async def test_a_ticket_in_valkey_expires_after_30_seconds_and_is_kept_as_a_hash(make_runtime):
    runtime = make_runtime()
    ticket = await issue(runtime, person_id=uuid4(), session_id=uuid4(), topics=[])

    assert 28_000 < await runtime.valkey.pttl(key_ticket(hash_token(ticket).hex())) <= 30_000
    assert not [key for key in await runtime.valkey.keys("*") if ticket.encode() in key]


async def test_a_row_older_than_30_seconds_is_refused_and_swept(make_runtime):
    runtime = make_runtime(NOWHERE)
    ticket = await issue(runtime, person_id=uuid4(), session_id=uuid4(), topics=[])
    unused = await issue(runtime, person_id=uuid4(), session_id=uuid4(), topics=[])
    async with runtime.database.moves() as db:
        await db.execute(
            text("UPDATE socket_tickets SET expires_at = clock_timestamp() - interval '1 second'")
        )

    with pytest.raises(TicketRefused):
        await redeem(runtime, ticket)
    await issue(runtime, person_id=uuid4(), session_id=uuid4(), topics=[])

    async with runtime.database.moves() as db:
        hashes = set((await db.execute(text("SELECT ticket_hash FROM socket_tickets"))).scalars())
    assert hash_token(unused) not in hashes


async def test_a_ticket_issued_in_an_outage_works_when_valkey_is_back(make_runtime):
    person = uuid4()
    ticket = await issue(make_runtime(NOWHERE), person_id=person, session_id=uuid4(), topics=["person:1"])

    assert (await redeem(make_runtime(), ticket)).person_id == person


async def test_after_a_time_out_that_may_have_stored_it_another_ticket_is_given(make_runtime, monkeypatch):
    runtime = make_runtime()
    drawn = []

    def noted():
        drawn.append(tickets_new_token())
        return drawn[-1]

    tickets_new_token = tickets.new_token
    monkeypatch.setattr(tickets, "new_token", noted)
    store = runtime.valkey.set

    async def stores_and_times_out(*args, **options):
        await store(*args, **options)
        raise TimeoutError

    monkeypatch.setattr(runtime.valkey, "set", stores_and_times_out)
    ticket = await issue(runtime, person_id=uuid4(), session_id=uuid4(), topics=[])

    assert ticket == drawn[1][0] != drawn[0][0]
    await redeem(runtime, ticket)
    with pytest.raises(TicketRefused):
        await redeem(runtime, ticket)
