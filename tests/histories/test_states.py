"""Stored states stay readable: each recorded changelog is restored with today's code, which goes on
from there as if it had folded the whole log itself."""

import json
from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from processors.campaign import CampaignProcessor
from processors.contact import ContactProcessor
from processors.fold.task import Task
from processors.fold.turn import Output
from schemas.internal.state_bytes import pack, payload_of
from schemas.internal.states import (
    POSITION_KEY,
    STATE_FORMAT,
    CampaignState,
    ContactState,
    DispatchState,
    State,
    StateTooNew,
    TaskPosition,
)
from schemas.internal.topics import CHANGELOG_OF, Layout, Topic
from sinks.state_rows import state_rows
from streams.audit.older_records import forget_older_digests
from streams.audit.refold import refold
from streams.audit.replay.recording import RecordingFile
from streams.base.transport import Partition
from streams.runtime.roles import task_maker
from tests.histories.decided_otherwise import has_other_state
from tests.histories.record_states import ROLE_OF, logs_of

STATES = Path(__file__).parent / "states"
RECORDED = sorted(STATES.glob("*.gz"))
SHAPES = STATES / "shapes.json"

_OF_CALLS = ("RunCount", "KnownPool", "PoolTenant", "Lease", "NumberUse", "CallCampaign")
_OF_LIMITS = ("KnownCampaignLimits", "Sender", "SendLog", "SendChunk", "Lane")
_OTHERS = ("SuppressionSharing", "SenderRecord", "PoolRecord")
SINCE = {"AddressUse": 3, "Sweeps": 6} | dict.fromkeys((*_OF_CALLS, *_OF_LIMITS, *_OTHERS), 4)
"""The first format of each kind of state that format 1 did not have."""

Kinds = ContactState | DispatchState | CampaignState


def format_of(path: Path) -> int:
    return int(path.name.partition(".")[0])


def recorded(path: Path, log: Partition) -> dict[bytes, bytes]:
    changelog = Partition(CHANGELOG_OF[log.topic], log.number)
    return {
        line.record.key: line.value or b"" for line in RecordingFile(path).read_partition(changelog)
    }


def decoded(task: Task, history: str) -> dict[bytes, bytes]:
    """The states of a task as today's code writes them, apart from what today's code decides
    otherwise in this history."""
    states = {}
    for key, value in task.store.items():
        if key != POSITION_KEY and not has_other_state(history, key):
            state = task.processor.decode_state(payload_of(value))
            forget_older_digests(state)
            states[key] = msgspec.msgpack.encode(state)
    return states


def _contact_of(output: Output) -> str:
    return getattr(output.message, "contact_id", None) or ""


def comparable(outputs: list[Output], history: str) -> list[Output]:
    """The outputs about contacts whose states are the same."""
    return [
        output
        for output in outputs
        if not has_other_state(history, output.key)
        and not has_other_state(history, _contact_of(output).encode())
    ]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_a_recorded_state_is_restored_and_goes_on_as_if_folded_from_the_start(path: Path) -> None:
    name = path.name.split(".")[1]
    history = RecordingFile(path.parent.parent / f"{name}.jsonl.gz")
    for log, records, folded in logs_of(history):
        restored = task_maker(ROLE_OF[log.topic], history.layout)(log)
        for key, value in recorded(path, log).items():
            restored.restore(key, value)
        restored.restored()
        cut = next(
            (at for at, r in enumerate(records) if r.offset >= restored.next_offset), len(records)
        )
        refold(log, folded, records[:cut], lambda _: None)
        assert decoded(restored, name) == decoded(folded, name)
        expected: list[Output] = []
        outputs: list[Output] = []
        refold(log, folded, records[cut:], expected.append)
        refold(log, restored, records[cut:], outputs.append)
        assert comparable(outputs, name) == comparable(expected, name)
        assert decoded(restored, name) == decoded(folded, name)


def test_each_format_has_recordings_with_every_kind_of_state() -> None:
    kinds: dict[int, set[str]] = {}
    for path in RECORDED:
        found = kinds.setdefault(format_of(path), set())
        for _, lines in RecordingFile(path).batches():
            found |= {msgspec.msgpack.decode(payload_of(line.value or b""))[0] for line in lines}
    expected = {tag_of(kind) for kind in (*get_args(Kinds), TaskPosition)}
    assert kinds == {
        number: {tag for tag in expected if SINCE.get(tag, 1) <= number}
        for number in range(1, STATE_FORMAT + 1)
    }


def tag_of(kind: type[State]) -> str:
    return str(kind.__struct_config__.tag)


def test_a_changed_shape_has_a_new_format() -> None:
    """Only the order and the types of the fields are stored, so a field may be renamed."""
    shapes = json.loads(SHAPES.read_text())
    assert shapes.get(str(STATE_FORMAT)) == shape(), (
        "the stored states have changed: raise STATE_FORMAT in schemas/internal/states.py, record"
        " the new format as CONTRIBUTING.md says, and enter its shape in"
        " tests/histories/states/shapes.json"
    )


def shape() -> str:
    kinds = [*get_args(Kinds), TaskPosition]
    return blake2b(repr([*map(_types, kinds)]).encode(), digest_size=8).hexdigest()


def _types(kind: Any) -> Any:
    return _plain(msgspec.inspect.type_info(kind))


def _plain(info: Any) -> Any:
    match info:
        case msgspec.inspect.StructType():
            return info.tag, [_plain(field.type) for field in info.fields]
        case msgspec.inspect.UnionType():
            return "union", [_plain(each) for each in info.types]
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            return type(info).__name__, _plain(info.item_type)
        case msgspec.inspect.TupleType():
            return "tuple", [_plain(each) for each in info.item_types]
        case msgspec.inspect.DictType():
            return "dict", _plain(info.key_type), _plain(info.value_type)
        case _:
            return type(info).__name__


def _processors() -> Iterator[Task]:
    yield Task(ContactProcessor(), 0)
    yield Task(CampaignProcessor(Layout()), 0)


def test_a_state_of_a_later_version_is_refused() -> None:
    later = TaskPosition(7, 1, 0, None, STATE_FORMAT + 1)
    for task in _processors():
        with pytest.raises(StateTooNew, match="run the version that wrote them"):
            task.restore(POSITION_KEY, pack(None, 0, msgspec.msgpack.encode(later)))


def test_a_projector_refuses_states_of_a_later_version() -> None:
    later = pack(None, 0, msgspec.msgpack.encode(TaskPosition(7, 1, 0, None, STATE_FORMAT + 1)))
    with pytest.raises(StateTooNew):
        state_rows(Topic.CONTACT_CHANGELOG, 0, POSITION_KEY, later, defaultdict(list), [])
