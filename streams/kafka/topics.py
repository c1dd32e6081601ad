"""The topics on the broker: creates those that are missing, and checks those that exist."""

from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from schemas.internal.topics import (
    LOGS,
    PARTITION_GROUPS,
    POSITION_TOPICS,
    PUBLIC_IN,
    Layout,
    Topic,
)
from streams.base.settings import Settings
from streams.kafka.clients import admin_client

FOR_EVER = "-1"
ANY_TIME = str(2**63 - 1)
EXACTLY = ("message.timestamp.type", "cleanup.policy", "retention.ms")
AT_LEAST = (
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
)
"""The options that are checked on existing topics: with another value records would be lost,
refused or misdated. The other options are for speed."""


class TopicsInvalid(Exception):
    """Topics are missing, or are not what the engine needs; the message names them and what to
    do."""


def topic_config(topic: Topic, *, scaled: bool) -> dict[str, str]:
    """The topic's options on the broker. With a `scaled` clock the producers' timestamps count, not
    the broker's."""
    config = {"message.timestamp.type": "CreateTime"}
    if topic in LOGS and not scaled:
        config["message.timestamp.type"] = "LogAppendTime"  # the broker's clock is stream time
    if scaled:
        config["message.timestamp.after.max.ms"] = ANY_TIME
        config["message.timestamp.before.max.ms"] = ANY_TIME
    if topic in POSITION_TOPICS.values():
        config |= {"cleanup.policy": "compact", "segment.bytes": "67108864"}
        config |= {"min.cleanable.dirty.ratio": "0.2", "min.compaction.lag.ms": "60000"}
    else:
        config |= {"cleanup.policy": "delete", "retention.ms": FOR_EVER}
    if topic not in PUBLIC_IN:
        config["max.message.bytes"] = "4000000"  # a dead letter holds its original record and more
    return config


def create_topics(settings: Settings, layout: Layout, replication: int = -1) -> list[str]:
    """Creates the missing topics and returns their names on the broker. Raises TopicsInvalid,
    KafkaException."""
    scaled = settings.scaled_clock().scaled
    with admin_client(settings) as client:
        present = set(client.list_topics(timeout=15).topics)
        missing = [
            NewTopic(
                settings.topic_prefix + topic.value,
                layout.partitions(topic),
                replication,
                config=topic_config(topic, scaled=scaled),
            )
            for topic in Topic
            if settings.topic_prefix + topic.value not in present
        ]
        if missing:
            for name, created in client.create_topics(missing, request_timeout=30).items():
                _check_created(name, created)
    return [topic.topic for topic in missing]


def _check_created(name: str, created: object) -> None:
    try:
        created.result()  # type: ignore[attr-defined]
    except KafkaException as error:
        if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
            raise TopicsInvalid(f"{name}: {error.args[0].str()}") from error


def partition_counts(settings: Settings) -> dict[Topic, int]:
    """The number of partitions of each topic that exists on the broker."""
    with admin_client(settings) as client:
        present = client.list_topics(timeout=15).topics
    metadata = {topic: present.get(settings.topic_prefix + topic.value) for topic in Topic}
    return {topic: len(data.partitions) for topic, data in metadata.items() if data is not None}


def layout_for(present: Mapping[Topic, int], requested: Mapping[str, int]) -> Layout:
    """The numbers of partitions that are requested; for other topics the numbers of those that are
    `present`, or the defaults."""
    existing = {name: present[first] for name, first, _ in _groups(present)}
    return Layout(**{**existing, **requested})


def partition_count_problems(
    settings: Settings, present: Mapping[Topic, int], requested: Mapping[str, int]
) -> list[str]:
    """A line for each topic whose number of partitions is not the requested one, or differs from
    that of the other topics of its group."""
    problems = []
    for name, first, topics in _groups(present):
        expected = requested.get(name, present[first])
        why = f"must have {expected} as {settings.topic_prefix}{first.value}"
        if name in requested:
            why = f"not {expected}: a keyed topic keeps the number it was made with"
        problems += [
            f"{settings.topic_prefix}{topic.value}: has {present[topic]} partitions, {why}"
            for topic in topics
            if present[topic] != expected
        ]
    return problems


def _groups(present: Mapping[Topic, int]) -> Iterator[tuple[str, Topic, list[Topic]]]:
    """The groups of topics that have the same number of partitions: the name of that number in the
    layout, the first present topic, and all present topics."""
    for name, topics in PARTITION_GROUPS.items():
        if in_group := [topic for topic in topics if topic in present]:
            yield name, in_group[0], in_group


def layout_of(settings: Settings) -> Layout:
    """The numbers of partitions of the topics on the broker. Raises TopicsInvalid if topics are
    missing, or if topics of one group have different numbers."""
    present = partition_counts(settings)
    missing = [settings.topic_prefix + topic.value for topic in Topic if topic not in present]
    if missing:
        raise TopicsInvalid(f"missing topics: {', '.join(missing)}; make them: touchstream topics")
    if wrong := partition_count_problems(settings, present, {}):
        raise TopicsInvalid("\n".join(wrong))
    return layout_for(present, {})


def config_problems(settings: Settings, topics: Iterable[Topic]) -> list[str]:
    """A line for each option of the existing `topics` that differs from what the engine needs."""
    scaled = settings.scaled_clock().scaled
    resources = {
        ConfigResource(ResourceType.TOPIC, settings.topic_prefix + topic.value): topic
        for topic in topics
    }
    problems = []
    with admin_client(settings) as client:
        answers = client.describe_configs(list(resources), request_timeout=15)
        present = {resource: answer.result() for resource, answer in answers.items()}
    for resource, topic in resources.items():
        for name, needed in topic_config(topic, scaled=scaled).items():
            value = present[resource][name].value
            if name in EXACTLY and value != needed:
                problems.append(f"{resource.name}: {name} is {value}, must be {needed}")
            elif name in AT_LEAST and int(value) < int(needed):
                problems.append(f"{resource.name}: {name} is {value}, must be at least {needed}")
    return problems
