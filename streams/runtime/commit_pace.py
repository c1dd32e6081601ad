"""The pace of a worker's commits.

A commit costs the broker the same however many records it carries. So the pause after a commit is
as long as the commit took, times one for each RECORDS_PER_PAUSE records that it carried, times
PAUSES_MAX at most. With little traffic outputs become visible soon; with much traffic a worker
spends about a fifth of its time on commits. The pause also grows with the square of the commit's
duration in relation to the interval: slow commits show that the machine is busy, and more commits
would make it busier. A commit counts for at most half as long again as the one before it: who has
waited for a single slow commit does not also wait for a long pause.
"""

RECORDS_PER_PAUSE = 400
PAUSES_MAX = 4
PAUSE_MAX_US = 100_000


class CommitPace:
    """Decides when the next commit is due. All times are microseconds of a clock that runs at
    `speed`; `interval_us` is the shortest pause in real time."""

    def __init__(self, interval_us: int, speed: float) -> None:
        self._interval_us = int(interval_us * speed)
        self._pause_max_us = int(PAUSE_MAX_US * speed)
        self._pause_us = self._interval_us
        self._committed_at = self._took_us = 0

    def is_due(self, now: int) -> bool:
        """Whether the pause after the last commit is over, or the clock was set back since."""
        since_us = now - self._committed_at
        return since_us >= self._pause_us or since_us < 0

    @property
    def next_at(self) -> int:
        """The moment at which the next commit is due."""
        return self._committed_at + self._pause_us

    def committed(self, began_at: int, ended_at: int, records: int) -> None:
        """Notes a commit of `records` records, and sets the pause after it."""
        before_us, self._took_us = self._took_us, ended_at - began_at
        took_us = min(before_us * 3 // 2, self._took_us)
        busy_us = took_us * took_us // (2 * self._interval_us + 1)
        full_us = int(took_us * min(PAUSES_MAX, records / RECORDS_PER_PAUSE))
        pause_us = min(max(busy_us, full_us), self._pause_max_us)
        self._pause_us = max(self._interval_us, pause_us)
        self._committed_at = ended_at
