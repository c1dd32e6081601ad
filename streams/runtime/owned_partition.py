"""A partition that a worker owns, with its task and what keeps the task from folding."""

from processors.fold.task import Task
from streams.runtime.restoring import Restoring


class OwnedPartition:
    """The task of an owned partition. `restoring` is set while the task's states are being
    restored; `ticked_at` is the moment of the last tick, 0 if there is none."""

    def __init__(self, task: Task, restoring: Restoring | None) -> None:
        self.task = task
        self.restoring = restoring
        self.ticked_at = 0
        self.clock_skewed = False

    @property
    def ready(self) -> bool:
        """Whether the states are restored, and the broker's clock agrees with this machine's."""
        return self.restoring is None and not self.clock_skewed

    @property
    def has_work(self) -> bool:
        """Whether there are states to restore, or records or due timers to fold."""
        if self.restoring is not None:
            return not self.restoring.waits
        return self.ready and (bool(self.task.inbox) or not self.task.nothing_due)

    @property
    def unfinished(self) -> bool:
        """Whether there is work in hand, even if something holds it back."""
        restoring = self.restoring is not None
        return restoring or bool(self.task.inbox) or self.task.dirty or not self.task.nothing_due

    @property
    def mark(self) -> object:
        """A value that changes whenever states are restored or work is committed."""
        restored = 0 if self.restoring is None else self.restoring.records
        return self.task.committed_position, restored

    def tick_pending(self, now: int, retry_us: int) -> bool:
        """Whether the last tick has not arrived yet and is younger than `retry_us`. Without the
        second condition a broker whose clock is behind could stop the ticks."""
        arrived = self.task.stream_time >= self.ticked_at - self.ticked_at % 1_000
        return not arrived and self.ticked_at + retry_us > now

    def close(self) -> None:
        """Ends the restoring of states, if it is under way."""
        if self.restoring is not None:
            self.restoring.close()
            self.restoring = None
