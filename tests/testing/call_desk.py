"""A world of calls without the owner of their slots: a test plays the pool, the dialler and the
provider, and decides what arrives when."""

from itertools import pairwise
from typing import Any

from schemas.base.times import MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.enrollment import Enrollment, Touch
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import RunCount
from schemas.internal.topics import Topic
from tests.testing.builders import CAMPAIGN, CONTACT, TENANT, publish, step, tenant
from tests.testing.story import contact_of, enrollment_of, new_event, touch_of, upserted
from tests.testing.world import World

NUMBER = "+12125550123"
SLOT_US = 1_065 * SECOND
"""Place 60, ring 45, last 900 and a margin of 60 seconds."""

CHANNEL = "voice"
ROLES = ("campaign", "contact")


class CallDesk(World):
    """The campaign processor and the contact processor. What is sent to dispatch is there to be
    read, and nobody answers it but the test."""

    def settle(self) -> None:
        quiet = 0
        while quiet < 3:
            before = sum(self.broker.ends.values())
            for role in ROLES:
                self.run_worker(role)
            quiet = quiet + 1 if sum(self.broker.ends.values()) == before else 0

    def next_due(self) -> int:
        workers = [self.workers[role] for role in ROLES]
        return min(o.task.next_due() for w in workers for o in w.owned.values())

    def deliver(self, *messages: m.Message) -> None:
        """Appends messages and handles them."""
        self.append(*messages)
        self.settle()

    def sent_to_dispatch(self, *kinds: type[m.Message]) -> list[Any]:
        """The messages of these classes on dispatch-log."""
        values = [r.value or b"" for r in self.broker.topic(Topic.DISPATCH_LOG)]
        return [each for each in map(m.decode_dispatch, values) if isinstance(each, kinds)]

    def requests(self) -> list[m.RequestTouch]:
        """Every request, in the order of time, and of the steps of a run."""
        requests = self.sent_to_dispatch(m.RequestTouch)
        return sorted(requests, key=lambda touch: (touch.due_at, touch.touch_number))

    def reports(self) -> list[m.CallReported]:
        """Every report about a slot."""
        return self.sent_to_dispatch(m.CallReported)

    def keys(self, kind: type[m.Message]) -> list[bytes]:
        """The keys of the messages of a class on dispatch-log."""
        records = self.broker.topic(Topic.DISPATCH_LOG)
        return [
            r.key or b"" for r in records if isinstance(m.decode_dispatch(r.value or b""), kind)
        ]

    # what the pool does

    def grant(self, touch: m.RequestTouch | None = None, **changes: Any) -> m.RequestTouch:
        """The pool gives a request, by default the last one, a slot, and informs the contact."""
        touch = touch or self.requests()[-1]
        fields = {"emission": touch.emission, "send_before": 0, "slot_until": self.now + SLOT_US}
        answer = m.TouchCommanded(
            touch.tenant_id, touch.contact_id, touch.command_id, **fields | changes
        )
        self.deliver(answer)
        return touch

    def lose(self, touch: m.RequestTouch) -> None:
        """The slot of a call expires."""
        self.deliver(m.CallLost(touch.tenant_id, touch.contact_id, touch.command_id))

    # what the dialler reports

    def event(self, kind: type[m.ExternalEvent], touch: m.RequestTouch, **fields: Any) -> Any:
        """An event about the command of a touch, now."""
        ids = {"contact_id": touch.contact_id, "command_id": touch.command_id}
        return new_event(self, kind, **{**ids, **fields})

    def ended(self, touch: m.RequestTouch, outcome: str = "answered", **fields: Any) -> m.CallEnded:
        """The call of a command has ended."""
        event: m.CallEnded = self.event(m.CallEnded, touch, outcome=outcome, **fields)
        return event

    def end(self, touch: m.RequestTouch, outcome: str = "answered", **fields: Any) -> None:
        """The dialler reports the end of a call."""
        self.deliver(self.ended(touch, outcome, **fields))

    def call(self, outcome: str, **fields: Any) -> m.RequestTouch:
        """The last request gets a slot, and its call ends after twenty seconds."""
        touch = self.grant()
        self.now += 20 * SECOND
        self.end(touch, outcome, **fields)
        return touch

    # what a test looks at

    def run(self, contact_id: str = CONTACT) -> Enrollment:
        """The newest run of a contact."""
        return enrollment_of(self, contact_id=contact_id)

    def touch(self) -> Touch:
        """Ann's last touch."""
        return touch_of(self)

    def counts(self, campaign_id: str = CAMPAIGN) -> dict[str, int]:
        """The counts of a campaign over all partitions, without those that are 0."""
        total: dict[str, int] = {}
        decode = self.workers["contact"].owned
        for owned in decode.values():
            for key, value in owned.task.store.items():
                if key.startswith(b"\x00n/"):
                    state = owned.task.processor.decode_state(payload_of(value))
                    assert isinstance(state, RunCount)
                    if state.campaign_id == campaign_id:
                        for name, number in state.counts.items():
                            total[name] = total.get(name, 0) + number
        return {name: number for name, number in total.items() if number}


def call_step(name: str = "call", **fields: Any) -> dict[str, Any]:
    """A step that calls."""
    return step(name, CHANNEL, **fields)


def call_world(
    *steps: dict[str, Any], terms: dict[str, Any] | None = None, **settings: Any
) -> CallDesk:
    """A desk whose partitions know a tenant in Chicago and a call campaign. `terms` are the fields
    of the tenant, `settings` those of the campaign."""
    desk = CallDesk()
    desk.deliver(tenant(**terms or {}))
    rows = list(steps) or [call_step()]
    desk.deliver(publish(kind="calls", steps=rows, settings=settings))
    return desk


def ordered(
    desk: CallDesk, contact_id: str = CONTACT, phone: str = NUMBER, **variables: str
) -> CallDesk:
    """Ann, who has a name and a number, is ordered to be called."""
    desk.deliver(upserted(desk, contact_id, first_name="Ann", phone=phone))
    enroll = m.ContactEnrolled(
        TENANT, contact_id, f"order#{contact_id}-{desk.now}", desk.now, CAMPAIGN, variables or None
    )
    desk.deliver(enroll)
    return desk


def usual_redial(**changes: Any) -> dict[str, Any]:
    """The preset `usual`, as a mapping."""
    return {
        "max_attempts": 3,
        "outcomes": {"busy": [15, 60], "no_answer": [60, 240], "voicemail": [1_440], "failed": [5]},
        **changes,
    }


def minutes_between(desk: CallDesk) -> list[int]:
    """The minutes between the requests of calls."""
    times = [touch.due_at for touch in desk.requests()]
    return [round((b - a) / MINUTE) for a, b in pairwise(times)]


__all__ = ["CallDesk", "call_step", "call_world", "contact_of", "ordered", "usual_redial"]
