"""What an officer does with the case in hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from app.cases.policy import watchers
from app.dispatch.acts import request_backup
from app.dispatch.desk import assign, close_at_desk, reopen, take_case
from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people import sessions
from app.people.identity import set_identity
from tests.factories import Made, Make, acting
from tests.miniprogram.phones import POINT, Phone, Settle, SignIn


@pytest.fixture
async def held(make: Make, officer: Phone, runtime: Runtime) -> Made:
    """A case the officer has claimed; its reporter left name and phone."""
    case = await make.case(state="claimed", officer=officer.made, epoch=1)
    await make.offer(case, officer.made, epoch=0)
    async with transaction(runtime) as db:
        await set_identity(db, runtime, case.reporter.id, name="李雷", phone="13800000000", consent="1")
    return case


PURPOSE = {"purpose": "到达后联系报案人"}


async def _acts(runtime: Runtime, action: str) -> int:
    async with runtime.database.moves() as db:
        counted = await db.execute(
            text("SELECT count(*) FROM audit_log WHERE action = :action"), {"action": action}
        )
        return int(counted.scalar_one())


async def test_from_claim_to_close(make: Make, officer: Phone, sign_in: SignIn, settle: Settle) -> None:
    case = await make.case()
    await make.offer(case, officer.made)
    claimed = await officer.ok("POST", f"/offers/{case.id}/claim", {"epoch": 0})
    act = {"epoch": claimed["epoch"]}
    await settle()

    states = [
        (await officer.ok("POST", f"/cases/{case.id}/en-route", act))["state"],
        (await officer.ok("POST", f"/cases/{case.id}/arrived", act | {"meet_code": "4711"}))["state"],
        (
            await officer.ok(
                "POST", f"/cases/{case.id}/close", act | {"disposition": "mediated", "note": "已劝导"}
            )
        )["state"],
    ]
    await settle()

    reporter = await sign_in(case.reporter)
    seen = await reporter.ok("GET", f"/cases/{case.id}")
    assert states == ["en_route", "arrived", "closed"]
    assert (seen["state"], seen["disposition"], seen["coming"]) == ("closed", "mediated", None)
    assert (await officer.ok("GET", "/my-case"))["case"] is None


async def test_the_holder_sees_words_and_place_and_each_look_is_recorded(
    officer: Phone, held: Made, runtime: Runtime
) -> None:
    first = (await officer.ok("GET", "/my-case"))["case"]
    await officer.ok("GET", "/my-case")

    assert (first["words"], first["epoch"], first["locked"]) == ("楼上很吵", 1, False)
    assert first["place"]["point"] == {"lat": 32.06, "lng": 118.82}
    assert "reporter" not in str(first)
    assert "4711" not in str(first)  # the meet code is proof of arrival: it is on the reporter's phone alone
    assert await _acts(runtime, "case_read") == 2


async def _lie_idle(runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE sessions SET used_at = clock_timestamp() - interval '31 minutes'"))
    sessions._caches.clear()  # a session is known for at most 0.5 s


@pytest.mark.parametrize("state", ["claimed", "assigned", "en_route", "arrived"])
async def test_idle_for_30_minutes_the_case_in_hand_stays_readable_and_all_else_is_locked(
    make: Make, officer: Phone, runtime: Runtime, state: str
) -> None:
    held = await make.case(state=state, officer=officer.made, epoch=1, reported_ago_s=10)
    await _lie_idle(runtime)

    case = (await officer.ok("GET", "/my-case"))["case"]
    contact = await officer.post(f"/cases/{held.id}/contact", PURPOSE)

    assert (case["words"], case["locked"], case["state"]) == ("楼上很吵", False, state)
    assert case["place"]["point"] == {"lat": 32.06, "lng": 118.82}
    assert contact.status_code == 403
    assert contact.json()["code"] == (
        "personal_data_locked" if state in ("en_route", "arrived") else "contact_not_shown"
    )
    assert await _acts(runtime, "case_read") == 1  # this look too


async def test_idle_for_30_minutes_the_case_of_a_colleague_is_locked(
    make: Make, officer: Phone, runtime: Runtime
) -> None:
    case = await make.case(state="en_route", officer=await make.officer(), epoch=1)
    async with runtime.database.moves() as db:
        await db.execute(
            text("INSERT INTO backups (id, case_id, officer_id) VALUES (gen_random_uuid(), :c, :o)"),
            {"c": case.id, "o": officer.person_id},
        )
    before = (await officer.ok("GET", "/my-case"))["helping"]
    await _lie_idle(runtime)
    after = (await officer.ok("GET", "/my-case"))["helping"]

    assert before[0]["place"] is not None
    assert [one["place"] for one in after] == [None]


async def test_a_session_that_gave_no_second_factor_sees_no_case_in_hand(
    make: Make, officer: Phone, sign_in: SignIn, runtime: Runtime
) -> None:
    await make.case(state="en_route", officer=officer.made, epoch=1)
    other = await sign_in(officer.made, second_factor=False)

    answer = await other.get("/my-case")

    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    assert await _acts(runtime, "case_read") == 0


async def test_a_case_let_go_is_no_longer_readable(make: Make, officer: Phone, runtime: Runtime) -> None:
    held = await make.case(state="en_route", officer=officer.made, epoch=1)
    await _lie_idle(runtime)
    await officer.ok("POST", f"/cases/{held.id}/release", {"epoch": 1, "reason": "车坏了"})

    assert (await officer.ok("GET", "/my-case"))["case"] is None


async def test_fixes_are_presence_and_do_not_unlock(make: Make, officer: Phone, runtime: Runtime) -> None:
    held = await make.case(state="en_route", officer=officer.made, epoch=1)
    await _lie_idle(runtime)
    fix = POINT | {"accuracy_m": 9, "at": datetime.now(UTC).isoformat()}
    seen = await officer.ok("POST", "/fixes", {"fixes": [fix]})

    contact = await officer.post(f"/cases/{held.id}/contact", PURPOSE)

    assert seen["case_ids"] == [str(held.id)]
    assert contact.json()["code"] == "personal_data_locked"


async def test_the_contact_is_shown_from_en_route_to_release_and_recorded(
    officer: Phone, held: Made, runtime: Runtime
) -> None:
    before = await officer.post(f"/cases/{held.id}/contact", PURPOSE)
    await officer.ok("POST", f"/cases/{held.id}/en-route", {"epoch": 1})
    on_the_way = await officer.ok("POST", f"/cases/{held.id}/contact", PURPOSE)
    await officer.ok("POST", f"/cases/{held.id}/release", {"epoch": 1, "reason": "车坏了"})
    after = await officer.post(f"/cases/{held.id}/contact", PURPOSE)

    assert (before.status_code, before.json()["code"]) == (403, "contact_not_shown")
    assert on_the_way == {"name": "李雷", "phone": "13800000000"}
    assert after.status_code == 404
    assert await _acts(runtime, "contact_revealed") == 1


async def test_after_the_close_the_contact_is_for_who_closed_and_for_no_earlier_holder(
    officer: Phone, held: Made, make: Make, sign_in: SignIn, runtime: Runtime
) -> None:
    reporter, desk = await sign_in(held.reporter), acting(await make.staff("desk", station=held.station))
    await officer.ok("POST", f"/cases/{held.id}/en-route", {"epoch": 1})
    await reporter.ok("POST", f"/cases/{held.id}/not-this-officer")
    await take_case(runtime, held.id, epoch=2, actor=desk)
    await close_at_desk(runtime, held.id, epoch=2, actor=desk, disposition="advised", note="已电话告知")
    own = await make.case(state="arrived", officer=officer.made, epoch=1, reporter=held.reporter)
    await officer.ok("POST", f"/cases/{own.id}/close", {"epoch": 1, "disposition": "solved"})

    refused = await officer.post(f"/cases/{held.id}/contact", PURPOSE)
    closed = await officer.ok("POST", f"/cases/{own.id}/contact", PURPOSE)

    assert (refused.status_code, refused.json()["code"]) == (404, "case_not_found")
    assert closed["phone"] == "13800000000"


async def test_a_contact_asks_for_a_purpose(officer: Phone, held: Made) -> None:
    await officer.ok("POST", f"/cases/{held.id}/en-route", {"epoch": 1})

    assert (await officer.post(f"/cases/{held.id}/contact", {"purpose": " "})).status_code == 422
    assert (await officer.post(f"/cases/{held.id}/contact", {})).status_code == 422


async def test_a_text_only_report_shows_no_number(make: Make, officer: Phone) -> None:
    case = await make.case(state="en_route", officer=officer.made, epoch=1, text_only=True)

    refused = await officer.post(f"/cases/{case.id}/contact", PURPOSE)

    assert (refused.status_code, refused.json()["code"]) == (403, "contact_not_shown")
    assert (await officer.ok("GET", "/my-case"))["case"]["contact"] is False


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("en-route", {}), ("arrived", {"meet_code": "4711"}), ("still-coming", {}), ("release", {"reason": "x"}),
        ("close", {"disposition": "solved"}), ("backup", {"reason": "x"}), ("raise", {}), ("agree-to-cancel", {}),
        ("return", {"reason": "x"}), ("another-unit", {"reason": "x"}),
    ],
)  # fmt: skip
async def test_a_stale_epoch_is_refused_by_every_act(
    officer: Phone, held: Made, act: str, body: dict[str, str]
) -> None:
    answer = await officer.post(f"/cases/{held.id}/{act}", {"epoch": 0} | body)

    assert (answer.status_code, answer.json()["code"]) == (409, "stale_epoch")


async def test_arrival_is_shown_by_the_code_or_a_position_near_the_place(officer: Phone, held: Made) -> None:
    path, far = f"/cases/{held.id}/arrived", POINT | {"lat": 32.08}

    neither = await officer.post(path, {"epoch": 1})
    wrong = await officer.post(path, {"epoch": 1, "meet_code": "0000", "at": far})
    there = await officer.ok("POST", path, {"epoch": 1, "at": POINT})

    assert neither.json()["code"] == wrong.json()["code"] == "arrival_not_shown"
    assert there["state"] == "arrived"


async def test_five_wrong_codes_and_only_a_position_counts(officer: Phone, held: Made) -> None:
    path = f"/cases/{held.id}/arrived"
    for _ in range(5):
        assert (await officer.post(path, {"epoch": 1, "meet_code": "0000"})).json()[
            "code"
        ] == "arrival_not_shown"

    right = await officer.post(path, {"epoch": 1, "meet_code": "4711"})
    there = await officer.ok("POST", path, {"epoch": 1, "at": POINT})

    assert (right.status_code, right.json()["code"]) == (422, "meet_code_tries")
    assert there["state"] == "arrived"


async def test_somebody_who_was_offered_the_case_cannot_try_its_code(
    make: Make, sign_in: SignIn, officer: Phone, held: Made
) -> None:
    other = await make.officer()
    await make.offer(held, other, epoch=0)
    loser = await sign_in(other)

    answer = await loser.post(f"/cases/{held.id}/arrived", {"epoch": 1, "meet_code": "4711"})

    assert (answer.status_code, answer.json()["code"]) == (409, "not_the_holder")
    assert "code_tries" not in await make.column(held, "facts")


async def test_whom_the_reporter_refused_does_not_come_back_as_help(
    make: Make, officer: Phone, sign_in: SignIn
) -> None:
    refused = await sign_in(await make.officer())
    case = await make.case(
        state="en_route", officer=officer.made, epoch=3, excluded=[refused.person_id], reported_ago_s=20
    )
    await make.offer(case, officer.made, epoch=2)
    await officer.ok("POST", f"/cases/{case.id}/backup", {"epoch": 3, "reason": "人多"})

    joined = await refused.post(f"/cases/{case.id}/backup/join")

    assert (joined.status_code, joined.json()["code"]) == (404, "case_not_found")
    assert (await refused.ok("GET", "/my-case"))["helping"] == []


async def test_nobody_is_called_to_a_case_that_is_over(make: Make, officer: Phone) -> None:
    case = await make.case(state="closed", officer=officer.made, epoch=1)
    await make.offer(case, officer.made, epoch=0)

    answer = await officer.post(f"/cases/{case.id}/backup", {"epoch": 1, "reason": "人多"})

    assert (answer.status_code, answer.json()["code"]) == (409, "case_ended")


async def test_backup_joins_is_tracked_and_leaves(
    make: Make, sign_in: SignIn, officer: Phone, held: Made
) -> None:
    helper = await sign_in(await make.officer())
    await officer.ok("POST", f"/cases/{held.id}/backup", {"epoch": 1, "reason": "人多"})

    await helper.ok("POST", f"/cases/{held.id}/backup/join")
    helping = (await helper.ok("GET", "/my-case"))["helping"]
    fix = POINT | {"accuracy_m": 10, "at": datetime.now(UTC).isoformat()}
    tracked = await helper.ok("POST", "/fixes", {"fixes": [fix]})
    contact = await helper.post(f"/cases/{held.id}/contact", PURPOSE)
    await helper.ok("POST", f"/cases/{held.id}/backup/leave")

    assert [(c["case_id"], c["place"]["point"]["lat"]) for c in helping] == [(str(held.id), 32.06)]
    assert tracked["case_ids"] == [str(held.id)]
    assert (contact.status_code, contact.json()["code"]) == (403, "contact_not_shown")
    assert (await helper.ok("GET", "/my-case"))["helping"] == []


async def test_who_helped_on_a_case_is_not_followed_when_it_is_taken_up_again(
    make: Make, sign_in: SignIn, officer: Phone, held: Made, runtime: Runtime
) -> None:
    helper, next_one = await sign_in(await make.officer()), await make.officer()
    await officer.ok("POST", f"/cases/{held.id}/backup", {"epoch": 1, "reason": "人多"})
    await helper.ok("POST", f"/cases/{held.id}/backup/join")
    await officer.ok("POST", f"/cases/{held.id}/arrived", {"epoch": 1, "meet_code": "4711"})
    await officer.ok("POST", f"/cases/{held.id}/close", {"epoch": 1, "disposition": "solved"})

    desk = acting(await make.staff("desk"))
    again = await reopen(runtime, held.id, actor=desk, reason="报案人称未解决")
    assigned = await assign(runtime, held.id, epoch=again.epoch, officer_id=next_one.id, actor=desk)
    await runtime.drain()
    fix = POINT | {"accuracy_m": 10, "at": datetime.now(UTC).isoformat()}
    tracked = await helper.ok("POST", "/fixes", {"fixes": [fix]})
    seen = (await helper.ok("GET", "/my-case"))["helping"]
    async with runtime.database.moves() as db:
        told = (await watchers(db, [held.id]))[held.id][0]

    assert (tracked["case_ids"], tracked["present"], seen) == ([], True, [])
    assert helper.person_id not in told

    await request_backup(runtime, held.id, epoch=assigned.epoch, officer=acting(next_one), reason="人多")
    await helper.ok("POST", f"/cases/{held.id}/backup/join")  # asked for anew, and coming again

    assert [c["case_id"] for c in (await helper.ok("GET", "/my-case"))["helping"]] == [str(held.id)]


@pytest.mark.parametrize(
    "forced", [{"urgent": True}, {"text_only": True}, {"category": "neighbour_dispute"}], ids=str
)
async def test_what_may_be_forced_is_cancelled_by_no_officers_nod(
    make: Make, officer: Phone, sign_in: SignIn, forced: dict[str, object]
) -> None:
    case = await make.case(state="en_route", officer=officer.made, epoch=1, **forced)
    reporter = await sign_in(case.reporter)

    asked = await reporter.ok("POST", f"/cases/{case.id}/cancel")
    nod = await officer.post(f"/cases/{case.id}/agree-to-cancel", {"epoch": 1})

    assert asked["outcome"] == "asked"
    assert (nod.status_code, nod.json()["code"]) == (409, "wrong_state")
    assert await make.column(case, "state") == "en_route"


async def test_on_the_way_a_cancel_waits_for_the_officer(
    make: Make, sign_in: SignIn, officer: Phone, held: Made
) -> None:
    reporter = await sign_in(held.reporter)
    await officer.ok("POST", f"/cases/{held.id}/en-route", {"epoch": 1})

    asked = await reporter.ok("POST", f"/cases/{held.id}/cancel")
    told = (await officer.ok("GET", "/my-case"))["case"]["cancel_asked"]
    agreed = await officer.ok("POST", f"/cases/{held.id}/agree-to-cancel", {"epoch": 1})

    assert (asked["outcome"], told, agreed["state"]) == ("asked", True, "cancelled")


async def test_an_assigned_case_goes_back_to_the_desk(make: Make, officer: Phone) -> None:
    case = await make.case(state="assigned", officer=officer.made, epoch=2, reported_ago_s=90)
    await make.offer(case, officer.made, epoch=0)

    returned = await officer.ok("POST", f"/cases/{case.id}/return", {"epoch": 2, "reason": "在押解"})

    assert returned["state"] == "handed_over"
    assert (await officer.ok("GET", "/my-case"))["case"] is None


async def test_at_the_place_another_unit_can_be_asked_for_and_worse_can_be_said(
    make: Make, officer: Phone
) -> None:
    case = await make.case(state="arrived", officer=officer.made, epoch=1)
    await make.offer(case, officer.made, epoch=0)

    await officer.ok("POST", f"/cases/{case.id}/raise", {"epoch": 1})
    handed = await officer.ok("POST", f"/cases/{case.id}/another-unit", {"epoch": 1, "reason": "需要刑警"})

    assert await make.column(case, "urgent") is True
    assert handed["state"] == "handed_over"


async def test_a_nudge_is_answered(make: Make, officer: Phone) -> None:
    case = await make.case(
        state="claimed",
        officer=officer.made,
        epoch=1,
        reported_ago_s=50,
        act_step=1,
        act_by=datetime.now(UTC),
    )
    nudged = (await officer.ok("GET", "/my-case"))["case"]

    await officer.ok("POST", f"/cases/{case.id}/still-coming", {"epoch": 1})

    answered = (await officer.ok("GET", "/my-case"))["case"]
    assert (nudged["nudged"], answered["nudged"]) == (True, False)
    assert answered["act_in_s"] == pytest.approx(60, abs=2)


@pytest.mark.parametrize("words", ["\x00", "a\x00b", "\ud800", "x" * 2001])
async def test_words_that_cannot_be_kept_are_refused_by_name(officer: Phone, held: Made, words: str) -> None:
    content = json.dumps({"epoch": 1, "disposition": "solved", "note": words})
    answer = await officer.client.post(
        f"cases/{held.id}/close",
        content=content,
        headers={"Authorization": f"Bearer {officer.token}", "Content-Type": "application/json"},
    )

    assert answer.status_code == 422
    assert "note" in answer.json()["detail"]


async def test_the_flags_are_seen_before_arrival_and_the_call_button_is_locked_and_unlocked_on_record(
    make: Make, officer: Phone, runtime: Runtime
) -> None:
    held = await make.case(
        state="en_route", officer=officer.made, epoch=1, text_only=True, facts={"flags": ["for_another"]}
    )

    case = (await officer.ok("GET", "/my-case"))["case"]
    locked = await officer.post(f"/cases/{held.id}/contact", PURPOSE)
    unlocked = await officer.post(f"/cases/{held.id}/contact", PURPOSE | {"despite_text_only": True})

    assert case["flags"] == ["for_another", "text_only"]
    assert (case["contact"], case["contact_locked"]) == (False, True)
    assert (locked.status_code, locked.json()["code"]) == (403, "contact_not_shown")
    assert unlocked.status_code == 200
    async with runtime.database.moves() as db:
        rows = await db.execute(
            text("SELECT purpose, facts FROM audit_log WHERE action = 'contact_revealed'")
        )
        [look] = rows.all()
    assert (look.purpose, look.facts["despite_text_only"]) == (PURPOSE["purpose"], True)
