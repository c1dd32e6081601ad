"""How an experiment is decided, by whole numbers and fractions only: the same on every machine, and
the same in every replay (S4-64…S4-72, C-22).

The decision is by an e-value over the shares of the variants among successes. It may be looked at
after every event: without a difference it reaches 20 in at most 5 % of all experiments, however
often one looks (Lindon and Malek, NeurIPS 2022, arXiv 2011.03567).
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import gcd, prod

from processors.shared.binomials import binomial
from processors.shared.experiment_counts import Strata, totals
from schemas.campaigns.compiled_definition import Experiment

MILLION = 1_000_000
WINS_AT = 20 * MILLION
"""The e-value of a decision in millionths: p_always is then 0.05."""

ALARMS_AT = 1_000 * MILLION
"""The e-value of the sample ratio, in millionths, that is an alarm."""

E_MOST = 10**15
"""The greatest e-value that is kept, in millionths."""

REACHED_LEAST, RESPONSES_LEAST, RATIO_LEAST = 100, 30, 8
"""A winner needs so many reached people of each variant, and so many responses (S4-68). The
chi-squared test of the sample ratio needs so many reached people of each variant."""

Z_SQUARED = Fraction(1_959_963_984_540_054, 10**15) ** 2
"""The square of the z-value of p = 0.05, two-sided."""

CHI_SQUARED = Fraction(10_827_566_170_662_733, 10**15)
"""The chi-squared value of p = 0.001 with one degree of freedom."""

_LOG_OF_ALARM = Fraction(69, 10)
"""A little less than the logarithm of the e-value that is an alarm."""

# The e-value


@lru_cache(maxsize=64)
def e_value(split: int, of_a: int, of_b: int) -> tuple[int, int]:
    """The e-value of shares, as a numerator and a denominator: how much more likely the counts of A
    and B are under all shares, weighted by Beta(split, 100 - split), than under the split.

    It equals B(split + of_a, 100 - split + of_b) / B(split, 100 - split) · 100^n / (split^of_a ·
    (100 - split)^of_b), with n = of_a + of_b, written with binomial coefficients.
    """
    n, common = of_a + of_b, gcd(split, 100)
    numerator = 99 * binomial(98, split - 1) * _power(100 // common, n)
    denominator = (99 + n) * binomial(98 + n, split - 1 + of_a)
    under_split = _power(split // common, of_a) * _power((100 - split) // common, of_b)
    return numerator, denominator * under_split


def e_in_millionths(shares: Iterable[tuple[int, int, int]]) -> int:
    """The product of the e-values of several (split, of A, of B), rounded down, at most E_MOST."""
    parts = [e_value(*each) for each in shares]
    numerator, denominator = (prod(side) for side in zip(*parts, strict=True)) if parts else (1, 1)
    if numerator * MILLION >= denominator * E_MOST:
        return E_MOST
    return numerator * MILLION // denominator


def e_of_metric(strata: Strata, metric: str) -> int:
    """The e-value of the successes of a metric, in millionths."""
    return e_in_millionths(
        (part.split, part.a.successes(metric), part.b.successes(metric)) for part in strata
    )


# The sample ratio


def e_of_ratio(strata: Strata) -> int:
    """The e-value of the shares of the reached people, in millionths. One that cannot be an alarm
    is given as 1, because exact numbers of so many people are long."""
    shares = [(part.split, part.a.reached, part.b.reached) for part in strata]
    if sum((_most_log_e(*each) for each in shares), Fraction()) < _LOG_OF_ALARM:
        return MILLION
    return e_in_millionths(shares)


def _most_log_e(split: int, of_a: int, of_b: int) -> Fraction:
    """An upper bound of the logarithm of an e-value. The e-value is an average of likelihood
    ratios, so its logarithm is at most n · KL(p || w) for the share p of A. That is at most
    Pearson's statistic, and also half of it times the greater of 1 and w(1 - w) / p(1 - p), because
    the second derivative of KL(t || w) is 1 / t(1 - t)."""
    statistic, n = pearson(split, of_a, of_b), of_a + of_b
    if not of_a or not of_b:
        return statistic
    flatter = Fraction(split * (100 - split) * n * n, 10_000 * of_a * of_b)
    return min(statistic, statistic * max(Fraction(1), flatter) * Fraction(1, 2))


def pearson(split: int, of_a: int, of_b: int) -> Fraction:
    """Pearson's statistic of two counts against their split."""
    n = of_a + of_b
    if not n:
        return Fraction()
    return Fraction((100 * of_a - n * split) ** 2, n * split * (100 - split))


