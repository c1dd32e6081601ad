"""A log of dispatch that is folded without the other processors, for requests of one moment."""

from typing import Any

import msgspec

from processors.dispatch import DispatchProcessor
from processors.fold.task import Record, Task
from schemas.base.times import DAY, from_datetime
from schemas.internal import messages as m
from schemas.internal.dispatch_messages import DISPATCH_RULES
from schemas.internal.facts import Fact, FactKind
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, DispatchState
from tests.testing.builders import TENANT
from tests.testing.world import START

decode_dispatch_state = msgspec.msgpack.Decoder(DispatchState).decode


def request(number: int, **changes: Any) -> m.RequestTouch:
    """A request for the person of a number."""
    fields: dict[str, Any] = {
        "command_id": f"c{number:03}",
        "tenant_id": TENANT,
        "contact_id": f"p{number}",
        "campaign_id": "reviews",
        "campaign_version": 1,
        "enrollment_id": f"e{number}",
        "step_id": "a",
        "touch_number": 1,
        "attempt": 1,
        "emission": 1,
        "channel": "email",
        "action": "send",
        "template_id": "t",
        "recipient": f"p{number}@example.com",
        "variables": {},
        "scheduled_at": START,
        "due_at": START,
        "expires_at": START + 7 * DAY,
        "priority": 0,
        "quiet": None,
        "rules": DISPATCH_RULES,
    }
    return m.RequestTouch(**(fields | changes))


def announced(limit: int | None, **changes: Any) -> m.TenantAnnounced:
    """The tenant, with a limit of its e-mail account."""
    tenant = m.TenantAnnounced(TENANT, "active", "UTC", None, 0, (), {}, {"email": limit})
    return msgspec.structs.replace(tenant, **changes)


class DispatchLog:
    """One partition of dispatch-log. After every `batch` steps the task is replaced by one that is
    restored from what the last one has committed; with `restarts` False it goes on, which is fast
    for long histories."""

    def __init__(self, *messages: m.Message, batch: int = 1_000_000, restarts: bool = True) -> None:
        self.batch = batch
        self.restarts = restarts
        self.offset = 0
        self.task = Task(DispatchProcessor(), 0)
        self.task.restored()
        self.outputs: list[Any] = []
        self.commanded_at: list[int] = []
        self.append(*messages)

    def append(self, *messages: m.Message, at: int = START) -> "DispatchLog":
        """Appends messages with the timestamp `at` and folds the log."""
        records = []
        for message in messages:
            records.append(Record(self.offset, at, b"k", m.encode(message)))
            self.offset += 1
        self.task.feed(records)
        while self.task.advance(self.batch):
            waiting = list(self.task.inbox)
            self._keep_outputs()
            self.task.commit(self.task.changes())
            if not self.restarts:
                continue
            fresh = Task(DispatchProcessor(), 0)
            for key, value in self.task.store.items():
                fresh.restore(key, value)
            fresh.restored()
            fresh.feed(waiting)
            self.task = fresh
        return self

    def _keep_outputs(self) -> None:
        for output in self.task.outputs:
            self.outputs.append(output.message)
            if isinstance(output.message, Fact) and output.message.fact is FactKind.TOUCH_COMMANDED:
                self.commanded_at.append(from_datetime(output.message.at))

    def pass_time(self, until: int) -> "DispatchLog":
        """Moves stream time to `until`, with a tick for every timer on the way."""
        while (due := self.task.next_due()) <= until:
            self.append(m.Tick(), at=max(due, self.task.stream_time))
        return self.append(m.Tick(), at=until)

    def sent(self, kind: type[Any]) -> list[Any]:
        """The outputs of a class, in order."""
        return [message for message in self.outputs if isinstance(message, kind)]

    def commanded(self) -> list[str]:
        """The ids of the commands, in order."""
        return [command.touch.command_id for command in self.sent(m.CommandDue)]

    def facts(self, kind: FactKind) -> list[Fact]:
        """The facts of a kind, in order."""
        return [fact for fact in self.sent(Fact) if fact.fact is kind]

    def states(self, kind: type[Any]) -> list[Any]:
        """The committed states of a class."""
        decoded = (
            decode_dispatch_state(payload_of(value))
            for key, value in self.task.store.items()
            if key != POSITION_KEY
        )
        return [state for state in decoded if isinstance(state, kind)]
