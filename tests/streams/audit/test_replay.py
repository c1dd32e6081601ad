"""Recorded logs folded again: kept histories stay true, and whatever changes is told with its
cause."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from processors import dispatch
from processors.campaign import broadcast
from processors.contact import profile, touch_gates
from processors.fold.task import Record
from schemas.base.times import to_datetime
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.topics import COMMAND_TOPICS, Layout, Topic
from schemas.public.codec import Decoder
from streams.audit.replay.compared_outputs import is_same
from streams.audit.replay.diff import DiffKind
from streams.audit.replay.recording import (
    NotARecording,
    RecordBatch,
    Recording,
    RecordingFile,
    new_recording,
)
from streams.audit.replay.replay import ReplayResult, replay
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from tests.histories import record
from tests.histories.record import WorldRecording
from tests.testing.builders import job, world_with_campaign
from tests.testing.history_player import play
from tests.testing.random_histories import random_history
from tests.testing.story import deliver

HISTORIES = sorted((Path(__file__).parents[2] / "histories").glob("*.gz"))

HistoryContext = tuple[FactKind, str | None]

TOLD_IN_BOTH: set[HistoryContext] = {
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
TOLD: dict[str, set[HistoryContext]] = {
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
"""Who does what their step waits for, and goes on elsewhere."""


def replayed(recording: Recording) -> ReplayResult:
    return replay(recording, Decoder().decode)


class Held:
    """A recording in memory, with something done to its lines."""

    def __init__(
        self, recording: Recording, change: Callable[[Topic, list[TopicEntry]], list[TopicEntry]]
    ) -> None:
        self.layout = recording.layout
        self._pieces = [
            (place, change(place.topic, entries)) for place, entries in recording.batches()
        ]

    def batches(self) -> Iterator[RecordBatch]:
        return iter(self._pieces)

    def read_partition(self, place: Partition) -> Iterator[TopicEntry]:
        return (entry for found, entries in self._pieces if found == place for entry in entries)


@pytest.fixture(scope="module")
def review() -> WorldRecording:
    return WorldRecording(record.review())


def different(found: ReplayResult) -> dict[tuple[str, DiffKind], int]:
    return dict(found.different)


# what is kept


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.name)
def test_what_went_out_then_would_go_out_now(path: Path) -> None:
    found = replayed(RecordingFile(path))
    assert (different(found), found.first, found.parked) == ({}, None, 0)
    assert found.compared["touch.due"] > 40
    assert found.compared["command.revoked"] > 0
    assert {*found.folded} == {Topic.CONTACT_LOG, Topic.DISPATCH_LOG, Topic.CAMPAIGN_LOG}
    assert path.stat().st_size < 150_000


@pytest.mark.parametrize("kind", TOLD)
def test_a_kept_history_holds_what_can_happen(kind: str) -> None:
    (path,) = [path for path in HISTORIES if path.name.startswith(f"{kind}.")]
    told = [
        facts.decode(entry.record.value)
        for (topic, _), entries in RecordingFile(path).batches()
        for entry in entries
        if topic is Topic.FACTS
    ]
    expected = TOLD_IN_BOTH | TOLD[kind]
    assert expected - {(fact.fact, fact.reason) for fact in told} == set()
    commanded = [fact for fact in told if fact.fact is FactKind.TOUCH_COMMANDED]
    assert {fact.channel for fact in commanded} == CHANNELS[kind]
    contact_id, steps = BRANCHED[kind]
    assert [f.step_id for f in commanded if f.contact_id == contact_id] == steps


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happened_happens_again(seed: int) -> None:
    found = replayed(WorldRecording(play(random_history(seed, 60))))
    assert different(found) == {}
    assert found.compared["touch.due"] > 0


def test_commands_in_avro_are_read_too() -> None:
    found = replayed(WorldRecording(record.review(), "avro"))
    assert (different(found), found.compared["touch.due"]) == ({}, 55)


# what a changed code would have done


def test_a_gate_that_closes_is_the_cause_of_the_request_that_is_not_made(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(scene: Any, touch: Any, template_id: Any, opens: int) -> str | None:
        return "no_address" if touch.channel == "sms" else before(scene, touch, template_id, opens)

    before = touch_gates._first_closed
    monkeypatch.setattr(touch_gates, "_first_closed", closed)
    found = replayed(review)
    assert found.first is not None and found.cause is not None
    assert (found.first.output.kind, found.first.kind) == ("RequestTouch", DiffKind.MISSING)
    then, now = found.cause.recorded, found.cause.current
    assert then is not None and then.fact is FactKind.TOUCH_REQUESTED
    assert now is not None and (now.fact, now.reason) == (FactKind.TOUCH_SKIPPED, "no_address")
    assert then.contact_id == now.contact_id == found.first.output.fields["contact_id"]
    record = found.cause.record
    assert record is not None and (record.message, record.timer) == ("Tick", True)
    assert record.at == found.first.at


def test_a_limit_that_is_lower_moves_commands(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dispatch.limits.per_hour

    def lower(tenant: Any, channel: str) -> int | None:
        limit = before(tenant, channel)
        return limit if limit is None or channel != "sms" else limit - 1

    monkeypatch.setattr(dispatch.limits, "per_hour", lower)
    found = replayed(review)
    assert {("touch.due", DiffKind.MOVED)} <= found.different.keys()
    assert found.first is not None and found.cause is not None
    assert found.first.log is Topic.DISPATCH_LOG
    then, now = found.cause.recorded, found.cause.current
    assert then is not None and then.fact is FactKind.TOUCH_COMMANDED
    assert now is not None and (now.fact, now.reason) == (FactKind.TOUCH_DEFERRED, "throttled")
    assert found.cause.record is not None and found.cause.record.message == "RequestTouch"


def test_quiet_hours_that_are_not_kept_are_the_cause_even_where_the_command_is_the_same(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its limit had the touch wait into the night; dispatch lets it go there."""
    monkeypatch.setattr(dispatch.gates, "opens_at", lambda window, now: now)
    found = replayed(review)
    assert different(found) == {("touch.due", DiffKind.MOVED): 1}
    assert found.cause is not None and found.cause.recorded is not None
    assert (found.cause.recorded.fact, found.cause.recorded.reason) == (
        FactKind.TOUCH_DEFERRED,
        "quiet_hours",
    )


