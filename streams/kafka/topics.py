"""The topics on the broker: made as the design needs them, and checked where they exist already."""

from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from schemas.internal.topics import LOGS, NUMBERED, POSITION_TOPICS, PUBLIC_IN, Layout, Topic
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
"""Options without which records are lost, refused or misdated; the others are for speed."""


class TopicsWrong(Exception):
    """Topics are missing, or are not what the engine needs; the message says which and what to
    do."""


def options(topic: Topic, *, scaled: bool) -> dict[str, str]:
    """How Kafka must keep a topic. In a time lapse the writers' clock counts, not the broker's."""
    found = {"message.timestamp.type": "CreateTime"}
    if topic in LOGS and not scaled:
        found["message.timestamp.type"] = "LogAppendTime"  # stream time is the broker's (2.2)
    if scaled:
        found["message.timestamp.after.max.ms"] = ANY_TIME
        found["message.timestamp.before.max.ms"] = ANY_TIME
    if topic in POSITION_TOPICS.values():
        found |= {"cleanup.policy": "compact", "segment.bytes": "67108864"}
        found |= {"min.cleanable.dirty.ratio": "0.2", "min.compaction.lag.ms": "60000"}
    else:
        found |= {"cleanup.policy": "delete", "retention.ms": FOR_EVER}
    if topic not in PUBLIC_IN:
        found["max.message.bytes"] = "4000000"  # a dead letter is its original and more
    return found


def create(settings: Settings, layout: Layout, replication: int = -1) -> list[str]:
    """Makes the topics that are missing; returns their names. Raises TopicsWrong,
    KafkaException."""
    scaled = settings.scaled_clock().scaled
    with admin_client(settings) as client:
        present = set(client.list_topics(timeout=15).topics)
        wanted = [
            NewTopic(
                settings.topic_prefix + topic.value,
                layout.partitions(topic),
                replication,
                config=options(topic, scaled=scaled),
            )
            for topic in Topic
            if settings.topic_prefix + topic.value not in present
        ]
        if wanted:
            for name, made in client.create_topics(wanted, request_timeout=30).items():
                _result(name, made)
    return [topic.topic for topic in wanted]


def _result(name: str, made: object) -> None:
    try:
        made.result()  # type: ignore[attr-defined]
    except KafkaException as error:
        if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
            raise TopicsWrong(f"{name}: {error.args[0].str()}") from error


def numbers(settings: Settings) -> dict[Topic, int]:
    """How many partitions each topic has that is on the broker."""
    with admin_client(settings) as client:
        present = client.list_topics(timeout=15).topics
    found = {topic: present.get(settings.topic_prefix + topic.value) for topic in Topic}
    return {topic: len(known.partitions) for topic, known in found.items() if known is not None}


def fitting(present: Mapping[Topic, int], asked: Mapping[str, int]) -> Layout:
    """The numbers asked for; else those of the topics that are there; else our own."""
    there = {name: present[first] for name, first, _ in _groups(present)}
    return Layout(**{**there, **asked})


def misnumbered(
    settings: Settings, present: Mapping[Topic, int], asked: Mapping[str, int]
) -> list[str]:
    """Topics with other numbers of partitions than asked for, or than their like, in words."""
    found = []
    for name, first, topics in _groups(present):
        wanted = asked.get(name, present[first])
        why = f"must have {wanted} as {settings.topic_prefix}{first.value}"
        if name in asked:
            why = f"not {wanted}: a keyed topic keeps the number it was made with"
        found += [
            f"{settings.topic_prefix}{topic.value}: has {present[topic]} partitions, {why}"
            for topic in topics
            if present[topic] != wanted
        ]
    return found


def _groups(present: Mapping[Topic, int]) -> Iterator[tuple[str, Topic, list[Topic]]]:
    """Of the topics that are there, those with one number: its name, the first of them, all."""
    for name, topics in NUMBERED.items():
        if there := [topic for topic in topics if topic in present]:
            yield name, there[0], there


def layout_of(settings: Settings) -> Layout:
    """How many partitions the logs have on the broker. Raises TopicsWrong where topics are
    missing, or do not have as many as their like."""
    present = numbers(settings)
    missing = [settings.topic_prefix + topic.value for topic in Topic if topic not in present]
    if missing:
        raise TopicsWrong(f"missing topics: {', '.join(missing)}; make them: touchstream topics")
    if wrong := misnumbered(settings, present, {}):
        raise TopicsWrong("\n".join(wrong))
    return fitting(present, {})


def mismatches(settings: Settings, topics: Iterable[Topic]) -> list[str]:
    """Options of existing topics that differ from what the engine needs, in words."""
    scaled = settings.scaled_clock().scaled
    asked = {
        ConfigResource(ResourceType.TOPIC, settings.topic_prefix + topic.value): topic
        for topic in topics
    }
    found = []
    with admin_client(settings) as client:
        answers = client.describe_configs(list(asked), request_timeout=15)
        present = {resource: answer.result() for resource, answer in answers.items()}
    for resource, topic in asked.items():
        for name, wanted in options(topic, scaled=scaled).items():
            value = present[resource][name].value
            if name in EXACTLY and value != wanted:
                found.append(f"{resource.name}: {name} is {value}, must be {wanted}")
            elif name in AT_LEAST and int(value) < int(wanted):
                found.append(f"{resource.name}: {name} is {value}, must be at least {wanted}")
    return found
