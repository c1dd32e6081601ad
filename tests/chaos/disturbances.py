"""The disturbances of a running engine. Each returns a line that describes it."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import psutil

from streams.embedded.kafka import EmbeddedKafka
from streams.runtime.supervisor import RoleProcess
from tests.chaos.full_disk import without_disk_space
from tests.chaos.recovery import CommittedProgress, Recovery
from tests.testing.live_engine import LiveEngine

CALL_S = 15.0
RECOVERY_TIMEOUT_S = 120.0
SERVER_TIMEOUT_S = 240.0


class DisturbedEngine:
    """An engine whose processes and servers are killed or suspended. `recovery_s` are the seconds
    from a kill until the partitions were processed again, by role."""

    def __init__(self, engine: LiveEngine, random: Random) -> None:
        self.engine = engine
        self.progress = CommittedProgress(engine.settings)
        self.recovery_s: dict[str, list[float]] = {role: [] for role in engine.roles}
        self.random = random

    @property
    def brokers(self) -> list[EmbeddedKafka]:
        return self.engine.stack.brokers

    def kill(self) -> str:
        """Kills one or two processes with SIGKILL, and waits until their partitions are processed
        again."""
        running = [c for c in self.engine.children() if c.process is not None]
        victims = self.random.sample(running, self.random.choice((1, 1, 2)))
        recoveries = [self._kill(child) for child in victims]
        for recovery in recoveries:
            self.engine.wait_until(
                f"{_name(recovery.child)} again", recovery.check, RECOVERY_TIMEOUT_S
            )
            assert recovery.after_s is not None
            self.recovery_s[recovery.child.role].append(recovery.after_s)
        return "kill -9 " + ", ".join(f"{_name(r.child)} ({r.after_s:.1f} s)" for r in recoveries)

    def _kill(self, child: RoleProcess) -> Recovery:
        owned = self.progress.owned(child.role, child.slot)
        assert child.process is not None
        os.kill(child.process.pid, signal.SIGKILL)
        killed_at_s = time.monotonic()
        child.process.wait(10)
        return Recovery(self.progress, child, owned, killed_at_s)

    def freeze_contact(self) -> str:
        """Suspends a contact worker with SIGSTOP until its session has ended and its partitions
        have moved, and then continues it."""
        return self._freeze("contact")

    def freeze_dispatch(self) -> str:
        """Suspends a dispatch worker, as `freeze_contact` does."""
        return self._freeze("dispatch")

    def freeze_projector(self) -> str:
        """Suspends a projector, as `freeze_contact` does, while a second one runs."""
        beside = self.engine.add_processes(["projector"], first_slot=1)
        try:
            self._wait_for_partitions("projector", 1)
            return self._freeze("projector")
        finally:
            self.engine.remove_processes(beside)

    def _freeze(self, role: str) -> str:
        frozen = self.engine.children(role)[0]
        others = {c.slot for c in self.engine.children(role)} - {frozen.slot}
        self._wait_for_partitions(role, frozen.slot)
        theirs = self.progress.owned(role, frozen.slot)
        assert frozen.process is not None
        process = frozen.process
        os.kill(process.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            self.engine.wait_until(
                f"others take over from {role}-{frozen.slot}",
                lambda: theirs <= self.progress.owned(role, *others),
                RECOVERY_TIMEOUT_S,
            )
            moved = Recovery(self.progress, frozen, theirs, stopped)
            self.engine.wait_until(f"{role} goes on", moved.check, RECOVERY_TIMEOUT_S)
            # Sometimes the process continues before its transaction has timed out.
            self.engine.pause(self.random.uniform(0.5, 6.0))
        finally:
            os.kill(process.pid, signal.SIGCONT)
        self._wait_for_partitions(role, frozen.slot)
        return f"SIGSTOP {role}-{frozen.slot}, moved after {moved.after_s:.1f} s, SIGCONT"

    def join_and_leave(self) -> str:
        """Starts two more workers of three roles, and stops them again."""
        roles = {role: self.engine.roles[role] for role in ("contact", "dispatch", "intake")}
        more = [
            self.engine.add_processes([role], first_slot=slot, workers=2)
            for role, slot in roles.items()
        ]
        for role, slot in roles.items():
            self._wait_for_partitions(role, slot + 1)
        self.engine.pause(1.0)
        for supervisor in more:
            self.engine.remove_processes(supervisor)
        session_s = self.engine.settings.session_timeout_ms / 1_000
        self.engine.pause(session_s + 1)  # the group notices the end of a session
        return "two workers of three roles joined and left"

    def kill_kafka(self) -> str:
        """Kills all brokers, and restarts them."""
        for broker in self.brokers:
            broker.kill()
        self.engine.pause(self.random.uniform(0.0, 1.0))
        self.restart(*self.brokers)
        return "kill -9 of all brokers, restarted" + self.wait_for_recovery()

    def restart(self, *brokers: EmbeddedKafka) -> None:
        """Starts brokers at the same time, and waits until they run."""
        self.call_beside(*(broker.restart for broker in brokers))

    def call_beside(self, *calls: Callable[[], None]) -> None:
        """Makes slow calls at the same time. The processes of the engine are restarted
        meanwhile."""
        with ThreadPoolExecutor(len(calls)) as threads:
            made = [threads.submit(call) for call in calls]
            self.engine.wait_until(
                "servers", lambda: all(call.done() for call in made), SERVER_TIMEOUT_S
            )
            for call in made:
                call.result()

    def kill_postgres(self) -> str:
        """Kills PostgreSQL, and restarts it."""
        self.engine.stack.postgres.kill()
        self.engine.pause(self.random.uniform(0.5, 3.0))
        self.call_beside(self.engine.stack.postgres.restart)
        return "kill -9 of PostgreSQL, restarted" + self.wait_for_recovery(("projector",))

    def freeze_postgres(self) -> str:
        """Suspends PostgreSQL with all its connections: nothing answers, and nothing fails."""
        seconds = self.random.choice((5.0, 10.0, 15.0, 40.0))
        server = psutil.Process(self.engine.stack.postgres.pid)
        server.suspend()
        suspended = [server, *server.children(recursive=True)]
        for backend in suspended[1:]:
            backend.suspend()
        try:
            self.engine.pause(seconds)
        finally:
            for process in suspended:
                process.resume()
        line = f"SIGSTOP of PostgreSQL for {seconds:.0f} s"
        return line + self.wait_for_recovery(("projector",))

    def fill_disk_of_postgres(self) -> str:
        """Refuses PostgreSQL each write to its disk for some seconds, and restarts it if it has
        ended."""
        postgres = self.engine.stack.postgres
        with without_disk_space(postgres.process):
            self.engine.pause(self.random.uniform(3.0, 8.0))
        ended = not postgres.process.running
        self.call_beside(postgres.restart)
        line = f"full disk of PostgreSQL, which {'ended' if ended else 'went on'}, restarted"
        return line + self.wait_for_recovery(("projector",))

    def freeze_kafka(self) -> str:
        """Suspends all brokers for longer than a call of the producer waits, so that outcomes of
        commits are unknown."""
        for broker in self.brokers:
            os.kill(broker.pid, signal.SIGSTOP)
        try:
            self.engine.pause(CALL_S + 3)
        finally:
            for broker in self.brokers:
                os.kill(broker.pid, signal.SIGCONT)
        return f"SIGSTOP of all brokers for {CALL_S + 3:.0f} s" + self.wait_for_recovery()

    def wait_for_recovery(self, roles: tuple[str, ...] = ()) -> str:
        began = time.monotonic()
        for role in roles or tuple(self.engine.roles):
            child = self.engine.children(role)[0]
            recovery = Recovery(self.progress, child, set(), began)
            self.engine.wait_until(f"{role} again", recovery.check, RECOVERY_TIMEOUT_S)
        return f", all again {time.monotonic() - began:.1f} s later"

    def _wait_for_partitions(self, role: str, slot: int) -> None:
        """Waits until the group has assigned partitions to this slot."""
        description = f"{role}-{slot} has partitions"
        self.engine.wait_until(
            description, lambda: bool(self.progress.owned(role, slot)), RECOVERY_TIMEOUT_S
        )

    def close(self) -> None:
        self.progress.close()


def _name(child: RoleProcess) -> str:
    return f"{child.role}-{child.slot}"


Disturbance = Callable[[DisturbedEngine], str]
DISTURBANCES: tuple[Disturbance, ...] = (
    DisturbedEngine.freeze_contact,
    DisturbedEngine.kill_postgres,
    DisturbedEngine.join_and_leave,
    DisturbedEngine.kill_kafka,
    DisturbedEngine.freeze_projector,
    DisturbedEngine.freeze_postgres,
    DisturbedEngine.freeze_kafka,
    DisturbedEngine.freeze_dispatch,
    DisturbedEngine.fill_disk_of_postgres,
)
"""The disturbances between the kills, in this order."""

ALL_BROKERS = (DisturbedEngine.freeze_kafka, DisturbedEngine.kill_kafka)
"""Disturbances of all brokers at once."""
