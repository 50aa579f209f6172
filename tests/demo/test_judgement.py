"""What the story must have shown: each judgement says no when it should."""

from __future__ import annotations

import pytest

from demo import judgement
from demo.judgement import Finding

REPORTED = "2026-05-04T08:00:00.000000Z"


def test_one_grant_and_every_other_officer_told_no_is_a_race_won_once():
    assert judgement.judge_race({"014": 201, "024": 409, "034": 409}).holds


@pytest.mark.parametrize(
    "answers",
    [
        {"014": 201, "024": 201, "034": 409},  # granted twice
        {"014": 409, "024": 409, "034": 409},  # never granted
        {"014": 201, "024": 409, "034": 500},  # somebody was told nothing
        {"014": 201, "024": 409},  # no race
    ],
)
def test_any_other_race_fails(answers):
    assert not judgement.judge_race(answers).holds


@pytest.mark.parametrize(
    ("handed_over_at", "holds"),
    [
        ("2026-05-04T08:00:59.999000Z", False),
        ("2026-05-04T08:01:00.000000Z", True),
        ("2026-05-04T16:01:00.420000+08:00", True),
        ("2026-05-04T08:01:01.000000Z", True),
        ("2026-05-04T08:01:01.001000Z", False),
        (None, False),
    ],
)
def test_a_handover_counts_from_60_to_61_seconds(handed_over_at, holds):
    case = {"reported_at": REPORTED, "handed_over_at": handed_over_at, "state": "handed_over"}

    assert judgement.judge_handover(case).holds is holds


def test_an_assignment_is_the_desks_and_of_the_officer_it_named():
    case = {"holder": {"badge": "017"}, "assigned_at": REPORTED, "state": "assigned"}

    assert judgement.judge_assignment(case, "017").holds
    assert not judgement.judge_assignment(case, "018").holds
    assert not judgement.judge_assignment({**case, "assigned_at": None}, "017").holds
    assert not judgement.judge_assignment({**case, "holder": None}, "017").holds


@pytest.mark.parametrize(
    ("told_m", "holds"), [([300, 200, 10], True), ([300, 200], False), ([10, 200, 300], False), ([], False)]
)
def test_a_track_is_three_distances_that_shrink(told_m, holds):
    assert judgement.judge_track(told_m).holds is holds


def test_an_ending_is_closed_with_the_stars_that_were_given():
    closed = {"state": "closed", "disposition": "mediated", "stars": 5}

    assert judgement.judge_ending(closed).holds
    assert not judgement.judge_ending({**closed, "stars": None}).holds
    assert not judgement.judge_ending({**closed, "state": "arrived"}).holds


LIMITS = {"case_nudged": 4, "case_alarmed": 8, "case_taken_back": 12}


def timeline(*seconds: float, claimed_by: str = "first") -> list[dict[str, object]]:
    """A claim at second 0, then the three steps, as many as are given."""
    events = [{"id": 1, "kind": "case_claimed", "at": REPORTED, "actor_id": claimed_by}]
    for place, (kind, second) in enumerate(zip(LIMITS, seconds, strict=False)):
        at = f"2026-05-04T08:00:{second:09.6f}Z"
        events.append({"id": 2 + place, "kind": kind, "at": at, "actor_id": None})
    return events


def test_silence_is_nudged_alarmed_and_taken_back_each_not_before_its_time():
    def judged(events):
        return judgement.judge_silence(events, claimed_by="first", limits_s=LIMITS).holds

    assert judged(timeline(4.2, 8.1, 12.4))
    assert not judged(timeline(4.2, 8.1))
    assert not judged(timeline(4.2, 8.1, 11.9))
    assert not judged(timeline(4.2, 8.1, 12.4, claimed_by="somebody else"))
    assert not judged([])


REPLY = '如有人身危险，请立即拨打110：<a href="tel:110">点此拨打110</a>。编号 482-915-3067'
NUMBER = "482-915-3067"


def test_danger_is_110_in_the_reply_and_an_urgent_item_of_that_number():
    item = {"number": NUMBER, "urgent": True}

    assert judgement.judge_danger(REPLY, NUMBER, [item]).holds
    assert not judgement.judge_danger("已收到，编号 482-915-3067", NUMBER, [item]).holds
    assert not judgement.judge_danger(REPLY, NUMBER, [{**item, "urgent": False}]).holds
    assert not judgement.judge_danger(REPLY, NUMBER, [{**item, "number": "111-111-1111"}]).holds
    assert not judgement.judge_danger(REPLY, None, [item]).holds


def test_the_audit_holds_by_the_verifiers_exit_code_alone():
    assert judgement.judge_audit(0, "Sound. 12 entries").holds
    assert not judgement.judge_audit(1, "Sound. 12 entries").holds


def test_the_last_line_names_what_failed():
    good, bad = Finding("closed and rated", True, "closed"), Finding("granted once", False, "twice")

    assert judgement.summary([good]).startswith("All 1 hold")
    assert judgement.summary([good, bad]) == "FAILED, 1 of 2: granted once"
