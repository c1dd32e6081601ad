"""`touchstream topics`: creates missing topics and checks those that exist."""

from typing import Annotated, Any

import typer

from schemas.internal.topics import Layout, Topic
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_NO, CommandError
from streams.cli.options import Json
from streams.cli.output import print_json
from streams.kafka import topics as kafka_topics
from streams.kafka.topic_options import option_problems


def _partitions(default: int) -> Any:
    return typer.Option(
        min=1, max=10_000, help=f"Default: the number that the topics have, or {default}."
    )


def topics(
    contact_partitions: Annotated[int | None, _partitions(Layout().contact)] = None,
    dispatch_partitions: Annotated[int | None, _partitions(Layout().dispatch)] = None,
    campaign_partitions: Annotated[int | None, _partitions(Layout().campaign)] = None,
    public_partitions: Annotated[int | None, _partitions(Layout().public)] = None,
    command_partitions: Annotated[int | None, _partitions(Layout().commands)] = None,
    facts_partitions: Annotated[int | None, _partitions(Layout().facts)] = None,
    replication: Annotated[
        int, typer.Option(min=-1, help="Replicas of each partition; -1: the broker's default.")
    ] = -1,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Create nothing; exit 1 if anything is wrong, 3 if Kafka does not answer.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Create the topics that are missing, and check those that exist.

    Choose enough partitions to grow: the number of partitions of a keyed log cannot be changed
    later. If a topic exists with another number than an option gives, that is reported and nothing
    is created.

    Example: touchstream topics --contact-partitions 24 --dispatch-partitions 12 --replication 3
    """
    options = {
        "public": public_partitions,
        "contact": contact_partitions,
        "dispatch": dispatch_partitions,
        "campaign": campaign_partitions,
        "commands": command_partitions,
        "facts": facts_partitions,
    }
    requested = {name: number for name, number in options.items() if number is not None}
    settings = connected_settings()
    before = kafka_topics.partition_counts(settings)
    wrong = kafka_topics.partition_count_problems(settings, before, requested)
    created: list[str] = []
    present = [*before]
    if not check and not wrong:
        layout = kafka_topics.layout_for(before, requested)
        created = kafka_topics.create_topics(settings, layout, replication)
        present = [*Topic]
    missing = [settings.topic_prefix + t.value for t in Topic if t not in present]
    wrong += option_problems(settings, present) if present else []
    if json:
        print_json({"made": created, "missing": missing, "wrong": wrong})
    else:
        existed = len(present) - len(created)
        print(f"{len(created)} created, {existed} existed before, {len(missing)} missing")
    if missing or wrong:
        lines = [f"{name}: missing; to create it: touchstream topics" for name in missing]
        raise CommandError("\n".join([*lines, *wrong]), EXIT_NO)
