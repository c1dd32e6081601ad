"""The settings of a campaign: bounds, defaults and the place of each problem."""

import re
from typing import Any

import pytest

from schemas.base.error_codes import CampaignCode
from schemas.base.times import DAY, MINUTE
from schemas.campaigns.campaign_settings import _SETTINGS
from schemas.campaigns.compiled_definition import CampaignSettings
from tests.schemas.campaigns.test_definition import document_problems, valid_definition
from tests.testing.repository_files import text_of


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


OTHER_VALUES: dict[str, Any] = {
    "cooldown_days": 30,
    "repeat_job": "ignore",
    "late_policy": "collapse",
    "late_skip_hours": 5,
    "quiet_hours": {"start": "22:00", "end": "07:30"},
    "expire_after_hours": 12,
    "answer_timeout_minutes": 45,
    "retry_minutes": [2, 4],
    "priority": 7,
    "on_reply": "stop",
    "max_errors": 9,
    "reentry": "restart",
    "on_edit": "follow",
    "exclusive": "reviews",
    "min_gap_hours": 6,
    "jobs": "all",
    "calls": {"agent": "agent-7"},
    "timezone": "Europe/Berlin",
    "start_date": "2026-03-02",
    "per_day": 500,
    "max_new_per_day": 50,
    "end_date": "2026-03-02",
    "end_date_mode": "literal",
    "in_flight": "revoke",
    "on_conversion": "stop",
    "attribution": {"model": "linear", "window_days": 7},
    "soft_bounces": {"most": 2, "window_hours": 12, "retry_hours": [1]},
}
"""A valid value of each setting that is the default of no kind."""

NEEDED = {"late_skip_hours": {"late_policy": "skip_older_than", "late_skip_hours": 1}}
"""The settings of the document to compare with, if a setting is not valid alone."""

DOCUMENTS: dict[str, dict[str, Any]] = {
    "calls": {"kind": "calls", "steps": [{"id": "a", "channel": "voice", "template_id": "script"}]},
}
"""The document of a setting that not every kind of campaign has."""


def test_every_setting_has_another_value_in_these_tests() -> None:
    assert sorted(OTHER_VALUES) == sorted(_SETTINGS)


@pytest.mark.parametrize("name", _SETTINGS)
def test_no_setting_is_accepted_and_dropped(name: str) -> None:
    needed, fields = NEEDED.get(name, {}), DOCUMENTS.get(name, {})
    changed = valid_definition(**fields, settings={**needed, name: OTHER_VALUES[name]})
    assert changed != valid_definition(**fields, settings=needed)


def test_the_page_of_campaigns_has_a_row_for_each_setting() -> None:
    section = text_of("docs/campaigns.md").partition("\n## Settings\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == sorted(_SETTINGS)
