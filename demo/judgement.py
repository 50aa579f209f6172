"""What the story must have shown, judged from what the doors said. Times are the database's, as the doors give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from demo.doors.http import Json

HANDED_OVER_S = (60.0, 61.0)
RACERS_AT_LEAST = 3
DISTANCES_AT_LEAST = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that had to hold, and what was found."""

    what: str
    holds: bool
    found: str


def seconds_between(start: str, end: str) -> float:
    """Seconds from one time to another, both ISO 8601 as the doors give them."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def judge_race(answers: Mapping[str, int]) -> Finding:
    """`answers`: for each officer's badge the HTTP status of the claim."""
    won = sorted(badge for badge, status in answers.items() if status == 201)
    lost = sorted(badge for badge, status in answers.items() if status == 409)
    holds = len(won) == 1 and len(answers) >= RACERS_AT_LEAST and len(won) + len(lost) == len(answers)
    found = f"{len(answers)} claimed at once, granted to {', '.join(won) or 'nobody'}, {len(lost)} told who was first"
    return Finding("raced for by several officers, granted once", holds, found)


def judge_track(distances_m: Sequence[float]) -> Finding:
    """`distances_m`: how far away the chat said the officer is, each time the reporter asked, in order."""
    holds = len(distances_m) >= DISTANCES_AT_LEAST and distances_m[-1] < distances_m[0]
    way = f", from {distances_m[0]:.0f} m to {distances_m[-1]:.0f} m" if distances_m else ""
    return Finding(
        "tracked by its reporter", holds, f"the chat told the reporter {len(distances_m)} distances{way}"
    )


def judge_ending(case: Json) -> Finding:
    """`case`: as the desk sees it."""
    holds = case["state"] == "closed" and case["stars"] == 5
    return Finding(
        "closed and rated", holds, f"{case['state']}, {case['disposition']}, {case['stars']} stars"
    )


def judge_handover(case: Json) -> Finding:
    """`case`: as the desk sees it."""
    handed_over_at = case["handed_over_at"]
    if handed_over_at is None:
        return Finding("handed over between 60.0 and 61.0 s", False, f"still {case['state']}")
    waited_s = seconds_between(case["reported_at"], handed_over_at)
    holds = HANDED_OVER_S[0] <= waited_s <= HANDED_OVER_S[1]
    return Finding("handed over between 60.0 and 61.0 s", holds, f"after {waited_s:.3f} s")


def judge_assignment(case: Json, badge: str) -> Finding:
    """`case`: as the desk sees it after it put the officer with this badge on it."""
    holder = (case["holder"] or {}).get("badge")
    holds = holder == badge and case["assigned_at"] is not None
    return Finding("assigned by the desk", holds, f"{case['state']}, officer {holder}")


def judge_silence(events: Sequence[Json], *, claimed_by: str, limits_s: Mapping[str, int]) -> Finding:
    """`events`: the case's timeline; `limits_s`: the station's settings by the kind of event that they lead to."""
    what = "claimed by a phone that went silent, taken back"
    claim = next((e for e in events if e["kind"] == "case_claimed" and e["actor_id"] == claimed_by), None)
    if claim is None:
        return Finding(what, False, "never claimed")
    steps = {
        event["kind"]: seconds_between(claim["at"], event["at"])
        for event in events
        if event["id"] > claim["id"]
    }
    early = [kind for kind, limit_s in limits_s.items() if steps.get(kind, -1.0) < limit_s]
    found = ", ".join(
        f"{kind.removeprefix('case_')} after {steps[kind]:.1f} s" for kind in limits_s if kind in steps
    )
    return Finding(what, not early, found or "nothing happened")


def judge_danger(reply: str, number: str | None, queue: Sequence[Json]) -> Finding:
    """`reply`: the one to the words of danger; `queue`: the desk's, right after it."""
    item = next((each for each in queue if number and each["number"] == number), None)
    rings = item is not None and bool(item["urgent"])
    holds = "110" in reply and "tel:110" in reply and rings
    said = "110 in the same reply" if "tel:110" in reply else "no 110 in the reply"
    return Finding(
        '"他有刀" got 110 and an alarm',
        holds,
        f"{said}, {'urgent' if rings else 'nothing urgent'} at the desk",
    )


def judge_audit(exit_code: int, said: str) -> Finding:
    """What `didi audit verify` answered."""
    last = said.strip().splitlines()[-1] if said.strip() else "nothing"
    return Finding("the audit export verifies", exit_code == 0, last)


def summary(findings: Sequence[Finding]) -> str:
    """The last line."""
    failed = [finding.what for finding in findings if not finding.holds]
    if failed:
        return f"FAILED, {len(failed)} of {len(findings)}: {'; '.join(failed)}"
    return f"All {len(findings)} hold: offered, raced for, granted once, tracked, closed, handed over, taken back, alarmed, audited"
