"""`didi migrate`, `doctor`, `reconcile`: looking after the stores."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
from rich.table import Table

from app import doctor
from app.cli.shell import Json, out, stores, with_runtime
from app.dispatch.reconcile import reconcile as reconcile_now
from app.kit.migrate import migrate as migrate_now
from app.settings import load_settings

cli = typer.Typer()


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
