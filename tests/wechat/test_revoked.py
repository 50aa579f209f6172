"""A person takes back at WeChat what they had authorised: contact and consents of that account go, on record."""

from __future__ import annotations

import pytest

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.notices.budget import Channel
from app.notices.consents import allow, consents_of
from app.people.identity import citizen_of, set_identity
from tests.factories import Made, Make
from tests.wechat.callback_door import Door, opened
from tests.wechat.chats import rows
from wechat import callback

FIELDS = "<Event>user_authorization_revoke</Event><OpenID>{openid}</OpenID><AppID>wx</AppID><RevokeInfo>8</RevokeInfo>"


@pytest.fixture
def door(runtime: Runtime, station: Made) -> Door:
    return Door(runtime)


async def known(door: Door) -> None:
    """Name, phone, and a consent at each account."""
    runtime = door.runtime
    async with transaction(runtime) as db:
        person = await citizen_of(db, runtime, app_id=runtime.settings.wechat_app_id, openid=door.openid)
        await set_identity(db, runtime, person.id, name="李雷", phone="13800000000", consent="2025-01")
        await allow(db, person.id, Channel.TEMPLATE, "T1", lasting=True)
        await allow(db, person.id, Channel.TEMPLATE, "T2", lasting=False)
        await allow(db, person.id, Channel.SUBSCRIPTION, "M1", lasting=False)


async def held(runtime: Runtime) -> tuple[bool, bool, str | None, list[tuple[str, int, bool]]]:
    """Whether there is a name, and a phone; the consent to them; what is left of consents to notices."""
    [row] = await rows(
        runtime,
        "SELECT person_id, name IS NOT NULL AS name, phone IS NOT NULL OR phone_index IS NOT NULL AS phone, consent_version"
        " FROM identity.persons",
    )
    async with runtime.database.transaction() as db:
        left = [(c.template_id, c.left_once, c.lasting) for c in await consents_of(db, row.person_id)]
    return row.name, row.phone, row.consent_version, left


ACTS = "SELECT actor_id, object_id, facts FROM audit_log WHERE action = 'authorisation_revoked'"


async def test_contact_and_the_consents_of_the_account_go_on_record_and_once(
    door: Door, runtime: Runtime
) -> None:
    await known(door)
    before = await held(runtime)

    answer = await door.push("event", FIELDS.format(openid=door.openid))

    assert before == (True, True, "2025-01", [("M1", 1, False), ("T1", 0, True), ("T2", 1, False)])
    assert (answer.status_code, opened(answer)) == (200, "")
    assert await held(runtime) == (False, False, None, [("M1", 1, False), ("T1", 0, False), ("T2", 0, False)])
    [act] = await rows(runtime, ACTS)
    assert (str(act.actor_id), act.facts) == (act.object_id, {"channel": "template"})


async def test_of_a_stranger_nothing_is_kept_and_nobody_is_made_known(door: Door, runtime: Runtime) -> None:
    await known(door)
    people = await rows(runtime, "SELECT count(*) FROM people")

    answer = await door.push("event", FIELDS.format(openid="oSomebodyElse0000000000000001"))

    assert answer.status_code == 200
    assert (await held(runtime))[:2] == (True, True)
    assert await rows(runtime, ACTS) == []
    assert await rows(runtime, "SELECT count(*) FROM people") == people


async def test_what_could_not_be_withdrawn_is_told_again_by_wechat(
    door: Door, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await known(door)

    async def down(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(callback, "withdraw", down)
        lost = await door.push("event", FIELDS.format(openid=door.openid))
    again = await door.push("event", FIELDS.format(openid=door.openid))

    assert (lost.status_code, again.status_code) == (503, 200)
    assert (await held(runtime))[:3] == (False, False, None)


async def test_an_officers_name_stays(door: Door, runtime: Runtime, make: Make) -> None:
    await known(door)
    await rows(runtime, "UPDATE people SET kind = 'officer' RETURNING 1")

    await door.push("event", FIELDS.format(openid=door.openid))

    name, phone, _, left = await held(runtime)
    assert (name, phone) == (True, True)
    assert left == [("M1", 1, False), ("T1", 0, False), ("T2", 0, False)]
