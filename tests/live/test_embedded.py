"""The embedded servers give the guarantees that the engine needs."""

import os
import pwd
import socket
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema

from streams.base.settings import load_settings
from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.postgres_user import server_uid
from streams.embedded.processes import Process, StartFailed
from streams.embedded.registry import EmbeddedRegistry
from streams.embedded.stack import Stack, StackInUse
from streams.kafka.registry import registry_client

pytestmark = pytest.mark.live

HARMLESS = ("port", "postgres.pid", "initialised", "stack.lock")
"""Files that other users may read."""


def create_topic(kafka: EmbeddedKafka, name: str) -> str:
    admin = AdminClient(kafka.client_options)
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()
    return name


def transactional_producer(kafka: EmbeddedKafka, name: str) -> Producer:
    settings = {**kafka.client_options, "transactional.id": name, "log_level": "0"}
    producer = Producer(settings)
    producer.init_transactions(20)
    return producer


def committed_values(kafka: EmbeddedKafka, name: str) -> list[bytes | None]:
    """The values that a read_committed consumer reads, up to the end of the log."""
    settings = {
        **kafka.client_options,
        "group.id": name,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(name, 0, OFFSET_BEGINNING)])
    values = []
    while (message := consumer.poll(20)) is not None:
        if (error := message.error()) is not None:
            assert error.code() == KafkaError._PARTITION_EOF
            break
        values.append(message.value())
    consumer.close()
    return values


def test_a_second_producer_with_the_same_id_fences_the_first(
    stack: Stack, topic_prefix: str
) -> None:
    name = create_topic(stack.kafka, f"{topic_prefix}fenced")
    first = transactional_producer(stack.kafka, name)
    first.begin_transaction()
    first.produce(name, b"from the fenced producer")
    first.flush(10)
    second = transactional_producer(stack.kafka, name)
    with pytest.raises(KafkaException) as refused:
        first.commit_transaction(20)
    assert refused.value.args[0].fatal()
    second.begin_transaction()
    second.produce(name, b"from its successor")
    second.commit_transaction(20)
    assert committed_values(stack.kafka, name) == [b"from its successor"]


def test_records_of_an_aborted_transaction_are_never_read(stack: Stack, topic_prefix: str) -> None:
    name = create_topic(stack.kafka, f"{topic_prefix}aborted")
    producer = transactional_producer(stack.kafka, name)
    for value, end in (
        (b"aborted", producer.abort_transaction),
        (b"committed", producer.commit_transaction),
    ):
        producer.begin_transaction()
        producer.produce(name, value)
        producer.flush(10)
        end(20)
    assert committed_values(stack.kafka, name) == [b"committed"]


def test_kafka_keeps_its_data_over_a_kill(stack: Stack, topic_prefix: str) -> None:
    name = create_topic(stack.kafka, f"{topic_prefix}killed")
    producer = transactional_producer(stack.kafka, name)
    producer.begin_transaction()
    producer.produce(name, b"kept")
    producer.commit_transaction(20)
    address = stack.kafka.bootstrap
    stack.kafka.kill()
    stack.kafka.restart()
    assert stack.kafka.bootstrap == address
    assert committed_values(stack.kafka, name) == [b"kept"]


def test_postgresql_keeps_its_data_over_a_kill(stack: Stack) -> None:
    with psycopg.connect(stack.postgres.dsn) as before:
        before.execute("CREATE TABLE kept_by_the_embedded_test AS SELECT 42 AS answer")
    address = stack.postgres.dsn
    stack.postgres.kill()
    stack.postgres.restart()
    assert stack.postgres.dsn == address
    with psycopg.connect(stack.postgres.dsn) as after:
        rows = after.execute("SELECT answer FROM kept_by_the_embedded_test").fetchall()
        after.execute("DROP TABLE kept_by_the_embedded_test")
    assert rows == [(42,)]


def test_postgresql_requires_the_password(stack: Stack) -> None:
    wrong = psycopg.conninfo.make_conninfo(stack.postgres.dsn, password="guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_kafka_requires_the_password(stack: Stack) -> None:
    right = stack.kafka.client_options
    assert AdminClient(right).list_topics(timeout=20).brokers
    for wrong in (
        {"bootstrap.servers": right["bootstrap.servers"]},
        {**right, "sasl.password": "guessed"},
        {**right, "sasl.username": "somebody"},
    ):
        with pytest.raises(KafkaException):
            AdminClient({**wrong, "log_level": "0"}).list_topics(timeout=2)
    assert str(right["sasl.password"]) not in stack.kafka.process.log.read_text()


def test_the_controller_of_kafka_requires_the_password(stack: Stack, stack_dir: Path) -> None:
    port = (stack_dir / "kafka" / "controller.port").read_text()
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as anybody:
        anybody.sendall(bytes.fromhex("0000000a0012000000000007") + bytes(2))  # ApiVersions
        assert anybody.recv(1_024)
        anybody.sendall(bytes.fromhex("0000000e0003000000000008") + bytes(6))  # Metadata
        assert anybody.recv(1_024) == b""


def test_the_registry_returns_a_registered_schema(
    registry: EmbeddedRegistry, topic_prefix: str
) -> None:
    settings = load_settings(registry.environment)
    schema = Schema('{"type":"record","name":"Sample","fields":[]}', "AVRO")
    number = registry_client(settings).register_schema(f"{topic_prefix}sample-value", schema)
    found = registry_client(settings).get_schema(number)
    assert found.schema_type == "AVRO"
    assert '"Sample"' in str(found.schema_str)


def test_data_is_closed_to_other_users(stack: Stack, stack_dir: Path) -> None:
    cluster = stack_dir / "postgres" / "cluster"
    for folder in (stack_dir / "kafka", cluster):
        assert folder.stat().st_mode & 0o777 == 0o700
    for file in stack_dir.rglob("*"):
        if file.is_file() and file.stat().st_mode & 0o077:
            closed = [parent for parent in file.parents if not parent.stat().st_mode & 0o077]
            assert closed or file.name in ("port", "postgres.pid", "initialised", "stack.lock"), (
                file
            )
    assert (stack_dir / "kafka").stat().st_uid == os.getuid()
    owner = cluster.stat().st_uid
    assert owner == psutil.Process(stack.postgres.pid).uids().real == server_uid()
    assert owner not in (0, pwd.getpwnam("nobody").pw_uid)


def test_a_directory_is_used_by_one_stack_at_a_time(stack: Stack, stack_dir: Path) -> None:
    with pytest.raises(StackInUse, match=r"in use by process \d+"):
        Stack(stack_dir).start()


def test_a_server_that_cannot_start_reports_the_reason(tmp_path: Path) -> None:
    server = Process("broken", ["/bin/sh", "-c", "echo no room left; exit 1"], directory=tmp_path)
    with pytest.raises(StartFailed, match="no room left"):
        server.start(lambda: False, timeout_s=5)
