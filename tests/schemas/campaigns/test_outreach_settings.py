"""The settings of an outreach campaign: its days, and what follows conversions and soft bounces
(S4-16, S4-17, C-6, C-25)."""

from typing import Any

import pytest

from schemas.base.error_codes import CampaignCode
from schemas.base.times import DAY, HOUR
from schemas.campaigns.compiled_definition import CampaignSettings, SoftBounces
from tests.schemas.campaigns.test_outreach_documents import problems, valid

SETTING, DATES = CampaignCode.SETTING_INVALID, CampaignCode.INVALID_DATES


# dates


def test_the_last_day_comes_after_the_first_one() -> None:
    for first, last in (("2026-03-02", "2026-03-03"), ("2026-12-31", "2027-01-01")):
        found = valid(settings={"start_date": first, "end_date": last}).settings
        assert found.end_day == (found.start_day or 0) + 1
    for last in ("2026-03-02", "2026-03-01", "2000-01-01"):
        found_problems = problems(settings={"start_date": "2026-03-02", "end_date": last})
        assert found_problems == [(DATES, "settings.end_date")]


@pytest.mark.parametrize("field", ["start_date", "end_date"])
def test_a_day_that_does_not_exist_is_refused(field: str) -> None:
    for wrong in (
        "2026-02-30",
        "2026-13-01",
        "2027-02-29",
        "1999-12-31",
        "2100-01-01",
        "02.03.2026",
    ):
        assert problems(settings={field: wrong}) == [(SETTING, f"settings.{field}")]
    valid(settings={field: "2028-02-29"})


def test_each_date_may_be_there_alone() -> None:
    assert valid(settings={"end_date": "2026-03-02"}).settings.end_day == 20_514
    assert valid(settings={"end_date": None, "end_date_mode": "literal"}).settings.end_day is None
    assert valid().settings.end_mode == "inclusive"
    assert problems(settings={"end_date_mode": "utc"}) == [(SETTING, "settings.end_date_mode")]


# what follows conversions and bounces


def test_attribution_and_soft_bounces_have_the_values_of_the_requirements() -> None:
    settings = valid(settings={"attribution": {}, "soft_bounces": {}}).settings
    assert settings == valid().settings
    assert (settings.attribution, settings.attribution_window_us) == ("last_touch", 30 * DAY)
    bounces = settings.soft_bounces
    assert bounces == SoftBounces(3, 48 * HOUR, (8 * HOUR, 24 * HOUR)) == SoftBounces()
    usual = CampaignSettings()
    assert (usual.on_conversion, usual.in_flight) == ("continue", "finish")


@pytest.mark.parametrize("model", ["last_touch", "first_touch", "linear", "all"])
def test_a_conversion_is_credited_by_one_of_four_models(model: str) -> None:
    settings = valid(settings={"attribution": {"model": model, "window_days": 0.5}}).settings
    assert (settings.attribution, settings.attribution_window_us) == (model, 12 * HOUR)


def test_of_fewer_soft_bounces_only_the_first_retries_are_left() -> None:
    for most, hours in ((1, ()), (2, (8,)), (3, (8, 24)), (9, (8, 24))):
        found = valid(settings={"soft_bounces": {"most": most}}).settings.soft_bounces
        assert found.retry_us == tuple(hour * HOUR for hour in hours)
    own = {"most": 4, "window_hours": 7, "retry_hours": [1, 2, 3.5]}
    found = valid(settings={"soft_bounces": own}).settings.soft_bounces
    assert found == SoftBounces(4, 7 * HOUR, (HOUR, 2 * HOUR, 7 * HOUR // 2))


@pytest.mark.parametrize(
    ("setting", "wrong", "place"),
    [
        ("in_flight", "drop", ""),
        ("on_conversion", "pause", ""),
        ("attribution", "linear", ""),
        ("attribution", {"model": "best"}, ".model"),
        ("attribution", {"window_days": 0}, ".window_days"),
        ("attribution", {"window_days": 366}, ".window_days"),
        ("soft_bounces", 3, ""),
        ("soft_bounces", {"most": 0}, ".most"),
        ("soft_bounces", {"most": 11}, ".most"),
        ("soft_bounces", {"window_hours": 0}, ".window_hours"),
        ("soft_bounces", {"window_hours": 721}, ".window_hours"),
        ("soft_bounces", {"window_hours": 32}, ".window_hours"),
        ("soft_bounces", {"retry_hours": [0]}, ".retry_hours"),
        ("soft_bounces", {"retry_hours": 8}, ".retry_hours"),
        ("soft_bounces", {"retry_hours": [1, 2, 3]}, ".retry_hours"),
        ("soft_bounces", {"most": 1, "retry_hours": [1]}, ".retry_hours"),
        ("soft_bounces", {"retry_hours": [24, 24]}, ".retry_hours"),
    ],
)
def test_a_wrong_setting_is_reported_with_its_place(setting: str, wrong: Any, place: str) -> None:
    assert problems(settings={setting: wrong}) == [(SETTING, f"settings.{setting}{place}")]
