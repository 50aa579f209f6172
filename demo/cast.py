"""The people of the demo, made through the doors: stations, desks, officers, citizens. Repeatable: what is there stays."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import hmac
import io
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from demo.city import City, Officer, Place, Station
from demo.config import DemoConfig
from demo.doors import http
from demo.doors.chat import Chat
from demo.doors.desk import Desk
from demo.doors.http import Json
from demo.doors.phone import Phone

COMMAND, AUDITOR = "demo.command", "demo.auditor"
VISITOR = "visitor"
"""Who the person before the browser is in the chat."""
AT_ONCE = 6
APPROVED_WITHIN_S = 10.0

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(slots=True)
class Doors:
    """Clients of both servers."""

    config: DemoConfig
    service: httpx.AsyncClient
    chat: Chat

    def phone(self, user_id: str) -> Phone:
        """The mini-program on this person's phone."""
        return Phone(self.service, self.config.service_socket, self.chat, user_id)

    def desk(self, username: str) -> Desk:
        """A console nobody has signed in to yet."""
        return Desk(self.service, self.config.console_origin, username)


@dataclass(slots=True)
class Cast:
    """Who is there. Desks are signed in when first needed."""

    doors: Doors
    city: City
    administrator: Desk
    command: Desk
    stations: dict[str, str]
    """Ids by code."""
    accounts: dict[str, str]
    """TOTP addresses by user name."""
    badges: dict[str, str] = field(default_factory=dict)
    """Badges by the officer's id."""
    _desks: dict[str, Desk] = field(default_factory=dict)
    _signing_in: asyncio.Lock = field(default_factory=asyncio.Lock)
    _inviting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def code_of(self, station_id: str | None) -> str:
        """The code of a station's id; empty when there is none."""
        return next((code for code, known in self.stations.items() if known == station_id), "")

    async def desk_of(self, code: str) -> Desk:
        """The console of a station's desk."""
        async with self._signing_in:
            if code not in self._desks:
                self._desks[code] = await self.signed_in(desk_name(code))
            return self._desks[code]

    async def invited(self, officer: Officer) -> str:
        """A new invitation's code; one at a time, as an administrator makes them, and each is hashed slowly."""
        body: Json = {
            "name": officer.name,
            "badge": officer.badge,
            "station_id": self.stations[officer.station],
        }
        async with self._inviting:
            told = await self.administrator.call("POST", "/officers", body)
        return str(told["code"])

    async def signed_in(self, username: str) -> Desk:
        """The console of one of the demo's accounts."""
        desk = self.doors.desk(username)
        await desk.sign_in(password_of(self.doors.config, username), self.accounts[username])
        return desk


def desk_name(code: str) -> str:
    """The user name of a station's desk."""
    return f"demo.{code.lower()}"


def password_of(config: DemoConfig, username: str) -> str:
    """Derived from the administrator's, which is kept: a later run signs in again without keeping more."""
    return hmac.new(config.admin_password.encode(), username.encode(), hashlib.sha256).hexdigest()[:24]


async def assemble(doors: Doors, city: City, say: Say) -> Cast:
    """Stations, desks and their roles, as the administrator; then the command centre signs in."""
    administrator = doors.desk(doors.config.admin)
    await administrator.sign_in(doors.config.admin_password, doors.config.admin_totp)
    stations = await _stations(administrator, city.stations, city.places)
    say(f"{len(stations)} stations, all fictional.")
    accounts = await _staff(administrator, doors.config, city.stations, stations)
    cast = Cast(doors, city, administrator, administrator, stations, accounts)
    cast.command = await cast.signed_in(COMMAND)
    say(f"{len(accounts)} accounts of desks, command and audit.")
    return cast


async def _stations(
    administrator: Desk, wanted: Sequence[Station], places: Sequence[Place]
) -> dict[str, str]:
    known = await administrator.call("GET", "/stations")
    ids = {each["code"]: str(each["station_id"]) for each in known["items"]}
    new = [station for station in wanted if station.code not in ids]
    for station in sorted(new, key=lambda each: each.parent is not None):  # parents first
        made = await administrator.call("POST", "/stations", _station(station, ids))
        ids[station.code] = str(made["station_id"])
    for station in new:
        body: Json = {"neighbours": [ids[code] for code in station.neighbours]}
        await administrator.call("PUT", f"/stations/{ids[station.code]}/neighbours", body)
        named = [place for place in places if place.station == station.code]
        await administrator.call("PUT", f"/stations/{ids[station.code]}/places", {"csv": _csv(named)})
    return {station.code: ids[station.code] for station in wanted}


