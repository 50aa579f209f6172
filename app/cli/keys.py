"""`didi keys`: changing keys while everybody reads."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from app.cli.shell import Json, out, stores, with_runtime
from app.people import rotation
from app.settings import load_settings

keys_cli = typer.Typer(no_args_is_help=True, help="Changing keys while everybody reads.")


FIELDS = (
    *rotation.VAULT,
    *(rotation.Field("receipts", "case_id", column) for column in ("salt", "content")),
    *(
        rotation.Field("cases", "id", column)
        for column in ("words", "place", "disposition_note", "rating_words")
    ),
    *(rotation.Field("drafts", "person_id", column) for column in ("words", "place")),
    rotation.Field("media", "id", "data_key"),
    *(rotation.Field("questions", "id", column) for column in ("words", "answer")),
    *(rotation.Field("complaints", "id", column) for column in ("words", "answer", "salt", "content")),
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
