"""Who may call what, and what of somebody else's: every operation of the OpenAPI document, none may slip past."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.events.edge import transaction
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.people.sessions import issue, revoke
from app.people.tables import Audience
from miniprogram.router import PREFIX
from tests.factories import Make
from tests.miniprogram.phones import Phone, SignIn


class For(StrEnum):
    """Who may call an operation at all."""

    ALL = "all"  # signed in or not
    SIGNED_IN = "signed in"
    CITIZENS = "citizens"
    OFFICERS = "officers"  # with their second factor
    ON_DUTY = "on duty"
    SECOND_FACTOR = "officers with their second factor, and any citizen"


ACCESS: dict[str, For] = {
    "signIn": For.ALL, "bindOfficer": For.ALL,
    "signOut": For.SIGNED_IN, "me": For.SIGNED_IN, "giveSecondFactor": For.SIGNED_IN, "askApproval": For.SIGNED_IN,
    "setContact": For.CITIZENS, "withdrawContact": For.CITIZENS,
    "exportMe": For.CITIZENS, "eraseMe": For.CITIZENS,
    "categories": For.SIGNED_IN, "report": For.SIGNED_IN, "myCases": For.SIGNED_IN, "myCase": For.SIGNED_IN, "myReceipt": For.SIGNED_IN,
    "cancelCase": For.SIGNED_IN, "moveCase": For.SIGNED_IN, "trackCase": For.SIGNED_IN, "raiseMyCase": For.SIGNED_IN,
    "refuseOfficer": For.SIGNED_IN, "rateCase": For.SIGNED_IN, "notSolved": For.SIGNED_IN,
    "liveTicket": For.SECOND_FACTOR,
    "myNotices": For.SIGNED_IN, "noticesSeen": For.SIGNED_IN, "mySubscriptions": For.SIGNED_IN, "subscribe": For.SIGNED_IN,
    "duty": For.OFFICERS, "dutyOn": For.OFFICERS, "dutyOff": For.OFFICERS, "fixes": For.ON_DUTY, "offers": For.ON_DUTY,
    "claim": For.OFFICERS, "decline": For.OFFICERS, "offerSeen": For.OFFICERS, "caseInHand": For.OFFICERS,
    "revealContact": For.OFFICERS, "enRoute": For.OFFICERS, "arrived": For.OFFICERS, "stillComing": For.OFFICERS,
    "release": For.OFFICERS, "giveBack": For.OFFICERS, "needsAnotherUnit": For.OFFICERS, "close": For.OFFICERS,
    "agreeToCancel": For.OFFICERS, "raiseCase": For.OFFICERS, "requestBackup": For.OFFICERS,
    "joinBackup": For.OFFICERS, "leaveBackup": For.OFFICERS,
    "questions": For.OFFICERS, "answerQuestion": For.OFFICERS,
    "caseMedia": For.SECOND_FACTOR, "mediumBytes": For.SECOND_FACTOR,
}  # fmt: skip
"""Every operation. A new route fails `test_every_operation_stands_in_the_table` until it stands here."""

LOCKS = {"caseMedia", "mediumBytes"}
"""Personal data, for which the second factor must also be recent."""
SAYS_NOTHING = {"offerSeen", "leaveBackup"}
"""Answered 204 whatever the case, so that nothing can be learned."""
STATES = ("open", "claimed", "assigned", "en_route", "arrived", "handed_over", "closed", "cancelled")
HELD = ("claimed", "assigned", "en_route", "arrived")


@dataclass(frozen=True)
class Operation:
    """One route as the document has it, with a body made of its examples."""

    id: str
    method: str
    path: str
    body: Any

    @property
    def of_a_case(self) -> bool:
        return "{case_id}" in self.path

    async def by(
        self, phone: Phone | None, client: httpx.AsyncClient, case_id: object = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": "key-00000001"} | (
            {"Authorization": f"Bearer {phone.token}"} if phone else {}
        )
        path = self.path.replace("{case_id}", str(case_id or new_id())).lstrip("/")
        path = re.sub(r"\{\w+_id\}", lambda _: str(new_id()), path)
        if self.id == "mediumBytes":
            path += f"?until=0&proof={'A' * 43}"
        return await client.request(self.method, path, json=self.body, headers=headers)


@pytest.fixture
def operations(app: FastAPI) -> list[Operation]:
    document = app.openapi()
    return [
        Operation(o["operationId"], method.upper(), path.removeprefix(PREFIX), _body(o, document))
        for path, methods in document["paths"].items()
        for method, o in methods.items()
    ]


def _body(operation: dict[str, Any], document: dict[str, Any]) -> Any:
    if "requestBody" not in operation:
        return None
    return _example(operation["requestBody"]["content"]["application/json"]["schema"], document)


def _example(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _example(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if "examples" in schema:
        return schema["examples"][0]
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], document)
    if schema.get("type") == "object":
        wanted = schema.get("required", [])
        return {name: _example(schema["properties"][name], document) for name in wanted}
    if schema.get("type") == "array":
        return [_example(schema["items"], document)]
    raise AssertionError(f"a field without an example: {schema}")


def test_every_operation_stands_in_the_table(operations: list[Operation]) -> None:
    assert {operation.id for operation in operations} == set(ACCESS)


def test_every_operation_says_what_it_does_and_how_it_fails(app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation.get("summary"), where
            assert operation["tags"], where
            assert {"401", "422", "503"} <= set(operation["responses"]), where
            if "{case_id}" in path and operation["operationId"] not in SAYS_NOTHING:
                assert "404" in operation["responses"], where
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert answer["content"]["application/problem+json"]["examples"], where


def test_every_schema_is_strict(app: FastAPI) -> None:
    for name, schema in app.openapi()["components"]["schemas"].items():
        if schema.get("type") == "object":
            assert schema.get("additionalProperties") is False, name


async def test_nobody_and_sessions_that_ended_or_are_of_the_console_get_401(
    operations: list[Operation], client: httpx.AsyncClient, make: Make, sign_in: SignIn, runtime: Runtime
) -> None:
    ended = await sign_in(await make.officer())
    other_door = await sign_in(await make.officer())
    async with transaction(runtime) as db:
        await revoke(db, ended.session_id, by=None)
        other_door.token, _ = await issue(
            db, other_door.person_id, Audience.CONSOLE, ttl_s=600, second_factor=True
        )
    await runtime.drain()

    for operation in operations:
        if ACCESS[operation.id] is not For.ALL:
            for phone in (None, ended, other_door):
                assert (await operation.by(phone, client)).status_code == 401, operation.id


async def test_a_citizen_gets_403_where_officers_work(
    operations: list[Operation], client: httpx.AsyncClient, make: Make, sign_in: SignIn
) -> None:
    case = await make.case(state="en_route", officer=await make.officer(), epoch=1)
    reporter = await sign_in(case.reporter)

    for operation in operations:
        if ACCESS[operation.id] in (For.OFFICERS, For.ON_DUTY):
            answer = await operation.by(reporter, client, case.id)
            assert (answer.status_code, answer.json()["code"]) == (403, "officers_only"), operation.id


async def test_an_officer_without_the_second_factor_gets_403_where_officers_work(
    operations: list[Operation], client: httpx.AsyncClient, make: Make, sign_in: SignIn
) -> None:
    made = await make.officer()
    case = await make.case(state="en_route", officer=made, epoch=1)
    phone = await sign_in(made, second_factor=False)

    for operation in operations:
        if ACCESS[operation.id] in (For.OFFICERS, For.ON_DUTY, For.SECOND_FACTOR):
            answer = await operation.by(phone, client, case.id)
            code = "personal_data_locked" if operation.id in LOCKS else "second_factor_needed"
            assert (answer.status_code, answer.json()["code"]) == (403, code), operation.id


async def test_an_officer_off_duty_neither_sees_offers_nor_gives_positions(
    operations: list[Operation], client: httpx.AsyncClient, make: Make, sign_in: SignIn
) -> None:
    phone = await sign_in(await make.officer(on_duty=False))

    for operation in operations:
        if ACCESS[operation.id] is For.ON_DUTY:
            answer = await operation.by(phone, client)
            assert (answer.status_code, answer.json()["code"]) == (409, "off_duty"), operation.id


@pytest.mark.parametrize("state", STATES)
async def test_a_case_of_others_is_as_if_it_did_not_exist(
    operations: list[Operation], client: httpx.AsyncClient, make: Make, sign_in: SignIn, state: str
) -> None:
    holder = await make.officer()
    case = await make.case(
        state=state,
        officer=holder if state in HELD else None,
        epoch=1,
        previous_officer_id=holder.id if state in ("closed", "cancelled") else None,
    )
    citizen, officer = await sign_in(await make.citizen()), await sign_in(await make.officer())

    for operation in operations:
        if not operation.of_a_case or operation.id in SAYS_NOTHING:
            continue
        strangers = [officer] if ACCESS[operation.id] is For.OFFICERS else [citizen, officer]
        for stranger in strangers:
            answer = await operation.by(stranger, client, case.id)
            nothing = await operation.by(stranger, client)
            assert answer.status_code == 404, (operation.id, answer.text)
            assert nothing.status_code == 404, (operation.id, nothing.text)
            assert _unnamed(answer) == _unnamed(nothing), operation.id


async def test_what_says_nothing_says_nothing(
    operations: list[Operation], client: httpx.AsyncClient, make: Make, sign_in: SignIn
) -> None:
    case = await make.case(state="en_route", officer=await make.officer(), epoch=1)
    officer = await sign_in(await make.officer())

    for operation in operations:
        if operation.id in SAYS_NOTHING:
            for case_id in (case.id, new_id()):
                answer = await operation.by(officer, client, case_id)
                assert (answer.status_code, answer.content) == (204, b""), operation.id


async def test_the_officer_of_a_case_is_a_stranger_to_what_its_reporter_may_do(
    operations: list[Operation], client: httpx.AsyncClient, make: Make, sign_in: SignIn
) -> None:
    made = await make.officer()
    case = await make.case(state="en_route", officer=made, epoch=1)
    holder = await sign_in(made)

    for operation in operations:
        if operation.of_a_case and ACCESS[operation.id] is For.SIGNED_IN:
            assert (await operation.by(holder, client, case.id)).status_code == 404, operation.id


async def test_an_earlier_holder_gets_409_for_acts_and_404_for_the_contact(
    operations: list[Operation], client: httpx.AsyncClient, make: Make, sign_in: SignIn
) -> None:
    made = await make.officer()
    case = await make.case(state="claimed", officer=made, epoch=1, reported_ago_s=0)
    await make.offer(case, made, epoch=0)
    phone = await sign_in(made)
    await make.officer()  # somebody to ask: the case stays open
    released = await phone.ok("POST", f"/cases/{case.id}/release", {"epoch": 1, "reason": "另有警情"})

    assert released["state"] == "open"
    for operation in operations:
        if "/cases/{case_id}/" in operation.path and ACCESS[operation.id] is For.OFFICERS:
            answer = await operation.by(phone, client, case.id)
            expected = 204 if operation.id in SAYS_NOTHING else _EARLIER_HOLDER.get(operation.id, 409)
            assert answer.status_code == expected, (operation.id, answer.text)


_EARLIER_HOLDER = {"revealContact": 404, "joinBackup": 404, "release": 200}  # a repeat of one's own release


def _unnamed(answer: httpx.Response) -> dict[str, Any]:
    """A problem without the ids that were asked for."""
    return {k: v for k, v in answer.json().items() if k not in ("case_id", "instance")}


async def test_a_body_that_is_no_text_is_a_problem_too(officer: Phone) -> None:
    headers = {"Authorization": f"Bearer {officer.token}", "Content-Type": "application/json"}

    answer = await officer.client.post(f"offers/{new_id()}/claim", content=b"\xff{", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert answer.headers["content-type"] == "application/problem+json"
