"""An admin client that cannot end holds nobody up."""

import threading
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from streams.base.settings import load_settings
from streams.kafka import clients
from tests.testing.waiting import WAIT_TIMEOUT_S


def test_an_admin_client_that_never_ends_is_left_to_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that has lost its brokers may never end: the loop of a projector stood still."""
    released, ended = threading.Event(), threading.Event()
    end = AdminClient.__exit__

    def end_late(client: AdminClient, *exception: Any) -> None:
        released.wait(WAIT_TIMEOUT_S)
        end(client, *exception)
        ended.set()

    monkeypatch.setattr(AdminClient, "__exit__", end_late)
    monkeypatch.setattr(clients, "END_MAX_S", 0.01, raising=False)
    settings = load_settings({"TOUCHSTREAM_BOOTSTRAP_SERVERS": "127.0.0.1:9"})
    with clients.admin_client(settings):
        pass
    assert not ended.is_set(), "the end of the client was waited for"
    released.set()
    assert ended.wait(WAIT_TIMEOUT_S)
