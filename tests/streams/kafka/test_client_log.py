"""What Kafka clients log while no broker answers: lines of our log, few of them, and none of the
client's own."""

import logging
import time

import msgspec
import pytest
from confluent_kafka import KafkaException

from streams.base.log_format import JsonFormatter
from streams.base.settings import Settings, load_settings
from streams.cli.command_settings import without_client_log
from streams.kafka import client_log, clients
from streams.kafka.client_log import ClientLog

REFUSED = "[thrd:kafka-1:9092/bootstrap]: kafka-1:9092/bootstrap: Connect to ipv4#10.0.0.1:9092"
CLIENT = "touchstream#producer-3"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a broker that refuses every connection, and a process that has logged nothing yet."""
    monkeypatch.setattr(clients, "CLIENT_LOG", ClientLog())
    return load_settings({"TOUCHSTREAM_BOOTSTRAP_SERVERS": "127.0.0.1:1"})


def use_every_client(settings: Settings) -> None:
    """Makes a client of each kind, which connects in vain, and closes it."""
    with clients.admin_client(settings) as admin, pytest.raises(KafkaException):
        admin.list_topics(timeout=0.5)
    consumer = clients.read_committed_consumer(settings)
    with pytest.raises(KafkaException):
        consumer.list_topics(timeout=0.5)
    consumer.close()
    producer = clients.idempotent_producer(settings)
    with pytest.raises(KafkaException):
        producer.list_topics(timeout=0.5)
    producer.poll(0)


def test_each_kind_of_client_writes_one_line_about_a_broker_that_is_away(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    use_every_client(settings)
    lines = [msgspec.json.decode(JsonFormatter().format(record)) for record in caplog.records]
    refused = [line for line in lines if "Connection refused" in line["message"]]
    assert {line["client"].partition("-")[0] for line in refused} == {
        "touchstream#producer",  # of the admin client too
        "touchstream#consumer",
    }
    assert len(refused) == 2
    assert {(line["logger"], line["level"], line["facility"]) for line in refused} == {
        ("touchstream.kafka.client", "error", "FAIL")
    }
    assert "%3|" not in capfd.readouterr().err


def test_commands_write_nothing_of_their_clients(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    use_every_client(without_client_log(settings))
    assert (caplog.text, capfd.readouterr().err) == ("", "")


def test_a_line_that_comes_again_is_written_later_with_the_number_of_the_others(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, now = ClientLog(), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def write(text: str, client: str = CLIENT) -> None:
        log.log(logging.ERROR, "%s [%s] %s", "FAIL", client, text)

    for number in range(5):
        write(f"{REFUSED} failed: Connection refused (after {number}ms in state CONNECT)")
    write(f"{REFUSED} failed: Connection refused", "touchstream#producer-7")
    assert len(caplog.records) == 1
    write(f"{REFUSED} failed: Connection refused", "touchstream#consumer-4")
    write(f"{REFUSED.replace('kafka-1', 'kafka-2')} failed: Connection refused")
    assert len(caplog.records) == 3
    now += client_log.REPEAT_AFTER_S
    write(f"{REFUSED} failed: Connection refused (after 9ms in state CONNECT)")
    assert len(caplog.records) == 4
    assert [record.__dict__["left_out"] for record in caplog.records] == [0, 0, 0, 5]
    assert caplog.records[3].getMessage().startswith("kafka-1:9092/bootstrap: Connect to")


def test_the_number_of_remembered_causes_is_bounded() -> None:
    log = ClientLog()
    for number in range(2 * client_log.CAUSES_MAX):
        log.log(logging.DEBUG, "", "FAIL", CLIENT, f"kafka-{number}:9092: Disconnected")
    assert len(log._shown) == client_log.CAUSES_MAX
