"""`didi receipt`: what a citizen shows, checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.shell import Json, out
from app.receipts import proof
from app.receipts import service as receipts
from app.settings import load_settings

receipt_cli = typer.Typer(no_args_is_help=True, help="Receipts that citizens show.")


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
