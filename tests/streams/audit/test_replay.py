"""Replays of recorded logs: the kept histories lead to the same outputs, and a difference is
reported with its cause."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from processors import dispatch
from processors.campaign import broadcast
from processors.contact import profile, touch_gates
from schemas.base.times import to_datetime
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.topics import COMMAND_TOPICS, Topic
from schemas.public.codec import Decoder
from streams.audit.replay.compared_outputs import is_same
from streams.audit.replay.diff import DiffKind, OutputDiff, OutputDifference
from streams.audit.replay.recording import (
    RecordBatch,
    Recording,
    RecordingFile,
)
from streams.audit.replay.replay import ReplayResult, replay
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from tests.histories import record
from tests.histories.decided_otherwise import DECIDED_OTHERWISE, Difference
from tests.histories.record import WorldRecording
from tests.testing.builders import job, world_with_campaign
from tests.testing.history_player import play
from tests.testing.random_histories import random_history
from tests.testing.story import deliver

HISTORIES = sorted((Path(__file__).parents[2] / "histories").glob("*.gz"))

KindAndReason = tuple[FactKind, str | None]

FACTS_OF_BOTH: set[KindAndReason] = {
    (FactKind.TOUCH_COMMANDED, None),
    (FactKind.TOUCH_RETRIED, "timeout"),
    (FactKind.TOUCH_FAILED, "no_answer"),
    (FactKind.TOUCH_BOUNCED, "hard"),
    (FactKind.CONTACT_OPTED_OUT, "opted_out_all"),
    (FactKind.CONTACT_REPLIED, None),
    (FactKind.ENROLLMENT_FROZEN, "reply"),
    (FactKind.ENROLLMENT_FROZEN, "campaign"),
    (FactKind.ENROLLMENT_RESUMED, None),
    (FactKind.TOUCH_DEFERRED, "quiet_hours"),
    (FactKind.TOUCH_DEFERRED, "throttled"),
    (FactKind.TOUCH_WITHDRAWN, "owner_stopped"),
    (FactKind.TOUCH_REVOKED, "owner_stopped"),
    (FactKind.TRIGGER_TIMED_OUT, "timeout"),
    (FactKind.TOUCH_SKIPPED, "no_template"),
    (FactKind.TOUCH_CONVERTED, "feedback_submitted"),
}
FACTS_OF: dict[str, set[KindAndReason]] = {
    "review": {(FactKind.TRIGGER_MET, "click"), (FactKind.TOUCH_SKIPPED, "address_bounced")},
    "prospecting": {
        (FactKind.TRIGGER_MET, "connection_accepted"),
        (FactKind.TRIGGER_MET, "call_outcome"),
        (FactKind.CAMPAIGN_MIGRATED, None),
        (FactKind.ENROLLMENT_STOPPED, "failed"),
    },
}
CHANNELS = {
    "review": {"email", "sms"},
    "prospecting": {"email", "sms", "linkedin", "whatsapp", "voice"},
}

BRANCHED = {"review": ("p00", ["ask", "thank"]), "prospecting": ("p11", ["request", "message"])}
"""A contact whose trigger happens in time, and the steps that they get because of it."""


def replayed(recording: Recording) -> ReplayResult:
    return replay(recording, Decoder().decode)


class ChangedRecording:
    """A recording in memory, whose records `change` has changed."""

    def __init__(
        self, recording: Recording, change: Callable[[Topic, list[TopicEntry]], list[TopicEntry]]
    ) -> None:
        self.layout = recording.layout
        self._batches = [
            (partition, change(partition.topic, entries))
            for partition, entries in recording.batches()
        ]

    def batches(self) -> Iterator[RecordBatch]:
        return iter(self._batches)

    def read_partition(self, partition: Partition) -> Iterator[TopicEntry]:
        batches = (entries for recorded, entries in self._batches if recorded == partition)
        return (entry for entries in batches for entry in entries)


def different(result: ReplayResult) -> dict[tuple[str, DiffKind], int]:
    return dict(result.different)


# kept histories


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.name)
def test_a_kept_history_leads_to_the_recorded_outputs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apart from what is decided otherwise on purpose; each difference is listed."""
    found = Counter[Difference]()

    def count(_: OutputDiff, difference: OutputDifference) -> None:
        output = difference.output
        contact_id = output.fields.get("contact_id") or ""
        found[contact_id, output.kind, difference.kind.name, difference.fields] += 1

    monkeypatch.setattr(OutputDiff, "_count", count)
    result = replayed(RecordingFile(path))
    assert found == DECIDED_OTHERWISE.get(path.name.partition(".")[0], Counter())
    assert result.parked == 0
    assert result.compared["touch.due"] > 40
    assert result.compared["command.revoked"] > 0
    assert {*result.folded} == {Topic.CONTACT_LOG, Topic.DISPATCH_LOG, Topic.CAMPAIGN_LOG}
    assert path.stat().st_size < 600_000  # `outreach`: a winner needs 100 people of each variant


