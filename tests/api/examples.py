"""Requests made from the OpenAPI document: half as it allows, half as it forbids, half of each at objects that exist."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.schemas import APIOperation

EXAMPLES = int(os.environ.get("EXAMPLES", "20"))
"""Of an operation, for each role; the long proof takes 1,000."""
SEED = int(os.environ.get("EXAMPLES_SEED", "20240601"))


@dataclass(frozen=True)
class Known:
    """Ids of a world, by the name that paths and bodies give them."""

    ids: dict[str, Sequence[UUID | str]]

    def put_into(self, case: schemathesis.Case, chance: random.Random) -> None:
        """Name objects that exist in place of ids that nothing has."""
        for name in [n for n in case.path_parameters if n in self.ids]:
            case.path_parameters[name] = str(chance.choice(self.ids[name]))
        if isinstance(case.body, dict):
            for name in [n for n in case.body if n in self.ids]:
                case.body[name] = chance.choice(self.ids[name])
                if isinstance(case.body[name], UUID):
                    case.body[name] = str(case.body[name])


def operations(app: FastAPI) -> list[APIOperation]:
    """Every operation of the document."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    return [found.ok() for found in schema.get_all_operations()]


def examples(operation: APIOperation, known: Known) -> list[schemathesis.Case]:
    """EXAMPLES requests of an operation, the same in every run."""
    allowed = _generate(operation, GenerationMode.POSITIVE, EXAMPLES // 2)
    forbidden = _generate(operation, GenerationMode.NEGATIVE, EXAMPLES - len(allowed))
    more = _generate(operation, GenerationMode.POSITIVE, EXAMPLES) if not forbidden else []
    made = [*allowed, *forbidden, *more][:EXAMPLES]
    chance = random.Random(SEED)
    for case in made[::2]:
        known.put_into(case, chance)
    return made


def _generate(operation: APIOperation, mode: GenerationMode, count: int) -> list[schemathesis.Case]:
    made: list[schemathesis.Case] = []

    @seed(SEED)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: schemathesis.Case) -> None:
        made.append(case)

    try:
        collect()
    except Unsatisfiable:  # nothing to forbid: no parameter, no body
        return []
    return made


def request_of(case: schemathesis.Case) -> dict[str, Any]:
    """What httpx sends for it."""
    given_ = case.as_transport_kwargs(base_url="http://localhost:8000")
    headers = {
        k: v for k, v in given_["headers"].items() if k.lower() not in ("accept-encoding", "connection")
    }
    sent: dict[str, Any] = {"method": given_["method"], "url": given_["url"], "headers": headers}
    for name in ("params", "files"):
        if given_.get(name):
            sent[name] = given_[name]
    if given_.get("json") is not None:
        sent["json"] = given_["json"]
    if given_.get("data") is not None:
        sent["content"] = given_["data"]
    return sent
