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
from streams.kafka.topic_options import needed_options, topic_config
from tests.testing.command_line import Touchstream, wait_until

pytestmark = pytest.mark.live

SMALL = Layout(public=1, contact=2, dispatch=1, commands=1, facts=1)


def set_option(topic: Topic, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    named = ConfigResource(ResourceType.TOPIC, name_of(topic), incremental_configs=[entry])
    with admin_client(load_settings()) as client:
        for answer in client.incremental_alter_configs([named]).values():
            answer.result(15)
        resource = ConfigResource(ResourceType.TOPIC, name_of(topic))

        def found() -> str | None:
            (answer,) = client.describe_configs([resource]).values()
            option: str | None = answer.result(15)[name].value
            return option

        wait_until(lambda: found() == value)  # the broker applies the change later


def widen(topic: Topic, number: int) -> None:
    with admin_client(load_settings()) as client:
        for answer in client.create_partitions([NewPartitions(name_of(topic), number)]).values():
            answer.result(15)
    wait_until(lambda: topics.partition_counts(load_settings())[topic] == number)


def name_of(topic: Topic) -> str:
    return load_settings().topic_prefix + topic.value


def test_a_wrong_topic_option_is_reported_with_the_required_value(
    deployment: dict[str, str], touchstream: Touchstream
) -> None:
    topics.create_topics(load_settings(), SMALL)
    set_option(COMMAND_TOPICS["sms"], "max.message.bytes", "5000000")
    assert touchstream("topics").code == 0
    for topic in (Topic.JOBS, COMMAND_TOPICS["sms"], Topic.FACTS):  # not needed to fold again
        set_option(topic, "retention.ms", "604800000")
        set_option(topic, "retention.bytes", "1048576")
    assert touchstream("topics").code == 0
    set_option(Topic.CAMPAIGN_LOG, "retention.ms", "604800000")
    set_option(Topic.DISPATCH_LOG, "retention.bytes", "1048576")
    set_option(Topic.CONTACT_LOG, "message.timestamp.type", "CreateTime")
    set_option(Topic.CONTACT_CHANGELOG, "cleanup.policy", "delete")
    set_option(Topic.DEAD_LETTERS, "max.message.bytes", "1048588")
    for arguments in (("topics",), ("topics", "--check")):
        result = touchstream(*arguments)
        assert result.code == 1
        assert sorted(result.err.split("\n")[:-1]) == sorted(
            [
                f"{name_of(Topic.CAMPAIGN_LOG)}: retention.ms is 604800000, must be -1",
                f"{name_of(Topic.DISPATCH_LOG)}: retention.bytes is 1048576, must be -1",
                f"{name_of(Topic.CONTACT_LOG)}: message.timestamp.type is CreateTime, "
                "must be LogAppendTime",
                f"{name_of(Topic.CONTACT_CHANGELOG)}: cleanup.policy is delete, must be compact",
                f"{name_of(Topic.DEAD_LETTERS)}: max.message.bytes is 1048588, "
                "must be at least 4000000",
            ]
        )


def test_logs_may_be_cut_where_a_setting_gives_refolding_up(
    deployment: dict[str, str], touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics.create_topics(load_settings(), SMALL)
    set_option(Topic.CONTACT_LOG, "retention.ms", "604800000")
    assert touchstream("topics", "--check").code == 1
    monkeypatch.setenv("TOUCHSTREAM_LOGS_MAY_BE_CUT", "true")
    assert touchstream("topics", "--check").code == 0


def test_three_replicas_need_two_of_them_for_each_record() -> None:
    one = needed_options(Topic.CONTACT_CHANGELOG, scaled=False, replicas=1)
    three = needed_options(Topic.CONTACT_CHANGELOG, scaled=False, replicas=3)
    assert three == one | {"min.insync.replicas": "2"}
    assert one["unclean.leader.election.enable"] == "false"


def test_a_role_waits_for_wrong_topics_and_then_names_them(
    deployment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = load_settings()
    with pytest.raises(topics.TopicsInvalid, match="missing topics"):
        topics.await_topics(settings, lambda: False, wait_s=0.1)
    assert "the topics cannot be used: waiting" in caplog.text
    topics.create_topics(settings, SMALL)
    assert topics.await_topics(settings, lambda: False, wait_s=30) == SMALL
    set_option(Topic.CONTACT_LOG, "cleanup.policy", "compact")
    with pytest.raises(topics.TopicsInvalid, match=r"contact-log: cleanup.policy is compact"):
        topics.await_topics(settings, lambda: False, wait_s=0.1)
    assert not topics.await_topics(settings, lambda: True, wait_s=30)


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
        name_of(Topic.CONTACT_LOG), 3, config=topic_config(Topic.CONTACT_LOG, scaled=False)
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
