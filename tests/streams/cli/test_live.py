"""The commands against the real engine: real processes of every role, Kafka and PostgreSQL."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from schemas.internal.messages import DeadLetter
from schemas.internal.topics import Layout, Topic
from schemas.public.example_events import sample
from streams.base.settings import load_settings
from streams.cli.dead_letter_store import RetryProducer, read_dead_letters
from streams.kafka import topics
from streams.kafka.clients import idempotent_producer, read_committed_consumer
from streams.runtime.output_encoding import dead_letter_headers
from streams.runtime.role_process import ROLES
from tests.testing.command_line import CommandResult, Touchstream, wait_until
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = pytest.mark.live

BAD = b"{oops"


def event(kind: str, **changes: object) -> str:
    whole = {"specversion": "1.0", "type": kind, "id": "e-1", "source": "/test"}
    return json.dumps({**whole, "data": {**sample(kind), **changes}}) + "\n"


def test_commands_take_effect_and_status_shows_it(
    engine: dict[str, str], touchstream: Touchstream, tmp_path: Path
) -> None:
    """Tenant, campaign and job lead to a pending timer, and to rows that `verify` confirms."""
    refused = touchstream(
        "campaign", "publish", "examples/reviews.yaml", "--timeout", WAIT_TIMEOUT_S
    )
    assert (refused.code, "TENANT_UNKNOWN" in refused.err) == (1, True), refused
    assert touchstream("tenant", "set", "acme", "--timezone", "America/New_York").code == 0
    for _ in range(2):  # the same definition makes no new version
        result = touchstream("campaign", "publish", "examples/reviews.yaml", "--tenant", "acme")
        assert (result.code, "version 1 is live" in result.out) == (0, True), result

    jobs = tmp_path / "jobs.jsonl"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    jobs.write_text(event("job.completed", completed_at=now) + "{oops\n")
    for encoding in ("json", "avro"):
        result = touchstream("publish", jobs, "--encoding", encoding, "--json")
        assert (result.code, result.json()["published"], result.json()["bad"][0]["line"]) == (
            1,
            1,
            2,
        )

    def status() -> CommandResult:
        return touchstream("status", "--json")

    def settled() -> bool:
        tasks = status().json()["tasks"]
        timers = sum(task["timers"] or 0 for task in tasks)
        return timers == 1 and all(task["lag"] == 0 for task in tasks)

    wait_until(settled)
    tasks = status().json()["tasks"]
    assert {task["role"] for task in tasks} == set(ROLES)
    assert all(task["worker"] for task in tasks)
    (due,) = [task["next_due"] for task in tasks if task["next_due"]]
    assert due > now
    assert "contact-log[1]" in touchstream("status").out
    without = {"TOUCHSTREAM_POSTGRES_DSN": "postgresql://nobody@127.0.0.1:1/x"}
    os.environ.update(without)
    wait_until(lambda: (status().code, len(status().json()["tasks"])) == (3, len(tasks)))
    del os.environ["TOUCHSTREAM_POSTGRES_DSN"]
    wait_until(lambda: (status().code, len(status().json()["warnings"])) == (0, 1))
    os.environ.update(engine)
    wait_until(lambda: (status().code, status().json()["warnings"]) == (0, []))
    _publish_the_example_twice(engine["TOUCHSTREAM_POSTGRES_DSN"])

    paused = touchstream("campaign", "pause", "reviews", "--tenant", "acme", "--json")
    assert (paused.code, paused.json()["reason"]) == (0, "paused")
    again = touchstream("campaign", "pause", "reviews", "--tenant", "acme")
    assert (again.code, "CAMPAIGN_STATUS_INVALID" in again.err) == (1, True)
    _repair_a_changed_row(touchstream, engine["TOUCHSTREAM_POSTGRES_DSN"])
    _replay_topics_and_recording(touchstream, tmp_path / "kept.jsonl.gz")


def _repair_a_changed_row(touchstream: Touchstream, dsn: str) -> None:
    """`verify` finds a row that was changed, and `rebuild` repairs it."""
    verified = touchstream("verify", "--json", "--wait", WAIT_TIMEOUT_S)
    assert (verified.code, verified.json()["agrees"]) == (0, True), verified
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE touchstream.enrollments SET cycle = 9")
    differs = touchstream("verify", "--json", "--wait", WAIT_TIMEOUT_S)
    assert (differs.code, differs.json()["agrees"]) == (1, False)
    assert "cycle: expected 1, found 9" in differs.json()["differences"][0]
    assert touchstream("rebuild").code == 2  # stdin is not a terminal
    assert touchstream("rebuild", "--yes").code == 0
    assert touchstream("verify", "--wait", WAIT_TIMEOUT_S).code == 0


def _replay_topics_and_recording(touchstream: Touchstream, recording: Path) -> None:
    """Replays the topics and the recording that this keeps, with the same result."""
    replay = ("replay", "--from-topics", "--wait", WAIT_TIMEOUT_S)
    replayed = touchstream(*replay, "--keep", recording, "--json")
    assert (replayed.code, replayed.json()["agrees"]) == (0, True), replayed
    assert touchstream("replay", recording, "--json").json() == replayed.json()


def _publish_the_example_twice(dsn: str) -> None:
    """Runs the example in the help of `publish` twice; the second run changes nothing."""
    pipeline = "{0} examples/events.py | {0} -c 'from streams.cli import main; main()' publish -"
    for _ in range(2):
        command = pipeline.format(sys.executable)
        result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout) == (0, "5 published, 0 bad, 0 refused\n"), result

    def enrolled() -> bool:
        query = b"SELECT contact_id FROM touchstream.enrollments"
        with psycopg.connect(dsn) as connection:
            return {("ann",), ("bob",)} <= {*connection.execute(query).fetchall()}

    wait_until(enrolled)


def test_a_dead_letter_is_retried_once_with_its_bytes_headers_and_key(
    deployment: dict[str, str], touchstream: Touchstream
) -> None:
    missing = touchstream("dead-letters", "list")
    assert (missing.code, "touchstream topics" in missing.err) == (2, True)
    assert touchstream("topics", "--check").code == 1
    assert f"{len(Topic)} created" in touchstream("topics", "--public-partitions", 2).out
    assert touchstream("topics", "--check").code == 0
    wait_until(lambda: "! no worker runs contact" in touchstream("status").err)
    assert touchstream("status").code == 3
    assert touchstream("dead-letters", "list").code == 1
    headers = (("ce_id", b"\xff"), ("twice", b"1"), ("twice", b"2"))
    park(DeadLetter("NOT_JSON", "no JSON", Topic.JOBS, 1, 7, b"acme/ann", BAD, headers))
    park(DeadLetter("PROJECTION_FAILED", "", Topic.CONTACT_CHANGELOG, 0, 3, b"k", b"\x00\xff"))

    assert [x["place"] for x in touchstream("dead-letters", "list", "--json").json()] == [
        "0/0",
        "0/1",
    ]
    shown = touchstream("dead-letters", "show", "1", "--json").json()
    assert (shown["reason"], shown["value"]) == ("PROJECTION_FAILED", {"hex": "00ff"})
    assert "hex ff" in touchstream("dead-letters", "show", "0/0").out

    unsafe = touchstream("dead-letters", "retry", "0/0", "0/1")
    assert (unsafe.code, "touchstream rebuild" in unsafe.err) == (1, True)
    assert records_on_jobs() == []
    assert touchstream("dead-letters", "retry", "--all", "--code", "NOT_JSON").code == 0
    assert records_on_jobs() == [(1, b"acme/ann", BAD, [*headers])]
    for second in (("0/0",), ("--all",)):
        assert touchstream("dead-letters", "retry", *second).code == 1
    assert len(records_on_jobs()) == 1
    assert touchstream("dead-letters", "retry", "0/0", "--force").code == 0
    assert len(records_on_jobs()) == 2
    assert touchstream("dead-letters", "retry", "0/9").code == 1


def test_of_two_retries_at_once_the_earlier_writes_nothing(
    deployment: dict[str, str], touchstream: Touchstream
) -> None:
    topics.create_topics(load_settings(), Layout(public=2))
    park(DeadLetter("NOT_JSON", "no JSON", Topic.JOBS, 1, 7, b"acme/ann", BAD))
    slow = RetryProducer(load_settings())
    letters = [*read_dead_letters(load_settings()).values()]
    assert touchstream("dead-letters", "retry", "--all").code == 0
    with pytest.raises(Exception, match=r"[Ff]enced|epoch"):
        slow.send(letters)
    assert len(records_on_jobs()) == 1


def test_missing_tables_are_reported_with_the_command_that_creates_them(
    deployment: dict[str, str], touchstream: Touchstream
) -> None:
    with psycopg.connect(deployment["TOUCHSTREAM_POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute("DROP SCHEMA touchstream, reviews CASCADE")
    result = touchstream("rebuild", "--yes")
    assert (result.code, "touchstream migrate" in result.err) == (2, True)
    missing = touchstream("run", "--roles", "intake")
    assert (missing.code, "touchstream topics" in missing.err) == (2, True)


def park(letter: DeadLetter) -> None:
    """Writes a dead letter to its topic."""
    settings = load_settings()
    producer = idempotent_producer(settings)
    name = settings.topic_prefix + Topic.DEAD_LETTERS
    producer.produce(name, letter.value, letter.key, headers=dead_letter_headers(letter))
    assert producer.flush(10) == 0


def records_on_jobs() -> list[object]:
    """Partition, key, value and headers of every record on the topic jobs."""
    settings = load_settings()
    consumer = read_committed_consumer(settings)
    name = settings.topic_prefix + Topic.JOBS
    consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in (0, 1)])
    found: list[object] = []
    ended_partitions = 0
    while ended_partitions < 2:
        for message in consumer.consume(100, 1):
            if message.error() is not None:
                ended_partitions += 1
            else:
                place = (message.partition(), message.key())
                found.append((*place, message.value(), message.headers() or []))
    consumer.close()
    return found
