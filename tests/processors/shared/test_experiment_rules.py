"""The rules of experiments: whole numbers only, no winner by chance, by a tie or by an alarm."""

import ast
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.shared import experiment_rules as rules
from processors.shared.experiment_counts import (
    Stratum,
    VariantCounts,
    counts_of_experiment,
    strata,
    totals,
)
from schemas.internal import count_names as names
from tests.testing.experiments import EXPERIMENT, counted, experiment, strata_of, variant
from tests.testing.repository_files import text_of

DECIDING = (
    "processors/shared/experiment_rules.py",
    "processors/shared/experiment_counts.py",
    "processors/shared/binomials.py",
    "processors/shared/experiment_assignment.py",
    "processors/campaign/experiments.py",
    "schemas/internal/count_names.py",
)
"""The files that decide. experiments.py also puts the figures for people into facts."""

FIGURES = {"as_values", "experiment_result"}
"""What those files use of the figures for people."""

USED_FOR_FACTS = {"report_values", "_decide", "_report_alarm"}
"""The functions that use it. `_decide` is given the winner."""

EXACT = {"comb", "gcd", "isqrt", "prod"}


def floats_in(source: str) -> list[str]:
    """Each place of Python source where a floating-point number can arise."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float() | complex()):
                found.append(f"{node.lineno}: literal")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                found.append(f"{node.lineno}: division")
            case ast.Name(id="float" | "round"):
                found.append(f"{node.lineno}: {node.id}")
            case ast.ImportFrom(module="math", names=imported):
                found += [f"{node.lineno}: {n.name}" for n in imported if n.name not in EXACT]
            case ast.Import(names=imported):
                found += [f"{node.lineno}: {n.name}" for n in imported if n.name != "msgspec"]
    return sorted(found)


@pytest.mark.parametrize("name", DECIDING)
def test_no_floating_point_number_is_near_a_decision(name: str) -> None:
    assert floats_in(text_of(name)) == []


def test_floating_point_numbers_in_source_are_found() -> None:
    source = "import math\nfrom math import sqrt, prod\nx = 0.5\ny = 1 / 3\ny /= 2\nz = float(1)\n"
    assert floats_in(source) == [
        "1: math",
        "2: sqrt",
        "3: literal",
        "4: division",
        "5: division",
        "6: float",
    ]


def test_the_figures_for_people_are_used_for_facts_only() -> None:
    """They are floating-point numbers, so no rule and no condition reads them."""
    for name in DECIDING:
        tree = ast.parse(text_of(name))
        for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
            if used & FIGURES:
                assert function.name in USED_FOR_FACTS, f"{name}: {function.name}"
                tests = [n.test for n in ast.walk(function) if isinstance(n, ast.If | ast.IfExp)]
                read = {n.id for test in tests for n in ast.walk(test) if isinstance(n, ast.Name)}
                assert not read & {"result", "values", *FIGURES}


@given(
    n=st.integers(0, 300),
    m=st.integers(0, 300),
    data=st.data(),
    split=st.integers(10, 90),
    at_end=st.booleans(),
)
def test_a_winner_has_what_a_winner_needs(
    n: int, m: int, data: st.DataObject, split: int, at_end: bool
) -> None:
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    parts = strata_of((split, (n, a), (m, b)))
    e = rules.e_of_metric(parts, "response")
    wins = rules.winner(experiment(split=split), parts, e, at_end=at_end)
    if wins:
        assert min(n, m) >= 100
        assert a + b >= 30
        better = a * m - b * n
        assert better > 0 if wins == "A" else better < 0
        assert at_end or e >= 20_000_000


@given(n=st.integers(100, 2_000), rate=st.integers(1, 99), split=st.integers(10, 90))
def test_a_tie_is_no_winner(n: int, rate: int, split: int) -> None:
    people = (n * 100, n * rate)
    parts = strata_of((split, people, people))
    e = rules.e_of_metric(parts, "response")
    for at_end in (False, True):
        assert rules.winner(experiment(split=split), parts, e, at_end=at_end) == ""
    assert rules.leader(parts, "response") == ""


def test_who_gets_more_successes_only_because_more_were_reached_is_no_winner() -> None:
    """The evidence is for A, whose rate is the lower one."""
    parts = strata_of((50, (3_000, 330), (1_500, 180)))
    assert rules.e_of_metric(parts, "response") >= rules.WINS_AT
    assert (rules.favoured(parts, "response"), rules.leader(parts, "response")) == ("A", "B")
    assert rules.winner(experiment(), parts, rules.E_MOST) == ""


def test_a_mirrored_experiment_has_the_mirrored_decision() -> None:
    for split, of_a, of_b in ((50, (400, 90), (400, 40)), (80, (1600, 300), (400, 20))):
        there = strata_of((split, of_a, of_b))
        back = strata_of((100 - split, of_b, of_a))
        for metric in ("response", "conversion"):
            e = rules.e_of_metric(there, metric)
            assert e == rules.e_of_metric(back, metric)
        found = [
            rules.winner(experiment(split=part[0].split), part, rules.e_of_metric(part, "response"))
            for part in (there, back)
        ]
        assert found == ["A", "B"]


def test_strata_do_not_mix_what_a_changed_split_brings() -> None:
    """Simpson: within both splits the rates are equal, and together A seems to be far better,
    because A had most people when more of them responded."""
    parts = strata_of((90, (900, 450), (100, 50)), (10, (100, 5), (900, 45)))
    of_a, of_b = totals(parts)
    assert of_a.responses / of_a.reached > 4 * of_b.responses / of_b.reached
    assert rules.leader(parts, "response") == ""
    assert rules.cochran_mantel_haenszel(parts, "response") == 0
    for at_end in (False, True):
        assert rules.winner(experiment(), parts, rules.E_MOST, at_end=at_end) == ""


def test_an_empty_experiment_decides_nothing() -> None:
    for parts in ((), strata_of((50, (0, 0), (0, 0)))):
        assert rules.e_of_metric(parts, "response") == 1_000_000
        assert rules.e_of_ratio(parts) == 1_000_000
        assert not rules.is_off_ratio(parts)
        for at_end in (False, True):
            assert rules.winner(experiment(), parts, rules.E_MOST, at_end=at_end) == ""


def test_the_sample_ratio_of_several_splits_is_one_sum() -> None:
    fine = strata_of((50, (500, 0), (500, 0)), (80, (800, 0), (200, 0)))
    assert not rules.is_off_ratio(fine)
    off = strata_of((50, (530, 0), (470, 0)), (80, (830, 0), (170, 0)))
    alone = [rules.pearson(part.split, part.a.reached, part.b.reached) for part in off]
    assert [value > rules.CHI_SQUARED for value in alone] == [False, False]
    together = Fraction(60 * 60 * 100 * 100, 1_000 * 50 * 50 + 1_000 * 80 * 20)
    assert rules.is_off_ratio(off) == (together > rules.CHI_SQUARED)


@pytest.mark.parametrize(
    ("of_a", "of_b", "is_off"), [(8, 60, True), (7, 60, False), (60, 7, False), (8, 8, False)]
)
def test_the_check_of_the_sample_ratio_needs_some_people(
    of_a: int, of_b: int, is_off: bool
) -> None:
    assert rules.is_off_ratio(strata_of((50, (of_a, 0), (of_b, 0)))) is is_off


# the counts


def test_a_variant_has_every_count_of_an_experiment() -> None:
    assert VariantCounts._fields == names.OF_EXPERIMENTS


def test_the_counts_of_an_experiment_are_found_by_their_names() -> None:
    both = counted(50, (3, 2, 1), (4, 1, 0)) | counted(80, (8, 1, 1), (2, 0, 0))
    others = counted(50, (9, 9, 9), (9, 9, 9), "java-q2") | {"runs": 17, "sent_email": 17}
    expected = (
        Stratum(50, variant((3, 2, 1)), variant((4, 1, 0))),
        Stratum(80, variant((8, 1, 1)), variant((2, 0, 0))),
    )
    assert strata(both | others, EXPERIMENT) == expected
    assert counts_of_experiment(both | others, EXPERIMENT) == both
    assert strata(others, EXPERIMENT) == ()


def test_a_variant_that_nobody_reports_has_none() -> None:
    name = names.of_experiment(EXPERIMENT, 50, "B", names.REACHED)
    assert strata({name: 4}, EXPERIMENT) == (
        Stratum(50, variant(()), variant((4,))._replace(runs=0)),
    )


def test_counts_of_newer_versions_and_of_people_who_take_no_part_are_left_out() -> None:
    more = {f"{EXPERIMENT}/50/A/applause": 3, f"{EXPERIMENT}/50//runs": 2}
    assert strata(counted(50, (3, 2), (4, 1)) | more, EXPERIMENT) == strata(
        counted(50, (3, 2), (4, 1)), EXPERIMENT
    )


def test_partitions_are_added() -> None:
    assert names.add_counts([{"a": 1, "b": 2}, {}, {"b": 3}]) == {"a": 1, "b": 5}
