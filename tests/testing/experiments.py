"""Experiments, their counts, and a campaign with one, for tests. People are given as (reached,
responses, conversions); what is left out is 0."""

from typing import Any

from processors.campaign.experiments import report_values
from processors.shared.experiment_counts import Strata, Stratum, VariantCounts
from schemas.campaigns.compiled_definition import Experiment
from tests.testing import outreach
from tests.testing.administered import administered
from tests.testing.builders import step
from tests.testing.outreach_orders import active_world, campaign, counts
from tests.testing.world import World

EXPERIMENT = "java-q1"
People = tuple[int, ...]


def experiment(**changes: Any) -> Experiment:
    """An experiment of the templates `a` and `b`, half and half, decided on responses."""
    fields = {"id": EXPERIMENT, "template_a": "a", "template_b": "b", "primary_metric": "response"}
    return Experiment(**{**fields, **changes})


def variant(people: People) -> VariantCounts:
    """The counts of one variant, all of whose people were reached."""
    reached, responses, conversions = (*people, 0, 0, 0)[:3]
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


CLEAR = ((2500, 400, 80), (2500, 276, 20))
"""People of A and B of whom A wins by both metrics."""

FAINT = ((2250, 341, 20), (2250, 288, 20))
"""People by whom the p-value of the responses is 0.023, and p_always 0.39."""


def steps_with(**changes: Any) -> list[dict[str, Any]]:
    """One step with the experiment, for everybody."""
    return [step(template_id=None, experiment=outreach.experiment(**changes))]


def experimenting(**changes: Any) -> World:
    """A world with an active campaign with an experiment."""
    return active_world(steps=steps_with(**changes))


def report(
    world: World, of_a: People, of_b: People, *, seq: int = 2, split: int = 50, partition: int = 0
) -> World:
    """The world after a partition has reported its people of A and of B."""
    runs = of_a[0] + of_b[0]
    numbers: dict[str, Any] = {"runs": runs, "live": runs, **counted(split, of_a, of_b)}
    return administered(counts(partition, seq, **numbers), world=world)


def results(world: World) -> list[dict[str, Any]]:
    return report_values(campaign(world))
