"""The options of `touchstream simulate`."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from streams.simulation.seed_outcomes import SEEDS_MAX

_EXISTING_FILE: dict[str, Any] = {"exists": True, "dir_okay": False}

Definitions = Annotated[
    list[Path] | None,
    Argument(metavar="[DEFINITION.yaml]...", help="Campaigns, YAML or JSON.", **_EXISTING_FILE),
]
Population = Annotated[
    Path | None,
    Option(metavar="FILE.csv", help="The people, as for contacts import.", **_EXISTING_FILE),
]
People = Annotated[
    int | None, Option(min=1, max=99_999_999, help="Make up this many people instead.")
]
Zones = Annotated[
    str,
    Option(help="Time zones of made-up people: A,B, one drawn for each; default: the tenant's."),
]
Over = Annotated[
    float | None,
    Option(
        min=0,
        max=24 * 366,
        help="Hours over which people arrive; default: 24 for jobs, 0 for others.",
    ),
]
Events = Annotated[
    str | None, Option(metavar="FILE.jsonl", help="Recorded public events, as for publish.")
]
FromTopics = Annotated[
    bool, Option("--from-topics", help="Read the recorded events from the engine's topics instead.")
]
Since = Annotated[
    str | None, Option(help="With --from-topics: from this time; default: the topics' beginning.")
]
Before = Annotated[
    str | None, Option(help="With --from-topics: to before this time; default: now.")
]
Behaviour = Annotated[
    Path | None,
    Option(
        metavar="FILE.yaml",
        help="What senders answer and people do; with recorded events, default: nothing.",
        **_EXISTING_FILE,
    ),
]
Setup = Annotated[
    Path | None,
    Option(
        metavar="FILE.yaml",
        help="Tenants, call pools and sender accounts with their limits.",
        **_EXISTING_FILE,
    ),
]
Seed = Annotated[int, Option(help="Seed of everything that is drawn.")]
Seeds = Annotated[
    int | None,
    Option(
        min=1,
        max=SEEDS_MAX,
        metavar="N",
        help="Simulate under this many seeds, and show how the outcomes spread.",
    ),
]
Timezone = Annotated[
    str | None, Option(help="The tenant's time zone; default: the recorded one, or UTC.")
]
PerHour = Annotated[list[str] | None, Option(help="CHANNEL=N or CHANNEL=none; default: 100.")]
Quiet = Annotated[str | None, Option(help="HH:MM-HH:MM; default: 21:00-08:00.")]
PerDay = Annotated[int | None, Option(help="Most touches of one person in any 24 hours.")]
PerWeek = Annotated[int | None, Option(help="Most touches of one person in any 7 days.")]
Start = Annotated[
    str | None,
    Option(help="A time; default: of the first recorded event, or the first Monday of 2026."),
]
Until = Annotated[
    str | None,
    Option(
        help="A time, or hours as 336h; default: when nothing is left to do, or a year after the "
        "last recorded event."
    ),
]
Out = Annotated[Path | None, Option(metavar="DIR", help="Write a report to this new directory.")]
Against = Annotated[
    Path | None,
    Option(
        metavar="OTHER.yaml",
        help="Simulate this definition too, and show the differences.",
        **_EXISTING_FILE,
    ),
]
AgainstPerHour = Annotated[
    list[str] | None,
    Option("--against-per-hour", help="Simulate these limits too, and show the differences."),
]
AgainstSetup = Annotated[
    Path | None,
    Option(
        "--against-setup",
        metavar="OTHER.yaml",
        help="Simulate with this set-up too, and show the differences.",
        **_EXISTING_FILE,
    ),
]
