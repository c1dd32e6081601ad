"""What a campaign document has about calls: the settings of calls, redial rules, call hours, and
the texts of templates."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.error_codes import CampaignCode
from schemas.base.times import DAY, SECOND
from schemas.campaigns.campaign_kinds import KINDS, ONE_CALL
from schemas.campaigns.compiled_definition import (
    DIRECT_CALLS,
    CallSettings,
    Definition,
    StepWindow,
    content_hash,
)
from schemas.campaigns.definition import validate_definition
from schemas.channels import CHANNELS

CALLS, HOURS = CampaignCode.CALLS_INVALID, CampaignCode.CALL_HOURS_INVALID
REDIAL, SETTING = CampaignCode.REDIAL_INVALID, CampaignCode.SETTING_INVALID
FIELD = CampaignCode.FIELD_UNKNOWN


def document(
    settings: dict[str, Any] | None = None, kind: str = "calls", **step: Any
) -> dict[str, Any]:
    row = {"id": "call", "channel": "voice", "template_id": "script", **step}
    return {
        "tenant_id": "acme",
        "campaign_id": "renewals",
        "name": "Renewal calls",
        "kind": kind,
        "settings": settings or {},
        "steps": [row],
    }


def valid(settings: dict[str, Any] | None = None, kind: str = "calls", **step: Any) -> Definition:
    definition = validate_definition(document(settings, kind, **step))
    assert isinstance(definition, Definition), definition
    return definition


def problems(
    settings: dict[str, Any] | None = None, kind: str = "calls", **step: Any
) -> list[tuple[str, str]]:
    found = validate_definition(document(settings, kind, **step))
    assert isinstance(found, list), found
    return [(problem.code, problem.place) for problem in found]


def calls_of(**settings: Any) -> CallSettings:
    calls = valid({"calls": settings}).settings.calls
    assert calls is not None
    return calls


# the kind


def test_a_call_campaign_has_the_defaults_of_its_kind() -> None:
    definition = valid()
    assert (definition.steps[0].action, definition.steps[0].delay_us) == ("place_call", 0)
    assert definition.steps[0].redial == ONE_CALL
    settings = definition.settings
    assert (settings.quiet, settings.reentry, settings.on_reply) == ("none", "once", "continue")
    assert (settings.calls, settings.timezone, settings.start_day) == (None, "", None)
    assert settings.expire_after_us == 365 * DAY  # a long list waits for its slots for weeks


def test_calls_and_outreach_complete_by_themselves_and_only_calls_have_a_default_of_redial() -> (
    None
):
    assert [name for name, row in KINDS.items() if row.completes_itself] == ["calls", "outreach"]
    assert [name for name, row in KINDS.items() if row.redial] == ["calls"]


def test_a_call_campaign_only_calls_and_serves_no_jobs() -> None:
    assert KINDS["calls"].channels == tuple(n for n, row in CHANNELS.items() if row.by_pool)
    assert problems(channel="email") == [
        (CampaignCode.CHANNEL_NOT_SUPPORTED, "steps[0].channel"),
    ]
    whole = document() | {"service_type": "hvac"}
    found = validate_definition(whole)
    assert isinstance(found, list)
    assert [problem.place for problem in found] == ["service_type"]


def test_a_call_campaign_has_at_most_100_steps() -> None:
    steps = [{"id": f"s{number}", "channel": "voice"} for number in range(101)]
    whole = document()
    assert isinstance(validate_definition(whole | {"steps": steps[:100]}), Definition)
    found = validate_definition(whole | {"steps": steps})
    assert isinstance(found, list)
    assert [problem.code for problem in found] == [CampaignCode.TOO_MANY_STEPS]


def test_nobody_publishes_the_campaign_of_direct_calls() -> None:
    found = validate_definition(document() | {"campaign_id": DIRECT_CALLS})
    assert isinstance(found, list)
    assert [(p.code, p.place) for p in found] == [(CampaignCode.ID_INVALID, "campaign_id")]


# settings.calls


def test_the_settings_of_calls_are_compiled() -> None:
    assert calls_of() == CallSettings()
    assert calls_of(
        pool="night",
        agent="agent-7",
        from_number="+1 (212) 555-0100",
        slots=5,
        first_call_time="09:00",
        last_call_time="18:00",
        days=["mon", "fri"],
        also_contact_hours=True,
        place_seconds=30,
        ring_seconds=20,
        max_seconds=600,
        guard="prompt",
        failure_rate=False,
    ) == CallSettings(
        pool_id="night",
        agent_id="agent-7",
        from_number="+12125550100",
        slots=5,
        hours=StepWindow(540, 1080, 0b0010001),
        also_contact_hours=True,
        place_us=30 * SECOND,
        ring_us=20 * SECOND,
        max_us=600 * SECOND,
        guard="prompt",
        failure_rate=False,
    )


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [
        ("slots", 1, 1_000),
        ("place_seconds", 5, 14_400),
        ("ring_seconds", 5, 300),
        ("max_seconds", 10, 14_400),
    ],
)
def test_a_number_of_calls_has_bounds(field: str, least: int, most: int) -> None:
    calls_of(**{field: least})
    calls_of(**{field: most})
    wrong: Any
    for wrong in (least - 1, most + 1, 0, -1, 1.5, "5", True, float("nan"), [], 10**30):
        assert problems({"calls": {field: wrong}}) == [(CALLS, f"settings.calls.{field}")]


@pytest.mark.parametrize(
    ("calls", "code", "place"),
    [
        ({"pool": "a/b"}, CALLS, "pool"),
        ({"pool": ""}, CALLS, "pool"),
        ({"pool": 7}, CALLS, "pool"),
        ({"agent": " "}, CALLS, "agent"),
        ({"agent": "a" * 201}, CALLS, "agent"),
        ({"agent": "two\nlines"}, CALLS, "agent"),
        ({"agent": 7}, CALLS, "agent"),
        ({"from_number": "555 0100"}, CALLS, "from_number"),
        ({"from_number": "anonymous"}, CALLS, "from_number"),
        ({"from_number": ""}, CALLS, "from_number"),
        ({"from_number": 12125550100}, CALLS, "from_number"),
        ({"also_contact_hours": "yes"}, CALLS, "also_contact_hours"),
        ({"failure_rate": 50}, CALLS, "failure_rate"),
        ({"guard": "loose"}, CALLS, "guard"),
        ({"first_call_time": "9:00", "last_call_time": "18:00"}, HOURS, "first_call_time"),
        ({"first_call_time": 540, "last_call_time": "18:00"}, HOURS, "first_call_time"),
        ({"first_call_time": "09:00", "last_call_time": "24:00"}, HOURS, "last_call_time"),
        ({"first_call_time": "09:00"}, HOURS, "last_call_time"),
        ({"last_call_time": "18:00"}, HOURS, "first_call_time"),
        ({"first_call_time": "09:00", "last_call_time": "09:00"}, HOURS, "last_call_time"),
        ({"days": []}, HOURS, "days"),
        ({"days": ["monday"]}, HOURS, "days"),
        ({"days": "mon"}, HOURS, "days"),
        ({"call_time": "09:00"}, FIELD, "call_time"),
    ],
)
def test_a_problem_of_calls_is_reported_with_its_place(
    calls: dict[str, Any], code: CampaignCode, place: str
) -> None:
    assert problems({"calls": calls}) == [(code, f"settings.calls.{place}")]


def test_the_settings_of_calls_are_a_mapping_of_a_campaign_that_calls() -> None:
    assert problems({"calls": ["agent-7"]}) == [(CALLS, "settings.calls")]
    assert valid({"calls": {"slots": 3}}, kind="prospecting").settings.calls is not None
    step = {"channel": "email", "delay_hours": 24}
    assert problems({"calls": {}}, kind="review", **step) == [(CALLS, "settings.calls")]


def test_all_problems_of_calls_are_reported_together() -> None:
    settings = {
        "timezone": "Mars/Base",
        "start_date": "2026-02-30",
        "per_day": 0,
        "calls": {"pool": "a/b", "slots": 0, "first_call_time": "9", "last_call_time": "18:00"},
    }
    redial = {"max_attempts": 0, "outcomes": {"bussy": [1], "busy": [0]}, "on_exhausted": "again"}
    assert sorted(problems(settings, redial=redial), key=lambda problem: problem[1]) == [
        (HOURS, "settings.calls.first_call_time"),
        (CALLS, "settings.calls.pool"),
        (CALLS, "settings.calls.slots"),
        (SETTING, "settings.per_day"),
        (SETTING, "settings.start_date"),
        (CampaignCode.TIMEZONE_UNKNOWN, "settings.timezone"),
        (REDIAL, "steps[0].redial.max_attempts"),
        (REDIAL, "steps[0].redial.on_exhausted"),
        (CampaignCode.OUTCOME_UNKNOWN, "steps[0].redial.outcomes.bussy"),
        (REDIAL, "steps[0].redial.outcomes.busy"),
    ]


# call hours


def test_days_alone_are_whole_days() -> None:
    assert calls_of().hours is None
    assert calls_of(days=["sat", "sun"]).hours == StepWindow(0, 0, 0b1100000)


def test_call_hours_may_run_over_midnight() -> None:
    hours = calls_of(first_call_time="22:00", last_call_time="02:00").hours
    assert hours == StepWindow(22 * 60, 2 * 60)


@pytest.mark.parametrize("zone", ["Mars/Base", "Europe/berlin2", "EST", "", 5, None, ["UTC"]])
def test_an_unknown_zone_is_refused_and_never_means_always_open(zone: Any) -> None:
    settings = {"timezone": zone, "calls": {"first_call_time": "09:00", "last_call_time": "18:00"}}
    if zone is None:
        assert valid(settings).settings.timezone == ""  # the tenant's
    else:
        assert problems(settings) == [(CampaignCode.TIMEZONE_UNKNOWN, "settings.timezone")]


def test_the_zone_of_a_campaign_is_kept_by_its_iana_name() -> None:
    for text in ("Europe/Berlin", "europe/berlin", "W. Europe Standard Time"):
        assert valid({"timezone": text}).settings.timezone == "Europe/Berlin"


NIGHT = {"first_call_time": "22:00", "last_call_time": "06:00"}
OFFICE = {"first_call_time": "09:00", "last_call_time": "18:00"}


@pytest.mark.parametrize(
    ("settings", "step", "place"),
    [
        ({"calls": {**NIGHT, "also_contact_hours": True}}, {}, "settings.calls"),
        (
            {"calls": NIGHT, "quiet_hours": {"start": "21:00", "end": "08:00"}},
            {},
            "settings.calls",
        ),
        (
            {"calls": OFFICE},
            {"window": {"start": "18:00", "end": "20:00"}},
            "steps[0].window",
        ),
        (
            {"calls": {**OFFICE, "days": ["mon"]}},
            {"window": {"start": "09:00", "end": "17:00", "days": ["tue"]}},
            "steps[0].window",
        ),
        (
            {"calls": {"days": ["sat"]}},
            {"window": {"start": "22:00", "end": "02:00", "days": ["sun"]}},
            "steps[0].window",
        ),
    ],
)
def test_call_hours_that_never_open_are_refused(
    settings: dict[str, Any], step: dict[str, Any], place: str
) -> None:
    assert problems(settings, **step) == [(HOURS, place)]


@pytest.mark.parametrize(
    ("settings", "step"),
    [
        ({"calls": NIGHT}, {}),
        ({"calls": {**OFFICE, "also_contact_hours": True}}, {}),
        ({"calls": OFFICE, "quiet_hours": {"start": "17:00", "end": "10:00"}}, {}),
        # Friday 22:00 to Saturday 02:00 is partly on Saturday.
        (
            {"calls": {"days": ["sat"]}},
            {"window": {"start": "22:00", "end": "02:00", "days": ["fri"]}},
        ),
    ],
)
def test_call_hours_with_a_common_minute_are_accepted(
    settings: dict[str, Any], step: dict[str, Any]
) -> None:
    valid(settings, **step)


def test_the_hours_of_the_contact_are_added_only_where_no_quiet_hours_hold() -> None:
    calls = {"calls": {"also_contact_hours": True}}
    place = [(HOURS, "settings.calls.also_contact_hours")]
    assert problems(calls | {"quiet_hours": "tenant"}) == place
    assert problems(calls | {"quiet_hours": {"start": "21:00", "end": "08:00"}}) == place
    assert problems(calls, kind="prospecting") == place  # those of the tenant hold
    valid(calls | {"quiet_hours": "none"}, kind="prospecting")
    valid(calls | {"quiet_hours": "none"})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists))
def test_any_value_is_read_or_refused(value: Any) -> None:
    for whole in (
        document({"calls": value, "timezone": value, "start_date": value, "per_day": value}),
        document(redial=value),
        document(redial={"max_attempts": value, "outcomes": value, "max_age_days": value}),
        document(redial={"outcomes": {"busy": value, "failed": {"after": value}}}),
        document(text=value),
    ):
        assert isinstance(validate_definition(whole), Definition | list)


# dates, quotas and texts


def test_a_start_date_is_a_day_of_the_calendar() -> None:
    assert (
        valid({"start_date": "1970-01-01"} | {"start_date": "2026-03-02"}).settings
        == valid({"start_date": "2026-03-02"}).settings
    )
    assert valid({"start_date": "2026-03-02"}).settings.start_day == 20_514
    for wrong in ("2026-02-30", "1999-12-31", "2100-01-01", "20260302", "2026-W10-1", 20_514, True):
        assert problems({"start_date": wrong}) == [(SETTING, "settings.start_date")]


@pytest.mark.parametrize("name", ["per_day", "max_new_per_day"])
def test_a_quota_of_a_campaign_is_a_number_from_one(name: str) -> None:
    assert getattr(valid({name: 1_000_000}).settings, name) == 1_000_000
    for wrong in (0, -1, 1_000_001, 1.5, "5", True):
        assert problems({name: wrong}) == [(SETTING, f"settings.{name}")]


@pytest.mark.parametrize(
    ("step", "is_accepted"),
    [
        ({"action": "send_connection_request", "text": "Hi {{first_name}}" + "x" * 283}, True),
        ({"action": "send_connection_request", "text": "Hi {{first_name}}" + "x" * 284}, False),
        ({"action": "send_inmail", "text": "Hi {first_name}" + "x" * 1_885}, True),
        ({"action": "send_inmail", "text": "Hi {first_name}" + "x" * 1_886}, False),
        ({"action": "send_message", "text": "Dear {{ contact.first_name }}"}, True),
        ({"action": "send_message", "text": "Dear all"}, False),
        ({"action": "send_message", "text": "Dear {} and {{ }}"}, False),
        ({"action": "send_message"}, True),
        ({"channel": "email", "text": "Dear all"}, True),
        ({"channel": "email", "text": 7}, False),
    ],
)
def test_a_text_that_the_channel_does_not_take_is_refused(
    step: dict[str, Any], is_accepted: bool
) -> None:
    row = {"channel": "linkedin", **step}
    if is_accepted:
        valid(kind="prospecting", **row)
    else:
        code = CampaignCode.TEMPLATE_INVALID
        assert problems(kind="prospecting", **row) == [(code, "steps[0].text")]


# what is stored


def test_fields_at_their_default_change_no_content_hash() -> None:
    plain = valid(kind="prospecting")
    null = valid(
        {"calls": None, "timezone": None, "start_date": None, "per_day": None},
        kind="prospecting",
        redial=None,
        text="a copy of the text is no part of the definition",
    )
    assert content_hash(null) == content_hash(plain)
    assert content_hash(valid({"timezone": "UTC"}, kind="prospecting")) != content_hash(plain)
