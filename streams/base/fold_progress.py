"""How far a task had folded at a commit, as text beside the offset of its group.

A changelog can be lost while the group's offsets stand. With this text `touchstream rebuild-state`
stops at the very step of the last commit: the offset alone does not show which timers had fired
since the last record, and their outputs are written already.
"""

from typing import NamedTuple

_MARK = "fold1"


class FoldProgress(NamedTuple):
    """The stream time in microseconds, the timers that have fired since the last record (-1 if
    unknown), and the number of partitions of the log (0 if unknown)."""

    stream_time: int
    fired: int
    partitions: int

    def text(self) -> str:
        """The text that `parse_progress` reads."""
        return f"{_MARK} {self.stream_time} {self.fired} {self.partitions}"


def parse_progress(text: str) -> FoldProgress | None:
    """The progress that `text` states; None for a text that an earlier version or another program
    has written."""
    mark, *numbers = text.split(" ")
    if mark != _MARK or len(numbers) < 3:
        return None
    try:
        stream_time, fired, partitions = (int(number) for number in numbers[:3])
    except ValueError:
        return None
    return FoldProgress(stream_time, fired, partitions)
