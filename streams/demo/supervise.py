"""The main thread while the lapse runs: roles that die are started again, the screen is fed, and
somebody notices when all is over or nothing moves any more."""

import time
from collections.abc import Callable

from confluent_kafka import KafkaException

from schemas.base.times import DAY, to_datetime
from sinks.demo_queries import DemoQueries
from streams.base.settings import Settings
from streams.demo.interrupts import Interrupts
from streams.demo.lag import Lag
from streams.demo.screen import Screen, View
from streams.demo.traffic import Traffic
from streams.runtime.supervisor import Supervisor

READY_S = 60.0
SHOW_S = 0.25
FIGURES_S = 1.0
AT_LEAST = 14 * DAY
LATE_S = 120.0
"""Wall seconds that a slow machine may need beyond the lapse."""

DEATHS_MAX = 5


class Failed(Exception):
    """The demo cannot go on; the message says why."""


class Watch:
    """Asks PostgreSQL and the broker, shows what they say."""

    def __init__(
        self,
        settings: Settings,
        supervisor: Supervisor,
        traffic: Traffic,
        queries: DemoQueries,
        lag: Lag,
        interrupts: Interrupts,
    ) -> None:
        self._clock = settings.scaled_clock()
        self._supervisor = supervisor
        self._traffic = traffic
        self._queries = queries
        self._lag = lag
        self.interrupts = interrupts
        self._behind: dict[str, int] = {}
        self._facts = 0
        self._records = 0
        self._per_second = 0.0
        self._figures_at = time.monotonic()
        self._deaths: dict[str, int] = {}

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Until it holds. Raises Failed."""
        deadline = time.monotonic() + READY_S
        while not condition():
            self.look_after()
            if time.monotonic() > deadline:
                raise Failed(f"waited {READY_S:.0f} s for {what}")
            time.sleep(0.05)

    def until_over(self, screen: Screen, start: int, lapse: int) -> None:
        """Until the days have passed, every enrollment has ended and nobody has more to say."""
        deadline = (
            self._clock.wall_seconds(start + lapse - self._clock.now()) + LATE_S + time.monotonic()
        )
        while True:
            began = time.monotonic()
            self.look_after()
            view = self._view(start, lapse)
            over = view.now >= start + AT_LEAST and self._traffic.idle and not self._queries.open()
            screen.show(view, last=over)
            if over:
                return
            if began > deadline:
                raise Failed(f"not everything came to its end: {self._queries.open()} are open")
            time.sleep(max(0.02, SHOW_S - (time.monotonic() - began)))

    def look_after(self) -> None:
        """Start again what died. Raises Failed where that does not help, KeyboardInterrupt."""
        self.interrupts.check()
        before = [child.process for child in self._supervisor.children]
        try:
            self._supervisor.watch()
        except RuntimeError as error:
            raise Failed(str(error)) from error
        for child, process in zip(self._supervisor.children, before, strict=True):
            if process is not None and child.process is None:
                self._deaths[child.role] = self._deaths.get(child.role, 0) + 1
                if self._deaths[child.role] > DEATHS_MAX:
                    raise Failed(f"{child.role} died {DEATHS_MAX + 1} times")
        if self._traffic.failure is not None:
            raise Failed(f"the traffic ended: {self._traffic.failure!r}")

    @property
    def deaths(self) -> int:
        """How often a role had to be started again."""
        return sum(self._deaths.values())

    def _view(self, start: int, lapse: int) -> View:
        now = self._clock.now()
        if time.monotonic() >= self._figures_at + FIGURES_S:
            self._take_figures()
        return View(
            now,
            start,
            (now - start) / lapse,
            self._phase(now, start, lapse),
            self._queries.businesses(),
            self._queries.waiting(to_datetime(now)),
            self._behind,
            self._traffic.published,
            self._facts,
            self._per_second,
            list(self._traffic.notes),
        )

    def _take_figures(self) -> None:
        """What costs more to ask."""
        took = time.monotonic() - self._figures_at
        self._figures_at = time.monotonic()
        facts, published = sum(self._queries.totals().values()), self._traffic.published
        self._per_second = (facts + published - self._records) / took
        self._facts, self._records = facts, facts + published
        try:
            self._behind = self._lag.read()
        except KafkaException:
            self._behind = {}  # a busy broker; the next second tells

    def _phase(self, now: int, start: int, lapse: int) -> str:
        speed = f"1 s = {self._clock.speed / 3600:.1f} h"
        if now < start:
            return f"{speed}   waiting for midnight"
        left = self._clock.wall_seconds(start + lapse - now)
        return f"{speed}   {left:.0f} s to go" if left > 0 else f"{speed}   the last touches end"
