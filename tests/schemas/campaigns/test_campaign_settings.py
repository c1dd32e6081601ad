"""The settings of a campaign, each with its bounds and its place."""

from typing import Any

import pytest

from schemas.base.error_codes import CampaignCode
from schemas.base.times import DAY, MINUTE
from schemas.campaigns.compiled_definition import CampaignSettings
from tests.schemas.campaigns.test_definition import of, valid


def setting(**changed: Any) -> list[tuple[str, str]]:
    return of(settings=changed)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("cooldown_days", -1),
        ("cooldown_days", "30"),
        ("repeat_job", "again"),
        ("jobs", "some"),
        ("late_policy", "drop"),
        ("late_skip_hours", 0),
        ("expire_after_hours", 0),
        ("answer_timeout_minutes", 0),
        ("answer_timeout_minutes", True),
        ("retry_minutes", 5),
        ("retry_minutes", [1, 0]),
        ("retry_minutes", [1, None]),
        ("retry_minutes", [1] * 11),
        ("priority", 1.5),
        ("priority", True),
        ("priority", 1_001),
    ],
)
def test_a_wrong_setting_is_told_at_its_place(name: str, wrong: Any) -> None:
    assert setting(**{name: wrong}) == [(CampaignCode.SETTING_INVALID, f"settings.{name}")]


def test_settings_become_what_the_engine_counts_in() -> None:
    settings = valid(
        settings={
            "cooldown_days": 30,
            "late_policy": "skip_older_than",
            "late_skip_hours": 1.5,
            "quiet_hours": {"start": "22:00", "end": "07:30"},
            "retry_minutes": [],
            "priority": -5,
        }
    ).settings
    assert settings == CampaignSettings(
        cooldown_us=30 * DAY,
        late_policy="skip_older_than",
        late_skip_us=90 * MINUTE,
        quiet="own",
        quiet_start=22 * 60,
        quiet_end=7 * 60 + 30,
        retry_delays_us=(),
        priority=-5,
    )


def test_skipping_what_is_late_needs_to_know_how_late() -> None:
    why = setting(late_policy="skip_older_than")
    assert why == [(CampaignCode.SETTING_INVALID, "settings.late_skip_hours")]


def test_quiet_hours_are_the_tenants_none_or_its_own() -> None:
    assert valid(settings={"quiet_hours": None}).settings.quiet == "tenant"
    assert valid(settings={"quiet_hours": "none"}).settings.quiet == "none"
    place, code = "settings.quiet_hours", CampaignCode.QUIET_HOURS_INVALID
    assert setting(quiet_hours="always") == [(code, place)]
    assert setting(quiet_hours={"start": "22:00"}) == [(code, f"{place}.end")]
    assert setting(quiet_hours={"start": 1320, "end": "24:00"}) == [
        (code, f"{place}.start"),
        (code, f"{place}.end"),
    ]
