"""`didi`: what an operator types. Exit code 0: done; 1: something is wrong and was said; 2: wrong usage.

One file a group of commands; `shell.py` is what they share.
"""

from __future__ import annotations

import sys

import typer

from app.cli import processes, upkeep
from app.cli.audit import audit_cli
from app.cli.keys import FIELDS, keys_cli
from app.cli.outbox import outbox_cli
from app.cli.people import admin_cli, officer_cli
from app.cli.receipt import receipt_cli
from app.cli.shell import err
from app.cli.wechat import wechat_cli
from app.kit.embedded import EmbeddedError
from app.kit.errors import AppError
from app.kit.logging import set_up_logging
from app.settings import SettingsError

__all__ = ["FIELDS", "cli", "main"]

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Didi Police: report, dispatch, handover.")
cli.add_typer(processes.cli)
cli.add_typer(upkeep.cli)
cli.add_typer(admin_cli, name="admin")
cli.add_typer(officer_cli, name="officer")
cli.add_typer(audit_cli, name="audit")
cli.add_typer(outbox_cli, name="outbox")
cli.add_typer(receipt_cli, name="receipt")
cli.add_typer(keys_cli, name="keys")
cli.add_typer(wechat_cli, name="wechat")


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
