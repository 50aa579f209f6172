"""What dispatch does when something happened. Every follower here may run twice and does no harm."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.cases.moves import move
from app.cases.states import ACTIVE, RING_ELSEWHERE
from app.dispatch import closed, late, presence
from app.dispatch.broadcast import offer_ring
from app.events.follow import follow_soon
from app.events.record import Event
from app.kit.runtime import Runtime
from app.live.publish import publish
from app.stations.registry import registry

_OFFERS = text("""
    SELECT o.officer_id, o.distance_m, c.category, c.rough_lat, c.rough_lng,
           extract(epoch FROM clock_timestamp() - c.reported_at)::float8 AS age_s,
           extract(epoch FROM c.deadline - clock_timestamp())::float8 AS seconds_left
      FROM offers o JOIN cases c ON c.id = o.case_id AND c.epoch = o.epoch
     WHERE o.case_id = :case_id AND o.epoch = :epoch AND o.officer_id = ANY(CAST(:officers AS uuid[]))
       AND c.state = 'open' AND c.deadline > clock_timestamp()
""")
_ASKED = text(
    "SELECT officer_id FROM offers WHERE case_id = :case_id AND epoch = :epoch AND declined_at IS NULL"
)
_WAITING = text("SELECT DISTINCT o.case_id, o.epoch FROM offers o JOIN cases c ON c.id = o.case_id AND c.epoch = o.epoch"
                " WHERE o.officer_id = :officer_id AND c.state = 'open'")  # fmt: skip


async def ring_phones(runtime: Runtime, event: Event) -> None:
    """Offers were made: each officer's phone shows its own card."""
    officers = [UUID(o) for o in event.data["officers"]]
    values = {"case_id": event.case_id, "epoch": event.epoch, "officers": officers}
    async with runtime.database.moves() as db:
        rows = (await db.execute(_OFFERS, values)).all()
    for row in rows:
        rough = {"lat": row.rough_lat, "lng": row.rough_lng} if row.rough_lat is not None else None
        await publish(
            runtime,
            [f"person:{row.officer_id}"],
            {
                "type": "offer", "case_id": str(event.case_id), "epoch": event.epoch, "category": row.category,
                "distance_m": row.distance_m, "rough": rough, "age_s": round(row.age_s, 1),
                "seconds_left": round(row.seconds_left, 1),
            },
        )  # fmt: skip


async def open_or_reopened(runtime: Runtime, event: Event) -> None:
    """A case is open (again): its first ring runs at once."""
    if event.data.get("to") == "open" and event.case_id:
        await offer_ring(runtime, event.case_id)


async def withdraw(runtime: Runtime, event: Event) -> None:
    """An opening is over: the cards of everybody else who was asked go away, and say why."""
    await closed.remember(runtime, event)
    if event.data.get("from") != "open" or event.epoch is None:
        return
    opening = event.epoch - 1 if event.data.get("to") != "cancelled" else event.epoch
    async with runtime.database.moves() as db:
        asked = (await db.execute(_ASKED, {"case_id": event.case_id, "epoch": opening})).scalars().all()
    others = [f"person:{o}" for o in asked if str(o) != event.data.get("officer_id")]
    if others:
        body = {
            "type": "withdrawn", "case_id": str(event.case_id), "epoch": opening, "why": event.data.get("to"),
            "by": event.data.get("officer_id"),
        }  # fmt: skip
        await publish(runtime, others, body)


async def keep_index(runtime: Runtime, event: Event) -> None:
    """Who holds a case is not free; who let go is, from the next fix on."""
    holder = event.data.get("officer_id")
    if holder and event.data.get("to") in ACTIVE:
        await presence.remove(runtime, UUID(holder))
    before = event.data.get("previous_officer_id")
    if before and event.data.get("to") not in ACTIVE:
        late.forget_officer(UUID(before))
        await publish(
            runtime,
            [f"person:{before}"],
            {"type": "case_gone", "case_id": str(event.case_id), "why": event.data.get("to")},
        )


async def off_duty(runtime: Runtime, event: Event) -> None:
    """Off duty, signed out or suspended: out of the index, cards away."""
    if event.actor_id is None:
        return
    await presence.remove(runtime, event.actor_id)
    async with runtime.database.moves() as db:
        rows = (await db.execute(_WAITING, {"officer_id": event.actor_id})).all()
    for row in rows:
        body = {
            "type": "withdrawn",
            "case_id": str(row.case_id),
            "epoch": row.epoch,
            "why": "off_duty",
            "by": None,
        }
        await publish(runtime, [f"person:{event.actor_id}"], body)


async def tell_board_of_duty(runtime: Runtime, event: Event) -> None:
    """Who is on duty has changed: the desks of the station read it anew."""
    if event.station_id:
        await publish(runtime, [f"desk:{event.station_id}"], {"type": "duty_changed"})


async def on_duty(runtime: Runtime, event: Event) -> None:
    """On duty: whatever is open may be offered, on the next fix."""
    if event.actor_id:
        late.forget_officer(event.actor_id)


async def ring_the_desk(runtime: Runtime, event: Event) -> None:
    """A desk's bell rings: if that desk is off duty, its parent or neighbour rings at once."""
    if event.station_id is None or event.case_id is None:
        return
    stations = await registry(runtime)
    if stations.desk_is_on(event.station_id, event.at):
        return
    ladder = stations.ladder(event.station_id)
    if len(ladder) < 2:
        return
    async with runtime.database.moves() as db:
        moved = await move(db, RING_ELSEWHERE, event.case_id, actor_id=None, ringing_id=ladder[1].id)
    if moved:
        follow_soon(runtime, moved.event)


_COLLEAGUES = text("""
    SELECT f.person_id FROM officers f JOIN people p ON p.id = f.person_id, cases c
     WHERE c.id = :case_id AND f.on_duty AND p.active AND f.person_id <> c.officer_id
       AND (f.station_id = c.station_id OR (f.last_lat BETWEEN c.rough_lat - 0.02 AND c.rough_lat + 0.02
                                            AND f.last_lng BETWEEN c.rough_lng - 0.03 AND c.rough_lng + 0.03))
     LIMIT 100
""")


async def ask_colleagues(runtime: Runtime, event: Event) -> None:
    """An officer asks for help: everybody on duty of the station, or within some 2 km, hears it and may join."""
    async with runtime.database.moves() as db:
        rows = (await db.execute(_COLLEAGUES, {"case_id": event.case_id})).scalars().all()
    if rows:
        body = {"type": "backup_asked", "case_id": str(event.case_id), "by": event.data.get("officer_id")}
        await publish(runtime, [f"person:{p}" for p in rows], body)


async def tell_case_and_board(runtime: Runtime, event: Event) -> None:
    """A case changed: its people and its desks hear that it did, and read what they may see."""
    body = {
        "type": "case_changed", "case_id": str(event.case_id), "kind": event.kind, "state": event.data.get("to"),
        "epoch": event.epoch, "event_id": event.id, "at": event.at.isoformat(), "cause": event.data.get("cause"),
    }  # fmt: skip
    named = (event.data.get(name) for name in ("ringing_id", "rang_id", "from_station_id"))
    desks = {str(event.station_id), *named} - {None, "None"}
    people = {event.data.get("officer_id"), event.data.get("reporter_id")} - {None}
    topics = [f"case:{event.case_id}", *(f"desk:{d}" for d in desks), *(f"person:{p}" for p in people)]
    await publish(runtime, topics, body, fresh=True)  # who may hear has changed
