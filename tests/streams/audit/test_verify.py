"""verify compares stored states with refolded ones, whatever format they were stored in."""

from collections import Counter
from pathlib import Path
from unittest.mock import create_autospec

import msgspec
import pytest

from schemas.internal import messages
from schemas.internal.state_bytes import pack, payload_of
from schemas.internal.states import POSITION_KEY, STATE_FORMAT, StateTooNew, TaskPosition
from schemas.internal.topics import CHANGELOG_OF, LOGS, Topic
from streams.audit.multiset_diff import MultisetDiff
from streams.audit.refold import refold
from streams.audit.refolded_logs import RefoldedLogs, in_current_encoding
from streams.audit.replay.recording import RecordingFile
from streams.audit.verify import Difference, differences
from streams.base.transport import Partition
from tests.histories.decided_otherwise import has_other_state
from tests.histories.record_states import SHARES, logs_of

HISTORIES = Path(__file__).parents[2] / "histories"
STATES = sorted((HISTORIES / "states").glob("*.gz"))


def logs_with(states: Path) -> RefoldedLogs:
    """The logs of a recorded history, refolded as far as the recorded states go, and these states
    as the changelogs of the engine."""
    _, history, percent, *_ = states.name.split(".")
    assert int(percent) in SHARES
    stored = RecordingFile(states)
    logs: RefoldedLogs = create_autospec(RefoldedLogs, instance=True)
    logs.tasks, logs.changelogs, logs.command_ids = {}, {}, Counter()
    logs.diffs = {topic: MultisetDiff() for topic in Topic}
    for log, records, task in logs_of(RecordingFile(HISTORIES / f"{history}.jsonl.gz")):
        refold(log, task, records[: len(records) * int(percent) // 100], lambda _: None)
        changelog = Partition(CHANGELOG_OF[log.topic], log.number)
        entries = stored.read_partition(changelog)
        logs.tasks[log] = task
        logs.changelogs[changelog] = {entry.record.key: entry.value or b"" for entry in entries}
    return logs


def known(difference: Difference, history: str) -> bool:
    """Whether the present code decides otherwise about the contact of a state, on purpose."""
    key = difference.what.partition(": expected")[0]
    return has_other_state(history, key.encode())


@pytest.mark.parametrize("states", STATES, ids=lambda path: path.name)
def test_states_of_every_format_agree_with_a_refold(states: Path) -> None:
    logs = logs_with(states)
    assert sum(map(len, logs.changelogs.values())) > len(logs.tasks)
    history = states.name.split(".")[1]
    found = differences(logs, first=20, postgres=False)
    assert [difference for difference in found if not known(difference, history)] == []


@pytest.mark.parametrize("states", STATES[::5], ids=lambda path: path.name)
def test_a_changed_a_missing_and_a_superfluous_state_are_found(states: Path) -> None:
    logs = logs_with(states)
    changelog, stored = max(logs.changelogs.items(), key=lambda item: len(item[1]))
    first, second, *_ = (key for key in stored if key != POSITION_KEY)
    stored[first] = pack(7, 0, payload_of(stored[first]))
    stored[b"nobody"] = stored[second]
    del stored[second]
    found = differences(logs, first=20, postgres=False)
    assert {difference.where for difference in found} == {f"{changelog.topic}[{changelog.number}]"}
    assert sorted(difference.what.partition(":")[0] for difference in found) == sorted(
        [
            first.decode(errors="replace"),
            f"{second.decode(errors='replace')} is not in the changelog",
            "nobody is not in the refold",
        ]
    )


def test_a_task_that_is_behind_its_log_is_found() -> None:
    logs = logs_with(STATES[0])
    history = RecordingFile(HISTORIES / f"{STATES[0].name.split('.')[1]}.jsonl.gz")
    log, records, _ = next(iter(logs_of(history)))
    task = logs.tasks[log]
    refold(log, task, [r for r in records if r.offset >= task.next_offset], lambda _: None)
    found = differences(logs, first=1_000, postgres=False)
    assert any(difference.what.startswith("\0place: expected") for difference in found)


def test_states_of_a_later_version_are_not_compared() -> None:
    logs = logs_with(STATES[0])
    stored = next(iter(logs.changelogs.values()))
    position = msgspec.msgpack.decode(payload_of(stored[POSITION_KEY]), type=TaskPosition)
    later = msgspec.structs.replace(position, state_format=STATE_FORMAT + 1)
    stored[POSITION_KEY] = pack(None, 0, msgspec.msgpack.encode(later))
    with pytest.raises(StateTooNew):
        differences(logs, first=20, postgres=False)


WHO = ("acme", "ann", "/crm#1", 1)


def test_a_log_record_of_an_older_version_is_compared_as_it_would_be_written_now() -> None:
    now = messages.ContactUpserted(*WHO, messages.Person("Ann", email="ann@example.com"))
    fields = msgspec.msgpack.decode(messages.encode(now))
    assert fields[5].pop() is None  # the map of addresses, which older records do not have
    older = msgspec.msgpack.encode(fields)
    assert older != messages.encode(now)
    assert in_current_encoding(Topic.CONTACT_LOG, older) == messages.encode(now)
    backfill = messages.encode(messages.BackfilledEvent(*WHO, older))
    expected = messages.encode(messages.BackfilledEvent(*WHO, messages.encode(now)))
    assert in_current_encoding(Topic.CONTACT_LOG, backfill) == expected


@pytest.mark.parametrize("value", [b"", b"garbage", b"\xc1", None])
def test_bytes_that_are_no_message_are_compared_as_they_are(value: bytes | None) -> None:
    assert in_current_encoding(Topic.CONTACT_LOG, value) == value


@pytest.mark.parametrize("path", sorted(HISTORIES.glob("*.gz")), ids=lambda path: path.name)
def test_every_recorded_log_record_is_read_in_the_current_encoding(path: Path) -> None:
    for (topic, _), entries in RecordingFile(path).batches():
        if topic in LOGS:
            for entry in entries:
                value = in_current_encoding(topic, entry.value)
                assert in_current_encoding(topic, value) == value
                assert messages.DECODE[topic](value or b"") is not None