@pytest.mark.parametrize("kind", FACTS_OF)
def test_a_kept_history_contains_every_kind_of_event(kind: str) -> None:
    (path,) = [path for path in HISTORIES if path.name.startswith(f"{kind}.")]
    emitted = [
        facts.decode(entry.record.value)
        for (topic, _), entries in RecordingFile(path).batches()
        for entry in entries
        if topic is Topic.FACTS
    ]
    expected = FACTS_OF_BOTH | FACTS_OF[kind]
    assert expected - {(fact.fact, fact.reason) for fact in emitted} == set()
    commanded = [fact for fact in emitted if fact.fact is FactKind.TOUCH_COMMANDED]
    assert {fact.channel for fact in commanded} == CHANNELS[kind]
    contact_id, steps = BRANCHED[kind]
    assert [f.step_id for f in commanded if f.contact_id == contact_id] == steps


@pytest.mark.parametrize("seed", range(5))
def test_a_random_history_leads_to_the_recorded_outputs(seed: int) -> None:
    result = replayed(WorldRecording(play(random_history(seed, 60))))
    assert different(result) == {}
    assert result.compared["touch.due"] > 0


def test_recorded_commands_in_avro_are_compared_too(review: WorldRecording) -> None:
    result = replayed(WorldRecording(record.review(), "avro"))
    assert (different(result), result.compared) == ({}, replayed(review).compared)
    assert result.compared["touch.due"] > 40


# changed code


