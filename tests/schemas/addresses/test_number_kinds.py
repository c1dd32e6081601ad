"""Numbers that are not called have a kind, and ordinary numbers have none."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses.number_kinds import ALLOWABLE, number_kind
from schemas.base.field_types import NumberKind
from schemas.channels import PHONE


def test_the_kinds_that_a_tenant_can_allow_are_those_of_its_event() -> None:
    assert set(ALLOWABLE) == set(get_args(NumberKind))


@pytest.mark.parametrize(
    ("text", "country", "kind"),
    [
        ("+1911", "", "emergency"),
        ("+49112", "", "emergency"),
        ("911911", "US", "emergency"),
        ("+1 911 666 6666", "", "emergency"),
        ("22333", "US", "short"),
        ("+49116117", "", "short"),
        ("12345", "", "short"),
        ("+1 900 555 0100", "", "premium_rate"),
        ("900 555 0100", "US", "premium_rate"),
        ("0900 123 4567", "NL", "premium_rate"),
        ("+49 180 1234567", "", "shared_cost"),
        ("+61 1300 123456", "", "shared_cost"),
        ("+44 5512 345678", "", "uan"),
        ("+44 7640 123456", "", "pager"),
        ("+55 4003 1234", "", "shared_cost"),
        ("+41 58 123 45 67", "", "uan"),
    ],
)
def test_a_number_that_is_not_called_has_a_kind(text: str, country: str, kind: str) -> None:
    assert number_kind(text, country) == kind


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("+33 1 12 34 56 78", ""),  # begins like an emergency number, and is one of Paris
        ("01 12 34 56 78", "FR"),
        ("+44 20 7946 0001", ""),
        ("+1 212 555 0100", ""),
        ("+1 800 555 0100", ""),  # free of charge
        ("+290 22000", ""),  # a whole number of a small country
        (PHONE.made_up(7), "US"),
        ("+8801712345678", ""),
        ("bob@example.com", "US"),
        ("", ""),
    ],
)
def test_an_ordinary_number_has_no_kind(text: str, country: str) -> None:
    assert number_kind(text, country) == ""


@given(st.text(alphabet="+0123456789 ()-", max_size=20), st.sampled_from(["", "US", "DE", "FR"]))
def test_every_text_has_a_kind_or_none(text: str, country: str) -> None:
    assert number_kind(text, country) in ("", "emergency", "short", *ALLOWABLE)
