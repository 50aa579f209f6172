"""What a station may set, what it may not, and that the error names the field."""

from datetime import UTC, datetime

import pytest

from app.kit.errors import Invalid
from app.stations.categories import DEFAULT_CATEGORIES, category_of, open_now
from app.stations.settings import DEFAULT_RINGS, Ring, StationSettings, read_settings

MISSING = {"key": "missing_person", "zh": "人员走失", "en": "Missing person"}
OTHER = {"key": "other", "zh": "其他", "en": "Other"}
NOISE = {"key": "noise", "zh": "噪音", "en": "Noise", "hours": [{"start": "22:00", "end": "06:00"}]}


def test_the_defaults_are_those_of_the_contract():
    settings = read_settings({}, claim_window_s=60)

    assert [(r.after_s, r.within_m) for r in settings.rings] == [
        (0, 1000),
        (10, 2000),
        (25, 4000),
        (40, None),
    ]
    assert (settings.claim_window_s, settings.nudge_s, settings.alarm_s, settings.take_back_s) == (
        60,
        60,
        120,
        180,
    )
    assert (settings.stall_s, settings.ack_s, settings.urgent_ack_s) == (600, 60, 30)
    assert (settings.offer_cap, settings.arrive_within_m, settings.auxiliaries_for) == (60, 100, ())
    assert (settings.limits.in_10_min, settings.limits.in_a_day) == (3, 10)
    assert settings.desk_hours is None


def test_the_claim_window_of_the_operator_stands_in_until_a_station_sets_its_own():
    assert read_settings({}, claim_window_s=45).claim_window_s == 45
    assert read_settings({"claim_window_s": 90}, claim_window_s=45).claim_window_s == 90


@pytest.mark.parametrize(
    ("stored", "field", "says"),
    [
        ({"claim_window_s": 3}, "claim_window_s", "greater than or equal to 5"),
        ({"claim_window": 60}, "claim_window", "no such setting"),
        ({"rings": []}, "rings", "at least 1"),
        ({"rings": [{"after_s": 5, "within_m": 500}]}, "rings", "after_s 0"),
        (
            {"rings": [{"after_s": 0, "within_m": 900}, {"after_s": 0, "within_m": 950}]},
            "rings",
            "starts later",
        ),
        ({"rings": [{"after_s": 0, "within_m": 900}, {"after_s": 9, "within_m": 800}]}, "rings", "wider"),
        ({"rings": [{"after_s": 0}, {"after_s": 9, "within_m": 800}]}, "rings", "whole station"),
        ({"rings": [{"after_s": 0, "within_m": 10}]}, "rings.0.within_m", "greater than or equal to 50"),
        (
            {"claim_window_s": 20, "rings": [{"after_s": 0, "within_m": 99}, {"after_s": 20}]},
            "rings",
            "start it earlier",
        ),
        ({"nudge_s": 120}, "nudge_s", "must grow"),
        ({"timezone": "Mars/Olympus"}, "timezone", "Asia/Shanghai"),
        ({"timezone": "../etc/passwd"}, "timezone", "Asia/Shanghai"),
        ({"auxiliaries_for": ["murder"]}, "auxiliaries_for", "murder"),
        ({"desk_hours": [{"start": "8 o'clock", "end": "20:00"}]}, "desk_hours.0.start", "time"),
        ({"categories": [NOISE]}, "categories", "missing_person"),
        ({"categories": [MISSING, OTHER, OTHER]}, "categories", "twice: other"),
        ({"categories": [MISSING | {"hours": NOISE["hours"]}, OTHER]}, "categories.0", "any hour"),
        ({"categories": [MISSING, OTHER | {"words": [" "]}]}, "categories.1.words", "empty word"),
        ({"limits": {"in_a_day": 0}}, "limits.in_a_day", "greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_named(stored, field, says):
    with pytest.raises(Invalid) as caught:
        read_settings(stored)

    assert field in caught.value.detail
    assert says in caught.value.detail


def test_a_ring_or_a_setting_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="frozen"):
        DEFAULT_RINGS[0].after_s = 5
    with pytest.raises(ValueError, match="frozen"):
        read_settings({}).claim_window_s = 5


def test_settings_survive_being_stored():
    stored = {"categories": [MISSING, NOISE, OTHER], "auxiliaries_for": ["noise"], "rings": [{"after_s": 0}]}
    settings = read_settings(stored)

    again = read_settings(settings.model_dump(mode="json", exclude_unset=True))

    assert again == settings
    assert again.rings == (Ring(after_s=0, within_m=None),)


def test_every_default_category_is_there_and_only_online_fraud_has_no_scene():
    keys = [category.key for category in DEFAULT_CATEGORIES]

    assert keys == [
        "stolen_property", "taxi_dispute", "animal_nuisance", "missing_person", "lost_and_found",
        "neighbour_dispute", "noise", "online_fraud", "other",
    ]  # fmt: skip
    assert [c.key for c in DEFAULT_CATEGORIES if not c.scene] == ["online_fraud"]
    assert StationSettings().category("noise") is DEFAULT_CATEGORIES[6]
    assert StationSettings().category("nothing") is None


def test_a_category_outside_its_hours_is_closed():
    settings = read_settings({"categories": [MISSING, NOISE, OTHER]})
    noise, missing = settings.category("noise"), settings.category("missing_person")
    night, noon = datetime(2026, 6, 1, 15, tzinfo=UTC), datetime(2026, 6, 1, 4, tzinfo=UTC)

    assert open_now(noise, night, settings.timezone)
    assert not open_now(noise, noon, settings.timezone)
    assert open_now(missing, night, settings.timezone)
    assert open_now(missing, noon, settings.timezone)


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("我的电动车被偷了", "stolen_property"),
        ("出租车司机绕路多收钱", "taxi_dispute"),
        ("小区里有恶犬", "animal_nuisance"),
        ("我妈妈走失了，78岁", "missing_person"),
        ("我捡到一个钱包", "lost_and_found"),
        ("和邻居吵架", "neighbour_dispute"),
        ("楼下广场舞太吵了，很吵", "noise"),
        ("我被骗了，刷单转账", "online_fraud"),
        ("其他", "other"),
        ("噪音扰民", "noise"),
        ("My bike was STOLEN", "stolen_property"),
        ("a lost child near the lake", "missing_person"),
        ("I lost my wallet", "lost_and_found"),
        ("cabbage everywhere", None),
        ("scam", "online_fraud"),
        ("你好", None),
        ("", None),
    ],
)
def test_words_of_a_chat_name_their_category(words, key):
    found = category_of(words, DEFAULT_CATEGORIES)

    assert (found.key if found else None) == key
