"""A projector that waits for PostgreSQL hears that it is to stop."""

import threading
from uuid import uuid4

import pytest
from pydantic import SecretStr

from schemas.topics import Layout
from streams.broker import create
from streams.embedded.stack import Stack
from streams.projector import Projector
from streams.settings import Settings

NOWHERE = SecretStr("postgresql://nobody@127.0.0.1:1/nothing")


@pytest.mark.live
def test_without_postgresql_it_stops_when_asked(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(
        bootstrap_servers=stack.kafka.bootstrap,
        topic_prefix=f"p{uuid4().hex[:8]}.",
        postgres_dsn=NOWHERE,
    )
    create(settings, Layout(public=1, contact=1, dispatch=1, campaign=1, commands=1, facts=1))
    waiting = threading.Event()
    caplog.handler.emit = lambda record: (  # type: ignore[method-assign]
        waiting.set() if "waiting" in record.getMessage() else None
    )
    projector = Projector(settings)
    asked = threading.Event()
    running = threading.Thread(target=projector.run, args=(asked.is_set,), daemon=True)
    running.start()
    assert waiting.wait(30)
    asked.set()
    running.join(15)
    assert not running.is_alive()
    projector.close()
