"""The counts of an experiment by stratum and variant, taken from the counts of its campaign."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.internal.count_names import OF_EXPERIMENTS

SUCCESSES = {"response": "responses", "conversion": "conversions"}
"""The count of the successes of each metric that can be decided on."""


class VariantCounts(NamedTuple):
    """How many runs of one variant there are, were reached, and did what. The fields are
    OF_EXPERIMENTS."""

    runs: int = 0
    reached: int = 0
    responses: int = 0
    conversions: int = 0
    opt_outs: int = 0
    bounces: int = 0

    def successes(self, metric: str) -> int:
        """The successes by a metric, response or conversion."""
        count: int = getattr(self, SUCCESSES[metric])
        return count

    def plus(self, other: "VariantCounts") -> "VariantCounts":
        """The sum of two."""
        return VariantCounts(*(one + more for one, more in zip(self, other, strict=True)))


class Stratum(NamedTuple):
    """The counts of the people who were assigned under one split. `split` is the share of variant A
    in percent."""

    split: int
    a: VariantCounts
    b: VariantCounts


Strata = tuple[Stratum, ...]


def counts_of_experiment(counts: Mapping[str, int], experiment_id: str) -> dict[str, int]:
    """The counts of one experiment, under their whole names, by name."""
    return {name: counts[name] for name in sorted(counts) if _experiment_of(name) == experiment_id}


def strata(counts: Mapping[str, int], experiment_id: str) -> Strata:
    """The strata of an experiment by split; empty while nobody has been assigned."""
    found: dict[tuple[int, str], dict[str, int]] = {}
    for name, count in counts_of_experiment(counts, experiment_id).items():
        _, split, variant, field = name.rsplit("/", 3)
        if field in OF_EXPERIMENTS:
            found.setdefault((int(split), variant), {})[field] = count
    return tuple(
        Stratum(
            split,
            VariantCounts(**found.get((split, "A"), {})),
            VariantCounts(**found.get((split, "B"), {})),
        )
        for split in sorted({split for split, _ in found})
    )


def totals(parts: Strata) -> tuple[VariantCounts, VariantCounts]:
    """The counts of A and of B over all strata."""
    of_a = of_b = VariantCounts()
    for part in parts:
        of_a, of_b = of_a.plus(part.a), of_b.plus(part.b)
    return of_a, of_b


def _experiment_of(name: str) -> str | None:
    """The experiment of a count; None of a count of the campaign."""
    parts = name.rsplit("/", 3)
    return parts[0] if len(parts) == 4 else None
