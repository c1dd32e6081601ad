"""The options of topics on the broker: those with which topics are created, and the check of those
that exist. With another value of a checked option records would be lost, refused or misdated."""

from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ConfigEntry,
    ConfigResource,
    ResourceType,
    TopicMetadata,
)

from schemas.internal.topics import LOGS, POSITION_TOPICS, PUBLIC_IN, Topic
from streams.base.settings import Settings
from streams.kafka.clients import admin_client

CALL_TIMEOUT_S = 15
FOR_EVER = "-1"
ANY_TIME = str(2**63 - 1)
SAFE_REPLICAS = 3
"""From this many replicas on a topic must have each record on two of them before it counts: one
lost broker then loses nothing."""

BROKER_TOPICS = ("__transaction_state", "__consumer_offsets")
"""The broker's own topics whose loss would lose or repeat what touchstream has committed."""

CHANGELOG_TOPICS = frozenset(POSITION_TOPICS.values())
_EXACTLY = (
    "message.timestamp.type",
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "unclean.leader.election.enable",
)
_AT_LEAST = (
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "min.insync.replicas",
)
Options = Mapping[str, str]
Described = Mapping[str, ConfigEntry]


def topic_config(topic: Topic, *, scaled: bool, replicas: int = 1) -> dict[str, str]:
    """The options with which a topic of so many `replicas` is created: the needed ones, no
    retention limit, and some for speed."""
    config = needed_options(topic, scaled=scaled, replicas=replicas)
    if topic in CHANGELOG_TOPICS:
        config |= {"segment.bytes": "67108864", "min.cleanable.dirty.ratio": "0.2"}
        config["min.compaction.lag.ms"] = "60000"
    else:
        config |= {"retention.ms": FOR_EVER, "retention.bytes": FOR_EVER}
    return config


def needed_options(
    topic: Topic, *, scaled: bool, replicas: int, may_be_cut: bool = False
) -> dict[str, str]:
    """The options without which a topic would lose, refuse or misdate records. With a `scaled`
    clock the producers' timestamps count, not the broker's.

    The logs that are folded again keep every record, unless they `may_be_cut`. What a retention
    deletes of the other topics is not needed to fold.
    """
    config = {"message.timestamp.type": "CreateTime", "cleanup.policy": "delete"}
    if topic in CHANGELOG_TOPICS:
        config["cleanup.policy"] = "compact"
    if topic in LOGS:
        if not scaled:
            config["message.timestamp.type"] = "LogAppendTime"  # the broker's clock is stream time
        if not may_be_cut:
            config |= {"retention.ms": FOR_EVER, "retention.bytes": FOR_EVER}
    if scaled:
        config["message.timestamp.after.max.ms"] = ANY_TIME
        config["message.timestamp.before.max.ms"] = ANY_TIME
    if topic not in PUBLIC_IN:
        config["max.message.bytes"] = "4000000"  # a dead letter holds its original record and more
    return config | _replica_options(replicas)


def _replica_options(replicas: int) -> dict[str, str]:
    safe = {"unclean.leader.election.enable": "false"}
    return safe | {"min.insync.replicas": "2"} if replicas >= SAFE_REPLICAS else safe


def option_problems(settings: Settings, topics: Iterable[Topic]) -> list[str]:
    """A line for each option of the existing `topics`, and of the broker's own, that differs from
    what the engine needs. Raises KafkaException."""
    scaled = settings.scaled_clock().scaled
    needed: dict[str, Options] = {}
    with admin_client(settings) as client:
        present = client.list_topics(timeout=CALL_TIMEOUT_S).topics
        for topic in topics:
            name = settings.topic_prefix + topic.value
            if name in present:
                needed[name] = needed_options(
                    topic,
                    scaled=scaled,
                    replicas=_replicas(present[name]),
                    may_be_cut=settings.logs_may_be_cut,
                )
        most = max((_replicas(present[name]) for name in needed), default=1)
        for name in BROKER_TOPICS:
            if name in present:  # a new broker creates them when they are needed
                needed[name] = _replica_options(_replicas(present[name]))
        described = _described(client, needed)
    problems = [
        line for name in needed for line in _differences(name, needed[name], described[name])
    ]
    problems += [
        f"{name}: has {_replicas(present[name])} replicas, must have {most} as the topics"
        for name in BROKER_TOPICS
        if name in present and _replicas(present[name]) < most
    ]
    return problems


def default_replicas(client: AdminClient) -> int:
    """The number of replicas that the broker gives to a topic which asks for none. Raises
    KafkaException."""
    broker = str(next(iter(client.list_topics(timeout=CALL_TIMEOUT_S).brokers)))
    resource = ConfigResource(ResourceType.BROKER, broker)
    answers = client.describe_configs([resource], request_timeout=CALL_TIMEOUT_S)
    return int(str(answers[resource].result()["default.replication.factor"].value))


def _described(client: AdminClient, names: Iterable[str]) -> dict[str, Described]:
    """The options of topics on the broker. Those of a topic that this user may not describe are
    empty, and are not checked: many a hosted Kafka hides its own topics."""
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    answers = client.describe_configs(resources, request_timeout=CALL_TIMEOUT_S)
    described: dict[str, Described] = {}
    for resource, answer in answers.items():
        try:
            described[str(resource.name)] = answer.result()
        except KafkaException as error:
            if not error.args[0].name().endswith("AUTHORIZATION_FAILED"):
                raise
            described[str(resource.name)] = {}
    return described


def _differences(name: str, needed: Options, present: Described) -> Iterator[str]:
    for option, value in needed.items():
        if option not in present:
            continue
        found = present[option].value
        if option in _EXACTLY and found != value:
            yield f"{name}: {option} is {found}, must be {value}"
        elif option in _AT_LEAST and int(str(found)) < int(value):
            yield f"{name}: {option} is {found}, must be at least {value}"


def _replicas(topic: TopicMetadata) -> int:
    """The fewest replicas of a partition of the topic."""
    return min((len(partition.replicas) for partition in topic.partitions.values()), default=1)
