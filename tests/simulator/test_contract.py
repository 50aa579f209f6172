"""The contract: docs/reference/wechat-api.md, the simulator and our client say the same."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import AsyncIterator, Awaitable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator import errors
from simulator.main import create_simulator
from tests.simulator import contract
from tests.simulator.account import MP, OA, Receiver, WeChat, connect, make_config
from tests.simulator.contract import Row
from tests.simulator.contract_calls import GONE, PNG, REFUSED, WAYS, Stage, stage
from wechat.errors import READINGS

ROWS = contract.rows()
BY_CALL = {row.call: row for row in ROWS}
OURS = Path(__file__).parents[2] / "wechat"


@pytest.fixture(scope="module")
async def simulated() -> AsyncIterator[WeChat]:
    """One for all of them: to make one takes longer than a call."""
    connected = connect(Receiver())
    yield connected
    await connected.http.aclose()


@pytest.fixture
async def on(simulated: WeChat) -> Stage:
    await simulated.control("reset")
    return await stage(simulated)


async def make(
    on: Stage, row: Row, changed: Mapping[str, Any] | None = None, *, token: str | None = None
) -> httpx.Response:
    """The call of a row that works, with changes."""
    way = WAYS[row.call](on)
    given: dict[str, Any] = dict(await way) if isinstance(way, Awaitable) else dict(way)
    given = {name: value for name, value in (given | dict(changed or {})).items() if value is not GONE}
    query: dict[str, Any] = {}
    if row.accounts:
        query["access_token"] = (
            token if token is not None else await on.wechat.token(OA if "OA" in row.accounts else MP)
        )
    if row.query:
        query |= given
    if row.path == "/cgi-bin/media/upload":
        return await on.wechat.http.post(row.path, params=query, files={"media": ("a.png", PNG)})
    body = json.dumps(given, ensure_ascii=row.path == "/cgi-bin/menu/create").encode()
    content = None if row.query else body
    return await on.wechat.http.request(row.method, row.path, params=query, content=content)


def code_of(answer: httpx.Response) -> int:
    told = answer.json()
    if told.get("errcode"):
        assert " rid: " in told["errmsg"]
    return int(told.get("errcode", 0))


def test_every_call_of_the_simulator_is_on_the_page_and_every_call_of_the_page_is_simulated() -> None:
    simulated = create_simulator(make_config()).state.world.paths

    others = {path for path in simulated if path.startswith(("/pagers/", "/wecom/"))}  # not WeChat's
    assert {row.path for row in ROWS} == simulated - others
    assert set(BY_CALL) == set(WAYS)


def test_every_call_of_our_client_is_on_the_page() -> None:
    known = [row.path for row in ROWS]
    called = {path for file in OURS.glob("*.py") for path in _paths(file)}

    assert len(called) > 15
    assert [one for one in sorted(called) if not any(re.fullmatch(one, path) for path in known)] == []


def _paths(file: Path) -> set[str]:
    """Paths of the API in a module; what is filled in later is any word."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+" for p in node.values]
            found.add("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(re.escape(node.value))
    # What ends in a slash is the beginning of one that is filled in.
    return {one for one in found if re.match(r"/(cgi\\-bin|wxa|sns)/\S*[^/\s]$", one)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.call)
async def test_what_works_is_asked_and_answered_as_the_page_says(on: Stage, row: Row) -> None:
    way = WAYS[row.call](on)
    given = dict(await way) if isinstance(way, Awaitable) else dict(way)

    answer = await make(on, row)

    assert contract.strangers(row, given) == []
    assert [field.path for field in row.request if field.needed and field.path not in given] == []
    if row.file:
        assert not answer.headers.get("content-type", "").startswith("application/json")
        return
    assert code_of(answer) == 0, answer.text
    assert contract.problems(row, answer.json()) == []


@pytest.mark.parametrize("row", [row for row in ROWS if not row.file], ids=lambda row: row.call)
async def test_what_is_needed_cannot_be_left_out(on: Stage, row: Row) -> None:
    for field in row.request:
        if field.needed:
            assert code_of(await make(on, row, {field.path: GONE})) != 0, field.path


@pytest.mark.parametrize("row", [row for row in ROWS if row.accounts], ids=lambda row: row.call)
async def test_a_token_and_the_method_are_checked(on: Stage, row: Row) -> None:
    other = MP if row.accounts == ("OA",) else OA
    wrong = "POST" if row.method == "GET" else "GET"

    assert code_of(await on.wechat.http.request(wrong, row.path)) == (43001 if row.method == "GET" else 43002)
    assert code_of(await make(on, row, token="")) == 41001
    assert code_of(await make(on, row, token="short")) == 40014
    assert code_of(await make(on, row, token="x" * 64)) == 40001
    if len(row.accounts) == 1:
        assert code_of(await make(on, row, token=await on.wechat.token(other))) == 48001


@pytest.mark.parametrize(("call", "code", "changed"), REFUSED)
async def test_a_refusal_has_the_pages_code(on: Stage, call: str, code: int, changed: dict[str, Any]) -> None:
    assert code in BY_CALL[call].refusals
    assert code_of(await make(on, BY_CALL[call], changed)) == code


# Refusals that need something to have happened: tested in the files of their subject.
ELSEWHERE = frozenset({
    40164, 48006, 76023, 49003, 46003, 65303, 43004, 45015, 45047, 48002, 45080, 45081, 43108, 45065, 43107, 41030,
    41005, 44001, 40163, 40226, 45011, 61010, 42002, 42001, 48001,
})  # fmt: skip


def test_every_code_of_the_page_has_a_sentence_and_is_provoked() -> None:
    provoked = {(call, code) for call, code, _ in REFUSED}
    tests = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))

    named = {(row.call, code) for row in ROWS for code in row.refusals}
    assert {code for _, code in named - provoked} <= ELSEWHERE
    assert {code for code in ELSEWHERE if tests.count(str(code)) < 2} == set()
    assert {code for _, code in named if str(code) not in inspect.getsource(errors)} == set()


def test_every_refusal_of_what_we_call_has_a_reading() -> None:
    called = {path for file in OURS.glob("*.py") for path in _paths(file)}
    ours = [row for row in ROWS if any(re.fullmatch(one, row.path) for one in called)]
    codes = {code for row in ours for code in row.refusals}

    assert codes
    assert codes - set(READINGS) == set()


HOSTILE: list[Any] = [
    None,
    True,
    -1,
    2**70,
    "",
    "\x00]]>",
    "x" * 5000,
    [],
    [[]],
    [None],
    {},
    {"": None},
    {"scene": 1},
]


@pytest.mark.parametrize("row", [row for row in ROWS if not row.query], ids=lambda row: row.call)
async def test_whatever_is_posted_is_answered(on: Stage, row: Row) -> None:
    for field in row.request:
        for value in HOSTILE:
            answer = await make(on, row, {field.path: value})
            assert answer.status_code == 200, (field.path, value)
