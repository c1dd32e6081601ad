"""A client call that never returns ends the process, and fatal errors end a consumer."""

import subprocess
import sys
import threading
import time

import pytest
from confluent_kafka import KafkaError

from streams.base.exit_status import EXIT_RESTART
from streams.kafka.call_watchdog import Watchdog
from streams.kafka.errors import is_fatal_for_consumer


def test_a_call_that_does_not_return_ends_the_process() -> None:
    ended = threading.Event()
    watchdog = Watchdog(0.1, ended.set)
    watchdog.begin()
    assert ended.wait(5)


def test_calls_that_return_in_time_do_not_end_the_process() -> None:
    ended = threading.Event()
    watchdog = Watchdog(1.0, ended.set)
    for _ in range(4):
        watchdog.begin()
        time.sleep(0.4)
        watchdog.done()
    assert not ended.is_set()
    watchdog.close()


def test_the_process_ends_whatever_its_main_thread_waits_for() -> None:
    program = (
        "import time; from streams.kafka.call_watchdog import Watchdog;"
        "Watchdog(0.1).begin(); time.sleep(60)"
    )
    began = time.monotonic()
    run = subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    assert run.returncode == EXIT_RESTART
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("code", "fatal"),
    [
        (KafkaError._FATAL, True),  # error.fatal() is false for an event
        (KafkaError.FENCED_INSTANCE_ID, True),
        (KafkaError._AUTO_OFFSET_RESET, True),
        (KafkaError._TRANSPORT, False),
        (KafkaError._ALL_BROKERS_DOWN, False),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, False),
    ],
)
def test_an_error_after_which_a_consumer_never_reads_again_is_fatal(code: int, fatal: bool) -> None:
    assert is_fatal_for_consumer(KafkaError(code)) is fatal
