"""A projector that waits for PostgreSQL hears that it is to stop; one whose client never answers
ends."""

import threading

import pytest
from pydantic import SecretStr

from streams.broker import create
from streams.embedded.stack import Stack
from streams.projector import Projector
from streams.settings import Settings
from streams.watchdog import Watchdog
from tests.live.house import ONE_EACH

NOWHERE = SecretStr("postgresql://nobody@127.0.0.1:1/nothing")


@pytest.fixture
def projector(stack: Stack, topic_prefix: str) -> Projector:
    settings = Settings(
        bootstrap_servers=stack.kafka.bootstrap,
        topic_prefix=topic_prefix,
        postgres_dsn=NOWHERE,
    )
    create(settings, ONE_EACH)
    return Projector(settings)


@pytest.mark.live
def test_without_postgresql_it_stops_when_asked(
    projector: Projector, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = threading.Event()
    caplog.handler.emit = lambda record: (  # type: ignore[method-assign]
        waiting.set() if "waiting" in record.getMessage() else None
    )
    asked = threading.Event()
    running = threading.Thread(target=projector.run, args=(asked.is_set,), daemon=True)
    running.start()
    assert waiting.wait(30)
    asked.set()
    running.join(15)
    assert not running.is_alive()
    projector.close()


class Deaf:
    """A client whose calls do not come back."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def consume(self, *_: object) -> list[object]:
        self.let_go.wait()
        return []


@pytest.mark.live
def test_a_client_that_does_not_come_back_ends_the_process(projector: Projector) -> None:
    ended, deaf, real = threading.Event(), Deaf(), projector._consumer
    projector._stopping = lambda: True  # PostgreSQL is not waited for
    projector._watchdog.close()
    projector._watchdog = Watchdog(0.2, ended.set)
    projector._consumer = deaf  # type: ignore[assignment]
    running = threading.Thread(target=projector.turn, daemon=True)
    running.start()
    assert ended.wait(10)
    deaf.let_go.set()
    running.join(10)
    projector._consumer = real
    projector.close()
