"""A changelog that was lost and a log that was made anew stop their role, and `rebuild-state`
brings the role back: no command is lost or repeated."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import (
    OFFSET_END,
    ConsumerGroupTopicPartitions,
    KafkaException,
    TopicPartition,
)

from schemas.internal.state_bytes import pack, payload_of
from schemas.internal.states import POSITION_KEY, TaskPosition
from schemas.internal.topics import COMMAND_TOPICS, Topic
from streams.audit.verify import verify
from streams.base.exit_status import EXIT_SETTINGS_WRONG
from streams.base.transport import Partition
from streams.embedded.stack import Stack
from streams.kafka.clients import admin_client, idempotent_producer
from streams.kafka.reader import TopicReader
from streams.kafka.topics import create_topics
from streams.runtime.role_process import build_worker
from tests.testing.command_line import Touchstream, clean_environment, touchstream
from tests.testing.live_engine import LiveEngine
from tests.testing.publishing import EventSource
from tests.testing.topic_readers import FactReader
from tests.testing.two_tenant_engine import ONE_EACH, set_up_tenant

pytestmark = [pytest.mark.live, pytest.mark.timeout(420)]
__all__ = ["clean_environment", "touchstream"]  # fixtures


@pytest.fixture
def engine(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveEngine]:
    made = LiveEngine(stack, tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    made.start(ONE_EACH)
    yield made
    made.stop()


class Commands:
    """The commands of all contacts so far."""

    def __init__(self, engine: LiveEngine) -> None:
        self._engine = engine
        self._reader = TopicReader(engine.settings, COMMAND_TOPICS["email"])
        self.counts: Counter[str] = Counter()

    def wait_for(self, *contacts: str) -> None:
        """Waits until each of these contacts has a command. No contact may have two."""
        self._engine.wait_until(f"commands for {contacts}", lambda: set(contacts) <= self._read())
        assert self.counts == dict.fromkeys(contacts, 1)

    def _read(self) -> set[str]:
        for _, entries in self._reader.read():
            found = [msgspec.json.decode(entry.value or b"{}") for entry in entries]
            self.counts.update(command["contact_id"] for command in found)
        return {*self.counts}


def make_anew(engine: LiveEngine, topic: Topic) -> None:
    """Deletes a topic with all its records, and creates it again."""
    name = engine.settings.topic_prefix + topic.value

    def created() -> bool:
        try:
            return name in create_topics(engine.settings, ONE_EACH)
        except KafkaException:
            return False

    with admin_client(engine.settings) as admin:
        admin.delete_topics([name])[name].result()
        engine.wait_until("the topic is created again", created)


def refusal(engine: LiveEngine, role: str) -> str:
    """The log of a process of the role, which ends with the status for what no restart changes."""
    ended = subprocess.run(
        [sys.executable, "-m", "streams.runtime.role_main", role],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == EXIT_SETTINGS_WRONG, ended.stderr
    return ended.stderr


def restored(engine: LiveEngine, log: Partition) -> tuple[int, int]:
    """Where a worker in this process goes on in a log, and with how many states."""
    worker, transport = build_worker("contact", engine.settings)
    with closing(transport):
        while log not in worker.owned or worker.owned[log].restoring is not None:
            worker.run_round()
        task = worker.owned[log].task
        return task.next_offset, len(task.store)


def lose_records_before_intake(
    engine: LiveEngine, publisher: EventSource, touchstream: Touchstream
) -> None:
    """A retention deletes a job that intake has not read: intake has a position and no states."""
    publisher.job("acme", "cay")
    name = engine.settings.topic_prefix + Topic.JOBS
    with admin_client(engine.settings) as admin:
        end = TopicPartition(name, 0, OFFSET_END)
        ((_, deleted),) = admin.delete_records([end]).items()
        cut_at = deleted.result().low_watermark
    assert f"jobs[0] is cut at {cut_at}: 1 records" in refusal(engine, "intake")
    accepted = touchstream("rebuild-state", "intake", "--accept-log", "--json")
    assert accepted.code == 0, accepted.err
    assert {row["topic"]: row["next_offset"] for row in accepted.json()}["jobs"] == cut_at


def lose_progress_of_dispatch(engine: LiveEngine, touchstream: Touchstream) -> None:
    """The changelog is lost, and beside the group's offset nothing stands about timers, as an early
    version left it."""
    group = engine.settings.topic_prefix + "dispatch"
    log = TopicPartition(engine.settings.topic_prefix + Topic.DISPATCH_LOG, 0)
    with admin_client(engine.settings) as admin:
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [log])])
        (known,) = asked[group].result().topic_partitions
        assert known.metadata
        bare = TopicPartition(log.topic, 0, known.offset)
        request = ConsumerGroupTopicPartitions(group, [bare])
        admin.alter_consumer_group_offsets([request])[group].result()
    make_anew(engine, Topic.DISPATCH_CHANGELOG)
    refused = touchstream("rebuild-state", "dispatch")
    assert (refused.code, "--assume-timers-fired" in refused.err) == (EXIT_SETTINGS_WRONG, True)
    done = touchstream("rebuild-state", "dispatch", "--assume-timers-fired", "--json")
    assert done.code == 0, done.err
    (row,) = done.json()
    assert (row["topic"], row["next_offset"]) == ("dispatch-log", known.offset)


def refuse_an_epoch_ahead(engine: LiveEngine, touchstream: Touchstream) -> None:
    """The position comes from a leader whose epoch the log has never had, as after an unclean
    election."""
    with closing(TopicReader(engine.settings, Topic.CONTACT_CHANGELOG)) as reader:
        stored = {e.record.key: e.value for _, found in reader.read() for e in found}
    position = msgspec.msgpack.decode(payload_of(stored[POSITION_KEY] or b""), type=TaskPosition)
    position.leader_epoch += 1
    writer = idempotent_producer(engine.settings)
    value = pack(None, 0, msgspec.msgpack.encode(position))
    name = engine.settings.topic_prefix + Topic.CONTACT_CHANGELOG
    writer.produce(name, value, POSITION_KEY, 0)
    assert writer.flush(15) == 0
    text = refusal(engine, "contact")
    assert "contact-log[0] does not have the next record any more" in text
    accepted = touchstream("rebuild-state", "contact", "--accept-log")
    assert f"goes on at offset {position.next_offset:,}" in accepted.out, accepted.err
    log = Partition(Topic.CONTACT_LOG, 0)
    assert restored(engine, log)[0] == position.next_offset


def test_a_lost_changelog_and_a_log_that_was_made_anew_are_refused_and_repaired(
    engine: LiveEngine, touchstream: Touchstream
) -> None:
    publisher, facts = EventSource(engine.settings), FactReader(engine.settings)
    commands = Commands(engine)
    set_up_tenant(engine, publisher, facts, "acme", delay_hours=0.1 / 3_600)
    publisher.job("acme", "ann")
    commands.wait_for("ann")
    engine.stop()

    make_anew(engine, Topic.CONTACT_CHANGELOG)
    text = refusal(engine, "contact")
    assert "contact-changelog[0] has lost the states of contact-log[0]" in text
    assert "touchstream rebuild-state" in text
    done = touchstream("rebuild-state", "contact", "--json")
    assert done.code == 0, done.err
    ((row),) = done.json()
    assert (row["topic"], row["partition"]) == ("contact-log", 0)
    assert row["states"] > 0
    text = refusal(engine, "projector")
    assert "contact-changelog[0]: the topic was deleted and made anew" in text
    assert "`touchstream rebuild`" in text
    lose_records_before_intake(engine, publisher, touchstream)
    lose_progress_of_dispatch(engine, touchstream)
    assert touchstream("rebuild", "--yes").code == 0
    engine.start(ONE_EACH)
    publisher.job("acme", "ben")
    commands.wait_for("ann", "ben")
    assert verify(engine.settings, wait_s=60).differences == []
    engine.stop()

    refuse_an_epoch_ahead(engine, touchstream)

    make_anew(engine, Topic.CONTACT_LOG)
    assert "contact-log[0]: the topic was deleted and made anew" in refusal(engine, "contact")
    folded_again = touchstream("rebuild-state", "contact")
    assert folded_again.code == EXIT_SETTINGS_WRONG
    assert "--accept-log" in folded_again.err
    assert touchstream("rebuild-state", "contact", "--accept-log").code == 0
    nothing = touchstream("rebuild-state", "contact", "--accept-log")
    assert "every position fits its log" in nothing.out
    next_offset, states = restored(engine, Partition(Topic.CONTACT_LOG, 0))
    assert next_offset == 0
    assert states >= row["states"]
