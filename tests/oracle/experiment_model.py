"""The figures of an experiment by their definitions, in fractions and in decimal numbers with fifty
digits. It shares no code with the engine: the e-value is a product of its factors, p is the series
of the error function, and the interval of a ratio is checked by putting its ends in."""

from decimal import Decimal, getcontext
from fractions import Fraction
from math import factorial

getcontext().prec = 50
ALPHA = Decimal("0.05")


def e_value(split: int, of_a: int, of_b: int) -> Fraction:
    """The e-value of shares among successes, factor by factor."""
    e, rest = Fraction(1), 100 - split
    for i in range(of_a):
        e *= Fraction((split + i) * 100, (100 + i) * split)
    for j in range(of_b):
        e *= Fraction((rest + j) * 100, (100 + of_a + j) * rest)
    return e


def beta_average(split: int, of_a: int, of_b: int) -> Fraction:
    """The average of likelihood ratios over Beta(split, 100 - split): the same, by moments."""

    def beta(a: int, b: int) -> Fraction:
        return Fraction(factorial(a - 1) * factorial(b - 1), factorial(a + b - 1))

    under_split = Fraction(split, 100) ** of_a * Fraction(100 - split, 100) ** of_b
    return beta(split + of_a, 100 - split + of_b) / beta(split, 100 - split) / under_split


def z_squared(a: int, n: int, b: int, m: int) -> Fraction:
    """The square of the pooled z of two proportions."""
    pooled = Fraction(a + b, n + m)
    variance = pooled * (1 - pooled) * (Fraction(1, n) + Fraction(1, m))
    return (Fraction(a, n) - Fraction(b, m)) ** 2 / variance


def pearson(split: int, of_a: int, of_b: int) -> Fraction:
    """Pearson's statistic, cell by cell."""
    n = of_a + of_b
    cells = ((of_a, Fraction(n * split, 100)), (of_b, Fraction(n * (100 - split), 100)))
    return sum(((count - expected) ** 2 / expected for count, expected in cells), Fraction())


def cochran_mantel_haenszel(tables: list[tuple[int, int, int, int]]) -> Fraction:
    """The statistic over strata of (a, n, b, m), with the variance of the hypergeometric."""
    off = variance = Fraction()
    for a, n, b, m in tables:
        total, successes = n + m, a + b
        off += a - Fraction(successes * n, total)
        share, others = Fraction(successes, total), Fraction(m, total)
        variance += n * share * (1 - share) * others * Fraction(total, total - 1)
    return off**2 / variance


def decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def two_sided(statistic: Fraction) -> Decimal:
    """p of the square of a z-value, which is also that of a chi-squared value with one degree of
    freedom: 1 - erf(sqrt(x / 2))."""
    x = (decimal(statistic) / 2).sqrt()
    term, total, n = x, x, 0
    while abs(term) > Decimal(10) ** -45:
        n += 1
        term *= -x * x / n
        total += term / (2 * n + 1)
    return 1 - 2 * total / _pi().sqrt()


def _pi() -> Decimal:
    """By Machin's formula."""
    return 4 * (4 * _arctan_of_inverse(5) - _arctan_of_inverse(239))


def _arctan_of_inverse(of: int) -> Decimal:
    total, power, n = Decimal(0), Decimal(1) / of, 0
    while abs(power) > Decimal(10) ** -49:
        total += power / (2 * n + 1) * (-1) ** n
        power /= of * of
        n += 1
    return total


def log_e_at(split: int, of_a: int, of_b: int, ratio: Decimal) -> Decimal:
    """The logarithm of the e-value against the hypothesis that the rates have this ratio."""
    w = Decimal(split) / 100
    share, rest = w * ratio / (w * ratio + 1 - w), (1 - w) / (w * ratio + 1 - w)
    log = decimal(e_value(split, of_a, of_b)).ln() + of_a * w.ln() + of_b * (1 - w).ln()
    return log - of_a * share.ln() - of_b * rest.ln()


def asymptotic(a: int, n: int, b: int, m: int) -> tuple[Decimal, Decimal]:
    """p and half of the width of the interval that are shown for comparison (arXiv 2103.06476)."""
    log = -2 * ALPHA.ln()
    k = (n + m) * (log + (1 + log).ln()) / 5_000
    rate_a, rate_b = Decimal(a) / n, Decimal(b) / m
    error = (rate_a * (1 - rate_a) / n + rate_b * (1 - rate_b) / m).sqrt()
    z = (rate_a - rate_b) / error
    e = (z * z / 2 * k / (k + 1)).exp() / (k + 1).sqrt()
    half = error * ((k + 1) / k * (log + (k + 1).ln())).sqrt()
    return min(Decimal(1), 1 / e), half
