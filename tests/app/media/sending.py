"""Sending media to a case, and a source that gives what a test puts there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.media.jobs import fetch_due
from app.media.service import note_medium
from app.media.source import Fetched, Verdict
from app.media.states import MediaKind
from app.media.store import forget_stores
from tests.factories import Made


@dataclass
class Source:
    """WeChat, as the port has it: `gives` by id; a verdict instead of bytes is what it says."""

    gives: dict[str, bytes | Verdict] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    before: Callable[[str], Awaitable[object]] | None = None

    async def fetch(self, source_id: str, *, max_bytes: int) -> Fetched:
        self.asked.append(source_id)
        if self.before:
            await self.before(source_id)
        given = self.gives.get(source_id, Verdict.GONE)
        if isinstance(given, Verdict):
            return Fetched(given, code=40007 if given is Verdict.GONE else None)
        return Fetched(Verdict.FETCHED, given)


@dataclass
class Sent:
    """What people sent: the case it belongs to, and how to send and fetch more."""

    runtime: Runtime
    source: Source
    case: Made

    async def send(
        self, content: bytes | Verdict, kind: MediaKind = MediaKind.IMAGE, *, bound: bool = True
    ) -> UUID:
        """A medium of the case, noted and at the source."""
        source_id = f"m-{len(self.source.gives)}"
        self.source.gives[source_id] = content
        async with transaction(self.runtime) as db:
            case_id = self.case.id if bound else None
            return await note_medium(db, self.case.reporter.id, kind, source_id, case_id=case_id)

    async def fetch(self) -> int:
        """One round of the worker."""
        found = await fetch_due(self.runtime, self.source)
        await self.runtime.drain()
        return found

    async def fetched(self, content: bytes, kind: MediaKind = MediaKind.IMAGE) -> UUID:
        """A medium that is ready."""
        medium_id = await self.send(content, kind)
        await self.fetch()
        return medium_id

    async def row(self, medium_id: UUID) -> Any:
        [found] = await self.rows("SELECT * FROM media WHERE id = :id", id=medium_id)
        return found

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.runtime.database.moves() as db:
            return list((await db.execute(text(sql), values)).all())


@contextmanager
def files_in(folder: Path, runtime: Runtime) -> Iterator[Path]:
    """The files of this runtime's media lie there, for the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "settings", runtime.settings.model_copy(update={"media_folder": folder}))
        forget_stores(runtime)
        yield folder
    forget_stores(runtime)
