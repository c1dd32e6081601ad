"""Experiments and their counts for tests. People are given as (reached, responses, conversions);
what is left out is 0."""

from typing import Any

from processors.shared.experiment_counts import Strata, Stratum, VariantCounts
from schemas.campaigns.compiled_definition import Experiment

EXPERIMENT = "java-q1"
People = tuple[int, ...]


def experiment(**changes: Any) -> Experiment:
    """An experiment of the templates `a` and `b`, half and half, decided on responses."""
    fields = {"id": EXPERIMENT, "template_a": "a", "template_b": "b", "primary_metric": "response"}
    return Experiment(**{**fields, **changes})


def variant(people: People) -> VariantCounts:
    """The counts of one variant, all of whose people were reached."""
    reached, responses, conversions = (*people, 0, 0)[:3]
    return VariantCounts(reached, reached, responses, conversions)


def strata_of(*parts: tuple[int, People, People]) -> Strata:
    """Strata of (split, people of A, people of B)."""
    return tuple(Stratum(split, variant(a), variant(b)) for split, a, b in parts)


def counted(split: int, of_a: People, of_b: People, name: str = EXPERIMENT) -> dict[str, int]:
    """The counts of one stratum under the names that partitions report."""
    variants = {"A": variant(of_a), "B": variant(of_b)}
    return {
        f"{name}/{split}/{letter}/{field}": count
        for letter, counts in variants.items()
        for field, count in counts._asdict().items()
    }
