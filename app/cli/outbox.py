"""`didi outbox`: what died."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from app import backlog
from app.cli.shell import Json, out, stores, with_runtime
from app.kit.runtime import Runtime
from app.settings import load_settings

outbox_cli = typer.Typer(no_args_is_help=True, help="Events and notices that died: look, try again, give up.")


Letters = Annotated[
    list[str] | None,
    typer.Argument(help="As `didi outbox list` names them: event-12 notice-7.", show_default=False),
]
Every = Annotated[bool, typer.Option("--all", help="All of them.")]


@outbox_cli.command("list")
def outbox_list(as_json: Json = False) -> None:
    """What died, oldest first, and why."""
    with stores(load_settings(), quiet=as_json) as ready:
        dead = with_runtime(ready, backlog.dead_letters)
    if as_json:
        print(json.dumps({"dead": [asdict(d) for d in dead]}, default=str))
    elif not dead:
        out.print("Nothing is dead.")
    else:
        table = Table("letter", "what", "happened at", "tries", "why", box=None)
        for d in dead:
            table.add_row(d.letter, d.what, f"{d.at:%Y-%m-%d %H:%M:%S} UTC", str(d.attempts), d.why or "")
        out.print(table)


@outbox_cli.command("retry")
def outbox_retry(letters: Letters = None, every: Every = False, as_json: Json = False) -> None:
    """Let the worker try dead letters again, once their cause is mended."""
    _for_letters(backlog.retry_letter, letters, every, as_json, "The worker tries")


@outbox_cli.command("drop")
def outbox_drop(letters: Letters = None, every: Every = False, as_json: Json = False) -> None:
    """Give dead letters up. What happened stays in the log; a notice is still told in the person's next answer."""
    _for_letters(backlog.drop_letter, letters, every, as_json, "Dropped")


def _for_letters(
    act: Callable[[Runtime, str], Awaitable[bool]],
    letters: list[str] | None,
    every: bool,
    as_json: bool,
    done: str,
) -> None:
    if bool(letters) is every:
        raise typer.BadParameter("name dead letters, or give --all")

    async def work(runtime: Runtime) -> dict[str, bool]:
        named = letters or [d.letter for d in await backlog.dead_letters(runtime)]
        return {letter: await act(runtime, letter) for letter in named}

    with stores(load_settings(), quiet=as_json) as ready:
        changed = with_runtime(ready, work)
    unknown = [letter for letter, so in changed.items() if not so]
    if as_json:
        print(json.dumps({"done": [letter for letter in changed if changed[letter]], "unknown": unknown}))
    else:
        out.print(f"{done}: {', '.join(letter for letter in changed if changed[letter]) or 'none'}.")
        if unknown:
            out.print(f"Not among the dead: {', '.join(unknown)}.")
    raise typer.Exit(1 if unknown else 0)
