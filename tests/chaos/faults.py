"""What is done to a running site. Each returns one line that says so; the checks come after."""

import os
import signal
import time
from collections.abc import Callable
from random import Random

from streams.runtime.supervisor import RoleProcess
from tests.chaos.progress import Again, Progress
from tests.testing.live_engine import LiveEngine

SESSION_S = 6.0
CALL_S = 15.0
AGAIN_TIMEOUT_S = 120.0


class Disturber:
    """Breaks things, and notes how long it took until they worked again."""

    def __init__(self, engine: LiveEngine, random: Random) -> None:
        self.engine = engine
        self.progress = Progress(engine.settings)
        self.kills: dict[str, list[float]] = {role: [] for role in engine.roles}
        self._random = random

    def kill(self) -> str:
        """SIGKILL of one or two processes, any roles; until both are processing again."""
        running = [c for c in self.engine.children() if c.process is not None]
        victims = self._random.sample(running, self._random.choice((1, 1, 2)))
        found = [self._kill(child) for child in victims]
        for again in found:
            self.engine.wait_until(f"{_name(again.child)} again", again.look, AGAIN_TIMEOUT_S)
            assert again.after_s is not None
            self.kills[again.child.role].append(again.after_s)
        return "kill -9 " + ", ".join(f"{_name(a.child)} ({a.after_s:.1f} s)" for a in found)

    def _kill(self, child: RoleProcess) -> Again:
        owned = self.progress.owned(child.role, child.slot)
        assert child.process is not None
        os.kill(child.process.pid, signal.SIGKILL)
        killed = time.monotonic()
        child.process.wait(10)
        return Again(self.progress, child, owned, killed)

    def freeze_contact(self) -> str:
        """SIGSTOP of a contact worker beyond its session; its partitions move; then SIGCONT."""
        return self._freeze("contact")

    def freeze_dispatch(self) -> str:
        """The same with a dispatch worker."""
        return self._freeze("dispatch")

    def freeze_projector(self) -> str:
        """The same with a projector, another beside it."""
        beside = self.engine.add_processes(["projector"], first_slot=1)
        try:
            self._shared("projector", 1)
            return self._freeze("projector")
        finally:
            self.engine.remove_processes(beside)

    def _freeze(self, role: str) -> str:
        zombie = self.engine.children(role)[0]
        other = next(c.slot for c in self.engine.children(role) if c.slot != zombie.slot)
        self._shared(role, zombie.slot)
        theirs = self.progress.owned(role, zombie.slot)
        assert zombie.process is not None
        process = zombie.process
        os.kill(process.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            self.engine.wait_until(
                f"{role}-{other} takes over",
                lambda: theirs <= self.progress.owned(role, other),
                AGAIN_TIMEOUT_S,
            )
            moved = Again(self.progress, zombie, theirs, stopped)
            self.engine.wait_until(f"{role}-{other} goes on", moved.look, AGAIN_TIMEOUT_S)
            self.engine.pause(
                self._random.uniform(0.5, 6.0)
            )  # some wake before the transaction ends
        finally:
            os.kill(process.pid, signal.SIGCONT)
        self._shared(role, zombie.slot)
        return f"SIGSTOP {role}-{zombie.slot}, moved after {moved.after_s:.1f} s, SIGCONT"

    def join_and_leave(self) -> str:
        """Two more workers come, work, and go."""
        more = self.engine.add_processes(["contact", "dispatch", "intake"], first_slot=2, workers=2)
        for role in ("contact", "dispatch", "intake"):
            self._shared(role, 3)
        self.engine.pause(1.0)
        self.engine.remove_processes(more)
        self.engine.pause(SESSION_S + 1)  # a static member is missed when its session is over
        return "two workers of three roles joined and left"

    def kill_kafka(self) -> str:
        """kill -9 of the broker, and its return."""
        self.engine.stack.kafka.kill()
        self.engine.pause(self._random.uniform(0.0, 1.0))
        self.engine.stack.kafka.restart()
        return "kill -9 of the broker, restarted" + self._all_again()

    def kill_postgres(self) -> str:
        """kill -9 of PostgreSQL, and its return."""
        self.engine.stack.postgres.kill()
        self.engine.pause(self._random.uniform(0.5, 3.0))
        self.engine.stack.postgres.restart()
        return "kill -9 of PostgreSQL, restarted" + self._all_again(("projector",))

    def freeze_kafka(self) -> str:
        """SIGSTOP of the broker for longer than a call of the producer waits: outcomes unknown."""
        pid = self.engine.stack.kafka.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            self.engine.pause(CALL_S + 3)
        finally:
            os.kill(pid, signal.SIGCONT)
        return f"SIGSTOP of the broker for {CALL_S + 3:.0f} s" + self._all_again()

    def _all_again(self, roles: tuple[str, ...] = ()) -> str:
        began = time.monotonic()
        for role in roles or tuple(self.engine.roles):
            child = self.engine.children(role)[0]
            again = Again(self.progress, child, set(), began)
            self.engine.wait_until(f"{role} again", again.look, AGAIN_TIMEOUT_S)
        return f", all again {time.monotonic() - began:.1f} s later"

    def _shared(self, role: str, slot: int) -> None:
        """The group is at rest, and this slot has a part."""
        what = f"{role}-{slot} has partitions"
        self.engine.wait_until(what, lambda: bool(self.progress.owned(role, slot)), AGAIN_TIMEOUT_S)

    def close(self) -> None:
        self.progress.close()


def _name(child: RoleProcess) -> str:
    return f"{child.role}-{child.slot}"


Disturbance = Callable[[Disturber], str]
SPECIAL: tuple[Disturbance, ...] = (
    Disturber.freeze_contact,
    Disturber.kill_postgres,
    Disturber.join_and_leave,
    Disturber.kill_kafka,
    Disturber.freeze_projector,
    Disturber.freeze_kafka,
    Disturber.freeze_dispatch,
)
"""Between the kills, in turn."""

NOT_TIMED = (Disturber.freeze_kafka, Disturber.kill_kafka)
"""A reader waits as long as the broker is away: that is not a transaction's doing."""
