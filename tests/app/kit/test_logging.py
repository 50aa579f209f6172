"""What is logged of an exception: where it passed, never what it says."""

from __future__ import annotations

import io
import logging

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.kit.logging import PlainRecords, set_up_logging
from app.kit.runtime import Runtime

SECRET = "李雷住在幽兰路七号"


def fail() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        raise RuntimeError(f"could not use {SECRET}") from error


@pytest.mark.parametrize("json", [True, False])
def test_our_own_records_show_where_and_not_what(json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    set_up_logging(json=json)
    try:
        try:
            fail()
        except RuntimeError:
            structlog.get_logger().exception("work_failed", what="test")
    finally:
        structlog.configure(**before)

    logged = capsys.readouterr().err
    assert "work_failed" in logged
    assert "ValueError" in logged
    assert "RuntimeError" in logged
    assert "in fail" in logged
    assert SECRET not in logged


def test_records_of_libraries_show_where_and_not_what() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(PlainRecords("%(levelname)s %(message)s"))
    record = logging.getLogger("a.library.of.this.test")
    record.addHandler(handler)
    record.propagate = False

    try:
        fail()
    except RuntimeError:
        record.exception("Exception in ASGI application")

    assert "in fail" in out.getvalue()
    assert SECRET not in out.getvalue()


async def test_a_database_error_does_not_name_what_was_to_be_written(runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        with pytest.raises(DBAPIError) as raised:
            await db.execute(
                text("SELECT CAST(:words AS text), 1 / (length(:words) - length(:words))"), {"words": SECRET}
            )

    assert SECRET not in str(raised.value)
