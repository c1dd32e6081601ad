"""The variant of a person: published numbers, and what a changed split, layer or holdout moves
(C-21)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.shared.experiment_assignment import BUCKETS, assign, bucket
from schemas.campaigns.compiled_definition import Layer
from tests.testing.experiments import experiment

PEOPLE = [f"c-{number}" for number in range(4_000)]
subjects = st.text(min_size=1, max_size=30)
splits = st.integers(10, 89)


@pytest.mark.parametrize(
    ("tenant", "name", "subject", "expected"),
    [
        ("acme", "java-q1", "c-1", 6180),
        ("acme", "java-q1", "c-2", 6535),
        ("acme", "java-q1", "c-3", 3600),
        ("acme", "java-q2", "c-1", 9582),
        ("acme", "java-q1", "john.doe@example.com", 6546),
        ("acme", "java-q1", "ä-1", 5130),
        ("beta", "java-q1", "c-1", 8902),
    ],
)
def test_the_published_buckets(tenant: str, name: str, subject: str, expected: int) -> None:
    assert bucket(tenant, name, "ab", subject) == expected
    found = assign(tenant, experiment(id=name), subject)
    assert (found.bucket, found.variant) == (expected, "A" if expected < 5_000 else "B")
    assert (found.split, found.assigned_by) == (50, "hash")


def test_parts_that_only_join_to_the_same_text_have_other_buckets() -> None:
    """The parts are prefixed by their lengths in characters, not in bytes."""
    assert len({bucket("a", "bc"), bucket("ab", "c"), bucket("abc"), bucket("abc", "")}) == 4
    assert bucket("acme", "java-q1", "ab", "ä-1") == 5130


@given(subject=subjects, split=splits)
def test_a_split_that_grows_by_one_moves_only_people_of_its_hundredth(
    subject: str, split: int
) -> None:
    before = assign("acme", experiment(split=split), subject)
    after = assign("acme", experiment(split=split + 1), subject)
    if before.variant != after.variant:
        assert (before.variant, after.variant) == ("B", "A")
        assert split * 100 <= before.bucket < (split + 1) * 100


def test_the_shares_are_those_of_the_split() -> None:
    for split in (10, 50, 80, 90):
        found = [assign("acme", experiment(split=split), each).variant for each in PEOPLE]
        assert found.count("A") / len(found) == pytest.approx(split / 100, abs=0.025)


def test_two_experiments_are_independent() -> None:
    """The variant of one experiment says nothing about that of another."""
    pairs = [
        tuple(assign("acme", experiment(id=name), each).variant for name in ("java-q1", "java-q2"))
        for each in PEOPLE
    ]
    for pair in (("A", "A"), ("A", "B"), ("B", "A"), ("B", "B")):
        assert pairs.count(pair) / len(pairs) == pytest.approx(0.25, abs=0.025)


@given(
    subject=subjects,
    cut=st.integers(1, BUCKETS - 1),
    split=splits,
    holdout=st.integers(0, 30),
)
def test_experiments_of_one_layer_never_share_a_person(
    subject: str, cut: int, split: int, holdout: int
) -> None:
    found = [
        assign(
            "acme",
            experiment(id=name, layer=Layer("subjects", start, end), holdout=holdout, split=split),
            subject,
        )
        for name, start, end in (("one", 0, cut), ("two", cut, BUCKETS))
    ]
    is_held = bucket("acme", "holdout", subject) < holdout * 100
    assert [each.assigned_by for each in found].count("hash") == (0 if is_held else 1)
    assert [bool(each.variant) for each in found] == [each.assigned_by == "hash" for each in found]


def test_a_layer_does_not_change_the_shares_within_it() -> None:
    """The range of a layer is one of its own hash: with the bucket of the experiment, everybody of
    the lower half would have variant A."""
    tested = experiment(layer=Layer("subjects", 0, 5_000))
    found = [assign("acme", tested, each).variant for each in PEOPLE]
    taking_part = [each for each in found if each]
    assert len(taking_part) / len(found) == pytest.approx(0.5, abs=0.025)
    assert taking_part.count("A") / len(taking_part) == pytest.approx(0.5, abs=0.035)


def test_the_holdout_of_a_tenant_is_the_same_for_all_of_its_experiments() -> None:
    held = [
        {
            each
            for each in PEOPLE
            if assign("acme", experiment(id=name, holdout=20), each).assigned_by == "holdout"
        }
        for name in ("java-q1", "java-q2")
    ]
    assert held[0] == held[1]
    assert len(held[0]) / len(PEOPLE) == pytest.approx(0.2, abs=0.025)
