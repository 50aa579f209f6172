"""`didi wechat`: the account's menus, and codes to print."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from app.cli.shell import Json, err, out, stores, with_runtime
from app.kit import qr
from app.kit.errors import NotFound
from app.kit.runtime import Runtime
from app.people.queries import officer_with_badge
from app.settings import load_settings
from app.stations.registry import registry
from wechat import menu, scenes
from wechat.client import WeChatClient, official_client, open_http
from wechat.errors import WeChatError

wechat_cli = typer.Typer(no_args_is_help=True, help="The Official Account.")
menu_cli = typer.Typer(no_args_is_help=True, help="Its menus: for everybody, and for officers.")
qr_cli = typer.Typer(no_args_is_help=True, help="Codes to print, as PNG.")
wechat_cli.add_typer(menu_cli, name="menu")
wechat_cli.add_typer(qr_cli, name="qr")

T = TypeVar("T")
Out = Annotated[Path, typer.Option("--out", dir_okay=False, help="Where to write the PNG.")]
Days = Annotated[int | None, typer.Option(min=1, max=30, help="For so many days; for good when left out.")]


def _asked(work: Callable[[Runtime, WeChatClient], Awaitable[T]], *, quiet: bool) -> T:
    """One piece of work with WeChat's API."""

    async def run(runtime: Runtime) -> T:
        async with open_http(runtime.settings.wechat_api_base) as http:
            return await work(runtime, official_client(runtime, http))

    with _said(), stores(load_settings(), quiet=quiet) as ready:
        return with_runtime(ready, run)


@contextmanager
def _said() -> Iterator[None]:
    """What WeChat refuses, and what we refuse for it, becomes a line and exit code 1."""
    try:
        yield
    except (WeChatError, menu.MenuUnfit) as error:
        err.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


@menu_cli.command("show")
def menu_show(
    live: Annotated[bool, typer.Option("--live", help="As WeChat has them.")] = False, as_json: Json = False
) -> None:
    """The menus of this version, or those that WeChat has."""
    shown = menu.WANTED
    if live:
        shown = _asked(lambda _, client: menu.live(client), quiet=as_json).menus
    if as_json:
        print(
            json.dumps({"everybody": shown.everybody, "conditional": shown.conditional}, ensure_ascii=False)
        )
        return
    for line in menu.difference(menu.Menus(None, {}), shown):
        out.print(line.removeprefix("+ "), markup=False, highlight=False, soft_wrap=True)


@menu_cli.command("diff")
def menu_diff(as_json: Json = False) -> None:
    """What WeChat has (-) and should have (+). Changes nothing; exit code 1 when they differ."""
    have = _asked(lambda _, client: menu.live(client), quiet=as_json).menus
    _tell(menu.difference(have, menu.WANTED), menu.faults_of(menu.WANTED), as_json, "The same.")


@menu_cli.command("push")
def menu_push(as_json: Json = False) -> None:
    """Bring WeChat's menus to these. Phones show a change within a day, at once after following anew."""
    lines = _asked(lambda _, client: menu.push(client), quiet=as_json)
    if as_json:
        print(json.dumps({"changed": lines}, ensure_ascii=False))
        return
    for line in lines or ["Nothing to do."]:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _tell(lines: list[str], faults: list[str], as_json: bool, same: str) -> None:
    if as_json:
        print(json.dumps({"differs": lines, "faults": faults}, ensure_ascii=False))
    else:
        for line in [*lines, *faults] or [same]:
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if lines or faults else 0)


@qr_cli.command("station")
def qr_station(
    code: Annotated[str, typer.Argument(help="Code of the station.")],
    file: Out,
    days: Days = None,
    as_json: Json = False,
) -> None:
    """A station's code: whoever scans it is greeted with its name and phone, and reports to it."""

    async def name_of(runtime: Runtime) -> str:
        known = (await registry(runtime)).by_code(code)
        if known is None:
            raise NotFound(f"No station has the code {code}: the console lists them.")
        return known.code

    _draw(scenes.STATION, name_of, file, days, as_json)


@qr_cli.command("officer")
def qr_officer(
    badge: Annotated[str, typer.Argument(help="Badge number.")],
    file: Out,
    days: Days = None,
    as_json: Json = False,
) -> None:
    """A community officer's code: whoever scans it becomes their resident."""

    async def name_of(runtime: Runtime) -> str:
        async with runtime.database.moves() as db:
            found = await officer_with_badge(db, badge)
        if found is None:
            raise NotFound(
                f"No officer has the badge {badge}: the console lists them, `didi officer invite` adds one."
            )
        return str(found)

    _draw(scenes.OFFICER, name_of, file, days, as_json)


@qr_cli.command("task")
def qr_task(
    task: Annotated[str, typer.Argument(help="Id of the task.")],
    file: Out,
    days: Days = None,
    as_json: Json = False,
) -> None:
    """A task's code. Tasks are not open yet: whoever scans it is told so, kindly."""

    async def name_of(_: Runtime) -> str:
        return task

    _draw(scenes.TASK, name_of, file, days, as_json)


def _draw(
    kind: str, name_of: Callable[[Runtime], Awaitable[str]], file: Path, days: int | None, as_json: bool
) -> None:
    async def draw(runtime: Runtime, client: WeChatClient) -> tuple[str, str]:
        scene = scenes.scene_of(kind, await name_of(runtime))
        return scene, await scenes.create_code(client, scene, lasts_s=days * 86_400 if days else None)

    scene, address = _asked(draw, quiet=as_json)
    file.write_bytes(qr.png(address))
    if as_json:
        print(json.dumps({"scene": scene, "address": address, "file": str(file)}))
    else:
        out.print(f"{file}: {scene}, {address}", markup=False, highlight=False, soft_wrap=True)
