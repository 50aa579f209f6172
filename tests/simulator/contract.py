"""The table of docs/reference/wechat-api.md, read: what each call takes, answers and refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs/reference/wechat-api.md"
_TYPES: dict[str, type] = {"text": str, "int": int, "bool": bool, "list": list, "map": dict}


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `path` as the page writes it, `a.b` or `a[].b`."""

    path: str
    type: str
    needed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One call."""

    method: str
    path: str
    accounts: tuple[str, ...]
    query: bool
    request: tuple[Field, ...]
    answer: tuple[Field, ...]
    file: bool
    refusals: frozenset[int]

    @property
    def call(self) -> str:
        """Its name: method and path."""
        return f"{self.method} {self.path}"


def rows() -> list[Row]:
    """Every row of the page."""
    return list(_rows(PAGE.read_text("utf-8")))


def problems(row: Row, told: Mapping[str, Any]) -> list[str]:
    """Where an answer differs from its row: a field missing, of another type, or not on the page."""
    found = []
    for field in row.answer:
        values = list(_at(told, field.path.split(".")))
        if not values and field.needed and "[]" not in field.path:
            found.append(f"{field.path} is missing")
        found += [f"{field.path} is {value!r}" for value in values if not _is(value, field.type)]
    known = {field.path.partition(".")[0].removesuffix("[]") for field in row.answer} | {"errcode", "errmsg"}
    return found + [f"{name} is not on the page" for name in told if name not in known]


def strangers(row: Row, given: Mapping[str, Any]) -> list[str]:
    """Fields of a request that the page does not have, or with another type."""
    types = {field.path: field.type for field in row.request}
    unknown = [name for name in given if name not in types and name != "access_token"]
    wrong = [
        name for name, value in given.items() if name in types and not (row.query or _is(value, types[name]))
    ]
    return unknown + wrong


def _rows(page: str) -> Iterator[Row]:
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5 or not (named := re.fullmatch(r"`(GET|POST) (\S+)`", cells[0])):
            continue
        method, path = named.groups()
        accounts = () if cells[1] == "-" else tuple(cells[1].split())
        query = method == "GET" or cells[2].startswith("query")
        file = cells[3] == "`bytes`"
        answer = () if file else _fields(cells[3])
        refusals = frozenset(map(int, cells[4].split()))
        yield Row(method, path, accounts, query, _fields(cells[2]), answer, file, refusals)


def _fields(cell: str) -> tuple[Field, ...]:
    found = re.findall(r"(\S+?):(\w+)(\??)", cell.replace("`", " "))
    return tuple(Field(path, kind, not maybe) for path, kind, maybe in found)


def _at(told: Any, parts: list[str]) -> Iterator[Any]:
    if not parts:
        yield told
        return
    name, rest = parts[0], parts[1:]
    inner = told.get(name.removesuffix("[]")) if isinstance(told, Mapping) else None
    if inner is None:
        return
    for one in inner if name.endswith("[]") else [inner]:
        yield from _at(one, rest)


def _is(value: Any, kind: str) -> bool:
    if kind == "int" and isinstance(value, bool):
        return False
    return isinstance(value, _TYPES[kind])
