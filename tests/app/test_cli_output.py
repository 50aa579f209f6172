"""What a script reads on stdout is the answer and nothing else; what is logged names no value."""

from __future__ import annotations

import pytest
import structlog

from app import cli


def test_logs_leave_stdout_to_the_answer_and_show_no_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        password = "correct horse battery"
        print("{}")
        try:
            raise ValueError(password)
        except ValueError:
            structlog.get_logger().exception("command_failed")

    before = structlog.get_config()
    monkeypatch.setattr(cli, "cli", command)
    try:
        cli.main()
    finally:
        structlog.configure(**before)

    said = capsys.readouterr()
    assert said.out == "{}\n"
    assert "command_failed" in said.err
    assert "ValueError" in said.err
    assert "= 'correct horse" not in said.err
    assert "ValueError: correct horse" not in said.err
