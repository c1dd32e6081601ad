"""Planted bugs of experiments: false winners of many histories, equal rates, or the variants of
people who come under several versions must find every one of them."""

from collections.abc import Callable
from random import Random

import pytest

from processors.contact import experiment_runs
from processors.shared import experiment_rules as rules
from processors.shared.experiment_assignment import assign, bucket
from processors.shared.experiment_counts import Strata
from schemas.campaigns.compiled_definition import Experiment
from schemas.internal.enrollment import Assignment
from tests.oracle.null_histories import looks, people
from tests.testing.builders import TENANT
from tests.testing.experiments import experiment, steps_with, strata_of
from tests.testing.outreach_desk import desk_with_draft, publish_version

HISTORIES, PEOPLE_EACH = 60, 1_500
PEOPLE = [f"c-{number}" for number in range(1, 9)]


def names_too_many_winners() -> bool:
    """Whether the rule names a winner in more than 5 % of histories without a difference, looked at
    after every response."""
    random, winners = Random(7), 0
    for _ in range(HISTORIES):
        responses = 0
        for look in looks(people(random, PEOPLE_EACH)):
            if look.a + look.b == responses or not look.is_enough:
                continue
            responses = look.a + look.b
            parts = strata_of((50, (look.n, look.a), (look.m, look.b)))
            if rules.winner(experiment(), parts, rules.e_of_metric(parts, "response")):
                winners += 1
                break
    return winners > 0.05 * HISTORIES


def names_a_winner_of_a_tie() -> bool:
    """Whether a variant wins although both have the same rate, with an e-value that would do."""
    parts = strata_of((50, (400, 80), (400, 80)))
    return any(
        rules.winner(experiment(), parts, rules.E_MOST, at_end=at_end) for at_end in (False, True)
    )


def assigns_differently_in_versions() -> bool:
    """Whether somebody has another variant because he or she comes under another version."""
    early = desk_with_draft().add(*PEOPLE)
    late = desk_with_draft()
    for text in ("Hello", "Good day"):
        publish_version(late, name=text, steps=steps_with())
    late.add(*PEOPLE)
    return [early.assigned(each).variant for each in PEOPLE] != [
        late.assigned(each).variant for each in PEOPLE
    ]


CHECKS = (names_too_many_winners, names_a_winner_of_a_tie, assigns_differently_in_versions)


@pytest.mark.parametrize("finds", CHECKS, ids=lambda check: check.__name__)
def test_without_a_bug_nothing_is_found(finds: Callable[[], bool]) -> None:
    assert not finds()


def test_a_z_test_that_decides_at_every_look_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rules.winner

    def winner(tested: Experiment, strata: Strata, e: int, *, at_end: bool = False) -> str:
        return before(tested, strata, e, at_end=True)

    monkeypatch.setattr(rules, "winner", winner)
    assert names_too_many_winners()


def test_a_tie_that_goes_to_b_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source has `a > b ? 'A' : 'B'`."""
    monkeypatch.setattr(rules, "_sign", lambda difference: "A" if difference > 0 else "B")
    assert names_a_winner_of_a_tie()


def test_an_assignment_by_version_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version goes into the hash of the bucket."""
    before = experiment_runs._assign

    def assign_by_version(*arguments: object) -> Assignment:
        context, campaign, results, tested = arguments
        version = campaign.version  # type: ignore[attr-defined]

        def by_version(tenant_id: str, found: Experiment, subject: str) -> Assignment:
            assignment = assign(tenant_id, found, subject)
            own = bucket(TENANT, f"{found.id}/{version}", "ab", subject)
            assignment.bucket, assignment.variant = own, "A" if own < found.split * 100 else "B"
            return assignment

        with monkeypatch.context() as patched:
            patched.setattr(experiment_runs, "assign", by_version)
            return before(context, campaign, results, tested)  # type: ignore[arg-type]

    monkeypatch.setattr(experiment_runs, "_assign", assign_by_version)
    assert assigns_differently_in_versions()
