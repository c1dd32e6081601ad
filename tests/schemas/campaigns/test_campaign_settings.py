"""The settings of a campaign: bounds, defaults and the place of each problem."""

from typing import Any

import pytest

from schemas.base.error_codes import CampaignCode
from schemas.base.times import DAY, MINUTE
from schemas.campaigns.compiled_definition import CampaignSettings
from tests.schemas.campaigns.test_definition import document_problems, valid_definition


def setting_problems(**changed: Any) -> list[tuple[str, str]]:
    return document_problems(settings=changed)


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
def test_an_invalid_setting_is_reported_with_its_place(name: str, wrong: Any) -> None:
    assert setting_problems(**{name: wrong}) == [(CampaignCode.SETTING_INVALID, f"settings.{name}")]


def test_settings_are_compiled_to_microseconds_and_minutes() -> None:
    settings = valid_definition(
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


def test_skip_older_than_requires_late_skip_hours() -> None:
    problems = setting_problems(late_policy="skip_older_than")
    assert problems == [(CampaignCode.SETTING_INVALID, "settings.late_skip_hours")]


def test_quiet_hours_are_those_of_the_tenant_none_or_own_ones() -> None:
    assert valid_definition(settings={"quiet_hours": None}).settings.quiet == "tenant"
    assert valid_definition(settings={"quiet_hours": "none"}).settings.quiet == "none"
    place, code = "settings.quiet_hours", CampaignCode.QUIET_HOURS_INVALID
    assert setting_problems(quiet_hours="always") == [(code, place)]
    assert setting_problems(quiet_hours={"start": "22:00"}) == [(code, f"{place}.end")]
    assert setting_problems(quiet_hours={"start": 1320, "end": "24:00"}) == [
        (code, f"{place}.start"),
        (code, f"{place}.end"),
    ]
