"""The demo's parts fit together: what the simulator pushes for the mini-program, the service opens and counts."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app import demo_run
from app.events.edge import transaction
from app.kit.embedded import EmbeddedError
from app.kit.runtime import Runtime
from app.notices.consents import consents_of
from app.people.identity import citizen_of
from app.settings import load_settings
from simulator import events
from simulator.__main__ import _arguments
from simulator.config import Form, SimulatorConfig
from simulator.main import create_simulator
from simulator.world import add_user
from wechat import miniprogram_push


async def test_a_consent_given_in_the_demo_reaches_it(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = 21_000
    environment = demo_run._environment(tmp_path, port)
    given = _arguments().parse_args(demo_run._simulator_arguments(environment, port))
    demo = load_settings(
        **environment, DATABASE_URL="postgresql://x@localhost/x", VALKEY_URL="valkey://localhost"
    )
    monkeypatch.setattr(
        runtime, "settings", runtime.settings.model_copy(update={
            "miniprogram_app_id": demo.miniprogram_app_id, "miniprogram_push_token": demo.miniprogram_push_token,
            "miniprogram_push_aes_key": demo.miniprogram_push_aes_key, "miniprogram_templates": demo.miniprogram_templates,
        }),
    )  # fmt: skip
    app = FastAPI()
    app.include_router(miniprogram_push.router(runtime.settings))
    app.state.runtime = runtime
    config = SimulatorConfig(
        app_id=given.app_id, app_secret=given.app_secret, mp_app_id=given.mp_app_id, mp_app_secret=given.mp_app_secret,
        callback_url=given.callback, token=given.token, aes_key=given.aes_key, mp_callback_url=given.mp_callback,
        mp_form=Form(given.mp_form),
    )  # fmt: skip
    world = create_simulator(config, callback_transport=httpx.ASGITransport(app)).state.world
    user = add_user(world, user_id="u1")
    [template] = demo.miniprogram_templates.values()

    told = await events.answer_popup(world, user, world.mini_program, {template.id: True})

    assert isinstance(demo.miniprogram_push_aes_key, SecretStr)
    assert given.mp_callback == f"http://127.0.0.1:{demo.port}{miniprogram_push.PATH}"
    assert [a.status for a in told.attempts] == [200]
    async with transaction(runtime) as db:
        person = await citizen_of(db, runtime, app_id=given.mp_app_id, openid=user.openids[given.mp_app_id])
        assert [(c.template_id, c.left_once) for c in await consents_of(db, person.id)] == [(template.id, 1)]


def test_a_port_that_another_program_has_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIDI_FOLDER", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"port {taken} already"):
            demo_run.run(once=True, port=taken, say=print)


def test_a_demo_whose_service_has_ended_ends_and_names_it(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as city, subprocess.Popen(["true"]) as service:
        service.wait()
        with pytest.raises(EmbeddedError, match="the service of the demo has ended"):
            demo_run._until_over(city, {"service": service}, tmp_path / "log")
        city.kill()
