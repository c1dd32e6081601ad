"""`touchstream topics` reports topics that are not as the engine needs them."""

import pytest
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from schemas.internal.topics import COMMAND_TOPICS, Layout, Topic
from streams.base.settings import load_settings
from streams.kafka import topics
from streams.kafka.clients import admin_client
from tests.testing.command_line import Touchstream

pytestmark = pytest.mark.live

SMALL = Layout(public=1, contact=2, dispatch=1, commands=1, facts=1)


def set_option(topic: Topic, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    named = ConfigResource(ResourceType.TOPIC, name_of(topic), incremental_configs=[entry])
    with admin_client(load_settings()) as client:
        for answer in client.incremental_alter_configs([named]).values():
            answer.result(15)


def widen(topic: Topic, number: int) -> None:
    with admin_client(load_settings()) as client:
        for answer in client.create_partitions([NewPartitions(name_of(topic), number)]).values():
            answer.result(15)


def name_of(topic: Topic) -> str:
    return load_settings().topic_prefix + topic.value


def test_a_wrong_topic_option_is_reported_with_the_required_value(
    deployment: dict[str, str], touchstream: Touchstream
) -> None:
    topics.create_topics(load_settings(), SMALL)
    set_option(COMMAND_TOPICS["sms"], "max.message.bytes", "5000000")
    assert touchstream("topics").code == 0
    set_option(Topic.FACTS, "retention.ms", "604800000")
    set_option(Topic.CONTACT_LOG, "message.timestamp.type", "CreateTime")
    set_option(Topic.CONTACT_CHANGELOG, "cleanup.policy", "delete")
    set_option(Topic.DEAD_LETTERS, "max.message.bytes", "1048588")
    for arguments in (("topics",), ("topics", "--check")):
        result = touchstream(*arguments)
        assert result.code == 1
        assert sorted(result.err.split("\n")[:-1]) == sorted(
            [
                f"{name_of(Topic.FACTS)}: retention.ms is 604800000, must be -1",
                f"{name_of(Topic.CONTACT_LOG)}: message.timestamp.type is CreateTime, "
                "must be LogAppendTime",
                f"{name_of(Topic.CONTACT_CHANGELOG)}: cleanup.policy is delete, must be compact",
                f"{name_of(Topic.DEAD_LETTERS)}: max.message.bytes is 1048588, "
                "must be at least 4000000",
            ]
        )


def test_topics_with_different_numbers_of_partitions_are_reported(
    deployment: dict[str, str], touchstream: Touchstream
) -> None:
    topics.create_topics(load_settings(), SMALL)
    assert topics.layout_of(load_settings()) == SMALL
    for topic, number in (
        (Topic.CONTACT_CHANGELOG, 3),
        (COMMAND_TOPICS["voice"], 2),
        (Topic.SENDERS, 2),
        (Topic.INTAKE_CHANGELOG, 2),
        (Topic.DEAD_LETTERS, 2),
    ):
        widen(topic, number)
    lines = [
        f"{name_of(Topic.SENDERS)}: has 2 partitions, must have 1 as {name_of(Topic.JOBS)}",
        f"{name_of(Topic.INTAKE_CHANGELOG)}: has 2 partitions, "
        f"must have 1 as {name_of(Topic.JOBS)}",
        f"{name_of(Topic.CONTACT_CHANGELOG)}: has 3 partitions, "
        f"must have 2 as {name_of(Topic.CONTACT_LOG)}",
        f"{name_of(COMMAND_TOPICS['voice'])}: has 2 partitions, "
        f"must have 1 as {name_of(COMMAND_TOPICS['email'])}",
    ]
    for arguments in (("topics",), ("topics", "--check")):
        result = touchstream(*arguments)
        assert (result.code, result.err.split("\n")[:-1]) == (1, lines)
    assert touchstream("topics", "--json").json()["wrong"] == lines
    with pytest.raises(topics.TopicsInvalid) as raised:
        topics.layout_of(load_settings())
    assert str(raised.value) == "\n".join(lines)


def test_a_different_number_of_partitions_is_reported_and_missing_topics_get_the_existing_number(
    deployment: dict[str, str], touchstream: Touchstream
) -> None:
    log = NewTopic(
        name_of(Topic.CONTACT_LOG), 3, config=topics.topic_config(Topic.CONTACT_LOG, scaled=False)
    )
    with admin_client(load_settings()) as client:
        for answer in client.create_topics([log]).values():
            answer.result(15)
    asked = touchstream("topics", "--contact-partitions", 24)
    assert asked.code == 1
    assert f"{name_of(Topic.CONTACT_LOG)}: has 3 partitions, not 24" in asked.err
    assert "0 created" in asked.out
    assert touchstream("topics", "--facts-partitions", 2).code == 0
    assert topics.layout_of(load_settings()) == Layout(contact=3, facts=2)
    assert touchstream("topics", "--check", "--contact-partitions", 3).code == 0
    assert touchstream("topics", "--check", "--facts-partitions", 4).code == 1
