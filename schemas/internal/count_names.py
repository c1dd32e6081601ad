"""The names of the counts by which a campaign decides (RunsCounted).

A count of a campaign has a plain name. A count of an experiment has the experiment, the split of
its stratum and the variant before its name: `java-q1/50/A/reached`.
"""

from collections.abc import Iterable, Mapping

RUNS, LIVE, FROZEN, OUT = "runs", "live", "frozen", "out"
"""All runs; those that go on, those that are paused, and ended ones with a command that is out."""

REACHED, RESPONSES, CONVERSIONS = "reached", "responses", "conversions"
"""Runs of which a touch was sent (C-14), and those with a first response or conversion."""

IMPLIED_RESPONSES = "implied_responses"
"""Runs with a conversion and no response before it (C-37)."""

OPT_OUTS, BOUNCES = "opt_outs", "bounces"
"""Runs with an opt-out after a touch, and those whose address was closed by a bounce."""

OF_EXPERIMENTS = (RUNS, REACHED, RESPONSES, CONVERSIONS, OPT_OUTS, BOUNCES)
"""The counts of an experiment. Reached is here who was sent the touch of the experiment's step; the
others but `runs` count only who was reached so."""


def sent_by(channel: str) -> str:
    """The count of the touches that were sent on a channel (C-15)."""
    return f"sent_{channel}"


def ended_by(reason: str) -> str:
    """The count of the runs that ended with a reason; `completed` for those without one."""
    return f"ended_{reason}"


def of_experiment(experiment_id: str, split: int, variant: str, name: str) -> str:
    """The name of a count of one variant in one stratum of an experiment."""
    return f"{experiment_id}/{split}/{variant}/{name}"


def without_experiments(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of the campaign itself, sorted by name."""
    return {name: count for name, count in sorted(counts.items()) if "/" not in name}


def add_counts(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of counts by name, for example over the partitions of contact-log."""
    whole: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            whole[name] = whole.get(name, 0) + count
    return whole
