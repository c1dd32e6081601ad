"""The main thread of the running demo: it restarts roles that die, updates the screen, and ends
when everything is finished or takes too long."""

import time
from collections.abc import Callable

from confluent_kafka import KafkaException

from schemas.base.times import DAY, to_datetime
from sinks.demo_queries import DemoQueries
from streams.base.settings import Settings
from streams.demo.calls import SLOTS
from streams.demo.interrupts import Interrupts
from streams.demo.lag import RoleLag
from streams.demo.screen import Screen, ScreenState
from streams.demo.traffic import Traffic
from streams.runtime.supervisor import Supervisor

READY_TIMEOUT_S = 60.0
SHOW_EVERY_S = 0.25
REFRESH_EVERY_S = 1.0
PERIOD_MIN = 14 * DAY
"""The demo does not end before this time has passed on its clock."""

OVERTIME_S = 120.0
"""Wall seconds that a slow machine may need beyond the demo period."""

RESTARTS_MAX = 5


class DemoFailed(Exception):
    """The demo cannot go on. The message has the reason."""


class DemoMonitor:
    """Supervises the roles, and shows what PostgreSQL and the broker report."""

    def __init__(
        self,
        settings: Settings,
        supervisor: Supervisor,
        traffic: Traffic,
        queries: DemoQueries,
        lag: RoleLag,
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
        self._restarts: dict[str, int] = {}

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits until the condition holds. Raises DemoFailed after `READY_TIMEOUT_S`."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not condition():
            self.check_health()
            if time.monotonic() > deadline:
                raise DemoFailed(f"waited {READY_TIMEOUT_S:.0f} s for {what}")
            time.sleep(0.05)

    def run_until_over(self, screen: Screen, start: int, period_us: int) -> None:
        """Shows the screen until the days have passed, every enrollment has ended, and no event is
        scheduled. Raises DemoFailed."""
        deadline = (
            self._clock.wall_seconds(start + period_us - self._clock.now())
            + OVERTIME_S
            + time.monotonic()
        )
        while True:
            began = time.monotonic()
            self.check_health()
            state = self._screen_state(start, period_us)
            over = (
                state.now >= start + PERIOD_MIN and self._traffic.idle and not self._queries.open()
            )
            screen.show(state, last=over)
            if over:
                return
            if began > deadline:
                raise DemoFailed(f"{self._queries.open()} enrollments have not ended in time")
            time.sleep(max(0.02, SHOW_EVERY_S - (time.monotonic() - began)))

    def check_health(self) -> None:
        """Restarts roles that died. Raises DemoFailed if a role dies too often or the traffic has
        failed, KeyboardInterrupt."""
        self.interrupts.check()
        before = [child.process for child in self._supervisor.children]
        try:
            self._supervisor.check()
        except RuntimeError as error:
            raise DemoFailed(str(error)) from error
        for child, process in zip(self._supervisor.children, before, strict=True):
            if process is not None and child.process is None:
                self._restarts[child.role] = self._restarts.get(child.role, 0) + 1
                if self._restarts[child.role] > RESTARTS_MAX:
                    raise DemoFailed(f"{child.role} died {RESTARTS_MAX + 1} times")
        if self._traffic.failure is not None:
            raise DemoFailed(f"the traffic ended: {self._traffic.failure!r}")

    @property
    def restarts(self) -> int:
        """How often a role was restarted."""
        return sum(self._restarts.values())

    def _screen_state(self, start: int, period_us: int) -> ScreenState:
        now = self._clock.now()
        if time.monotonic() >= self._figures_at + REFRESH_EVERY_S:
            self._refresh_figures()
        return ScreenState(
            now,
            start,
            (now - start) / period_us,
            self._phase(now, start, period_us),
            self._queries.businesses(),
            self._queries.waiting(to_datetime(now)),
            self._behind,
            self._traffic.published,
            self._facts,
            self._per_second,
            list(self._traffic.notes),
            self._queries.calls(),
            SLOTS,
        )

    def _refresh_figures(self) -> None:
        """Reads the figures that cost more time."""
        seconds = time.monotonic() - self._figures_at
        self._figures_at = time.monotonic()
        facts, published = sum(self._queries.totals().values()), self._traffic.published
        self._per_second = (facts + published - self._records) / seconds
        self._facts, self._records = facts, facts + published
        try:
            self._behind = self._lag.read()
        except KafkaException:
            self._behind = {}  # the broker is busy; the next refresh tries again

    def _phase(self, now: int, start: int, period_us: int) -> str:
        speed = f"1 s = {self._clock.speed / 3600:.1f} h"
        if now < start:
            return f"{speed}   waits for midnight"
        left = self._clock.wall_seconds(start + period_us - now)
        return (
            f"{speed}   {left:.0f} s to go"
            if left > 0
            else f"{speed}   the last touches are ending"
        )
