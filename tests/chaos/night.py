"""A round of its own: an engine in a time lapse, whose senders are down for hours over the end of a
send window, while workers are killed.

Its checker knows the local clock of every person and what the sender did with every command. It
asks no state and no fact of the engine for that.
"""

import os
import signal
from collections import Counter
from pathlib import Path
from random import Random

from schemas.internal.topics import COMMANDS
from streams.audit.verify import verify
from streams.embedded.stack import Stack
from streams.kafka.reader import TopicReader
from tests.testing.live_engine import LiveEngine
from tests.testing.overnight import Overnight, lapse_environment

ROLES = {"intake": 1, "contact": 2, "dispatch": 2, "campaign": 1, "projector": 1}
PEOPLE, PLACES = 120, 3
DIFFERENCES_MAX = 20


class SendersDown:
    """One night, in which the senders are down from `stops` to `starts`, in hours since the
    midnight before. `sends` and `late` are the touches that were sent, and the commands to which
    the sender came too late."""

    def __init__(
        self,
        stack: Stack,
        log_dir: Path,
        seed: int,
        *,
        stops: float | None = None,
        starts: float | None = None,
    ) -> None:
        self._stack, self._log_dir, self._random = stack, log_dir, Random(seed)
        self._stops = stops or self._random.uniform(20.3, 20.9)
        self._starts = starts or self._random.uniform(24.5, 30.5)
        self.sends = self.late = 0
        self.report_line = ""

    def run(self) -> list[str]:
        """Lets the night pass, and returns all problems, in words."""
        engine = LiveEngine(
            self._stack, self._log_dir, roles=ROLES, environment=lapse_environment()
        )
        try:
            engine.start()
            night = Overnight(engine)
            try:
                return self._run(engine, night)
            finally:
                night.close()
        finally:
            engine.stop()

    def _run(self, engine: LiveEngine, night: Overnight) -> list[str]:
        night.set_up()
        night.enroll(PEOPLE, PLACES, self._random)
        night.work_until(self._stops)
        night.sender.down = True
        killed = [self._kill(engine, role) for role in ("contact", "dispatch")]
        night.work_until(self._starts)
        night.sender.down = False
        killed.append(self._kill(engine, self._random.choice(("contact", "dispatch", "intake"))))
        night.work_until_all_ended()
        outcomes = night.sender.outcomes()
        self.sends, self.late = outcomes["sent"], outcomes["window_closed"]
        self.report_line = (
            f"senders down from {_clock(self._stops)} to {_clock(self._starts)}, "
            f"kill -9 {', '.join(killed)}; {self.sends} sent, {self.late} too late, "
            f"{len(night.sender.revoked)} revoked"
        )
        report = verify(engine.settings, wait_s=60.0, first=DIFFERENCES_MAX)
        problems = [*night.problems(), *unanswered(night), *map(str, report.differences)]
        return problems if self.late else [*problems, "no command was too late: nothing was shown"]

    def _kill(self, engine: LiveEngine, role: str) -> str:
        child = self._random.choice(engine.children(role))
        if child.process is None:
            return f"of no {role}"
        os.kill(child.process.pid, signal.SIGKILL)
        return f"{role}-{child.slot}"


def unanswered(night: Overnight) -> list[str]:
    """The commands on the topics that the sender neither answered nor saw revoked, in words; and
    those that a topic has twice."""
    emitted: Counter[str] = Counter()
    for topic in COMMANDS:
        reader = TopicReader(night.engine.settings, topic)
        for _, entries in reader.read():
            for entry in entries:
                event_id = dict(entry.record.headers() or ())["ce_id"]
                assert isinstance(event_id, bytes)
                emitted[event_id.decode()] += 1
        reader.close()
    problems = [f"emitted {times} times: {name}" for name, times in emitted.items() if times > 1]
    known = night.sender.answered.keys() | night.sender.revocations
    return problems + [f"never answered: {name}" for name in emitted.keys() - known]


def _clock(hours: float) -> str:
    return f"{int(hours) % 24:02}:{int(hours % 1 * 60):02}"
