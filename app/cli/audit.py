"""`didi audit`: the audit chain, written out and checked."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.audit import export as audit_export
from app.audit import verify as audit_verify
from app.cli.shell import Json, out, stores, with_runtime
from app.settings import load_settings

audit_cli = typer.Typer(no_args_is_help=True, help="The audit chain.")


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
