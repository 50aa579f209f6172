"""`didi`: what an operator types. Exit code 0: done; 1: something is wrong and was said; 2: wrong usage."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import uvicorn
import uvloop
from rich.console import Console
from rich.table import Table

from app import backlog, demo_run, doctor, worker_process
from app.audit import export as audit_export
from app.audit import verify as audit_verify
from app.dispatch.reconcile import reconcile as reconcile_now
from app.events.edge import transaction
from app.kit.embedded import EmbeddedError, default_folder, lease
from app.kit.errors import AppError, NotFound
from app.kit.logging import set_up_logging
from app.kit.migrate import migrate as migrate_now
from app.kit.runtime import Runtime, spare_the_collector
from app.main import create_app
from app.people import console as people_console
from app.people import invitations, rotation
from app.people.tables import PersonKind
from app.receipts import proof
from app.receipts import service as receipts
from app.settings import Settings, SettingsError, load_settings
from app.stations.registry import registry
from app.wiring import open_runtime

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Didi Police: report, dispatch, handover.")
admin_cli = typer.Typer(no_args_is_help=True, help="Accounts of the console.")
officer_cli = typer.Typer(no_args_is_help=True, help="Officers.")
audit_cli = typer.Typer(no_args_is_help=True, help="The audit chain.")
cli.add_typer(admin_cli, name="admin")
cli.add_typer(officer_cli, name="officer")
cli.add_typer(audit_cli, name="audit")
outbox_cli = typer.Typer(no_args_is_help=True, help="Events and notices that died: look, try again, give up.")
cli.add_typer(outbox_cli, name="outbox")
receipt_cli = typer.Typer(no_args_is_help=True, help="Receipts that citizens show.")
cli.add_typer(receipt_cli, name="receipt")
keys_cli = typer.Typer(no_args_is_help=True, help="Changing keys while everybody reads.")
cli.add_typer(keys_cli, name="keys")

out, err = Console(), Console(stderr=True)
DRAIN_S = 10
"""How long a stopping service waits for requests under way: twice WeChat's patience."""

Json = Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")]
T = TypeVar("T")


def main() -> None:
    """The entry point: errors that we foresee become one line, never a traceback.

    Logs go to stderr before anything is done: stdout is for scripts, and structlog's own set-up would print the
    values of local variables with an exception, a password among them.
    """
    set_up_logging(json=False)
    try:
        cli()
    except SettingsError as error:
        _fail(f"The settings cannot be used:\n{error}\n(docs/reference/settings.md lists them all)")
    except (EmbeddedError, AppError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"A store or file cannot be reached: {error}")


def _fail(message: str) -> None:
    err.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)


@contextmanager
def stores(settings: Settings, *, quiet: bool = False) -> Iterator[Settings]:
    """The settings with both URLs: the embedded servers' where none is given, leased for the block."""
    if settings.database_url and settings.valkey_url:
        yield settings
        return
    folder = settings.folder or default_folder()
    if not quiet:
        err.print(f"Starting the embedded servers in {folder} …", style="dim", highlight=False)
    with lease(folder, postgres=not settings.database_url, valkey=not settings.valkey_url) as embedded:
        yield settings.model_copy(
            update={
                "database_url": settings.database_url or embedded.database_url,
                "valkey_url": settings.valkey_url or embedded.valkey_url,
            }
        )


def with_runtime(settings: Settings, work: Callable[[Runtime], Awaitable[T]]) -> T:
    """Run one piece of work on the stores, then let go of them."""

    async def run() -> T:
        runtime = open_runtime(settings)
        try:
            return await work(runtime)
        finally:
            await runtime.close()

    return asyncio.run(run())


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address; DIDI_HOST otherwise.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; DIDI_PORT otherwise.")] = None,
) -> None:
    """Run the service: the doors of WeChat, the mini-program and the console."""
    settings = load_settings()
    set_up_logging(json=settings.env == "production", level=settings.log_level)
    signal.signal(signal.SIGTERM, _leave)  # uvicorn raises it again after its drain: the lease must end too
    with stores(settings) as ready:
        with_runtime(ready, lambda r: _bring_up_to_date(r, embedded=not settings.database_url))
        app = create_app(ready)
        spare_the_collector()
        uvicorn.run(
            app,
            host=host or ready.host,
            port=port if port is not None else ready.port,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_S,
            ws_max_size=8192,
        )


def _leave(*_: object) -> None:
    raise SystemExit(0)


async def _bring_up_to_date(runtime: Runtime, *, embedded: bool) -> None:
    """An embedded database is brought up to date; a given one is the operator's to migrate."""
    if embedded:
        await migrate_now(runtime.database)


