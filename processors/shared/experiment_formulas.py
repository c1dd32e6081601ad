"""The formulas behind the figures of an experiment, in floating-point numbers. Proportions are
given as successes and people of A, then of B; shares as (split, of A, of B)."""

import math
from collections.abc import Callable, Sequence

ALPHA = 0.05
_DIGITS = 7
"""Significant digits that are kept: the last digits of `exp` and `log` differ between machines."""

_LOG_MOST = 700.0
Proportions = tuple[int, int, int, int]
Shares = Sequence[tuple[int, int, int]]


def rounded(value: float | None) -> float | None:
    """A number with seven significant digits; None for what is no finite number."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")


def exp(log: float) -> float:
    """The number of a logarithm; a very large one is cut."""
    return math.exp(min(log, _LOG_MOST))


# One look


def pooled_z(a: int, n: int, b: int, m: int) -> float | None:
    """z of two proportions with the pooled variance; None where there is none."""
    if not n or not m or not 0 < a + b < n + m:
        return None
    pooled = (a + b) / (n + m)
    return (a / n - b / m) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))


def stratified_z(tables: Sequence[Proportions]) -> float | None:
    """The signed root of the statistic of Cochran, Mantel and Haenszel, without correction of
    continuity; None where there is no variance."""
    off = variance = 0.0
    for a, n, b, m in tables:
        if n and m:
            whole, successes = n + m, a + b
            off += a - n * successes / whole
            variance += n * m * successes * (whole - successes) / (whole**2 * (whole - 1))
    return off / math.sqrt(variance) if variance > 0 else None


def p_of_z(z: float) -> float:
    """The two-sided p of a z-value."""
    return math.erfc(abs(z) / math.sqrt(2))


def chi_squared(shares: Shares) -> float | None:
    """The statistic of counts against their splits, with one degree of freedom: Pearson's where
    there is one split. None without counts."""
    off = sum(100 * a - split * (a + b) for split, a, b in shares)
    variance = sum((a + b) * split * (100 - split) for split, a, b in shares)
    return off * off / variance if variance else None


def p_of_chi(statistic: float) -> float:
    """The p of a chi-squared value with one degree of freedom."""
    return math.erfc(math.sqrt(statistic / 2))


# Every look


def log_e(shares: Shares) -> float:
    """The logarithm of the e-value of shares, which experiment_rules.py computes exactly."""
    return sum(_log_e(*each) for each in shares)


def _log_e(split: int, of_a: int, of_b: int) -> float:
    rest, n = 100 - split, of_a + of_b
    log = math.lgamma(split + of_a) - math.lgamma(split)
    log += math.lgamma(rest + of_b) - math.lgamma(rest)
    log -= math.lgamma(100 + n) - math.lgamma(100)
    return log - of_a * math.log(split / 100) - of_b * math.log(rest / 100)


def ratio_interval(shares: Shares) -> tuple[float | None, float | None, float | None]:
    """The interval of the ratio of the rates that belongs to the e-value, and the likeliest ratio
    between its ends (lower, ratio, upper). It holds at every look. None for 0 successes of B as the
    upper end, which is then infinite; all are None without successes."""
    of_a, of_b = sum(a for _, a, _ in shares), sum(b for _, _, b in shares)
    if not of_a + of_b:
        return None, None, None
    if not of_a:
        return 0.0, 0.0, math.exp(_bisect(lambda at: _log_e_at(shares, at) - _LIMIT, -_FAR, _FAR))
    if not of_b:
        return math.exp(_bisect(lambda at: _LIMIT - _log_e_at(shares, at), -_FAR, _FAR)), None, None
    middle = _bisect(lambda at: _slope(shares, at), -_FAR, _FAR)
    low = _bisect(lambda at: _LIMIT - _log_e_at(shares, at), -_FAR, middle)
    high = _bisect(lambda at: _log_e_at(shares, at) - _LIMIT, middle, _FAR)
    return math.exp(low), math.exp(middle), math.exp(high)


_LIMIT = math.log(1 / ALPHA)
_FAR = 600.0
"""Logarithms of ratios between which the ends are sought."""


def _log_e_at(shares: Shares, log_ratio: float) -> float:
    """The logarithm of the e-value against a ratio of the rates. It is convex in the logarithm of
    the ratio."""
    log = log_e(shares)
    for split, of_a, of_b in shares:
        rest = math.log((100 - split) / split)
        log += of_a * math.log(split / 100) + of_b * math.log(1 - split / 100)
        log += of_a * _softplus(rest - log_ratio) + of_b * _softplus(log_ratio - rest)
    return log


def _slope(shares: Shares, log_ratio: float) -> float:
    """How many more successes A would have under a ratio than it has. It grows with the ratio."""
    expected = 0.0
    for split, of_a, of_b in shares:
        share = math.exp(-_softplus(math.log((100 - split) / split) - log_ratio))
        expected += (of_a + of_b) * share - of_a
    return expected


def _softplus(x: float) -> float:
    """log(1 + exp(x)) without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _bisect(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function is 0 between two places; the nearer place where it never is."""
    for _ in range(80):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def asymptotic(a: int, n: int, b: int, m: int) -> tuple[float | None, float | None, float | None]:
    """The p and the interval of the difference that hold at every look, asymptotically, tuned to
    5,000 people (Waudby-Smith and others, arXiv 2103.06476): p, lower, upper."""
    if not n or not m:
        return None, None, None
    rate_a, rate_b = a / n, b / m
    error = math.sqrt(rate_a * (1 - rate_a) / n + rate_b * (1 - rate_b) / m)
    if not error:
        return None, None, None
    tuned = (-2 * math.log(ALPHA) + math.log(1 - 2 * math.log(ALPHA))) / 5_000
    k = (n + m) * tuned
    z = (rate_a - rate_b) / error
    e = exp(z * z / 2 * k / (k + 1) - math.log(k + 1) / 2)
    half = error * math.sqrt((k + 1) / k * (2 * math.log(1 / ALPHA) + math.log(k + 1)))
    return min(1.0, 1 / e), rate_a - rate_b - half, rate_a - rate_b + half
