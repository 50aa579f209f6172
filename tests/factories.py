"""Rows for tests, committed, with sensible defaults. A case is made old by ageing its row, never a clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.kit.geo import Point, rounded
from app.kit.ids import case_number, new_id
from app.kit.runtime import Runtime
from app.people.sessions import Actor, Grant, OfficerFacts
from app.people.tables import Audience, PersonKind, Role
from app.stations.registry import forget_stations

CENTRE = Point(32.0600, 118.8200)
SQUARE = [[118.77, 32.02], [118.87, 32.02], [118.87, 32.10], [118.77, 32.10], [118.77, 32.02]]


@dataclass
class Made:
    """What a factory made: its id and the facts a test asks about."""

    id: UUID
    facts: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.facts[name]
        except KeyError:
            raise AttributeError(name) from None


class Make:
    """Factories on one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._station: Made | None = None
        self._count = 0

    async def _run(self, sql: str, **values: Any) -> None:
        async with self.runtime.database.moves() as db:
            await db.execute(text(sql), values)

    def _next(self) -> int:
        self._count += 1
        return self._count

    async def station(
        self,
        *,
        ring: list[list[float]] | None = SQUARE,
        settings: dict[str, Any] | None = None,
        parent: Made | None = None,
        is_command: bool = False,
        code: str | None = None,
    ) -> Made:
        """A station with a square boundary around CENTRE."""
        station_id, code = new_id(), code or f"S{self._next():03d}"
        boundary = {"type": "Polygon", "coordinates": [ring]} if ring else None
        await self._run(
            "INSERT INTO stations (id, code, name, name_en, phone, parent_id, is_command, boundary, settings)"
            " VALUES (:id, :code, :name, :name, '025-0000', :parent, :command, CAST(:boundary AS jsonb),"
            " CAST(:settings AS jsonb))",
            id=station_id, code=code, name=f"{code} 派出所", parent=parent.id if parent else None, command=is_command,
            boundary=boundary, settings=settings or {},
        )  # fmt: skip
        forget_stations(self.runtime)
        return Made(station_id, {"code": code})

    async def the_station(self) -> Made:
        """The one station of a test that does not care which."""
        if self._station is None:
            self._station = await self.station()
        return self._station

    async def citizen(self) -> Made:
        return await self._person("citizen")

    async def _person(self, kind: str) -> Made:
        person_id = new_id()
        await self._run("INSERT INTO people (id, kind) VALUES (:id, :kind)", id=person_id, kind=kind)
        return Made(person_id)

    async def officer(
        self,
        *,
        station: Made | None = None,
        on_duty: bool = True,
        at: Point | None = CENTRE,
        kind: str = "officer",
        skills: list[str] | None = None,
        lead: Made | None = None,
    ) -> Made:
        """An officer; on duty by default, last seen in the square of `at`."""
        made = await self._person(kind)
        station = station or await self.the_station()
        square = rounded(at, 300) if at else None
        badge = f"{self._next():06d}"
        await self._run(
            "INSERT INTO officers (person_id, station_id, badge, on_duty, duty_since, skills, lead_id, last_lat, last_lng,"
            " last_seen_at) VALUES (:id, :station, :badge, :on_duty, clock_timestamp(), :skills, :lead, :lat, :lng,"
            " clock_timestamp())",
            id=made.id, station=station.id, badge=badge, on_duty=on_duty, skills=skills or [],
            lead=lead.id if lead else None, lat=square.lat if square else None, lng=square.lng if square else None,
        )  # fmt: skip
        made.facts |= {"badge": badge, "station_id": station.id, "kind": kind}
        return made

    async def staff(self, role: str, *, station: Made | None = None) -> Made:
        """Somebody of the console, with one role at one station or (None) everywhere."""
        made = await self._person("staff")
        await self._run(
            "INSERT INTO roles (id, person_id, role, station_id) VALUES (:id, :person, :role, :station)",
            id=new_id(), person=made.id, role=role, station=station.id if station else None,
        )  # fmt: skip
        made.facts |= {"role": role, "station_id": station.id if station else None}
        return made

    async def case(
        self,
        *,
        station: Made | None = None,
        reporter: Made | None = None,
        state: str = "open",
        officer: Made | None = None,
        at: Point = CENTRE,
        reported_ago_s: float = 0,
        window_s: float = 60,
        epoch: int = 0,
        category: str = "noise",
        **columns: Any,
    ) -> Made:
        """A case in any state, aged by `reported_ago_s`; `columns` overrides any column."""
        from app.cases.queries import Place, encrypt, encrypt_place

        case_id = new_id()
        station = station or await self.the_station()
        reporter = reporter or await self.citizen()
        rough = rounded(at, 300)
        held = state in ("claimed", "assigned", "en_route", "arrived")
        values: dict[str, Any] = {
            "id": case_id, "number": case_number(), "state": state, "epoch": epoch, "reporter_id": reporter.id,
            "category": category, "station_id": station.id, "officer_id": officer.id if officer else None,
            "words": encrypt(self.runtime, case_id, "words", "楼上很吵"),
            "place": encrypt_place(self.runtime, case_id, Place(at, None)), "rough_lat": rough.lat, "rough_lng": rough.lng,
            "meet_code": "4711", "silence_s": [60, 120, 180], "stall_s": 600, "ack_s": 60,
            "ringing_id": station.id if state == "handed_over" else None,
            "handover_cause": "no_place" if state == "handed_over" else None,
        } | columns  # fmt: skip
        ago = {
            "reported_at": reported_ago_s,
            "deadline": reported_ago_s - window_s,
            "next_ring_at": reported_ago_s if state == "open" else None,
            "claimed_at": max(reported_ago_s, reported_ago_s - window_s + 1) if held else None,
            "sign_at": reported_ago_s if held else None,
            "act_by": reported_ago_s - 60 if held else None,
            "handed_over_at": reported_ago_s if state == "handed_over" else None,
            "ack_by": reported_ago_s - 60 if state == "handed_over" else None,
            "closed_at": 0 if state in ("closed", "cancelled") else None,
        }
        for name in [n for n in ago if n in columns]:
            del ago[name]
        times = {
            n: f"t.now - make_interval(secs => {a})" if a is not None else "NULL" for n, a in ago.items()
        }
        names = [*values, *times]
        slots = [*(f":{n}" for n in values), *times.values()]
        await self._run(
            f"WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now) INSERT INTO cases ({', '.join(names)})"
            f" SELECT {', '.join(self._slot(s) for s in slots)} FROM t",
            **values,
        )
        return Made(case_id, {**values, "station": station, "reporter": reporter})

    @staticmethod
    def _slot(slot: str) -> str:
        kinds = {
            ":id": "uuid", ":reporter_id": "uuid", ":station_id": "uuid", ":officer_id": "uuid", ":ringing_id": "uuid",
            ":desk_person_id": "uuid", ":previous_officer_id": "uuid", ":words": "bytea", ":place": "bytea",
            ":silence_s": "smallint[]", ":stall_s": "smallint", ":ack_s": "smallint", ":epoch": "int",
            ":rough_lat": "float8", ":rough_lng": "float8", ":kinds": "text[]", ":excluded": "uuid[]", ":urgent": "bool",
            ":text_only": "bool", ":handover_cause": "text", ":act_step": "smallint", ":ack_step": "smallint",
            ":forwards": "smallint", ":ring": "smallint", ":facts": "jsonb", ":skill": "text",
        }  # fmt: skip
        return f"CAST({slot} AS {kinds[slot]})" if slot in kinds else slot

    async def offer(self, case: Made, officer: Made, *, epoch: int | None = None) -> None:
        """An offer of the case's present opening."""
        await self._run(
            "INSERT INTO offers (case_id, epoch, officer_id, ring, distance_m, candidates)"
            " SELECT id, coalesce(CAST(:epoch AS int), epoch), :officer, 0, 100, 1 FROM cases WHERE id = :case",
            case=case.id, officer=officer.id, epoch=epoch,
        )  # fmt: skip

    async def column(self, case: Made, name: str) -> Any:
        """What a column of a case holds now."""
        async with self.runtime.database.moves() as db:
            row = await db.execute(text(f"SELECT {name} FROM cases WHERE id = :id"), {"id": case.id})
            return row.scalar_one()


def acting(made: Made, *, roles: tuple[Any, ...] = (), on_duty: bool = True) -> Actor:
    """The Actor a door would make of this person, second factor given."""
    officer = None
    if "badge" in made.facts:
        officer = OfficerFacts(made.station_id, made.badge, (), None, on_duty)
    kind = PersonKind(made.facts.get("kind", "staff" if "role" in made.facts else "citizen"))
    if "role" in made.facts and not roles:
        roles = (Grant(Role(made.facts["role"]), made.facts["station_id"]),)
    audience = Audience.CONSOLE if kind is PersonKind.STAFF else Audience.MINIPROGRAM
    return Actor(made.id, kind, audience, new_id(), roles, officer, True)
