"""Role x endpoint, driven by the OpenAPI document: a route that is not in the matrix fails it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.kit.ids import new_id
from app.people.sessions import Role
from console.router import PREFIX, router
from tests.console.people import People, Person

METHODS = ("get", "post", "put", "patch", "delete")
ANYONE = ["anyone"]
EVERY = sorted(str(role) for role in Role)

# Written by hand and compared with the document, so that a slip in a route's own declaration shows too.
DESK, ADMINISTRATOR, AUDITOR = ["commander", "desk"], ["administrator"], ["auditor"]
LOOKING = ["auditor", "commander", "desk"]
EXPECTED = {
    "consoleSignIn": ANYONE,
    **dict.fromkeys(("consoleSignOut", "consoleMe", "consoleUnlock", "consoleChangePassword"), EVERY),
    **dict.fromkeys(("consoleMedia", "consoleAskOriginal", "consoleMediumBytes"), LOOKING),
    **dict.fromkeys(("consoleStations", "consoleStation"), EVERY),
    **dict.fromkeys(
        (
            "consoleQueue", "consoleRunningCases", "consoleCase", "consoleTimeline", "consoleRevealContact",
            "consoleFreeOfficers", "consoleTrack", "consoleDeliveries", "consoleReach", "consoleAcknowledge", "consoleTakeCase",
            "consolePutBack", "consoleAssign", "consoleRecall", "consoleForward", "consoleMerge", "consoleCloseAtDesk",
            "consoleReopen", "consoleArea", "consoleOpenArea", "consoleEndArea", "consoleQuestions", "consoleAnswerQuestion",
            "consoleOnDuty", "consoleApprovals", "consoleDecideApproval", "consoleLiveTicket",
        ),
        DESK,
    ),
    **dict.fromkeys(
        (
            "consoleInviteOfficer", "consoleOfficers", "consoleChangeOfficer", "consoleSetLead", "consoleSuspend",
            "consoleResume", "consoleEnrolTotp", "consoleCreateStaff", "consoleStaff", "consoleGrantRole",
            "consoleRevokeRole", "consoleCreateStation", "consoleChangeStation", "consoleChangeSettings",
            "consoleChangeBoundary", "consoleChangeParent", "consoleChangeNeighbours", "consolePlaces",
            "consoleImportPlaces", "consoleStationCode", "consoleOfficerCode",
        ),
        ADMINISTRATOR,
    ),
    **dict.fromkeys(
        (
            "consoleAudit", "consoleExportAudit", "consoleComplaints", "consoleComplaint", "consoleComplainant",
            "consoleAnswerComplaint",
        ),
        AUDITOR,
    ),
}  # fmt: skip


def operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation of the console: method, path, what the document says."""
    paths = app.openapi()["paths"]
    return [
        (method.upper(), path, item[method])
        for path, item in paths.items()
        if path.startswith(PREFIX)
        for method in METHODS
        if method in item
    ]


def somewhere(path: str) -> str:
    """The path with ids that nothing has."""
    return re.sub(r"\{\w+\}", lambda _: str(new_id()), path.replace("{role}", "desk")).removeprefix(PREFIX)


async def test_every_route_stands_in_the_matrix(app: FastAPI) -> None:
    declared = {op["operationId"]: op.get("x-roles") for _, _, op in operations(app)}

    assert declared == EXPECTED
    hidden = [r.path for r in router().routes if isinstance(r, APIRoute) and not r.include_in_schema]
    assert hidden == []


@pytest.mark.parametrize("role", [*EVERY, "nobody", "signed_out"])
async def test_a_role_may_call_its_own_routes_and_no_others(app: FastAPI, people: People, role: str) -> None:
    person = await people.account(*([(role, None)] if role in EVERY else []))
    for method, path, operation in operations(app):
        allowed = operation["x-roles"]
        if allowed == ANYONE:
            continue
        if role != "signed_out":
            await fresh(person)
        answer = await person.call(method, somewhere(path), {})
        where = (role, method, path, answer.status_code)
        if role == "signed_out":
            assert answer.status_code == 401, where
        elif role in allowed or allowed == EVERY:
            assert answer.status_code not in (401, 403, 405), where
            assert answer.status_code < 500, where
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "role_needed"), where


async def fresh(person: Person) -> None:
    """Signed in, whatever the call before did to the session."""
    if not person.csrf or (await person.get("/me")).status_code != 200:
        assert (await person.sign_in()).status_code == 201


@pytest.mark.parametrize("role", ["administrator", "auditor"])
async def test_who_runs_the_house_sees_no_case(people: People, role: str) -> None:
    case = await people.make.case(state="handed_over", reported_ago_s=20)
    person = await people.signed_in(role)

    for path in ("/queue", f"/cases/{case.id}", "/officers/on-duty"):
        assert (await person.get(path)).json()["code"] == "role_needed"


async def test_every_unsafe_route_asks_for_origin_and_token(app: FastAPI, people: People) -> None:
    person = await people.account(*[(role, None) for role in EVERY])
    assert (await person.sign_in()).status_code == 201
    unsafe = [(m, p, op) for m, p, op in operations(app) if m != "GET"]

    for method, path, operation in unsafe:
        at = somewhere(path)
        foreign = await person.call(method, at, {}, Origin="https://evil.example")
        assert foreign.json()["code"] == "origin_refused", (method, path)
        if operation["x-roles"] != ANYONE:
            bare = await person.call(method, at, {}, **{"X-CSRF-Token": None})
            assert bare.json()["code"] == "csrf_refused", (method, path)
    assert len(unsafe) > 25


async def test_the_document_says_everything_of_every_operation(app: FastAPI) -> None:
    for method, path, operation in operations(app):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["operationId"].startswith("console"), where
        assert operation["tags"], where
        assert "422" in operation["responses"], where
        assert "503" in operation["responses"], where
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert response["content"]["application/problem+json"]["examples"], (where, status)
    ids = [operation["operationId"] for _, _, operation in operations(app)]
    assert len(ids) == len(set(ids))
