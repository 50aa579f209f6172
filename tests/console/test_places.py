"""Places by name: an administrator imports a list, and nobody else does."""

from __future__ import annotations

from tests.console.people import People

CSV = (
    "name,aliases,lat,lng\n青莲公园北门,公园北门|Lotus Park North Gate,32.0641,118.8236\n青莲公园,,32.0631,118.8226\n"
    "云锦路步行街,,32.0611,118.8216\n"
)


async def test_an_administrator_imports_a_list_and_others_may_not(people: People) -> None:
    administrator = await people.signed_in("administrator")
    made = await administrator.ok("POST", "/stations", {"code": "P1", "name": "测试派出所"})
    path = f"/stations/{made['station_id']}/places"

    counted = await administrator.ok("PUT", path, {"csv": CSV})
    listed = await administrator.ok("GET", path)
    twice = await administrator.call("PUT", path, {"csv": CSV + CSV.splitlines()[1] + "\n"})
    elsewhere = await people.signed_in(
        "administrator", station=await people.make.station(code="P2", ring=None)
    )

    assert counted == {"count": 3}
    assert [item["name"] for item in listed["items"]] == sorted(["青莲公园北门", "青莲公园", "云锦路步行街"])
    assert (twice.status_code, twice.json()["code"]) == (422, "invalid")
    assert (await elsewhere.call("PUT", path, {"csv": CSV})).status_code == 403