def _csv(places: Iterable[Place]) -> str:
    """Places as the console imports them: what a citizen may write instead of sending a location."""
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(("name", "aliases", "lat", "lng"))
    rows.writerows((place.name, place.name_en, place.at.lat, place.at.lng) for place in places)
    return table.getvalue()


def _station(station: Station, ids: dict[str, str]) -> Json:
    return {
        "code": station.code, "name": station.name, "name_en": station.name_en, "phone": station.phone,
        "parent_id": ids[station.parent] if station.parent else None, "is_command": station.is_command,
        "boundary": dict(station.boundary) if station.boundary else None,
    }  # fmt: skip


async def _staff(
    administrator: Desk, config: DemoConfig, stations: Sequence[Station], ids: dict[str, str]
) -> dict[str, str]:
    """TOTP addresses by user name; made anew for an account that is there already, as nobody kept them."""
    roles: dict[str, tuple[str, str, str | None]] = {
        COMMAND: ("演示指挥员", "commander", None),
        AUDITOR: ("演示审计员", "auditor", None),
    }
    for station in stations:
        roles[desk_name(station.code)] = (f"{station.name}值班员"[:60], "desk", ids[station.code])
    known = {each["username"]: str(each["person_id"]) for each in await administrator.every("/staff")}
    addresses = {}
    for username, (name, role, station_id) in roles.items():
        if username in known:
            told = await administrator.call("POST", f"/people/{known[username]}/totp")
        else:
            body: Json = {"username": username, "password": password_of(config, username), "name": name}
            told = await administrator.call("POST", "/staff", body)
            grant: Json = {"role": role, "station_id": station_id}
            await administrator.call("POST", f"/staff/{told['person_id']}/roles", grant)
        addresses[username] = str(told["totp_address"])
    return addresses


async def officers_on_duty(cast: Cast, wanted: Sequence[Officer], say: Say) -> dict[str, Phone]:
    """Every officer's phone by badge: invited and bound once, let in by the desk, on duty."""
    phones = await in_turns(_officer_signed_in(cast, officer) for officer in wanted)
    by_badge = {officer.badge: phone for officer, phone in zip(wanted, phones, strict=True)}
    say(f"{len(phones)} officers invited and bound; their desks let them in.")
    for approval in (await cast.command.call("GET", "/approvals"))["items"]:
        if approval["badge"] in by_badge:
            await cast.command.call("POST", f"/approvals/{approval['id']}", {"approve": True})
    await in_turns(_on_duty(phone) for phone in phones)
    for each in (await cast.command.call("GET", "/officers/on-duty"))["items"]:
        cast.badges[str(each["officer_id"])] = each["badge"]
    return by_badge


async def _officer_signed_in(cast: Cast, officer: Officer) -> Phone:
    """Signed in, and asking the desk for the second factor."""
    user_id = f"officer-{officer.badge}"
    await cast.doors.chat.person(user_id, f"{officer.name} {officer.badge}")
    phone = cast.doors.phone(user_id)
    me = await phone.sign_in()
    if me["officer"] is None:
        await phone.bind(badge=officer.badge, code=await cast.invited(officer))
    await phone.call("POST", "/me/second-factor/approval")
    await cast.doors.chat.write(user_id, "你好")  # opens WeChat's window: messages reach whose phone sleeps
    return phone


async def _on_duty(phone: Phone) -> None:
    """On duty, as soon as the desk's yes is known everywhere."""
    async with asyncio.timeout(APPROVED_WITHIN_S):
        while not (await phone.call("GET", "/me"))["second_factor"]:
            await asyncio.sleep(0.2)
    await phone.call("POST", "/duty/on")


async def in_turns(work: Iterable[Awaitable[T]]) -> list[T]:
    """All of it, a few at once; results in order."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(piece: Awaitable[T]) -> T:
        async with turn:
            return await piece

    return list(await asyncio.gather(*(one(piece) for piece in work)))


async def citizens(cast: Cast) -> None:
    """Everybody who may report, and the visitor, in the simulated WeChat."""
    chat = cast.doors.chat
    await chat.person(VISITOR, "访客（就是您） / you")  # first: the chat page lists people in this order
    await in_turns(chat.person(each.id, each.name) for each in cast.city.citizens)


def open_doors(config: DemoConfig) -> Doors:
    """Clients of the service and of the simulated WeChat."""
    return Doors(config, http.client(config.service), Chat(http.client(config.simulator)))
