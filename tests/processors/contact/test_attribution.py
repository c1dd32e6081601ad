"""The models of attribution, as functions of what was sent and when (S4-77)."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.contact.attribution import MODELS, WHOLE, SentTouch, last_touched, weights
from schemas.base.times import DAY, HOUR
from schemas.campaigns.conversion_types import CONVERSION_TYPES
from schemas.campaigns.outreach_terms import CAMPAIGN_TYPES

NOW = 1_000 * DAY
WINDOW = 30 * DAY


def touch(days_ago: float, run: str, number: int = 1, *engaged_days_ago: float) -> SentTouch:
    """A touch that was sent so many days ago, and clicked or replied to."""
    engaged = tuple(NOW - int(days * DAY) for days in engaged_days_ago)
    return SentTouch(NOW - int(days_ago * DAY), run, number, engaged, WINDOW)


def test_a_conversion_is_credited_to_the_touch_that_was_sent_last() -> None:
    touches = [touch(1, "b"), touch(3, "a"), touch(2, "c")]
    assert weights("last_touch", touches, NOW) == {"b": WHOLE}


def test_a_touch_that_was_clicked_or_replied_to_goes_before_later_ones() -> None:
    touches = [touch(20, "a", 1, 10), touch(15, "b", 1, 12), touch(1, "c")]
    assert weights("last_touch", touches, NOW) == {"a": WHOLE}


@pytest.mark.parametrize(("days", "credited"), [(30, "a"), (30.001, "b"), (0, "a"), (-0.001, "b")])
def test_a_click_counts_for_thirty_days_and_not_before_it_happens(
    days: float, credited: str
) -> None:
    touches = [touch(50, "a", 1, days), touch(20, "b")]
    assert weights("last_touch", touches, NOW) == {credited: WHOLE}


def test_each_touch_has_the_window_of_its_own_campaign() -> None:
    longer = touch(50, "a", 1, 40)._replace(window_us=60 * DAY)
    assert weights("last_touch", [longer, touch(45, "b", 1, 35)], NOW) == {"a": WHOLE}


def test_the_first_touch_is_the_one_that_was_sent_first() -> None:
    touches = [touch(1, "b", 1, 1), touch(3, "a"), touch(2, "c")]
    assert weights("first_touch", touches, NOW) == {"a": WHOLE}


@pytest.mark.parametrize(
    ("runs", "parts"),
    [
        (1, [1_000_000]),
        (2, [500_000, 500_000]),
        (3, [333_334, 333_333, 333_333]),
        (6, [166_667, 166_667, 166_667, 166_667, 166_666, 166_666]),
        (7, [142_858, *[142_857] * 6]),
    ],
)
def test_equal_parts_have_a_rest_that_goes_to_the_earliest(runs: int, parts: list[int]) -> None:
    touches = [touch(runs - number, f"run-{number}") for number in range(runs)]
    Random(1).shuffle(touches)
    found = weights("linear", touches, NOW)
    assert [found[f"run-{number}"] for number in range(runs)] == parts


def test_a_run_with_several_touches_gets_the_parts_of_all_of_them() -> None:
    touches = [touch(3, "a", 1), touch(2, "a", 2), touch(1, "b")]
    assert weights("linear", touches, NOW) == {"a": 666_667, "b": 333_333}


def test_all_credits_every_run_with_the_whole_conversion() -> None:
    touches = [touch(3, "a", 1), touch(2, "a", 2), touch(1, "b")]
    assert weights("all", touches, NOW) == {"a": WHOLE, "b": WHOLE}


def test_without_a_touch_nobody_is_credited() -> None:
    assert [weights(model, [], NOW) for model in MODELS] == [{}] * 4


touches_of_runs = st.lists(
    st.builds(
        SentTouch,
        st.integers(NOW - 40 * DAY, NOW),
        st.sampled_from("abcd"),
        st.integers(1, 50),
        st.lists(st.integers(NOW - 40 * DAY, NOW + DAY), max_size=2).map(tuple),
        st.sampled_from((0, HOUR, WINDOW)),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda each: each[1:3],
)


@given(touches_of_runs, st.sampled_from([*MODELS]), st.randoms(use_true_random=False))
def test_weights_add_up_and_depend_on_no_order(
    touches: list[SentTouch], model: str, random: Random
) -> None:
    found = weights(model, touches, NOW)
    assert all(0 < weight <= WHOLE for weight in found.values())
    runs = {each.enrollment_id for each in touches}
    assert sum(found.values()) == (WHOLE * len(runs) if model == "all" else WHOLE)
    assert found.keys() <= runs
    shuffled = random.sample(touches, len(touches))
    assert weights(model, shuffled, NOW) == found
    assert last_touched(shuffled, NOW) == last_touched(touches, NOW)


def test_every_type_of_campaign_has_its_conversions() -> None:
    assert tuple(CONVERSION_TYPES) == CAMPAIGN_TYPES
    of_mixed = CONVERSION_TYPES["mixed"]
    assert len({*of_mixed}) == 8
    both = CONVERSION_TYPES["talent_sourcing"] + CONVERSION_TYPES["business_development"]
    assert of_mixed == both
