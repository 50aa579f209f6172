"""`didi admin`, `didi officer`: the first account, and an officer's phone."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from app.cli.shell import Json, out, stores, with_runtime
from app.events.edge import transaction
from app.kit.errors import NotFound
from app.kit.runtime import Runtime
from app.people import console as people_console
from app.people import invitations
from app.people.tables import PersonKind
from app.settings import load_settings
from app.stations.registry import registry

admin_cli = typer.Typer(no_args_is_help=True, help="Accounts of the console.")
officer_cli = typer.Typer(no_args_is_help=True, help="Officers.")


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
    """Invite an officer: prints a one-time code (10 minutes, one phone) to type in the mini-program or the chat."""

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
