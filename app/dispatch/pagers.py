"""The port by which an officer is paged outside WeChat: police app, WeCom, SMS, the desk's loudspeaker.

Addressed by badge and station code: whoever runs the pager knows the phone, we do not send it. The words say
that something waits, never what, where or who. Adapters stand in `pagers/`; which of them exist, the settings say.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy import text

from app.kit.runtime import Runtime
from app.notices.sender import Letter, Outcome, Verdict
from app.settings import Settings

log = structlog.get_logger()


class PagerKind(StrEnum):
    """Ways to page, in the order in which they are tried."""

    POLICE_APP = "police_app"
    WECOM = "wecom"
    SMS = "sms"
    LOUDSPEAKER = "loudspeaker"


PERSONAL = frozenset({PagerKind.POLICE_APP, PagerKind.WECOM, PagerKind.SMS})
"""What an officer carries. The loudspeaker is heard by whoever is at the station: it makes nobody reachable."""
PAGE_S = 2.0
"""What one pager may take, so that one that hangs leaves time for the next within 5 s of the offer."""
_STOP_S = 60.0
_HANGS_AFTER, _HANGS_S = 2, 10.0
"""After so many pages in a row without an answer it is left alone for so many seconds: nobody waits for it meanwhile."""
AT_ONCE = frozenset({"offer_now_page"})
"""Kinds of notices for which every pager calls at the same time."""


@dataclass(frozen=True, slots=True)
class Page:
    """One call. `id` is the same at every repeat: a pager that can dedupes by it."""

    id: str
    badge: str
    station: str  # its code
    words: str


def configured(settings: Settings) -> tuple[PagerKind, ...]:
    """The pagers that the settings name, in the order in which they are tried."""
    named = {
        PagerKind.POLICE_APP: settings.pager_police_app_url,
        PagerKind.WECOM: settings.pager_wecom_corp_id,
        PagerKind.SMS: settings.pager_sms_url,
        PagerKind.LOUDSPEAKER: settings.pager_loudspeaker_url,
    }
    return tuple(kind for kind in PagerKind if named[kind])


class Pager(Protocol):
    """One way to page. Answers within `PAGE_S`; whoever it does not know is REFUSED, `unknown_badge`."""

    kind: PagerKind

    async def page(self, page: Page) -> Outcome:
        """Page once, without trying again."""
        ...


@dataclass(frozen=True, slots=True)
class PagerOutcome(Outcome):
    """What became of one page: the outcome of the whole, and each step on the way to it."""

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
    """All pagers of one process, in order. One that asks for quiet, or does not answer, is left alone for a while."""

    runtime: Runtime
    pagers: Sequence[Pager] = ()
    clock: Callable[[], float] = time.monotonic
    _quiet_until: dict[PagerKind, float] = field(default_factory=dict)  # by the clock, in seconds
    _unanswered: Counter[PagerKind] = field(default_factory=Counter)  # in a row

    async def send(self, letter: Letter) -> PagerOutcome:
        """The channel `pager` of notices: the short words, by the first pager that takes them or by all at once."""
        return await self.page(
            letter.person_id, letter.short, page_id=letter.key, all_at_once=letter.kind in AT_ONCE
        )

    async def page(
        self, officer_id: UUID, words: str, *, page_id: str, all_at_once: bool = False
    ) -> PagerOutcome:
        """Page an officer.

        REFUSED, `no_pager`, when there is none that could; RETRY when one of them may take it later.
        """
        async with self.runtime.database.moves() as db:
            row = (await db.execute(_CALLED, {"id": officer_id})).one_or_none()
        if row is None:
            return PagerOutcome(Verdict.REFUSED, reading="no_pager")
        page = Page(page_id, row.badge, row.code, words)
        steps = await (self._all(page) if all_at_once else self._first(page))
        await self._remember(officer_id, frozenset(row.unknown_to), dict(steps))
        return _sum_up(steps)

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
        if self._quiet_until.get(pager.kind, 0.0) > self.clock():
            return Outcome(Verdict.RETRY, reading="quiet")
        try:
            async with asyncio.timeout(PAGE_S + 0.5):
                outcome = await pager.page(page)
        except Exception as error:
            log.warning("pager_failed", pager=pager.kind, error=type(error).__name__)
            outcome = Outcome(Verdict.UNCERTAIN, reading="unreachable")
        self._judge(pager.kind, outcome)
        return outcome

    def _judge(self, kind: PagerKind, outcome: Outcome) -> None:
        quiet_s = outcome.stop_s or _STOP_S if outcome.verdict is Verdict.STOP else 0.0
        self._unanswered[kind] = self._unanswered[kind] + 1 if outcome.reading == "unreachable" else 0
        if self._unanswered[kind] >= _HANGS_AFTER:
            quiet_s = max(quiet_s, _HANGS_S)
        if quiet_s:
            log.error("pager_stopped", pager=kind, reading=outcome.reading, stop_s=quiet_s)
            self._quiet_until[kind] = self.clock() + quiet_s

    async def _remember(
        self, officer_id: UUID, before: frozenset[str], steps: Mapping[PagerKind, Outcome]
    ) -> None:
        refused = {kind for kind, outcome in steps.items() if outcome.verdict is Verdict.REFUSED}
        took = {kind for kind, outcome in steps.items() if outcome.verdict is Verdict.SENT}
        now = (before | refused) - took
        if now != before:
            async with self.runtime.database.moves() as db:
                await db.execute(_KNOWN, {"id": officer_id, "unknown_to": sorted(now)})


def _sum_up(steps: Sequence[tuple[PagerKind, Outcome]]) -> PagerOutcome:
    """SENT if one took it. Certain failures end; whatever may pass is tried again."""
    told = tuple(steps)
    for _, outcome in told:
        if outcome.verdict is Verdict.SENT:
            return PagerOutcome(Verdict.SENT, outcome.code, steps=told)
    passing = (Verdict.RETRY, Verdict.UNCERTAIN, Verdict.STOP, Verdict.SOON)
    if any(outcome.verdict in passing for _, outcome in told):
        return PagerOutcome(Verdict.RETRY, reading="pagers_busy", steps=told)
    return PagerOutcome(Verdict.REFUSED, reading="no_pager", steps=told)
