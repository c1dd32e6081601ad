"""The options of `tenant set` become one event."""

import re
from typing import Any

import pytest

from schemas.base.times import parse_rfc3339
from streams.cli import tenant
from streams.cli.errors import CommandError
from streams.cli.tenant import tenant_event


def test_options_that_are_not_given_have_their_defaults() -> None:
    event = tenant_event("acme", "America/New_York")
    assert (event.country, event.opt_out_words, event.calling_hours) == (None, [], False)
    assert event.opt_out_scope == "channel"
    assert event.quiet_hours is None and event.fence is None and not event.limits


def test_every_option_has_its_field() -> None:
    event = tenant_event(
        "acme",
        "America/New_York",
        per_hour=["email=5", "sms=none"],
        quiet="22:00-07:00",
        strict_start="20:00",
        strict_region=["FL", "Washington"],
        delay=["hvac=12"],
        per_day=1,
        per_week=3,
        fence="2026-01-01T00:00:00Z",
        country="us",
        opt_out_word=["basta"],
        opt_out_scope="all",
        calling_hours=True,
    )
    assert event.limits["email"].per_hour == 5 and event.limits["sms"].per_hour is None
    assert event.quiet_hours is not None
    assert event.quiet_hours.model_dump() == {
        "start": "22:00",
        "end": "07:00",
        "strict_start": "20:00",
        "strict_regions": ["FL", "Washington"],
    }
    assert event.delay_hours_by_service == {"hvac": 12}
    assert event.frequency_caps is not None and event.frequency_caps.per_week == 3
    assert event.fence == parse_rfc3339("2026-01-01T00:00:00Z")
    assert (event.country, event.opt_out_words, event.calling_hours) == ("US", ["basta"], True)
    assert event.opt_out_scope == "all"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"opt_out_word": ["basta", "!!!"]}, "--opt-out-word !!!: without a letter"),
        ({"opt_out_word": ["START"]}, "--opt-out-word START: this word lifts an opt-out"),
        ({"opt_out_word": [" un stop"]}, "lifts an opt-out"),
        ({"country": "XX"}, "--country XX: no country"),
        ({"country": ""}, "no country"),
    ],
)
def test_a_word_or_country_that_can_never_count_is_refused(
    options: dict[str, Any], part: str
) -> None:
    with pytest.raises(CommandError, match=re.escape(part)):
        tenant_event("acme", "America/New_York", **options)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"per_hour": ["fax=5"]}, "--per-hour fax: "),
        ({"per_hour": ["email=-1"]}, "--per-hour email: "),
        ({"per_hour": ["email=0"]}, "--per-hour email: must be greater than or equal to 1"),
        ({"per_hour": ["email=many"]}, "--per-hour: many is not a number"),
        ({"per_hour": ["email"]}, "--per-hour email: must be NAME=VALUE"),
        ({"delay": ["hvac=-2"]}, "--delay hvac: "),
        ({"delay": ["pool=2"]}, "--delay pool: "),
        ({"per_day": 0}, "--per-day: "),
        ({"per_week": 9_999}, "--per-week: "),
        ({"quiet": "9-17"}, "--quiet: "),
        ({"strict_start": "25:00"}, "--strict-start: "),
        ({"strict_region": ["x" * 500]}, "--strict-region: "),
        ({"opt_out_word": ["basta"] * 101}, "--opt-out-word: "),
    ],
)
def test_an_error_names_the_option_and_not_a_field(options: dict[str, Any], part: str) -> None:
    with pytest.raises(CommandError, match="^" + re.escape(part)):
        tenant_event("acme", "America/New_York", **options)
    with pytest.raises(CommandError, match=r"^--timezone: "):
        tenant_event("acme", "Mars/Base")
    with pytest.raises(CommandError, match=r"^ID: "):
        tenant_event("a/b", "UTC")


def test_countries_of_the_standard_and_of_phone_numbers_are_known() -> None:
    for code in ("us", "AQ", "XK"):
        assert tenant_event("acme", "America/New_York", country=code).country == code.upper()


