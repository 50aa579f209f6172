from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text

from app.audit.seal import seal
from app.audit.verify import verify
from app.events.edge import transaction
from app.kit.ids import new_id
from app.people.invitations import bind
from app.stations.settings import StationSettings
from console.stations import SettingsIn
from tests.console.people import ORIGIN, PASSWORD, People, Person
from tests.factories import SQUARE, Make

AREA = {"type": "Polygon", "coordinates": [SQUARE]}
BESIDE = {
    "type": "Polygon",
    "coordinates": [[[118.87, 32.02], [118.9, 32.02], [118.9, 32.1], [118.87, 32.1], [118.87, 32.02]]],
}


async def test_a_city_is_built_through_this_door_alone(administrator: Person, people: People) -> None:
    """What a demo does: stations, their neighbours, an officer, a desk that signs in and sees the queue."""
    command = await administrator.ok(
        "POST",
        "/stations",
        {"code": "CMD", "name": "指挥中心", "name_en": "Command centre", "is_command": True},
    )
    first = await administrator.ok(
        "POST", "/stations",
        {"code": "A", "name": "甲派出所", "phone": "025-1", "parent_id": command["station_id"], "boundary": AREA,
         "settings": {"claim_window_s": 20, "rings": [{"after_s": 0, "within_m": None}]}},
    )  # fmt: skip
    second = await administrator.ok(
        "POST", "/stations", {"code": "B", "name": "乙派出所", "boundary": BESIDE}
    )
    await administrator.ok(
        "PUT", f"/stations/{first['station_id']}/neighbours", {"neighbours": [second["station_id"]]}
    )
    await administrator.ok(
        "PUT", f"/stations/{second['station_id']}/parent", {"parent_id": command["station_id"]}
    )
    invited = await administrator.ok(
        "POST",
        "/officers",
        {"name": "王小明", "badge": "017342", "station_id": first["station_id"], "phone": "13800000000"},
    )
    account = await administrator.ok(
        "POST", "/staff", {"username": "A.desk", "password": PASSWORD, "name": "李值班"}
    )
    await administrator.ok(
        "POST", f"/staff/{account['person_id']}/roles", {"role": "desk", "station_id": first["station_id"]}
    )
    async with transaction(administrator.runtime) as db:
        bound = await bind(
            db, administrator.runtime, badge="017342", code=invited["code"], app_id="wxa", openid="o1"
        )
    desk = Person(
        administrator.runtime, people.browser(), account["person_id"], "a.desk", account["totp_address"]
    )

    assert str(bound.person_id) == invited["person_id"]
    assert (await desk.sign_in()).status_code == 201
    assert (await desk.ok("GET", "/queue"))["items"] == []
    stations = {s["code"]: s for s in (await desk.ok("GET", "/stations"))["items"]}
    assert stations["A"]["boundary"]["coordinates"] == [SQUARE]
    assert stations["A"]["neighbours"] == [second["station_id"]]
    assert (await desk.ok("GET", f"/stations/{first['station_id']}"))["settings"]["claim_window_s"] == 20
    officers = (await administrator.ok("GET", "/officers"))["items"]
    assert [(o["badge"], o["name"], o["bound"], o["invited"]) for o in officers] == [
        ("017342", "王小明", True, False)
    ]


async def test_the_settings_of_this_api_are_those_of_the_core() -> None:
    assert set(SettingsIn.model_fields) == set(StationSettings.model_fields)


async def test_settings_change_one_by_one_and_return_to_their_defaults(
    administrator: Person, make: Make
) -> None:
    station = await make.station(settings={"claim_window_s": 90})
    path = f"/stations/{station.id}"

    await administrator.ok("PATCH", f"{path}/settings", {"ack_s": 45, "claim_window_s": None})
    unfit = await administrator.call("PATCH", f"{path}/settings", {"nudge_s": 500})
    unknown = await administrator.call("PATCH", f"{path}/settings", {"clam_window_s": 60})

    settings = (await administrator.ok("GET", path))["settings"]
    assert (settings["ack_s"], settings["claim_window_s"]) == (45, 60)
    assert unfit.status_code == 422
    assert "nudge_s" in unfit.json()["detail"]
    assert unknown.status_code == 422