@cli.command()
def worker() -> None:
    """Run the worker: handover, rings, silence, notices. Any number may run."""
    settings = load_settings()
    set_up_logging(json=settings.env == "production", level=settings.log_level)
    with stores(settings) as ready:
        uvloop.run(worker_process.main(ready))


@cli.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database to the newest schema; safe to run from several machines at once."""
    with stores(load_settings(), quiet=as_json) as ready:
        before, after = with_runtime(ready, lambda r: migrate_now(r.database))
    if as_json:
        print(json.dumps({"before": before, "after": after}))
    else:
        out.print(
            "Nothing to do." if before == after else f"From {before or 'an empty database'} to {after}."
        )


@cli.command("doctor")
def doctor_command(as_json: Json = False) -> None:
    """Look at everything an operator should know before the phone rings; say what to do."""
    with stores(load_settings(), quiet=as_json) as ready:
        findings = with_runtime(ready, doctor.examine)
    if as_json:
        print(json.dumps([asdict(f) for f in findings], ensure_ascii=False))
    else:
        table = Table("what", "", "finding", "what to do", box=None)
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[red]!![/]"
            table.add_row(finding.what, mark, finding.found, "" if finding.ok else finding.do)
        out.print(table)
    raise typer.Exit(0 if all(f.ok for f in findings) else 1)


@cli.command("reconcile")
def reconcile_command(as_json: Json = False) -> None:
    """Make Valkey agree with PostgreSQL; never needed, never harmful."""
    with stores(load_settings(), quiet=as_json) as ready:
        done = with_runtime(ready, reconcile_now)
    if as_json:
        print(json.dumps(asdict(done)))
    else:
        out.print(f"{done.returned} officers put back into the index, {done.removed} taken out.")


@admin_cli.command("create")
def admin_create(
    username: Annotated[str, typer.Argument(help="3 to 40 letters, digits, dots, dashes.")],
    name: Annotated[str, typer.Option(prompt=True, help="As colleagues call them.")],
    password: Annotated[
        str,
        typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="DIDI_ADMIN_PASSWORD"),
    ],
    as_json: Json = False,
) -> None:
    """Create the first administrator; afterwards administrators create accounts in the console."""

    async def create(runtime: Runtime) -> people_console.StaffAccount:
        async with transaction(runtime) as db:
            return await people_console.create_first_administrator(
                db, runtime, username=username, password=password, name=name
            )

    with stores(load_settings(), quiet=as_json) as ready:
        account = with_runtime(ready, create)
    if as_json:
        print(
            json.dumps(
                {
                    "person_id": str(account.person_id),
                    "username": account.username,
                    "totp": account.totp_address,
                }
            )
        )
        return
    out.print(
        f"Administrator [bold]{account.username}[/] is there. Add this to an authenticator app, it is shown once:"
    )
    out.print(account.totp_address, markup=False, highlight=False, soft_wrap=True)


@officer_cli.command("invite")
def officer_invite(
    badge: Annotated[str, typer.Argument(help="Badge number.")],
    station: Annotated[str, typer.Option(help="Code of the station.")],
    name: Annotated[str, typer.Option(prompt=True)],
    phone: Annotated[str | None, typer.Option(help="Mobile number, kept encrypted.")] = None,
    auxiliary: Annotated[bool, typer.Option(help="辅警")] = False,
    as_json: Json = False,
) -> None:
    """Invite an officer: prints a one-time code (10 minutes, one phone) to type in the mini-program."""

    async def invite(runtime: Runtime) -> invitations.Invitation:
        stations = await registry(runtime)
        known = stations.by_code(station)
        if known is None:
            codes = ", ".join(s.code for s in stations.all()) or "none, add them in the console"
            raise NotFound(f"No station has the code {station}. There are: {codes}.")
        kind = PersonKind.AUXILIARY if auxiliary else PersonKind.OFFICER
        async with transaction(runtime) as db:
            return await invitations.invite(
                db, runtime, name=name, badge=badge, station_id=known.id, kind=kind, phone=phone, by=None
            )

    with stores(load_settings(), quiet=as_json) as ready:
        made = with_runtime(ready, invite)
    if as_json:
        print(json.dumps({"person_id": str(made.person_id), "code": made.code}))
    else:
        out.print(f"Badge {badge}, code [bold]{made.code}[/]: valid for 10 minutes, one phone, five may try.")


@audit_cli.command("verify")
def audit_verify_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An export of the audit log.")],
    public_key: Annotated[str | None, typer.Option(help="64 hex digits, from a source you trust.")] = None,
    as_json: Json = False,
) -> None:
    """Verify an export: no entry changed, missing or moved. Needs nothing of ours but the file."""
    verdict = audit_verify.verify(file, public_key)
    if as_json:
        print(json.dumps(asdict(verdict), default=str))
    else:
        _tell(verdict)
    raise typer.Exit(0 if verdict.sound else 1)


def _tell(verdict: audit_verify.Verdict) -> None:
    out.print(
        "Sound." if verdict.sound else "NOT sound.",
        f"{verdict.entries} entries, signature: {verdict.signature.value}",
    )
    for problem in verdict.problems:
        out.print(problem, markup=False, highlight=False)


@audit_cli.command("export")
def audit_export_command(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write; mode 0600.")],
    as_json: Json = False,
) -> None:
    """Write every sealed entry, signed, for an auditor to verify."""
    with stores(load_settings(), quiet=as_json) as ready:
        done = with_runtime(ready, lambda r: audit_export.export(r, file))
    print(json.dumps(asdict(done), default=str)) if as_json else out.print(
        f"{file}: {done.count} entries, last hash {done.last_hash}."
    )


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


FIELDS = (
    *rotation.VAULT,
    *(rotation.Field("receipts", "case_id", column) for column in ("salt", "content")),
    *(
        rotation.Field("cases", "id", column)
        for column in ("words", "place", "disposition_note", "rating_words")
    ),
    *(rotation.Field("drafts", "person_id", column) for column in ("words", "place")),
)
"""Every encrypted column there is; a test compares it with the tables."""


@keys_cli.command("rotate")
def keys_rotate(as_json: Json = False) -> None:
    """Encrypt every field anew under the first of DIDI_SECRET_KEYS; then the old key can go. Safe to break off."""
    with stores(load_settings(), quiet=as_json) as ready:
        done = with_runtime(ready, lambda r: rotation.rotate(r, FIELDS))
    _rotated(done, as_json)


@keys_cli.command("rotate-index")
def keys_rotate_index(as_json: Json = False) -> None:
    """Find people by the second of DIDI_INDEX_KEY=old,new from now on. Safe to break off."""
    with stores(load_settings(), quiet=as_json) as ready:
        done = with_runtime(ready, rotation.rotate_index)
    _rotated(done, as_json)


def _rotated(done: rotation.Rotated, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(done)))
    else:
        out.print(
            f"{done.read} values read, {done.changed} changed, {done.unreadable} unreadable (the log names them)."
        )
    raise typer.Exit(1 if done.unreadable else 0)


@receipt_cli.command("key")
def receipt_key() -> None:
    """Print the public key to publish: by it anybody checks a receipt."""
    print(receipts.public_keys(load_settings())[0].hex())


@receipt_cli.command("verify")
def receipt_verify(
    receipt: Annotated[str, typer.Argument(help="The receipt, or a link that ends in it.")],
    public_key: Annotated[list[str], typer.Option(help="64 hex digits, from a source you trust.")],
    content: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The content it was given for.")
    ] = None,
    salt: Annotated[str | None, typer.Option(help="The reporter's 64 hex digits.")] = None,
    as_json: Json = False,
) -> None:
    """Check a receipt, and with --content and --salt what it was given for. Needs no store and no network."""
    if (content is None) is not (salt is None):
        raise typer.BadParameter("--content and --salt go together")
    try:
        keys = [bytes.fromhex(key) for key in public_key]
        seed = bytes.fromhex(salt or "")
    except ValueError:
        raise typer.BadParameter("--public-key and --salt are hex digits") from None
    if content is not None and len(seed) != proof.SALT_BYTES:
        raise typer.BadParameter(f"--salt must have {2 * proof.SALT_BYTES} hex digits")
    valid = proof.is_valid(receipt, keys)
    if valid and content is not None:
        valid = proof.matches(proof.read(receipt), content.read_bytes(), seed)
    if as_json:
        print(json.dumps({"valid": valid}))
    else:
        out.print("Valid." if valid else "NOT valid.")
    raise typer.Exit(0 if valid else 1)


@cli.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Run a fixed story without a browser, then exit.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the first page; the next three are used too.")] = 8000,
) -> None:
    """Run the whole city on this machine: simulated WeChat, fictional stations, real clocks."""
    signal.signal(signal.SIGTERM, _leave)
    raise typer.Exit(demo_run.run(once=once, port=port, say=lambda line: err.print(line, highlight=False)))


if __name__ == "__main__":
    main()
