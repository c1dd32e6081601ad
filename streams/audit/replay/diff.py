"""The diff of recorded outputs against outputs of the current code. Equal pairs cancel at once, so
memory holds only the unmatched ones."""

from collections import Counter, deque
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from schemas.internal.topics import Topic
from streams.audit.replay.compared_outputs import (
    LATER_KINDS,
    OUTPUT_TIMED_BY,
    ComparedOutput,
    MatchKey,
    differing_fields,
)


class DiffKind(Enum):
    """How a recorded output and the current one differ."""

    MISSING = "is missing now"
    NEW = "was not recorded"
    UNLIKE = "has other values"
    MOVED = "has another time"


class OutputDifference(NamedTuple):
    """A recorded output and the current one, where they differ; one is None if there is no such
    output. `fields` are the names of the fields that differ."""

    kind: DiffKind
    recorded: ComparedOutput | None
    current: ComparedOutput | None
    fields: tuple[str, ...] = ()

    @property
    def output(self) -> ComparedOutput:
        """One of the two outputs; both have the same match key."""
        output = self.current or self.recorded
        assert output is not None
        return output

    @property
    def at(self) -> int:
        """The time of the earlier output, in microseconds."""
        outputs = (self.recorded, self.current)
        return min(output.at for output in outputs if output is not None)

    @property
    def log(self) -> Topic:
        """The log whose fold differs."""
        log = self.output.log
        return Topic.DISPATCH_LOG if log is None else log.topic


# Causes come first: an announcement leads to requests, and a request to a command.
_CAUSAL_RANK = {Topic.CAMPAIGN_LOG: 0, Topic.CONTACT_LOG: 1, Topic.DISPATCH_LOG: 2}


class OutputDiff:
    """Matches outputs by their keys, in order. It counts all outputs and all differences, and keeps
    the unmatched outputs and the first difference."""

    def __init__(self) -> None:
        self.compared: Counter[str] = Counter()
        self._different: Counter[tuple[str, DiffKind]] = Counter()
        self._unmatched: dict[MatchKey, deque[OutputDifference]] = {}
        self._first: OutputDifference | None = None

    def add_recorded(self, output: ComparedOutput) -> None:
        """Adds an output of the recording."""
        if output.match_key[0] not in OUTPUT_TIMED_BY:
            self.compared[output.kind] += 1
        self._match(OutputDifference(DiffKind.MISSING, output, None))

    def add_current(self, output: ComparedOutput) -> None:
        """Adds an output of the current code."""
        self._match(OutputDifference(DiffKind.NEW, None, output))

    def _match(self, side: OutputDifference) -> None:
        key = side.output.match_key
        waiting = self._unmatched.setdefault(key, deque())
        if not waiting or waiting[0].kind is side.kind:
            waiting.append(side)
            return
        other = waiting.popleft()
        if not waiting:
            del self._unmatched[key]
        recorded, current = side.recorded or other.recorded, side.current or other.current
        assert recorded is not None and current is not None
        if fields := differing_fields(recorded.fields, current.fields):
            kind = DiffKind.MOVED if key[0] in OUTPUT_TIMED_BY else DiffKind.UNLIKE
            self._count(OutputDifference(kind, recorded, current, fields))

    def _count(self, difference: OutputDifference) -> None:
        self._different[difference.output.kind, difference.kind] += 1
        if self._first is None or _sort_key(difference) < _sort_key(self._first):
            self._first = difference

    def close(self) -> tuple[Counter[tuple[str, DiffKind]], OutputDifference | None]:
        """Counts the unmatched outputs as differences. Returns the number of differences by output
        kind and diff kind, and the first difference. No output may be added after this."""
        for difference in self._remaining():
            self._count(difference)
        self._unmatched = {}
        return self._different, self._first

    def _remaining(self) -> Iterator[OutputDifference]:
        """The unmatched outputs. A timing fact is merged into its command and supplies the time."""
        timings: dict[tuple[object, ...], deque[OutputDifference]] = {}
        others = []
        for difference in (each for waiting in self._unmatched.values() for each in waiting):
            kind = difference.output.kind
            if kind in LATER_KINDS and not self.compared[kind]:
                continue  # an older version has made the recording
            if difference.output.match_key[0] in OUTPUT_TIMED_BY:
                timings.setdefault(_timing_key(difference), deque()).append(difference)
            else:
                others.append(difference)
        for difference in others:
            timing = timings.get(_timing_key(difference))
            yield _with_time(difference, timing.popleft().at) if timing else difference
        yield from (difference for waiting in timings.values() for difference in waiting)


def _timing_key(difference: OutputDifference) -> tuple[object, ...]:
    output = difference.output
    return (difference.kind, output.kind, output.fields.get("command_id"))


def _with_time(difference: OutputDifference, at: int) -> OutputDifference:
    if difference.recorded is None:
        return difference
    return difference._replace(recorded=difference.recorded._replace(at=at))


def _sort_key(difference: OutputDifference) -> tuple[int, int, str]:
    rank = _CAUSAL_RANK[difference.log]
    return (difference.at, rank, repr(difference.output.match_key))
