"""What the living city counts, and which offers are left alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from demo.city import Spot
from demo.config import NotPrepared, read_config
from demo.doors.chat import number_in
from demo.life.board import Board
from demo.life.ledger import Handover, Ledger, Taken, percentile_ms, seconds_left
from demo.life.officers import Corners
from demo.life.terminal import counter_line


def taken(badge: str, *, epoch: int = 0) -> Taken:
    return Taken("case", badge, "482-915-3067", 3.0, epoch)


def test_two_officers_granted_one_opening_are_a_double_grant():
    ledger = Ledger()

    ledger.granted(taken("014"))
    ledger.granted(taken("014"))  # the winner's repeat
    ledger.granted(taken("024", epoch=2))  # taken back, opened anew
    assert ledger.double_grants == 0
    ledger.granted(taken("034"))

    assert ledger.double_grants == 1
    assert "double grants 1" in counter_line(ledger.counters()).plain


def test_a_race_is_an_opening_that_was_granted_and_refused():
    ledger = Ledger()

    ledger.was_refused("case", 0)
    assert ledger.races == 0  # handed over before anybody got it
    ledger.granted(taken("014"))

    assert ledger.races == 1


@pytest.mark.parametrize(
    ("seconds", "percent", "ms"),
    [
        ([], 99, None),
        ([0.1], 99, 100),
        ([0.1, 0.2, 0.3, 0.4], 50, 200),
        ([i / 1000 for i in range(1, 201)], 99, 198),
    ],
)
def test_percentiles_are_nearest_rank(seconds, percent, ms):
    assert percentile_ms(seconds, percent) == ms


def test_a_countdown_runs_on_between_two_readings_and_stops_at_zero():
    case = {"seconds_left": 20.0, "read_s": 100.0}

    assert seconds_left(case, 105.0) == 15.0
    assert seconds_left(case, 130.0) == 0.0
    assert seconds_left({"seconds_left": None, "read_s": 100.0}, 105.0) is None


def test_offers_of_a_quiet_corner_are_left_alone_until_it_ends():
    corners, home = Corners(), Spot(32.06, 118.80)
    near, far = {"lat": 32.061, "lng": 118.801}, {"lat": 32.07, "lng": 118.80}

    corners.add(home)
    assert corners.hold(near)
    assert not corners.hold(far)
    assert not corners.hold(None)
    corners.remove(home)

    assert not corners.hold(near)


class Console:
    """A command centre that shows what it is told to show."""

    def __init__(self) -> None:
        self.running: list[dict[str, object]] = []
        self.queue: list[dict[str, object]] = []
        self.whole: dict[str, dict[str, object]] = {}

    async def call(self, method: str, path: str) -> dict[str, object]:
        if path == "/cases/running":
            return {"items": self.running}
        return self.whole[path.removeprefix("/cases/")]

    async def every(self, path: str) -> list[dict[str, object]]:
        return self.queue


def brief(case_id: str, state: str, **more: object) -> dict[str, object]:
    return {
        "case_id": case_id,
        "number": case_id,
        "state": state,
        "officer_id": None,
        "station_id": "one",
        **more,
    }


async def test_the_board_measures_a_handover_once_by_the_databases_times():
    console, ledger = Console(), Ledger()
    cast = SimpleNamespace(command=console, badges={}, code_of=lambda station_id: "XW01")
    board = Board(cast, ledger)
    console.queue = [brief("a", "handed_over", cause="deadline"), brief("b", "handed_over", cause="urgent")]
    console.whole["a"] = {"deadline": "2999-01-01T00:01:00Z", "handed_over_at": "2999-01-01T00:01:00.250Z"}

    await board.read()
    await board.read()

    assert [h.lateness_s for h in ledger.handovers] == [pytest.approx(0.25)]
    assert ledger.known == {"a", "b"}
    assert isinstance(ledger.handovers[0], Handover)


async def test_a_case_that_leaves_the_board_is_counted_when_it_has_ended():
    console, ledger = Console(), Ledger()
    cast = SimpleNamespace(command=console, badges={}, code_of=lambda station_id: "XW01")
    board = Board(cast, ledger)
    console.running = [brief("a", "arrived"), brief("b", "open")]
    await board.read()
    console.running = []
    console.whole = {"a": {"state": "closed"}, "b": {"state": "handed_over"}}

    await board.read()

    assert (ledger.ended, ledger.running) == (1, {})


def test_the_number_of_a_reply_is_found_in_either_language():
    assert number_in("已收到，编号 482-915-3067。正在通知附近民警") == "482-915-3067"
    assert number_in("Received, number 482-915-3067.") == "482-915-3067"
    assert number_in("请发送事发位置") is None


def test_the_demo_refuses_production_and_says_how_to_start_it(monkeypatch):
    monkeypatch.setenv("DIDI_ENV", "production")
    with pytest.raises(NotPrepared, match="production"):
        read_config(8000)

    monkeypatch.setenv("DIDI_ENV", "development")
    monkeypatch.delenv("DEMO_ADMIN", raising=False)
    with pytest.raises(NotPrepared, match="didi demo"):
        read_config(8000)
