"""The calling hours of the law: the file, and what several rules have in common."""

import re
from hashlib import sha256
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.calling_hours import (
    Hours,
    calling_rules,
    common_hours,
    hours_of_region,
    strictest_hours,
)
from schemas.base.regions import regions_named

DIGESTS = {1: "1dba38330fa862baafee1a46cccb9df53654e97529a1f9e62caf0a803222bb29"}
"""Of regions.yaml, by its version: a changed file is a new version."""

WORKDAYS, ALL_DAYS, WITHOUT_SUNDAY = 0b0011111, 0b1111111, 0b0111111


def is_open(hours: tuple[Hours, ...], minute_of_week: int) -> bool:
    """Whether hours are open; none stand for no law."""
    day, minute = divmod(minute_of_week, 1440)
    return not hours or any(
        part.start <= minute < part.end and part.days >> day & 1 for part in hours
    )


def test_a_changed_file_has_a_new_version_and_a_date() -> None:
    content = files("schemas.base").joinpath("regions.yaml").read_bytes()
    rules = calling_rules()
    assert DIGESTS[rules.version] == sha256(content).hexdigest()
    assert max(DIGESTS) == rules.version
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", rules.date)


def test_every_rule_names_its_law_and_a_region_that_exists() -> None:
    rules = calling_rules()
    assert all(rules.laws.values())
    for code in rules.hours:
        assert "-" not in code or regions_named(code) == {code}


def test_the_hours_of_a_region_are_nowhere_wider_than_those_of_its_country() -> None:
    rules = calling_rules()
    for code, hours in rules.hours.items():
        country = rules.hours.get(code[:2], ())
        for minute in range(0, 7 * 1440, 15):
            assert is_open(country, minute) or not is_open(hours, minute), code


@pytest.mark.parametrize(
    ("code", "hours"),
    [
        ("US-FL", (Hours(480, 1200, ALL_DAYS),)),
        ("US-NY", (Hours(480, 1260, ALL_DAYS),)),
        ("US", (Hours(480, 1260, ALL_DAYS),)),
        ("US-AL", (Hours(480, 1200, WITHOUT_SUNDAY),)),
        ("US-TX", (Hours(540, 1260, WITHOUT_SUNDAY), Hours(720, 1260, 0b1000000))),
        ("DE-BY", ()),
        ("", ()),
    ],
)
def test_a_region_without_a_rule_has_that_of_its_country(
    code: str, hours: tuple[Hours, ...]
) -> None:
    assert hours_of_region(code) == hours


def test_the_strictest_hours_of_a_country_are_allowed_in_all_its_regions() -> None:
    assert strictest_hours("US") == (Hours(600, 1020, 0b0100000), Hours(600, 1080, WORKDAYS))
    assert strictest_hours("DE") == ()
    for code, hours in calling_rules().hours.items():
        for strictest in map(strictest_hours, (code[:2], "")):
            for minute in range(0, 7 * 1440, 15):
                assert not is_open(strictest, minute) or is_open(hours, minute)


HOURS = st.builds(
    lambda start, length, days: Hours(start, min(start + length, 1440), days),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.integers(0, 127),
)


@given(st.lists(st.lists(HOURS, max_size=3).map(tuple), max_size=3), st.integers(0, 7 * 1440 - 1))
def test_common_hours_are_open_where_all_rules_are(
    rules: list[tuple[Hours, ...]], minute: int
) -> None:
    assert is_open(common_hours(rules), minute) == all(is_open(rule, minute) for rule in rules)
