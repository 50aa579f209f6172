"""The port by which an officer is paged outside WeChat: police app, WeCom, SMS, the desk's loudspeaker.

Addressed by badge and station code: whoever runs the pager knows the phone, we do not send it. The words say
that something waits, never what, where or who. Adapters stand in `pagers/`; which of them exist, the settings say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy import text

from app.kit.runtime import Runtime
from app.notices.sender import Outcome, Verdict

log = structlog.get_logger()


class PagerKind(StrEnum):
    """Ways to page, in the order in which they are tried."""

    POLICE_APP = "police_app"
    WECOM = "wecom"
    SMS = "sms"
    LOUDSPEAKER = "loudspeaker"


PERSONAL = frozenset({PagerKind.POLICE_APP, PagerKind.WECOM, PagerKind.SMS})
"""What an officer carries. The loudspeaker is heard by whoever is at the station: it makes nobody reachable."""
PAGE_S = 3.0
"""What one pager may take, so that four of them end within a delivery's 20 s."""
_STOP_S = 60.0


@dataclass(frozen=True, slots=True)
class Page:
    """One call. `id` is the same at every repeat: a pager that can dedupes by it."""

    id: str
    badge: str
    station: str  # its code
    words: str


class Pager(Protocol):
    """One way to page. Answers within `PAGE_S`; whoever it does not know is REFUSED, `unknown_badge`."""

    kind: PagerKind

    async def page(self, page: Page) -> Outcome:
        """Page once, without trying again."""
        ...


@dataclass(frozen=True, slots=True)
class Paged:
    """What became of one page: the outcome of the whole, and each step on the way to it."""

    outcome: Outcome
    steps: tuple[tuple[PagerKind, Outcome], ...] = ()


_CALLED = text("""
    SELECT f.badge, s.code, coalesce(r.unknown_to, '{}') AS unknown_to
      FROM officers f JOIN stations s ON s.id = f.station_id LEFT JOIN officer_reach r ON r.person_id = f.person_id
     WHERE f.person_id = :id
""")
# What a pager says of a badge is remembered: with nothing else left, such an officer counts as unreachable.
_KNOWN = text("""
    INSERT INTO officer_reach AS r (person_id, unknown_to) VALUES (:id, CAST(:unknown_to AS text[]))
    ON CONFLICT (person_id) DO UPDATE SET unknown_to = excluded.unknown_to
     WHERE r.unknown_to IS DISTINCT FROM excluded.unknown_to
""")


@dataclass(eq=False)
class Pagers:
    """All pagers of one process, in order. A pager that asks for quiet, or times out, is left alone for a minute."""

    runtime: Runtime
    pagers: Sequence[Pager] = ()
    _quiet_until: dict[PagerKind, float] = field(default_factory=dict)  # monotonic seconds

    async def page(self, officer_id: UUID, words: str, *, page_id: str, everyone: bool = False) -> Paged:
        """Page an officer by the first pager that takes it, by every one of them when `everyone`.

        REFUSED, `no_pager`, when there is none that could; RETRY when one of them may take it later.
        """
        async with self.runtime.database.moves() as db:
            row = (await db.execute(_CALLED, {"id": officer_id})).one_or_none()
        if row is None:
            return Paged(Outcome(Verdict.REFUSED, reading="no_pager"))
        page = Page(page_id, row.badge, row.code, words)
        steps = await (self._all(page) if everyone else self._first(page))
        await self._remember(officer_id, frozenset(row.unknown_to), dict(steps))
        return Paged(_sum_up([outcome for _, outcome in steps]), tuple(steps))

    async def _first(self, page: Page) -> list[tuple[PagerKind, Outcome]]:
        steps = []
        for pager in self.pagers:
            outcome = await self._try(pager, page)
            steps.append((pager.kind, outcome))
            if outcome.verdict is Verdict.SENT:
                break
        return steps

    async def _all(self, page: Page) -> list[tuple[PagerKind, Outcome]]:
        outcomes = await asyncio.gather(*(self._try(pager, page) for pager in self.pagers))
        return [(pager.kind, outcome) for pager, outcome in zip(self.pagers, outcomes, strict=True)]

    async def _try(self, pager: Pager, page: Page) -> Outcome:
        if self._quiet_until.get(pager.kind, 0.0) > time.monotonic():
            return Outcome(Verdict.RETRY, reading="quiet")
        try:
            async with asyncio.timeout(PAGE_S + 0.5):
                outcome = await pager.page(page)
        except Exception as error:
            log.warning("pager_failed", pager=pager.kind, error=type(error).__name__)
            outcome = Outcome(Verdict.STOP, reading="unreachable")
        if outcome.verdict in (Verdict.STOP, Verdict.DEAD):
            stop_s = outcome.stop_s or _STOP_S
            log.error("pager_stopped", pager=pager.kind, reading=outcome.reading, stop_s=stop_s)
            self._quiet_until[pager.kind] = time.monotonic() + stop_s
        return outcome

    async def _remember(
        self, officer_id: UUID, before: frozenset[str], steps: Mapping[PagerKind, Outcome]
    ) -> None:
        refused = {kind for kind, outcome in steps.items() if outcome.verdict is Verdict.REFUSED}
        took = {kind for kind, outcome in steps.items() if outcome.verdict is Verdict.SENT}
        now = (before | refused) - took
        if now != before:
            async with self.runtime.database.moves() as db:
                await db.execute(_KNOWN, {"id": officer_id, "unknown_to": sorted(now)})


def _sum_up(outcomes: Sequence[Outcome]) -> Outcome:
    """SENT if one took it. Certain failures end; whatever may pass is tried again."""
    for outcome in outcomes:
        if outcome.verdict is Verdict.SENT:
            return outcome
    passing = (Verdict.RETRY, Verdict.UNCERTAIN, Verdict.STOP, Verdict.SOON)
    if any(outcome.verdict in passing for outcome in outcomes):
        return Outcome(Verdict.RETRY, reading="pagers_busy")
    return Outcome(Verdict.REFUSED, reading="no_pager")
