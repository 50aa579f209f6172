"""The story from its first line to its last; the exit code says whether all of it held."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Awaitable
from pathlib import Path

import httpx

from demo import cast as casting
from demo import judgement
from demo.cast import AUDITOR, Cast, Say
from demo.city import City
from demo.config import DemoConfig
from demo.doors.http import Refused
from demo.judgement import Finding
from demo.story import strands
from demo.story.stage import StoryBroke, Teller

SEALED_S = 2.0
"""The worker seals audit entries about once a second."""


async def play(config: DemoConfig, city: City, say: Say) -> int:
    """Play the story; returns 0 when everything held, else 1."""
    doors = casting.open_doors(config)
    cast = await casting.assemble(doors, city, say)
    codes = (strands.RACE, strands.SILENT, strands.HANDOVER)
    phones = await casting.officers_on_duty(
        cast, [officer for code in codes for officer in strands.crew(cast, code)], say
    )
    say("")
    say("The story. Seconds since it began; every clock is real.")
    teller = Teller(say)
    told = await asyncio.gather(
        _safely("race", strands.race(cast, phones, teller)),
        _safely("handover", strands.handover(cast, phones, teller)),
        _safely("silence", strands.silence(cast, phones, teller)),
        _safely("danger", strands.danger(cast, teller)),
    )
    audited = await _safely("audit", audit(cast, teller))
    findings = [finding for each in (*told, audited) for finding in each]
    say("")
    for finding in findings:
        say(f"{'ok    ' if finding.holds else 'FAILED'}  {finding.what}: {finding.found}")
    say(judgement.summary(findings))
    return 0 if all(finding.holds for finding in findings) else 1


async def _safely(strand: str, work: Awaitable[list[Finding]]) -> list[Finding]:
    """A strand that breaks must not hide what the others find."""
    try:
        return await work
    except (StoryBroke, Refused, httpx.HTTPError, OSError, ExceptionGroup) as broke:
        return [Finding(strand, False, f"broke off: {broke!r}")]


async def audit(cast: Cast, teller: Teller) -> list[Finding]:
    """The export, downloaded by the auditor and verified by `didi audit verify`."""
    await asyncio.sleep(SEALED_S)
    auditor = await cast.signed_in(AUDITOR)
    exported = await auditor.download("/audit/export")
    with tempfile.TemporaryDirectory(prefix="didi-story-") as folder:
        file = Path(folder) / "audit.jsonl"
        file.write_bytes(exported)
        command = [sys.executable, "-m", "app.cli", "audit", "verify", str(file)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    found = judgement.judge_audit(done.returncode, done.stdout or done.stderr)
    teller.tell("audit   ", f"exported by the auditor and verified: {found.found}")
    return [found]