def test_a_command_too_many_is_counted_once_with_nothing_beside_its_cause(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose mail is read by who has left: nobody keeps them from being written to."""
    monkeypatch.setattr(dispatch, "suppress", lambda turn, order: None)
    found = replayed(review)
    expected = {("touch.due", DiffKind.NEW): 2, ("touch.due", DiffKind.MOVED): 1}
    assert different(found) == expected
    assert found.first is not None and found.first.recorded is None
    assert found.cause is not None and found.cause.recorded is None
    assert found.cause.current is not None and found.cause.current.fact is FactKind.TOUCH_COMMANDED
    assert found.cause.current.at == to_datetime(found.first.at)


def test_a_command_says_other_variables_although_nothing_was_decided_otherwise(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touch_gates, "command_variables", lambda context, enrollment: {})
    found = replayed(review)
    assert {*found.different} == {("RequestTouch", DiffKind.UNLIKE)}
    assert found.first is not None and found.first.fields == ("variables",)
    assert found.cause is not None
    assert (found.cause.recorded, found.cause.current) == (None, None)
    assert found.cause.record is not None and found.cause.record.at == found.first.at


def test_what_says_not_whom_it_is_about_is_found_by_its_facts(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "amend_requests", lambda *_: None)
    found = replayed(review)
    assert different(found) == {("AmendTouch", DiffKind.MISSING): 1}
    assert found.cause is not None and found.cause.record is not None
    assert found.cause.record.partition.topic is Topic.CONTACT_LOG
    assert found.cause.record.message == "ContactUpserted"


def test_what_is_announced_otherwise_comes_before_what_it_leads_to(
    review: WorldRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loud(*fields: Any) -> m.TenantAnnounced:
        return msgspec.structs.replace(m.TenantAnnounced(*fields), quiet=None)

    monkeypatch.setattr(broadcast, "TenantAnnounced", loud)
    found = replayed(review)
    assert {*found.different} == {("TenantAnnounced", DiffKind.UNLIKE)}  # logs are as recorded
    assert found.first is not None and found.first.fields == ("quiet",)
    assert found.cause is not None and found.cause.record is not None
    assert found.cause.record.partition == (Topic.CAMPAIGN_LOG, 0)


# what was tampered with


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
def test_a_command_that_was_tampered_with_is_found(
    review: WorldRecording, change: Any, expected: tuple[str, DiffKind], fields: tuple[str, ...]
) -> None:
    found = replayed(Held(review, on_email(change)))
    assert different(found) == {expected: 1}
    assert found.first is not None and found.first.fields == fields
    assert found.cause is not None and found.cause.record is not None
    assert found.cause.recorded is None


def test_a_command_that_nobody_can_read_is_found(review: WorldRecording) -> None:
    broken = on_email(lambda entries: [TopicEntry(entries[0].record, b"{oops"), *entries[1:]])
    found = replayed(Held(review, broken))
    expected = {("unreadable", DiffKind.MISSING): 1, ("touch.due", DiffKind.NEW): 1}
    assert different(found) == expected


def test_what_no_code_can_fold_is_counted_and_stops_nothing() -> None:
    world = world_with_campaign()
    world.broker.append(Topic.CONTACT_LOG, b"acme/ann", b"\x93\xa7Unknown\x01\x02")
    deliver(world, job())
    world.advance_hours(30)
    found = replayed(WorldRecording(world))
    assert (different(found), found.parked) == ({}, 1)
    assert found.compared["touch.due"] == 2  # nobody has answered


# what has grown since


def test_a_field_that_is_new_since_is_no_difference(review: WorldRecording) -> None:
    def older(topic: Topic, entries: list[TopicEntry]) -> list[TopicEntry]:
        """Requests without their last field, windows without what steps keep to, and commands
        without a sender."""
        return [_older(topic, entry) for entry in entries]

    assert different(replayed(Held(review, older))) == {}


def _older(topic: Topic, entry: TopicEntry) -> TopicEntry:
    assert entry.value is not None
    value = entry.value
    if topic is Topic.DISPATCH_LOG:
        whole = msgspec.msgpack.decode(value)
        if whole[0] == "RequestTouch":
            quiet = whole[20]
            value = msgspec.msgpack.encode([*whole[:20], quiet and quiet[:-1]])
    elif topic is COMMAND_TOPICS["email"]:
        value = value.replace(b'"sender_id":null,', b"")
        assert value != entry.value or b"reason" in value
    old = msgspec.structs.replace(entry.record, value=value)
    return TopicEntry(old, value)


def test_a_list_that_has_grown_is_a_difference() -> None:
    window = m.Window("UTC", 1, 2)
    assert is_same(["UTC", 1, 2], window)
    assert not is_same(["UTC", 1, 3], window)
    assert is_same([1, 2], (1, 2)) and not is_same([1], (1, 2))
    assert not is_same({"a": 1}, {"a": 1, "b": 2})


# files


@pytest.fixture
def kept(review: WorldRecording, tmp_path: Path) -> Path:
    path = tmp_path / "kept.jsonl.gz"
    with new_recording(path, review.layout) as keep:
        for batch in review.batches():
            keep(batch)
    return path


def test_a_file_holds_what_was_recorded(kept: Path, review: WorldRecording) -> None:
    def flat(recording: Recording) -> list[object]:
        return [
            (place, r.offset, r.timestamp, r.key, value, list(r.headers() or ()))
            for place, entries in recording.batches()
            for r, value in entries
        ]

    assert flat(RecordingFile(kept)) == flat(review)
    assert RecordingFile(kept).layout == review.layout
    place = Partition(Topic.CONTACT_LOG, 1)
    assert [entry.value for entry in RecordingFile(kept).read_partition(place)] == [
        entry.value for entry in review.read_partition(place)
    ]
    assert kept.stat().st_mode & 0o077 == 0  # addresses stand in it


def test_a_recording_that_ends_early_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_recording(tmp_path / "kept", Layout()) as keep:
        keep((Partition(Topic.FACTS, 0), [TopicEntry(Record(0, 0, b"k", b"v"), b"v")]))
        raise RuntimeError
    assert [*tmp_path.iterdir()] == []


def test_what_is_there_already_is_left_as_it_is(kept: Path) -> None:
    before = kept.read_bytes()
    with pytest.raises(FileExistsError), new_recording(kept, Layout()):
        pass
    assert kept.read_bytes() == before


@pytest.mark.parametrize("cut", [10, 2_000, -4])
def test_a_file_that_is_cut_short_is_told(kept: Path, cut: int) -> None:
    kept.write_bytes(kept.read_bytes()[:cut])
    with pytest.raises(NotARecording, match="cut short"):
        replayed(RecordingFile(kept))


def test_a_damaged_file_is_told(kept: Path) -> None:
    whole = bytearray(kept.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    kept.write_bytes(whole)
    with pytest.raises(NotARecording):
        replayed(RecordingFile(kept))