@pytest.mark.parametrize(
    ("name", "country", "zone"),
    [
        ("Eastern Standard Time", None, "America/New_York"),
        ("PST", "us", "America/Los_Angeles"),
        ("EST", "US", "America/New_York"),
    ],
)
def test_a_zone_may_have_another_name(name: str, country: str | None, zone: str) -> None:
    assert tenant_event("acme", name, country=country).timezone == zone


@pytest.mark.parametrize(("name", "country"), [("PST", None), ("Mars/Base", "US"), ("UTC", "usa")])
def test_an_unknown_zone_and_country_are_refused(name: str, country: str | None) -> None:
    with pytest.raises(CommandError):
        tenant_event("acme", name, country=country)


def test_a_strict_region_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    event = tenant_event("acme", "America/New_York", strict_region=["Fla.", "Flordia"])
    tenant._warn_about_regions(event)
    assert capsys.readouterr().err.count("warning") == 1


def test_est_is_the_zone_of_the_country_or_is_refused_with_what_to_do() -> None:
    assert tenant_event("acme", "EST", country="US").timezone == "America/New_York"
    assert tenant_event("acme", "Eastern Standard Time").timezone == "America/New_York"
    for country in (None, "DE"):
        with pytest.raises(CommandError, match=r"timezone: not one time zone: .*Etc/GMT\+5"):
            tenant_event("acme", "EST", country=country)


def test_the_options_of_calls_and_channels_have_their_fields() -> None:
    event = tenant_event(
        "acme",
        "America/New_York",
        per_hour=["email=90"],
        channel_per_day=["email=500", "sms=20"],
        domain_per_hour=["email=10"],
        domain_per_day=["email=40"],
        calls_at_once=5,
        pool_calls=8,
        agent=["agent-7=2", "agent-8"],
        caller_number=["+12125550100=1", "+12125550101"],
        allow_number=["shared_cost"],
    )
    assert event.limits["email"].model_dump() == {
        "per_hour": 90,
        "per_day": 500,
        "domain_per_hour": 10,
        "domain_per_day": 40,
    }
    assert (event.limits["sms"].per_hour, event.limits["sms"].per_day) == (None, 20)
    assert event.calls is not None
    assert event.calls.model_dump() == {
        "concurrent": 5,
        "pool_concurrent": 8,
        "agents": {"agent-7": 2, "agent-8": None},
        "numbers": {"+12125550100": 1, "+12125550101": None},
        "allow": ["shared_cost"],
    }
    assert tenant_event("acme", "UTC").calls is None
    agents_only = tenant_event("acme", "UTC", agent=["a"]).calls
    assert agents_only is not None and agents_only.concurrent == 2


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"calls_at_once": 0}, "--calls-at-once: "),
        ({"calls_at_once": 101}, "--calls-at-once: "),
        ({"pool_calls": 1_001}, "--pool-calls: "),
        ({"agent": ["a=0"]}, "--agent a: "),
        ({"agent": ["a=many"]}, "--agent: many is not a number"),
        ({"caller_number": ["12"]}, "--caller-number 12: "),
        ({"allow_number": ["emergency"]}, "--allow-number: "),
        ({"channel_per_day": ["email=0"]}, "--channel-per-day email: "),
        ({"domain_per_hour": ["email=0"]}, "--domain-per-hour email: "),
        ({"domain_per_day": ["fax=1"]}, "fax: "),
    ],
)
def test_a_wrong_limit_is_refused_in_terms_of_its_option(
    options: dict[str, Any], part: str
) -> None:
    with pytest.raises(CommandError, match=re.escape(part)):
        tenant_event("acme", "America/New_York", **options)


def test_an_option_that_does_not_exist_is_a_fault_of_the_caller() -> None:
    with pytest.raises(TypeError, match="colour"):
        tenant_event("acme", "UTC", colour="red")
