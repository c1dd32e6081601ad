"""The options of `tenant set` become one event."""

import pytest

from schemas.base.times import parse_rfc3339
from streams.cli import tenant
from streams.cli.errors import CommandError
from streams.cli.tenant import tenant_event


def test_options_that_are_not_given_have_their_defaults() -> None:
    event = tenant_event("acme", "America/New_York")
    assert (event.country, event.opt_out_words, event.calling_hours) == (None, [], False)
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


@pytest.mark.parametrize(
    ("name", "country", "zone"),
    [
        ("Eastern Standard Time", None, "America/New_York"),
        ("PST", "us", "America/Los_Angeles"),
        ("EST", "US", "America/New_York"),
        ("EST", None, "EST"),
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
