"""The file of a recording: it holds what was recorded, or is refused."""

from pathlib import Path

import pytest

from processors.fold.task import Record
from schemas.internal.topics import Layout, Topic
from schemas.public.codec import Decoder
from streams.audit.replay.recording import NotARecording, Recording, RecordingFile, new_recording
from streams.audit.replay.replay import replay
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from tests.histories.record import WorldRecording


@pytest.fixture
def recorded_file(review: WorldRecording, tmp_path: Path) -> Path:
    path = tmp_path / "kept.jsonl.gz"
    with new_recording(path, review.layout) as keep:
        for batch in review.batches():
            keep(batch)
    return path


def test_a_file_has_the_records_of_its_recording(
    recorded_file: Path, review: WorldRecording
) -> None:
    def flat(recording: Recording) -> list[object]:
        return [
            (partition, r.offset, r.timestamp, r.key, value, list(r.headers() or ()))
            for partition, entries in recording.batches()
            for r, value in entries
        ]

    assert flat(RecordingFile(recorded_file)) == flat(review)
    assert RecordingFile(recorded_file).layout == review.layout
    partition = Partition(Topic.CONTACT_LOG, 1)
    assert [entry.value for entry in RecordingFile(recorded_file).read_partition(partition)] == [
        entry.value for entry in review.read_partition(partition)
    ]
    assert recorded_file.stat().st_mode & 0o077 == 0  # it contains addresses


def test_a_recording_that_ends_early_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_recording(tmp_path / "kept", Layout()) as keep:
        keep((Partition(Topic.FACTS, 0), [TopicEntry(Record(0, 0, b"k", b"v"), b"v")]))
        raise RuntimeError
    assert [*tmp_path.iterdir()] == []


def test_an_existing_file_is_not_overwritten(recorded_file: Path) -> None:
    before = recorded_file.read_bytes()
    with pytest.raises(FileExistsError), new_recording(recorded_file, Layout()):
        pass
    assert recorded_file.read_bytes() == before


@pytest.mark.parametrize("cut", [10, 2_000, -4])
def test_a_file_that_is_cut_short_is_refused(recorded_file: Path, cut: int) -> None:
    recorded_file.write_bytes(recorded_file.read_bytes()[:cut])
    with pytest.raises(NotARecording, match="cut short"):
        replay(RecordingFile(recorded_file), Decoder().decode)


def test_a_damaged_file_is_refused(recorded_file: Path) -> None:
    whole = bytearray(recorded_file.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    recorded_file.write_bytes(whole)
    with pytest.raises(NotARecording):
        replay(RecordingFile(recorded_file), Decoder().decode)