def test_a_closed_gate_is_the_cause_of_a_missing_request(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(context: Any, touch: Any, *looked_at: Any) -> str | None:
        return "no_address" if touch.channel == "sms" else before(context, touch, *looked_at)

    before = touch_gates._first_closed
    monkeypatch.setattr(touch_gates, "_first_closed", closed)
    result = replayed(review)
    assert result.first is not None and result.cause is not None
    assert (result.first.output.kind, result.first.kind) == ("RequestTouch", DiffKind.MISSING)
    then, now = result.cause.recorded, result.cause.current
    assert then is not None and then.fact is FactKind.TOUCH_REQUESTED
    assert now is not None and (now.fact, now.reason) == (FactKind.TOUCH_SKIPPED, "no_address")
    assert then.contact_id == now.contact_id == result.first.output.fields["contact_id"]
    record = result.cause.record
    assert record is not None and (record.message, record.timer) == ("Tick", True)
    assert record.at == result.first.at


def test_a_lower_limit_moves_commands(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dispatch.limits.per_hour

    def lower(tenant: Any, channel: str) -> int | None:
        limit = before(tenant, channel)
        return limit if limit is None or channel != "sms" else limit - 1

    monkeypatch.setattr(dispatch.limits, "per_hour", lower)
    result = replayed(review)
    assert {("touch.due", DiffKind.MOVED)} <= result.different.keys()
    assert result.first is not None and result.cause is not None
    assert result.first.log is Topic.DISPATCH_LOG
    then, now = result.cause.recorded, result.cause.current
    assert then is not None and then.fact is FactKind.TOUCH_COMMANDED
    assert now is not None and (now.fact, now.reason) == (FactKind.TOUCH_DEFERRED, "throttled")
    # The timer of the account that has gathered the requests.
    record = result.cause.record
    assert record is not None and (record.message, record.timer) == ("Tick", True)


def test_ignored_quiet_hours_are_the_cause_of_a_command_at_another_time(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit delays the touch into quiet hours, where the changed code sends it."""
    monkeypatch.setattr(dispatch.gates, "opens_at", lambda window, now: now)
    result = replayed(review)
    # Its time differs, and so does the end of its window, which stands in the command.
    assert different(result) == {
        ("touch.due", kind): 1 for kind in (DiffKind.MOVED, DiffKind.UNLIKE)
    }
    assert result.cause is not None and result.cause.recorded is not None
    assert (result.cause.recorded.fact, result.cause.recorded.reason) == (
        FactKind.TOUCH_DEFERRED,
        "quiet_hours",
    )


def test_a_superfluous_command_is_counted_once_and_its_cause_has_no_counterpart(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the suppression of dispatch, a person who has left gets mail at a shared address."""
    handlers: dict[Any, Any] = dispatch.HANDLERS
    monkeypatch.setitem(handlers, m.SuppressAddress, lambda turn, order: None)
    result = replayed(review)
    expected = {("touch.due", DiffKind.NEW): 2, ("touch.due", DiffKind.MOVED): 1}
    expected[("touch.due", DiffKind.UNLIKE)] = 1  # the moved one has another end of its window
    assert different(result) == expected
    assert result.first is not None and result.first.recorded is None
    assert result.cause is not None and result.cause.recorded is None
    assert (
        result.cause.current is not None and result.cause.current.fact is FactKind.TOUCH_COMMANDED
    )
    assert result.cause.current.at == to_datetime(result.first.at)


def test_other_variables_of_a_command_are_found_although_no_decision_differs(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touch_gates, "command_variables", lambda context, enrollment: {})
    result = replayed(review)
    assert {*result.different} == {("RequestTouch", DiffKind.UNLIKE)}
    assert result.first is not None and result.first.fields == ("variables",)
    assert result.cause is not None
    assert (result.cause.recorded, result.cause.current) == (None, None)
    assert result.cause.record is not None and result.cause.record.at == result.first.at


def test_the_contact_of_a_message_that_names_none_is_found_by_its_facts(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "amend_requests", lambda *_: None)
    result = replayed(review)
    assert different(result) == {("AmendTouch", DiffKind.MISSING): 1}
    assert result.cause is not None and result.cause.record is not None
    assert result.cause.record.partition.topic is Topic.CONTACT_LOG
    assert result.cause.record.message == "ContactUpserted"


def test_a_differing_announcement_comes_before_its_effects(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_quiet_hours(*fields: Any) -> m.TenantAnnounced:
        return msgspec.structs.replace(m.TenantAnnounced(*fields), quiet=None)

    monkeypatch.setattr(broadcast, "TenantAnnounced", without_quiet_hours)
    result = replayed(review)
    assert {*result.different} == {
        ("TenantAnnounced", DiffKind.UNLIKE)
    }  # the other logs are folded as recorded
    assert result.first is not None and result.first.fields == ("quiet",)
    assert result.cause is not None and result.cause.record is not None
    assert result.cause.record.partition == (Topic.CAMPAIGN_LOG, 0)


# changed recordings


def on_email(
    change: Callable[[list[TopicEntry]], list[TopicEntry]],
) -> Callable[..., list[TopicEntry]]:
    return lambda topic, entries: change(entries) if topic is COMMAND_TOPICS["email"] else entries


def _to_another(entries: list[TopicEntry]) -> list[TopicEntry]:
    (record, value), *others = entries
    assert value is not None
    return [TopicEntry(record, value.replace(b"@example.com", b"@example.org")), *others]


@pytest.mark.parametrize(
    ("change", "expected", "fields"),
    [
        (lambda entries: entries[1:], ("touch.due", DiffKind.NEW), ()),
        (lambda entries: [*entries, entries[0]], ("touch.due", DiffKind.MISSING), ()),
        (_to_another, ("touch.due", DiffKind.UNLIKE), ("recipient",)),
    ],
    ids=["removed", "doubled", "to another"],
)
def test_a_changed_command_is_found(
    review: WorldRecording, change: Any, expected: tuple[str, DiffKind], fields: tuple[str, ...]
) -> None:
    result = replayed(ChangedRecording(review, on_email(change)))
    assert different(result) == {expected: 1}
    assert result.first is not None and result.first.fields == fields
    assert result.cause is not None and result.cause.record is not None
    assert result.cause.recorded is None


def test_a_command_that_cannot_be_read_is_found(review: WorldRecording) -> None:
    broken = on_email(lambda entries: [TopicEntry(entries[0].record, b"{oops"), *entries[1:]])
    result = replayed(ChangedRecording(review, broken))
    expected = {("unreadable", DiffKind.MISSING): 1, ("touch.due", DiffKind.NEW): 1}
    assert different(result) == expected


def test_a_record_that_cannot_be_folded_is_counted_and_the_replay_goes_on() -> None:
    world = world_with_campaign()
    world.broker.append(Topic.CONTACT_LOG, b"acme/ann", b"\xc1")
    deliver(world, job())
    world.advance_hours(30)
    result = replayed(WorldRecording(world))
    assert (different(result), result.parked) == ({}, 1)
    assert result.compared["touch.due"] == 2  # no sender has answered


# new fields


def test_a_field_that_is_newer_than_the_recording_is_no_difference(review: WorldRecording) -> None:
    def older(topic: Topic, entries: list[TopicEntry]) -> list[TopicEntry]:
        """Removes the newest fields of windows, answers and commands."""
        return [_older(topic, entry) for entry in entries]

    assert different(replayed(ChangedRecording(review, older))) == {}


def _older(topic: Topic, entry: TopicEntry) -> TopicEntry:
    assert entry.value is not None
    value = entry.value
    if topic in (Topic.CONTACT_LOG, Topic.DISPATCH_LOG):
        whole = msgspec.msgpack.decode(value)
        if whole[0] == "RequestTouch":  # its own last field decides by which rules it is decided
            quiet = whole[20]
            value = msgspec.msgpack.encode([*whole[:20], quiet and quiet[:-1], *whole[21:]])
        elif whole[0] == "TouchCommanded":
            value = msgspec.msgpack.encode(whole[:-1])
    elif topic is COMMAND_TOPICS["email"]:
        value = value.replace(b'"sender_id":null,', b"")
        assert value != entry.value or b"reason" in value
    old = msgspec.structs.replace(entry.record, value=value)
    return TopicEntry(old, value)


def test_a_longer_list_is_a_difference_and_a_longer_struct_is_none() -> None:
    window = m.Window("UTC", 1, 2)
    assert is_same(["UTC", 1, 2], window)
    assert not is_same(["UTC", 1, 3], window)
    assert is_same([1, 2], (1, 2)) and not is_same([1], (1, 2))
    assert not is_same({"a": 1}, {"a": 1, "b": 2})
