"""Histories of experiments whose variants do not differ, or differ by so much, with a look after
every person: when the e-value names a winner, and when a p-value under 0.05 does.

The e-value and the z-value are kept up to date by one factor for each person, in a tenth of the
time that computing them anew takes. test_experiment_histories.py checks that the engine decides
the same at the same person.
"""

from collections.abc import Iterable, Iterator
from math import erfc, exp, log, sqrt
from random import Random
from typing import NamedTuple

Z_SQUARED = 1.959963984540054**2
LEAST, RESPONSES_LEAST = 100, 30
CHECKPOINTS = (500, 1_000, 2_000, 6_000)
RATE = 0.128
"""The share of people who respond, where it is the same for both variants: that of variant B of the
source's example."""

WINS_AT = log(20)


class Look(NamedTuple):
    """The numbers after one more person: people and responses of A and of B, the logarithm of the
    e-value, and whether enough people were reached for a winner."""

    n: int
    a: int
    m: int
    b: int
    log_e: float
    is_enough: bool

    def squared_z(self) -> float:
        """The square of the pooled z."""
        n, a, m, b, people = self.n, self.a, self.m, self.b, self.n + self.m
        variance = n * m * (a + b) * (people - a - b)
        return people * (a * m - b * n) ** 2 / variance if variance else 0.0

    def p_fixed(self) -> float:
        """The two-sided p of z."""
        return erfc(sqrt(self.squared_z() / 2))

    def p_now(self) -> float:
        """1 / e, at most 1."""
        return min(1.0, exp(-self.log_e))


class Firsts(NamedTuple):
    """After how many people each rule names a winner first; None if it never does."""

    by_e: int | None
    by_z: int | None


def people(
    random: Random, most: int, rate_a: float = RATE, rate_b: float = RATE
) -> Iterator[tuple[bool, bool]]:
    """People one after the other: whether each is in A, and whether he or she responds."""
    for _ in range(most):
        is_a = random.random() < 0.5
        yield is_a, random.random() < (rate_a if is_a else rate_b)


def looks(history: Iterable[tuple[bool, bool]]) -> Iterator[Look]:
    """The numbers after each person."""
    n = a = m = b = 0
    log_e = 0.0
    for is_a, responds in history:
        if responds:
            log_e += log((50 + (a if is_a else b)) * 2 / (100 + a + b))
        if is_a:
            n, a = n + 1, a + responds
        else:
            m, b = m + 1, b + responds
        yield Look(n, a, m, b, log_e, n >= LEAST and m >= LEAST and a + b >= RESPONSES_LEAST)


def firsts(history: Iterable[tuple[bool, bool]]) -> Firsts:
    """When each rule names a winner, with a look after every person. It is `looks` in one loop,
    because millions of people pass here."""
    n = m = a = b = number = 0
    log_e, by_e, by_z = 0.0, None, None
    for is_a, responds in history:
        number += 1
        if is_a:
            n += 1
            if responds:
                log_e += log((50 + a) * 2 / (100 + a + b))
                a += 1
        else:
            m += 1
            if responds:
                log_e += log((50 + b) * 2 / (100 + a + b))
                b += 1
        of_both = a + b
        if of_both < RESPONSES_LEAST or n < LEAST or m < LEAST:
            continue
        if by_e is None and log_e >= WINS_AT:
            by_e = number
        if by_z is None:
            variance = n * m * of_both * (number - of_both)
            if variance and number * (a * m - b * n) ** 2 > Z_SQUARED * variance:
                by_z = number
    return Firsts(by_e, by_z)


def shares(found: Iterable[int | None], count: int) -> list[float]:
    """Which share of the histories has a winner by each of CHECKPOINTS."""
    numbers = [number for number in found if number is not None]
    return [sum(number <= most for number in numbers) / count for most in CHECKPOINTS]
