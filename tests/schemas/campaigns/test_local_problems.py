"""What the definition itself shows of a campaign: steps that can never be sent, fields that are
recommended, and days that are over."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.error_codes import MESSAGES, CampaignCode
from schemas.base.times import MINUTE
from schemas.campaigns.campaign_days import past_days
from schemas.campaigns.compiled_definition import Definition, StepWindow
from schemas.campaigns.definition import read_definition, validate_definition
from schemas.campaigns.local_problems import local_problems
from schemas.campaigns.open_hours import NO_QUIET, Quiet, ever_opens, fits
from schemas.campaigns.recommendations import recommendations
from tests.testing.builders import campaign_document, step
from tests.testing.outreach import experiment_document, outreach_document
from tests.testing.repository_files import text_of

NO_WINDOW, NO_TEMPLATE = CampaignCode.NO_WINDOW, CampaignCode.NO_TEMPLATE
REDIAL, DATES = CampaignCode.REDIAL_INVALID, CampaignCode.INVALID_DATES
WEEK_MINUTES = 7 * 24 * 60
EVENING: Quiet = (21 * 60, 8 * 60)


def definition_of(document: dict[str, Any]) -> Definition:
    definition = validate_definition(document)
    assert isinstance(definition, Definition), definition
    return definition


def problems(document: dict[str, Any], quiet: Quiet | None = None) -> list[tuple[str, str]]:
    return [(each.code, each.place) for each in local_problems(definition_of(document), quiet)]


# templates


def test_a_step_of_outreach_has_a_template_or_an_experiment() -> None:
    steps = [step("a"), step("b", template_id=None), step("c", template_id=None)]
    found = problems(outreach_document(steps=steps))
    assert found == [(NO_TEMPLATE, f"steps[{index}].template_id") for index in (1, 2)]
    assert problems(experiment_document()) == []
    assert problems(campaign_document(steps=[step(hours=1, template_id=None)])) == []


# windows


def in_the_night(channel: str = "email", **settings: Any) -> dict[str, Any]:
    row = step(channel=channel, window={"start": "22:00", "end": "07:00"})
    return outreach_document({"channel": channel}, settings, [row])


def test_a_window_that_quiet_hours_leave_empty_never_opens() -> None:
    place = [(NO_WINDOW, "steps[0].window")]
    assert problems(in_the_night(), EVENING) == place
    assert problems(in_the_night()) == []  # the quiet hours of the tenant are not known
    assert problems(in_the_night(), (23 * 60, 8 * 60)) == []  # open from 22:00 to 23:00
    own = in_the_night(quiet_hours={"start": "21:30", "end": "07:00"})
    assert problems(own) == problems(own, NO_QUIET) == place
    assert problems(in_the_night(quiet_hours={"start": "12:00", "end": "13:00"}), EVENING) == []
    assert problems(in_the_night(quiet_hours="none"), EVENING) == []
    assert problems(in_the_night("linkedin"), EVENING) == []  # quiet hours do not hold there


def test_quiet_hours_of_nearly_the_whole_day_leave_no_time_only_to_a_window() -> None:
    document = outreach_document(settings={"quiet_hours": {"start": "12:01", "end": "12:00"}})
    assert problems(document) == []
    document["steps"] = [step(window={"start": "13:00", "end": "14:00"})]
    assert problems(document) == [(NO_WINDOW, "steps[0].window")]


@pytest.mark.parametrize(
    ("last", "days", "is_open"),
    [
        ("2026-03-04", ["fri"], False),  # from Monday 2026-03-02 to Wednesday
        ("2026-03-04", ["thu"], True),  # Wednesday somewhere may be Thursday for a person
        ("2026-03-04", ["sun"], True),
        ("2026-03-04", ["sat", "fri"], False),
        ("2026-03-05", ["fri"], True),
        ("2026-03-30", ["fri"], True),
        ("2099-12-31", ["fri"], True),
    ],
)
def test_a_window_opens_between_the_first_and_the_last_day(
    last: str, days: list[str], is_open: bool
) -> None:
    dates = {"start_date": "2026-03-02", "end_date": last}
    document = outreach_document(settings=dates, steps=[step(window={"days": days})])
    assert problems(document) == ([] if is_open else [(NO_WINDOW, "steps[0].window")])
    assert problems(outreach_document(steps=document["steps"])) == []


def test_with_a_literal_last_day_the_day_itself_does_not_count() -> None:
    dates = {"start_date": "2026-03-02", "end_date": "2026-03-04", "end_date_mode": "literal"}
    document = outreach_document(settings=dates, steps=[step(window={"days": ["thu"]})])
    assert problems(document) == [(NO_WINDOW, "steps[0].window")]


# redials


def calls(redial: Any, days: list[str], **hours: Any) -> dict[str, Any]:
    row = step(channel="voice", redial=redial)
    settings = {"calls": {"days": days, **hours}}
    return campaign_document(kind="calls", steps=[row], settings=settings)


def test_redials_must_fit_the_call_hours() -> None:
    morning = {"first_call_time": "09:00", "last_call_time": "10:00"}
    redial = {"max_attempts": 2, "max_age_days": 3, "outcomes": {"busy": [120]}}
    outcomes = ["busy", "no_answer", "voicemail"]  # a call that failed is made again in 5 minutes
    places = [(REDIAL, f"steps[0].redial.outcomes.{name}") for name in outcomes]
    assert problems(calls(redial, ["mon"], **morning)) == places
    assert problems(calls({**redial, "max_age_days": 7}, ["mon"], **morning)) == []
    assert problems(calls(redial, ["mon", "thu"], **morning)) == []
    assert problems(calls(redial, ["mon", "tue"])) == []
    endless = {**redial, "max_age_days": "none", "outcomes": {"provider_limit": []}}
    assert problems(calls(endless, ["mon"], **morning)) == []


def test_the_preset_of_redial_fits_usual_call_hours() -> None:
    document = calls(
        "usual",
        ["mon", "tue", "wed", "thu", "fri"],
        first_call_time="09:00",
        last_call_time="18:00",
    )
    assert problems(document) == problems(document, EVENING) == []
    assert problems(calls("usual", ["mon"])) == []


def test_the_examples_have_no_local_problems() -> None:
    for name in ("talent", "talent-combined", "calls", "outreach", "reviews"):
        definition = read_definition(text_of(f"examples/{name}.yaml"))
        assert isinstance(definition, Definition)
        assert local_problems(definition, EVENING) == []


# open hours, minute by minute

minutes = st.integers(0, 1_439)
windows = st.lists(st.builds(StepWindow, minutes, minutes, st.integers(1, 127)), max_size=3)


def open_minutes(hours: list[StepWindow], quiet: Quiet) -> list[bool]:
    """Whether each minute of a week is open."""
    start, end = quiet

    def is_quiet(minute: int) -> bool:
        if start <= end:
            return start <= minute < end
        return minute >= start or minute < end

    return [
        all(each.is_open(day, minute) for each in hours) and not is_quiet(minute)
        for day in range(7)
        for minute in range(1_440)
    ]


@given(windows, st.tuples(minutes, minutes))
def test_hours_open_if_any_minute_of_the_week_is_open(
    hours: list[StepWindow], quiet: Quiet
) -> None:
    assert ever_opens(hours, quiet) == any(open_minutes(hours, quiet))


@given(
    windows,
    st.tuples(minutes, minutes),
    st.lists(st.integers(1, 3_000), min_size=1, max_size=3),
    st.integers(1, 12_000),
)
def test_touches_fit_if_some_first_minute_leaves_time_for_all(
    hours: list[StepWindow], quiet: Quiet, delays: list[int], most: int
) -> None:
    week = open_minutes(hours, quiet)
    waits = [0] * (2 * WEEK_MINUTES)
    for minute in reversed(range(2 * WEEK_MINUTES - 1)):
        waits[minute] = 0 if week[minute % WEEK_MINUTES] else waits[minute + 1] + 1

    def duration(first: int) -> int:
        passed = 0
        for delay in delays:
            passed += delay
            passed += waits[(first + passed) % WEEK_MINUTES]
        return passed

    firsts = [minute for minute in range(WEEK_MINUTES) if week[minute]]
    can_fit = any(duration(first) <= most for first in firsts)
    assert fits(hours, quiet, [delay * MINUTE for delay in delays], most * MINUTE) == can_fit


# recommendations


def recommended(document: dict[str, Any]) -> list[str]:
    found = recommendations(definition_of(document))
    assert all(each.code == "CAMPAIGN_RECOMMENDED" and each.message for each in found)
    return [each.place for each in found]


def test_what_is_recommended_is_named_where_it_is_missing() -> None:
    assert recommended(outreach_document()) == [
        "description",
        "outreach.target_audience",
        "outreach.target_contacts_count",
        "outreach.target_response_rate",
        "outreach",
        "settings.end_date",
    ]
    whole = {
        "target_audience": "Java developers",
        "target_contacts_count": 500,
        "target_response_rate": 0,
    }
    settings = {"end_date": "2026-04-10"}
    skills = {**whole, "target_skills": ["Java"]}
    assert recommended(outreach_document(skills, settings, description="Q1")) == []
    sizes = {**whole, "target_company_sizes": ["1-10"]}
    assert recommended(outreach_document(sizes, settings, description="Q1")) == [
        "outreach.target_skills"
    ]
    clients = {**sizes, "campaign_type": "business_development"}
    assert recommended(outreach_document(clients, settings, description="Q1")) == []


def test_one_channel_in_a_combined_campaign_is_a_warning() -> None:
    assert "outreach.channel" in recommended(outreach_document({"channel": "combined"}))
    both = [step("a"), step("b", "linkedin")]
    assert "outreach.channel" not in recommended(
        outreach_document({"channel": "combined"}, steps=both)
    )


def test_nothing_is_recommended_for_other_kinds() -> None:
    assert recommended(campaign_document()) == []


# days


def days(**settings: Any) -> Definition:
    return definition_of(outreach_document(settings=settings))


TODAY = 20_514  # 2026-03-02


def test_a_day_that_is_over_is_refused_when_it_is_new() -> None:
    yesterday = days(start_date="2026-03-01", end_date="2026-03-05")
    (problem,) = past_days(yesterday, TODAY)
    assert problem == (DATES, "settings.start_date", "Start date cannot be in the past")
    assert past_days(yesterday, TODAY, yesterday) == []
    assert past_days(yesterday, TODAY, days()) == [problem]
    assert past_days(yesterday, TODAY - 1) == []
    assert past_days(days(start_date="2026-03-02"), TODAY) == []
    over = past_days(days(end_date="2026-03-01"), TODAY)
    assert over == [(DATES, "settings.end_date", "End date cannot be in the past")]
    both = days(start_date="2026-02-01", end_date="2026-03-01")
    assert [each.place for each in past_days(both, TODAY)] == [
        "settings.start_date",
        "settings.end_date",
    ]


def test_a_campaign_that_is_active_at_once_may_have_begun() -> None:
    whole = campaign_document(settings={"start_date": "2026-03-01", "end_date": "2026-03-02"})
    assert past_days(definition_of(whole), TODAY + 10) == []


# messages


def test_the_messages_are_those_of_the_source() -> None:
    assert MESSAGES == {
        "CAMPAIGN_NAME_REQUIRED": "Campaign name is required",
        "CAMPAIGN_OWNER_REQUIRED": "Campaign owner is required",
        "CAMPAIGN_NO_CONTACTS": "Cannot activate campaign with 0 contacts",
        "CAMPAIGN_AB_MISSING_TEMPLATES": "A/B test requires both variant templates",
        "CAMPAIGN_AB_SAME_TEMPLATES": "Variant A and B must use different templates",
        "CAMPAIGN_INVALID_DATES": "End date must be after start date",
        "CAMPAIGN_ALREADY_ACTIVE": "Campaign is already active",
        "CAMPAIGN_SEND_LIMIT_EXCEEDED": "Daily send limit exceeded (1000)",
        "CONTACT_EMAIL_INVALID": "Invalid email address format",
        "CONTACT_UNSUBSCRIBED": "Contact has unsubscribed",
        "CONTACT_BOUNCED": "Email previously bounced",
    }
