"""`didi` as an operator types it: exit codes, --json, and processes that stop cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from sqlalchemy import LargeBinary, text

import app.audit.tables
import app.cases.tables
import app.community.tables
import app.complaints.tables
import app.dispatch.tables
import app.inbox.tables
import app.live.tables
import app.media.tables
import app.notices.tables
import app.people.tables
import app.receipts.tables  # noqa: F401  every encrypted column
from app import cli
from app.audit.seal import seal
from app.kit.database import Base
from app.kit.migrate import newest_revision
from app.kit.runtime import Runtime
from app.kit.secrets import KeyRing, parse_keys
from simulator.main import create_simulator
from tests.conftest import ROOT
from tests.factories import Make
from tests.races.conftest import environment
from tests.races.processes import Processes
from tests.simulator.account import Receiver, WeChat, make_config

Answer = tuple[int, str, str]


class Didi:
    """The command, on the test's stores."""

    def __init__(self, runtime: Runtime) -> None:
        quiet = {"PATH": os.environ["PATH"], "WECHAT_API_BASE": "http://127.0.0.1:9", "COLUMNS": "200"}
        self.environment = environment(runtime.settings) | quiet

    async def __call__(self, *words: str, **changed: str) -> Answer:
        """Exit code, standard output, standard error; in this process, as starting Python takes seconds."""
        return await asyncio.to_thread(self._run, words, self.environment | changed)

    @staticmethod
    def _run(words: tuple[str, ...], environment: dict[str, str]) -> Answer:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(sys, "argv", ["didi", *words]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                cli.main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        return code, out.getvalue(), err.getvalue()

    async def process(self, *words: str, **changed: str) -> Answer:
        """The same by the command's own process."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "app.cli", *words],
            cwd=ROOT,
            env=self.environment | changed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    async def json(self, *words: str) -> Any:
        """What a script reads: standard output is one JSON value and nothing else."""
        code, out, err = await self(*words, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def didi(runtime: Runtime) -> Didi:
    return Didi(runtime)


async def test_migrate_says_where_the_schema_stands(didi: Didi) -> None:
    assert await didi.json("migrate") == {"before": newest_revision(), "after": newest_revision()}


@pytest.mark.slow
async def test_a_wrong_setting_stops_it_with_its_name_and_no_traceback(didi: Didi) -> None:
    code, out, err = await didi.process("migrate", WECHAT_TOKEN="no spaces!")

    assert (code, out) == (1, "")
    assert "WECHAT_TOKEN" in err
    assert "Example: WECHAT_TOKEN=" in err
    assert "Traceback" not in err


async def test_wrong_usage_is_exit_code_2(didi: Didi) -> None:
    assert (await didi("fly"))[0] == 2


async def test_without_its_database_it_says_so(didi: Didi) -> None:
    code, _, err = await didi("reconcile", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")

    assert code == 1
    assert "Traceback" not in err
    assert err.strip()


async def test_doctor_finds_the_station_without_a_desk_and_says_what_to_do(didi: Didi, make: Make) -> None:
    await make.station(code="D1")

    code, out, _ = await didi("doctor", "--json")

    findings = {f["what"]: f for f in json.loads(out)}
    assert code == 1
    assert findings["database"]["ok"]
    assert findings["migrations"]["ok"]
    assert findings["valkey"]["ok"]
    assert not all(f["ok"] for f in findings.values())
    assert all(f["do"] for f in findings.values() if not f["ok"])
    assert "D1" in out


async def test_the_first_administrator_is_created_once(didi: Didi) -> None:
    words = ("admin", "create", "wang.fang", "--name", "王芳", "--password", "correct horse battery")

    created = await didi.json(*words)
    code, _, err = await didi(*words)

    assert created["username"] == "wang.fang"
    assert created["totp"].startswith("otpauth://totp/")
    assert code == 1
    assert "administrator" in err
    assert "Traceback" not in err


async def test_an_officer_is_invited_to_a_station_by_its_code(didi: Didi, make: Make) -> None:
    await make.station(code="D1")

    invited = await didi.json("officer", "invite", "017342", "--station", "D1", "--name", "王小明")
    code, _, err = await didi("officer", "invite", "017343", "--station", "D9", "--name", "王小明")

    assert len(invited["code"].replace(" ", "")) == 8
    assert code == 1
    assert "D9" in err


async def test_reconcile_puts_officers_back(didi: Didi, make: Make) -> None:
    await make.officer()

    done = await didi.json("reconcile")

    assert done["returned"] >= 0
    assert set(done) == {"returned", "removed"}


async def test_an_export_is_sound_until_somebody_changes_it(
    didi: Didi, runtime: Runtime, tmp_path: Path
) -> None:
    await didi.json("admin", "create", "wang.fang", "--name", "王芳", "--password", "correct horse battery")
    await seal(runtime)
    file = tmp_path / "audit.jsonl"

    exported = await didi.json("audit", "export", str(file))
    sound = await didi.json("audit", "verify", str(file))
    mode = stat.S_IMODE(file.stat().st_mode)
    file.write_text(file.read_text().replace("admin", "adm1n"))
    code, out, _ = await didi("audit", "verify", str(file), "--json")

    assert exported["count"] >= 1
    assert sound["sound"] is True
    assert mode == 0o600
    assert code == 1
    assert json.loads(out)["sound"] is False
    assert "王芳" not in file.read_text()


@pytest.fixture
def processes(runtime: Runtime, tmp_path: Path) -> Any:
    started = Processes(tmp_path, environment(runtime.settings))
    yield started
    started.end()


@pytest.mark.slow
async def test_the_service_answers_what_is_under_way_and_stops(
    processes: Processes, runtime: Runtime
) -> None:
    service = await processes.start("serve")
    async with runtime.database.engine.connect() as blocker, httpx.AsyncClient() as client:
        await blocker.execute(text("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"))
        url = f"http://127.0.0.1:{service.port}/miniprogram/v1/me"
        asking = asyncio.create_task(
            client.get(url, headers={"Authorization": "Bearer " + "x" * 43}, timeout=20)
        )
        await _waits_for_a_lock(runtime)
        service.popen.send_signal(signal.SIGTERM)
        await _refuses(service.port or 0)
        await blocker.rollback()
        answer = await asking

    assert (
        answer.status_code == 401
    )  # the token is nobody's; what counts is that it was looked at and answered
    assert await asyncio.to_thread(service.popen.wait, 20) == 0
    assert "service_stopped" in service.log.read_text()
    assert "Traceback" not in service.log.read_text()


@pytest.mark.slow
async def test_a_message_under_way_is_answered_and_kept_when_the_service_stops(
    processes: Processes, runtime: Runtime, make: Make
) -> None:
    await make.station(is_command=True)
    service = await processes.start("serve")
    url = f"http://127.0.0.1:{service.port}/wechat/callback"
    simulator = create_simulator(make_config(callback_url=url))
    async with (
        runtime.database.engine.connect() as blocker,
        httpx.AsyncClient(transport=httpx.ASGITransport(simulator), base_url="http://wechat.test") as client,
    ):
        wechat = WeChat(client, Receiver())
        user = await wechat.user(id="neighbour")
        await blocker.execute(text("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE"))
        saying = asyncio.create_task(wechat.say(user, "半夜唱歌太吵"))
        await _waits_for_a_lock(runtime)
        service.popen.send_signal(signal.SIGTERM)
        await _refuses(service.port or 0)
        await blocker.rollback()
        outcome = await saying

    assert outcome["shown"] == "reply"
    assert len(outcome["attempts"]) == 1
    assert await asyncio.to_thread(service.popen.wait, 20) == 0
    async with runtime.database.moves() as db:
        kept = await db.execute(text("SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM drafts)"))
        assert tuple(kept.one()) == (1, 1)


async def _waits_for_a_lock(runtime: Runtime) -> None:
    async with asyncio.timeout(20):
        while True:
            async with runtime.database.moves() as db:
                waiting = await db.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
                if waiting.scalar_one():
                    return
            await asyncio.sleep(0.01)


async def _refuses(port: int) -> None:
    """Until nobody listens any more: the signal has arrived."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_the_worker_finishes_its_round_and_stops(processes: Processes) -> None:
    worker = await processes.start("worker")

    worker.popen.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(worker.popen.wait, 20) == 0
    assert "worker_stopped" in worker.log.read_text()
    assert "Traceback" not in worker.log.read_text()


async def test_every_encrypted_column_is_rotated_and_read_again(
    didi: Didi, make: Make, runtime: Runtime
) -> None:
    case = await make.case()
    old = runtime.settings.secret_keys.get_secret_value()
    new = "bmV3IGtleSBvZiBhIHRlc3QsIDMyIGJ5dGVzIGxvbmc="

    code, out, _ = await didi("keys", "rotate", "--json", DIDI_SECRET_KEYS=f"{new},{old}")
    again, out_again, _ = await didi("keys", "rotate", "--json", DIDI_SECRET_KEYS=f"{new},{old}")

    assert (code, again) == (0, 0)
    assert json.loads(out) == {"read": 2, "changed": 2, "unreadable": 0}
    assert json.loads(out_again)["changed"] == 0
    fresh = KeyRing(parse_keys(new))
    words = await make.column(case, "words")
    assert fresh.decrypt(words, table="cases", row=str(case.id), column="words") == "楼上很吵"


def test_no_encrypted_column_is_left_out_of_the_rotation() -> None:
    hashed = re.compile(r"hash|key|sha256|\w+_(hash|index|next)|next_index")  # found by, not read
    sealed = {
        (table.fullname, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and not hashed.fullmatch(column.name)
    }

    assert sealed == {(field.table, field.column) for field in cli.FIELDS}
