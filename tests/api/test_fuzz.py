"""Whatever anybody sends: no answer of 5xx, and every answer as the document says."""

from __future__ import annotations

from collections import Counter

import pytest
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Stage
from tests.api.examples import EXAMPLES, examples, operations, request_of

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.slow
@pytest.mark.timeout(90 + EXAMPLES * 60)
async def test_every_operation_answers_every_role_as_the_document_says(stage: Stage) -> None:
    faults: list[str] = []
    done: Counter[str] = Counter()
    every = operations(stage.world.app)
    for operation in every:
        made = examples(operation, stage.known)
        requests = [request_of(case) for case in made]
        for caller in stage.callers:
            if operation.method != "get" or caller is stage.callers[0]:
                await stage.restore()
            await caller.ready()
            for case, request in zip(made, requests, strict=True):
                answer = await caller.send(request)
                if answer.is_success:
                    done[operation.label] += 1
                try:
                    case.validate_response(answer, checks=CHECKS)
                except FailureGroup as group:
                    said = "; ".join(f.title for f in group.exceptions)
                    faults.append(
                        f"{caller.name} {operation.label}: {answer.status_code} {said}: {request} {answer.text[:300]}"
                    )
        await stage.world.settle()

    assert faults == []
    assert len(every) > 80
    assert len(done) > len(every) * 0.7  # not refusals alone: most operations did what they are for
