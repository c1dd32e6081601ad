"""The topics on the broker: creates those that are missing, and checks the numbers of partitions of
those that exist."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import NewTopic

from schemas.internal.topics import PARTITION_GROUPS, Layout, Topic
from streams.base.settings import Settings
from streams.base.transport import FatalClientError
from streams.kafka.clients import admin_client
from streams.kafka.topic_options import default_replicas, option_problems, topic_config

log = logging.getLogger("touchstream.kafka")

TOPICS_WAIT_S = 120.0
CHECK_INTERVAL_S = 1.0


class TopicsInvalid(Exception):
    """Topics are missing, or are not what the engine needs; the message names them and what to
    do."""


def create_topics(settings: Settings, layout: Layout, replication: int = -1) -> list[str]:
    """Creates the missing topics and returns their names on the broker. Raises TopicsInvalid,
    KafkaException."""
    scaled = settings.scaled_clock().scaled
    with admin_client(settings) as client:
        present = set(client.list_topics(timeout=15).topics)
        names = {topic: settings.topic_prefix + topic.value for topic in Topic}
        missing = [topic for topic in Topic if names[topic] not in present]
        if missing:
            replicas = default_replicas(client) if replication < 0 else replication
            new = [
                NewTopic(
                    names[topic],
                    layout.partitions(topic),
                    replication,
                    config=topic_config(topic, scaled=scaled, replicas=replicas),
                )
                for topic in missing
            ]
            for name, created in client.create_topics(new, request_timeout=30).items():
                _check_created(name, created)
    return [names[topic] for topic in missing]


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


def await_topics(
    settings: Settings, stopping: Callable[[], bool], wait_s: float = TOPICS_WAIT_S
) -> Layout | None:
    """The layout, once all topics are as the engine needs them; None if the process is to stop
    meanwhile. A broker that has just started may not know a topic yet, so problems count only if
    they last for `wait_s` seconds. Raises TopicsInvalid, FatalClientError."""
    deadline_s = time.monotonic() + wait_s
    reported = ""
    while not stopping():
        found = _layout_or_problem(settings)
        if isinstance(found, Layout):
            return found
        if time.monotonic() >= deadline_s:
            raise found
        if str(found) != reported:
            reported = str(found)
            fields = {"error": reported, "seconds": wait_s}
            log.warning("the topics cannot be used: waiting", extra=fields)
        time.sleep(CHECK_INTERVAL_S)
    return None


def _layout_or_problem(settings: Settings) -> Layout | TopicsInvalid | FatalClientError:
    try:
        layout = layout_of(settings)
        wrong = option_problems(settings, Topic)
    except TopicsInvalid as error:
        return error
    except KafkaException as error:
        return FatalClientError(f"topics cannot be read: {error.args[0].str()}")
    return TopicsInvalid("\n".join(wrong)) if wrong else layout
