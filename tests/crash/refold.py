"""Promise 1 as a check: each recorded log, folded afresh in one go, is what the broker holds.

Every difference is a sentence; none: states, outputs and offsets are those of the log alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from processors.fold.task import Record, Task
from schemas.internal import messages as m
from schemas.internal.messages import CommandDue
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import POSITION_KEY
from schemas.internal.topics import CHANGELOG_OF, CHANGELOGS, Topic
from streams.base.partitioner import partition_of
from streams.base.transport import Headers, Partition
from streams.memory.transport import MemoryBroker
from streams.runtime.roles import PROCESSORS
from tests.crash.faulty_world import ENCODE, Rig, real_tasks

_DECODE = {
    Topic.CONTACT_LOG: m.decode_contact,
    Topic.DISPATCH_LOG: m.decode_dispatch,
    Topic.CAMPAIGN_LOG: m.decode_campaign,
}
_FROM_OUTSIDE = (
    m.ExternalEvent,
    m.Tick,
    m.PublishCampaign,
    m.ChangeCampaign,
    m.UpsertTenant,
    m.DeleteTenant,
    m.DeleteTemplate,
    m.MoveRuns,
)


class Written(NamedTuple):
    """One record somewhere."""

    key: bytes | None
    value: bytes | None


class Fold:
    """One log partition folded in one go by fresh code, and what it says."""

    def __init__(self, rig: Rig, role: str, partition: Partition) -> None:
        self.broker: MemoryBroker = rig.broker
        self.said: dict[Partition, list[Written]] = {}
        self.task: Task = real_tasks(role)(partition)
        self.task.feed(
            [
                Record(r.offset, r.timestamp, r.key or b"", r.value or b"")
                for r in rig.broker.log(partition)
            ]
        )
        while self.task.advance(1_000_000):
            pass
        ENCODE(self.task.outputs, self)
        if self.task.dirty:
            self.task.commit(self.task.changes())

    def send(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        """What the task says, by where it goes."""
        number = partition
        if number is None:
            number = partition_of(key or b"", self.broker.layout.partitions(topic))
        self.said.setdefault(Partition(topic, number), []).append(Written(key, value))


def differences(rig: Rig) -> list[str]:
    """All that the broker holds and the logs do not explain, or the other way round."""
    folds: dict[Partition, Fold] = {}
    told: list[str] = []
    for role, (topic, _) in PROCESSORS.items():
        for number in range(rig.layout.partitions(topic)):
            partition = Partition(topic, number)
            fold = folds[partition] = Fold(rig, role, partition)
            told += _compare_state(rig, role, partition, fold)
    told += _compare_outputs(rig, list(folds.values()))
    told += _promises(rig)
    return told


def _compare_state(rig: Rig, role: str, partition: Partition, fold: Fold) -> Iterator[str]:
    changelog = Partition(CHANGELOG_OF[partition.topic], partition.number)
    kept: dict[bytes, bytes] = {}
    for record in rig.broker.log(changelog):
        assert record.key is not None
        kept.pop(record.key, None)
        if record.value is not None:
            kept[record.key] = record.value
    expected = dict(fold.task.store.items())
    for key in sorted({*kept, *expected}):
        if kept.get(key) != expected.get(key):
            what = "its place" if key == POSITION_KEY else f"state {key!r}"
            yield f"{partition}: {what} is not what its log says"
    offset = rig.broker.offsets.get((role, partition), 0)
    if offset != fold.task.next_offset:
        yield f"{partition}: offset {offset} committed, {fold.task.next_offset} folded"
    mine = {key: value for (p, key), value in rig.states(role).items() if p == partition}
    if mine != kept:
        yield f"{partition}: the worker's state is not its changelog's"


def _compare_outputs(rig: Rig, folds: Sequence[Fold]) -> Iterator[str]:
    places = {place for fold in folds for place in fold.said} | set(rig.broker.logs)
    for place in sorted(places):
        if place.topic in CHANGELOGS:
            continue
        held = list(_inside(rig, place))
        expected = Counter(w for fold in folds for w in fold.said.get(place, ()))
        missing, extra = expected - Counter(held), Counter(held) - expected
        if missing:
            yield f"{place}: {missing.total()} records missing"
        if extra:
            yield f"{place}: {extra.total()} records too many"
        for fold in folds:
            if not missing and not _in_order(fold.said.get(place, ()), held):
                yield f"{place}: records out of order"


def _inside(rig: Rig, place: Partition) -> Iterator[Written]:
    """What processors wrote, without what intake and ticks did."""
    decode = _DECODE.get(place.topic)
    for record in rig.broker.log(place):
        if decode is None or not isinstance(decode(record.value or b""), _FROM_OUTSIDE):
            yield Written(record.key, record.value)


def _in_order(few: Iterable[Written], many: Sequence[Written]) -> bool:
    ahead = iter(many)
    return all(one in ahead for one in few)


def _promises(rig: Rig) -> Iterator[str]:
    """What holds of every run, whoever checks it."""
    due = [c.touch for c in rig.commands() if isinstance(c, CommandDue)]
    ids = Counter((touch.command_id, touch.emission) for touch in due)
    if ids and max(ids.values()) > 1:
        yield "a command went out twice"
    if any(touch.due_at < touch.scheduled_at for touch in due):
        yield "a touch went out before its time"
    late = rig.next_due()
    if late != NEVER and late <= rig.now:
        yield "a timer is overdue"
