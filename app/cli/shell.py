"""What every command stands on: where it prints, and the stores it opens and lets go of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from app.kit.embedded import default_folder, lease
from app.kit.runtime import Runtime
from app.settings import Settings
from app.wiring import open_runtime

out, err = Console(), Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")]
T = TypeVar("T")


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