def is_off_ratio(strata: Strata) -> bool:
    """Whether the reached people are split otherwise than they were assigned, with p < 0.001 by
    chi-squared at one look. Several strata are one sum with one degree of freedom."""
    of_a, of_b = totals(strata)
    if min(of_a.reached, of_b.reached) < RATIO_LEAST:
        return False
    reached = [(part.split, part.a.reached + part.b.reached) for part in strata]
    off = 100 * of_a.reached - sum(split * n for split, n in reached)
    variance = sum(n * split * (100 - split) for split, n in reached)
    return off * off > CHI_SQUARED * variance


# Who leads, and who wins


def leader(strata: Strata, metric: str) -> str:
    """The variant with the greater rate per reached person, A or B; empty for a tie. With several
    strata it is the sign of the difference by Mantel and Haenszel."""
    difference = Fraction()
    for part in strata:
        n, m = part.a.reached, part.b.reached
        if n and m:
            better = part.a.successes(metric) * m - part.b.successes(metric) * n
            difference += Fraction(better, n + m)
    return _sign(difference)


def favoured(strata: Strata, metric: str) -> str:
    """The variant that has more of the successes than its split; empty for none."""
    off = 0
    for part in strata:
        of_a, of_b = part.a.successes(metric), part.b.successes(metric)
        off += 100 * of_a - part.split * (of_a + of_b)
    return _sign(off)


def is_large_enough(strata: Strata) -> bool:
    """Whether enough people were reached and have responded for a winner."""
    of_a, of_b = totals(strata)
    return (
        min(of_a.reached, of_b.reached) >= REACHED_LEAST
        and of_a.responses + of_b.responses >= RESPONSES_LEAST
    )


def differs_at_end(strata: Strata, metric: str) -> bool:
    """Whether the rates differ with p < 0.05 at the only look. With one stratum it is the pooled
    z-test, with several the test of Cochran, Mantel and Haenszel."""
    if len(strata) == 1:
        return _z_squared(strata, metric) > Z_SQUARED
    return cochran_mantel_haenszel(strata, metric) > Z_SQUARED


def winner(experiment: Experiment, strata: Strata, e: int, *, at_end: bool = False) -> str:
    """The variant that wins by these counts, A or B, with no look at the sample ratio; empty for
    none. `e` is the e-value of the primary metric in millionths. A tie is no winner (C-22)."""
    metric = experiment.primary_metric
    if not is_large_enough(strata):
        return ""
    if at_end:
        return leader(strata, metric) if differs_at_end(strata, metric) else ""
    leads = leader(strata, metric)
    return leads if e >= WINS_AT and leads == favoured(strata, metric) else ""


def is_final_look(experiment: Experiment, strata: Strata) -> bool:
    """Whether an experiment with one look has reached the number of people of that look."""
    of_a, of_b = totals(strata)
    most = experiment.at_reached
    return (
        experiment.decide == "at_end" and most is not None and of_a.reached + of_b.reached >= most
    )


def _z_squared(strata: Strata, metric: str) -> Fraction:
    """The square of the pooled z of two rates; 0 where there is no variance."""
    (part,) = strata
    n, m = part.a.reached, part.b.reached
    a, b = part.a.successes(metric), part.b.successes(metric)
    variance = n * m * (a + b) * (n + m - a - b)
    return Fraction((n + m) * (a * m - b * n) ** 2, variance) if variance > 0 else Fraction()


def cochran_mantel_haenszel(strata: Strata, metric: str) -> Fraction:
    """The statistic of Cochran, Mantel and Haenszel without correction of continuity, which has one
    degree of freedom; 0 where there is no variance."""
    off = variance = Fraction()
    for part in strata:
        n, m = part.a.reached, part.b.reached
        a, b = part.a.successes(metric), part.b.successes(metric)
        if n and m:
            off += a - Fraction(n * (a + b), n + m)
            spread = n * m * (a + b) * (n + m - a - b)
            variance += Fraction(spread, (n + m) ** 2 * (n + m - 1))
    return Fraction(off * off, variance) if variance > 0 else Fraction()


def _sign(difference: int | Fraction) -> str:
    return "A" if difference > 0 else "B" if difference < 0 else ""


def _power(base: int, exponent: int) -> int:
    power: int = base**exponent
    return power