@pytest.mark.parametrize(
    "boundary",
    [
        {"type": "Point", "coordinates": [118.8, 32.0]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[118.8, 32.0]] * 4]},
        {"type": "Polygon", "coordinates": [[[32.0, 118.8], [32.1, 118.8], [32.1, 118.9], [32.0, 118.8]]]},
        {"type": "Polygon", "coordinates": [SQUARE], "crs": "\x00"},
        {"type": "Polygon", "coordinates": [[[1e308, 1e308], [0, 0], [1, 1], [1e308, 1e308]]]},
    ],
)
async def test_a_boundary_that_is_none_is_refused(administrator: Person, boundary: object) -> None:
    answer = await administrator.call(
        "POST", "/stations", {"code": "X", "name": "某所", "boundary": boundary}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_control_characters_never_reach_the_database(administrator: Person) -> None:
    for body in (
        {"code": "X\x00", "name": "某所"},
        {"code": "X", "name": "\x07"},
        {"code": "X", "name": "所", "settings": {"auxiliaries_for": ["\x00"]}},
    ):
        assert (await administrator.call("POST", "/stations", body)).status_code == 422


@pytest.mark.parametrize("depth", [100, 900, 20_000])
async def test_json_nested_deeper_than_the_stack_is_refused(administrator: Person, depth: int) -> None:
    nested = '{"type": "Polygon", "coordinates": ' + "[" * depth + "]" * depth + "}"
    answer = await administrator.client.post(
        "/stations", content=f'{{"code": "X", "name": "所", "boundary": {nested}}}',
        headers={"Origin": ORIGIN, "X-CSRF-Token": administrator.csrf, "Content-Type": "application/json"},
    )  # fmt: skip

    assert answer.status_code in (400, 422)


async def test_a_stations_administrator_stays_inside_their_station(people: People, make: Make) -> None:
    own, other = await make.station(code="A1"), await make.station(ring=BESIDE["coordinates"][0], code="B1")  # type: ignore[index]
    theirs = await make.officer(station=other)
    local = await people.signed_in("administrator", station=own)
    staff = await people.account(("desk", other))

    assert (await local.post("/officers", name="张", badge="1", station_id=str(own.id))).status_code == 201
    refused = [
        await local.post("/officers", name="张", badge="2", station_id=str(other.id)),
        await local.call("PATCH", f"/officers/{theirs.id}", {"skills": []}),
        await local.call("POST", f"/people/{theirs.id}/suspend"),
        await local.call("POST", f"/people/{theirs.id}/totp"),
        await local.call("PATCH", f"/stations/{other.id}", {"name": "改名"}),
        await local.call("PUT", f"/stations/{own.id}/boundary", {"boundary": None}),
        await local.call("POST", "/stations", {"code": "C", "name": "丙"}),
        await local.call(
            "POST", f"/staff/{staff.person_id}/roles", {"role": "desk", "station_id": str(other.id)}
        ),
        await local.call("POST", f"/staff/{staff.person_id}/roles", {"role": "auditor", "station_id": None}),
        await local.call("POST", "/staff", {"username": "x.y.z", "password": PASSWORD, "name": "某"}),
    ]

    assert [(r.status_code, r.json()["code"]) for r in refused] == [(403, "forbidden")] * len(refused)
    assert [o["station_id"] for o in (await local.ok("GET", "/officers"))["items"]] == [str(own.id)]
    assert staff.username not in [s["username"] for s in (await local.ok("GET", "/staff"))["items"]]


async def test_unknown_stations_and_people_are_404(administrator: Person, make: Make) -> None:
    nowhere, officer = str(new_id()), await make.officer()
    staff = administrator.person_id

    answers = [
        await administrator.post("/officers", name="张", badge="1", station_id=nowhere),
        await administrator.call("PATCH", f"/officers/{officer.id}", {"station_id": nowhere}),
        await administrator.call("PATCH", f"/officers/{nowhere}", {"skills": []}),
        await administrator.call("PUT", f"/officers/{officer.id}/lead", {"lead_id": nowhere}),
        await administrator.call("POST", f"/staff/{nowhere}/roles", {"role": "desk", "station_id": None}),
        await administrator.call(
            "POST", "/staff", {"username": "x.y.z", "password": PASSWORD, "name": "某", "station_id": nowhere}
        ),
        await administrator.get(f"/stations/{nowhere}"),
        await administrator.call("PUT", f"/stations/{nowhere}/parent", {"parent_id": None}),
        await administrator.call("POST", f"/people/{nowhere}/totp"),
    ]
    own = await administrator.call("POST", f"/staff/{staff}/roles", {"role": "auditor", "station_id": None})

    assert [a.status_code for a in answers] == [404] * len(answers)
    assert own.status_code == 403  # nobody decides on their own roles


async def test_a_role_that_is_taken_ends_at_once(administrator: Person, people: People, make: Make) -> None:
    desk = await people.signed_in("desk", station=await make.the_station())
    station = quote(str((await make.the_station()).id))
    assert (await desk.get("/queue")).status_code == 200

    changed = await administrator.ok("DELETE", f"/staff/{desk.person_id}/roles/desk?station_id={station}")
    await administrator.runtime.drain()

    assert changed == {"changed": True}
    assert (await desk.get("/queue")).json()["code"] == "role_needed"


async def test_a_suspended_person_is_out_and_in_again(administrator: Person, people: People) -> None:
    person = await people.signed_in("auditor")

    await administrator.ok("POST", f"/people/{person.person_id}/suspend")
    await administrator.runtime.drain()
    out = (await person.get("/me")).status_code, (await person.sign_in()).status_code
    await administrator.ok("POST", f"/people/{person.person_id}/resume")

    assert out == (401, 401)
    assert (await person.sign_in()).status_code == 201


async def test_pages_of_officers_and_staff_hold_each_once(
    administrator: Person, people: People, make: Make
) -> None:
    officers = [await make.officer() for _ in range(5)]
    staff = [administrator.username] + [(await people.account(("desk", None))).username for _ in range(4)]

    for path, field, expected in (
        ("/officers", "badge", [o.badge for o in officers]),
        ("/staff", "username", staff),
    ):
        seen: list[str] = []
        page = await administrator.ok("GET", f"{path}?limit=2")
        while True:
            seen += [item[field] for item in page["items"]]
            if page["next"] is None:
                break
            page = await administrator.ok("GET", f"{path}?limit=2&cursor={page['next']}")
        assert seen == sorted(expected)


async def test_the_auditor_reads_who_looked_and_their_own_reading_stands_there_too(
    people: People, make: Make
) -> None:
    desk = await people.signed_in("desk", station=await make.the_station())
    case = await make.case(state="handed_over", reported_ago_s=20)
    auditor = await people.signed_in("auditor")
    await desk.ok("GET", f"/cases/{case.id}")

    looks = (await auditor.ok("GET", f"/audit?object_id={case.id}"))["items"]
    own = (await auditor.ok("GET", "/audit?action=audit_read"))["items"]
    first = await auditor.ok("GET", "/audit?limit=2")
    second = await auditor.ok("GET", f"/audit?limit=2&cursor={first['next']}")

    assert [(e["action"], e["actor_id"]) for e in looks] == [("case_read", str(desk.person_id))]
    assert [e["actor_id"] for e in own] == [str(auditor.person_id)]
    ids = [e["id"] for e in first["items"] + second["items"]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 4


async def test_the_export_proves_itself_and_leaves_nothing_behind(people: People, tmp_path: Path) -> None:
    auditor = await people.signed_in("auditor")
    await seal(auditor.runtime)

    answer = await auditor.get("/audit/export")
    file = tmp_path / "audit.jsonl"
    file.write_bytes(answer.content)

    verdict = verify(file)
    assert verdict.sound, verdict.problems
    assert verdict.entries == len(answer.content.splitlines()) - 1
    assert "audit_exported" in [json.loads(line).get("action") for line in answer.text.splitlines()]
    assert answer.headers["cache-control"] == "no-store"


async def test_an_auditor_of_one_station_does_not_read_the_one_log(people: People, make: Make) -> None:
    person = await people.signed_in("auditor", station=await make.the_station())

    assert (await person.get("/audit")).json()["code"] == "role_needed"


async def test_changes_of_a_station_stand_in_the_log(administrator: Person, make: Make) -> None:
    station = await make.station()

    await administrator.ok("PATCH", f"/stations/{station.id}", {"phone": "025-2"})

    async with administrator.runtime.database.moves() as db:
        row = (
            await db.execute(
                text("SELECT actor_id, object_id FROM audit_log WHERE action = 'station_changed'")
            )
        ).one()
    assert (row.actor_id, row.object_id) == (administrator.person_id, str(station.id))
