"""The check after a disturbance: once the engine is at rest, its records and rows are compared with
a refold, and its commands with the ledger."""

import time
from collections.abc import Callable

from schemas.internal.facts import FactKind
from streams.audit.refolded_logs import RefoldedLogs
from streams.audit.rest import NotAtRest
from streams.audit.verify import differences
from streams.base.settings import Settings
from tests.chaos import talent
from tests.chaos.readers import ChaosSenders, FactMonitor
from tests.chaos.traffic import TrafficPublisher

REST_TIMEOUT_S = 180.0
POLL_INTERVAL_S = 0.3
DIFFERENCES_MAX = 20


class ConsistencyChecker:
    """The checks of `touchstream verify`, and those of the ledger. The refolded logs stay in
    memory, so each check reads new records only. `differences` is how many differences of `verify`
    there were, of DIFFERENCES_MAX at most for each check."""

    def __init__(
        self,
        settings: Settings,
        pause: Callable[[float], None],
        publisher: TrafficPublisher,
        senders: ChaosSenders,
        fact_monitor: FactMonitor,
    ) -> None:
        self._pause = pause
        self._publisher, self._senders, self._fact_monitor = publisher, senders, fact_monitor
        self.logs = RefoldedLogs(settings)
        self.missing = 0
        self.repeated = 0
        self.commands = 0
        self.differences = 0

    def check(self) -> list[str]:
        """All problems, in words. What was compared counts only if nothing has moved meanwhile: a
        retry may be due, or a slot may end by itself."""
        deadline_s = time.monotonic() + REST_TIMEOUT_S
        while True:
            while (moving := self._moving()) is not None:
                if time.monotonic() > deadline_s:
                    return [f"not at rest: {moving}", *self._command_problems()]
                self._pause(POLL_INTERVAL_S)
            found = differences(self.logs, first=DIFFERENCES_MAX, postgres=True)
            problems = self._command_problems()
            if not found + problems or self.logs.moving(postgres=True) is None:
                break
        self.differences += len(found)
        return [str(difference) for difference in found] + problems

    def _moving(self) -> str | None:
        """What is not at rest, in words. Missing touches count too: their timers may not have fired
        yet."""
        self._senders.flush()
        self._fact_monitor.flush()
        self._pause(POLL_INTERVAL_S)
        try:
            self.logs.read()
            moving = self.logs.moving(postgres=True)
        except NotAtRest as error:
            return str(error)
        if moving is None:
            moving = self._fact_monitor.outreach.moving()
        if moving is None and (missing := self._missing()):
            moving = f"{len(missing)} touches are missing, such as {missing[0]}"
        return moving

    def _command_problems(self) -> list[str]:
        repeated, missing = self._senders.repeated(), self._missing()
        self.repeated, self.missing = len(repeated), len(missing)
        self.commands = self._senders.commands
        problems = [f"commanded more than once: {name}" for name in repeated[:10]]
        problems += [f"never commanded: {contact} {steps}" for contact, steps in missing[:10]]
        unexpected = self._publisher.ledger.unexpected(self._senders.commanded)
        problems += [f"commanded without a cause: {who} {steps}" for who, steps in unexpected[:10]]
        problems += self._fact_monitor.slots.problems()[:10]
        problems += self._fact_monitor.outreach.problems()
        if self._fact_monitor.refused:
            problems.append(f"{FactKind.EVENT_REFUSED}: {dict(self._fact_monitor.refused)}")
        return problems

    def _missing(self) -> list[tuple[tuple[str, str], set[str]]]:
        missing = self._publisher.ledger.missing(
            self._senders.commanded, self._fact_monitor.declined
        )
        written = {who for tenant, who in list(self._senders.commanded) if tenant == talent.TENANT}
        candidates = self._fact_monitor.outreach.missing(self._publisher.candidates, written)
        return missing + [((talent.TENANT, who), {talent.STEP}) for who in sorted(candidates)]
