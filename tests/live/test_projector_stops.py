"""A projector that waits for PostgreSQL goes on polling Kafka, and stops when it is asked to."""

import logging
import threading

import pytest
from pydantic import SecretStr

from streams.base.settings import Settings
from streams.embedded.stack import Stack
from streams.kafka.topics import create_topics
from streams.runtime.projector import Projector
from tests.testing.command_line import wait_until
from tests.testing.two_tenant_engine import ONE_EACH
from tests.testing.waiting import WAIT_TIMEOUT_S

NOWHERE = SecretStr("postgresql://nobody@127.0.0.1:1/nothing")


@pytest.mark.live
def test_a_projector_without_postgresql_stops_when_asked(
    stack: Stack,
    topic_prefix: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(
        bootstrap_servers=stack.kafka.bootstrap,
        kafka=stack.kafka.credentials,
        topic_prefix=topic_prefix,
        postgres_dsn=NOWHERE,
    )
    create_topics(settings, ONE_EACH)
    waiting = threading.Event()
    reports: list[str] = []

    def emit(record: logging.LogRecord) -> None:
        if "waiting" in record.getMessage():
            reports.append(str(record.__dict__.get("error")))
            waiting.set()

    monkeypatch.setattr(caplog.handler, "emit", emit)  # all tests share the handler
    projector = Projector(settings)
    stop_requested = threading.Event()
    rounds = 0

    def stopping() -> bool:
        nonlocal rounds
        rounds += waiting.is_set()
        return stop_requested.is_set()

    running = threading.Thread(target=projector.run, args=(stopping,), daemon=True)
    running.start()
    assert waiting.wait(WAIT_TIMEOUT_S)
    wait_until(lambda: rounds > 5)  # Kafka is polled in each round
    assert len({*reports}) == len(reports)  # a broker may not know a new topic at first
    stop_requested.set()
    running.join(WAIT_TIMEOUT_S)
    assert not running.is_alive()
    projector.close()
