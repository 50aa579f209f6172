"""On duty, and how an officer is reached: what is left, the test, and asking to write a line."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.kit.runtime import Runtime
from app.notices.budget import PersonAction, note_action
from app.notices.jobs import deliver
from app.notices.sender import Outcome, Senders, Verdict
from app.notices.tables import Channel
from tests.app.dispatch.reaching import SmallChannel
from tests.factories import Make
from tests.miniprogram.phones import Dial, Phone, SignIn


async def wrote(runtime: Runtime, officer: Phone, *, left: int = 5) -> None:
    async with runtime.database.transaction() as db:
        await note_action(db, officer.person_id, Channel.OFFICIAL_ACCOUNT, PersonAction.MESSAGE)
        await db.execute(text("UPDATE windows SET long_left = :n"), {"n": left})


async def work(runtime: Runtime, account: SmallChannel) -> None:
    while await deliver(runtime, Senders({Channel.OFFICIAL_ACCOUNT: account})):
        pass
    await runtime.drain()


async def reach_of(officer: Phone) -> Any:
    return (await officer.ok("GET", "/duty"))["reach"]


async def test_going_on_duty_sends_one_test_and_shows_what_came_of_it(
    make: Make, sign_in: SignIn, dial: Dial, runtime: Runtime
) -> None:
    officer = await sign_in(await make.officer(on_duty=False))
    await wrote(runtime, officer)
    account = SmallChannel()

    async with dial(officer) as line:
        await officer.ok("POST", "/duty/on")
        await runtime.drain()
        begun = await reach_of(officer)
        await work(runtime, account)
        told = await line.next("reach_tested")

    assert begun["tested"]["outcome"] == "under_way"
    assert [letter.kind for letter in account.letters] == ["duty_test"]
    assert (told["channel"], told["outcome"], told["messages_left"], told["renew"]) == (
        "official_account", "sent", 4, False,
    )  # fmt: skip
    duty = await officer.ok("GET", "/duty")
    assert duty["on_duty"] is True
    assert duty["reach"]["messages_left"] == 4
    assert duty["reach"]["channels"] == ["socket", "official_account"]
    assert (duty["reach"]["tested"]["channel"], duty["reach"]["tested"]["outcome"]) == (
        "official_account",
        "sent",
    )


async def test_off_and_on_again_costs_no_second_message(
    make: Make, sign_in: SignIn, runtime: Runtime
) -> None:
    officer = await sign_in(await make.officer(on_duty=False))
    await wrote(runtime, officer)
    account = SmallChannel()

    for path in ("on", "off", "on"):
        await officer.ok("POST", f"/duty/{path}")
        await runtime.drain()
        await work(runtime, account)

    assert len(account.letters) == 1


async def test_with_nothing_left_it_is_said_at_once(
    make: Make, sign_in: SignIn, dial: Dial, runtime: Runtime
) -> None:
    officer = await sign_in(await make.officer(on_duty=False))

    async with dial(officer) as line:
        await officer.ok("POST", "/duty/on")
        told = await line.next("reach_tested")

    assert (told["channel"], told["outcome"], told["renew"]) == (None, "nothing_left", True)
    assert (await reach_of(officer))["tested"]["outcome"] == "nothing_left"


async def test_a_test_that_fails_is_told_and_kept(
    make: Make, sign_in: SignIn, dial: Dial, runtime: Runtime
) -> None:
    officer = await sign_in(await make.officer(on_duty=False))
    await wrote(runtime, officer)
    account = SmallChannel([Outcome(Verdict.REFUSED, 43004, "not_following")])

    async with dial(officer) as line:
        await officer.ok("POST", "/duty/on")
        await runtime.drain()
        await work(runtime, account)
        told = await line.next("reach_tested")

    assert told["outcome"] == "not_following"
    reach = await reach_of(officer)
    assert reach["tested"]["outcome"] == "not_following"
    assert (reach["messages_left"], reach["renew"]) == (0, True)


async def test_under_two_messages_the_officer_is_asked_and_a_line_fills_the_window(
    make: Make, sign_in: SignIn, dial: Dial, runtime: Runtime
) -> None:
    officer = await sign_in(await make.officer(on_duty=False))
    await wrote(runtime, officer, left=2)
    account = SmallChannel()

    async with dial(officer) as line:
        await officer.ok("POST", "/duty/on")
        await runtime.drain()
        await work(runtime, account)
        asked = await line.next("renew_reach")

    assert asked["messages_left"] == 1
    assert "在岗" in account.letters[0].words
    assert (await reach_of(officer))["renew"] is True
    await wrote(runtime, officer)
    assert (await reach_of(officer))["renew"] is False


async def test_who_is_off_duty_again_is_not_tested(make: Make, sign_in: SignIn, runtime: Runtime) -> None:
    officer = await sign_in(await make.officer(on_duty=False))
    await wrote(runtime, officer)
    account = SmallChannel()

    await officer.ok("POST", "/duty/on")
    await officer.ok("POST", "/duty/off")
    await runtime.drain()
    await work(runtime, account)

    assert account.letters == []
