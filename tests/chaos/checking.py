"""At rest, everything is compared: the refold with what stands there, and the ledger with what
was commanded."""

import time
from collections.abc import Callable

from schemas.internal.facts import FactKind
from streams.audit.refolded_logs import RefoldedLogs
from streams.audit.rest import NotAtRest
from streams.audit.verify import differences
from streams.base.settings import Settings
from tests.chaos.senders import Senders, Witness
from tests.chaos.traffic import Publisher

REST_S = 90.0
AGAIN_S = 0.3
DIFFERENCES_MAX = 20


class Checker:
    """What `streams.audit.verify.verify` does, kept between looks so that each reads on."""

    def __init__(
        self,
        settings: Settings,
        pause: Callable[[float], None],
        publisher: Publisher,
        senders: Senders,
        witness: Witness,
    ) -> None:
        self._pause = pause
        self._publisher, self._senders, self._witness = publisher, senders, witness
        self.logs = RefoldedLogs(settings)
        self.missing = 0
        self.repeated = 0
        self.commands = 0

    def check(self) -> list[str]:
        """Everything that is wrong, in words."""
        rest_at = time.monotonic() + REST_S
        while (moving := self._moving()) is not None:
            if time.monotonic() > rest_at:
                return [f"not at rest: {moving}", *self._counts()]
            self._pause(AGAIN_S)
        found = differences(self.logs, first=DIFFERENCES_MAX, postgres=True)
        return [str(difference) for difference in found] + self._counts()

    def _moving(self) -> str | None:
        """Not at rest either while a touch must still come: its timer has not fired yet."""
        self._senders.flush()
        self._witness.flush()
        self._pause(AGAIN_S)
        try:
            self.logs.read()
            moving = self.logs.moving(postgres=True)
        except NotAtRest as error:
            return str(error)
        if moving is None and (missing := self._missing()):
            moving = f"{len(missing)} touches are missing, such as {missing[0]}"
        return moving

    def _counts(self) -> list[str]:
        repeated, missing = self._senders.repeated(), self._missing()
        self.repeated, self.missing = len(repeated), len(missing)
        self.commands = self._senders.commands
        found = [f"commanded more than once: {name}" for name in repeated[:10]]
        found += [f"never commanded: {contact} {steps}" for contact, steps in missing[:10]]
        needless = self._publisher.ledger.needless(self._senders.commanded)
        found += [f"commanded without a cause: {who} {steps}" for who, steps in needless[:10]]
        if self._witness.refused:
            found.append(f"{FactKind.EVENT_REFUSED}: {dict(self._witness.refused)}")
        return found

    def _missing(self) -> list[tuple[tuple[str, str], set[str]]]:
        return self._publisher.ledger.missing(self._senders.commanded, self._witness.declined)
