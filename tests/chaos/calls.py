"""People in a call campaign: what the dialler reports of each call follows from the id of the
person, and what the owner of the slots must have done follows from the facts.

The end of some calls is lost, and some commands are lost with their dialler; their slots end by
themselves, more than a minute later.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.chaos.prospects import ProspectAnswer, call_ended

CALLS, CALL = "calls", "call"
POOL = "chaos"
POOL_SLOTS, TENANT_SLOTS = 12, 6
BEHAVIOURS = 8
LOST_OF = 24
"""Of the people with the last behaviour, each of so many is lost with the end of the call."""

RETRY_MINUTES = [0.005, 0.05, 0.5, 1, 1]
"""The pauses after a command that came too late to the dialler."""

_PLAIN, _BUSY_ONCE, _TWICE, _IN_DOUBT, _REVIEWED, _ENDS_EARLY, _FAILS, _SOMETIMES_LOST = range(
    BEHAVIOURS
)
"""The behaviours: answers; is busy at first; the end is reported twice; the dialler does not know
whether it has placed the call; the call is reviewed; the end comes before the placing; the call
fails; the end is lost, or the dialler is killed before it answers."""


def definition(tenant_id: str) -> dict[str, Any]:
    """A campaign that calls everybody once, and once more if busy."""
    limits = {"place_seconds": 20, "ring_seconds": 5, "max_seconds": 10, "failure_rate": False}
    redial = {"max_attempts": 2, "outcomes": {"busy": [0.01], "failed": [], "unknown": []}}
    return {
        "tenant_id": tenant_id,
        "campaign_id": CALLS,
        "name": "Calls",
        "kind": "calls",
        "settings": {"calls": {"pool": POOL, **limits}, "retry_minutes": RETRY_MINUTES},
        "steps": [{"id": CALL, "channel": "voice", "template_id": "t", "redial": redial}],
    }


def is_called(contact_id: str) -> bool:
    return contact_id.startswith("k-")


def answers(contact_id: str, attempt: int) -> Iterator[ProspectAnswer]:
    """What is reported of a call, in this order."""
    number = int(contact_id.rpartition("-")[2])
    behaviour, sent = number % BEHAVIOURS, ProspectAnswer("touch.sent", {})
    if behaviour == _IN_DOUBT:
        yield ProspectAnswer("touch.failed", {"code": "PLACE_UNKNOWN", "permanent": False})
        return
    if is_lost(contact_id):
        if number // BEHAVIOURS // LOST_OF % 2:
            yield sent
        return
    outcome = "busy" if behaviour == _BUSY_ONCE and attempt == 1 else "answered"
    ended = call_ended("failed" if behaviour == _FAILS else outcome)
    if behaviour == _ENDS_EARLY:
        yield ended
    yield sent
    yield ProspectAnswer("call.progressed", {"state": "ringing"})
    if behaviour != _ENDS_EARLY:
        yield ended
    if behaviour == _TWICE:
        yield call_ended("voicemail")
    if behaviour == _REVIEWED:
        yield ProspectAnswer("call.reviewed", {"success": True})


def is_lost(contact_id: str) -> bool:
    """Whether nobody reports the end of this person's calls."""
    number = int(contact_id.rpartition("-")[2])
    return number % BEHAVIOURS == _SOMETIMES_LOST and number // BEHAVIOURS % LOST_OF == 0


class SlotEvent(NamedTuple):
    """A slot that is taken (1) or given back (-1) at a moment of stream time."""

    at: str
    change: int
    tenant_id: str
    pool_id: str


class SlotLedger:
    """The slots of calls by the facts of their owners."""

    def __init__(self) -> None:
        self._events: list[SlotEvent] = []
        self._held: dict[str, str] = {}
        self.granted: Counter[str] = Counter()
        self.over: list[str] = []

    def on_fact(self, fact: dict[str, Any]) -> None:
        """Takes a fact of a call."""
        kind, command_id, values = fact["fact"], fact["command_id"], fact["values"]
        place = (fact["tenant_id"], values["pool_id"])
        if kind == "call.slot_granted":
            self.granted[command_id] += 1
            self._held[command_id] = fact["contact_id"]
            self._events.append(SlotEvent(fact["at"], 1, *place))
            self.over += [
                f"{command_id}: {name} {limit['used']} of {limit['limit']}"
                for name, limit in values["limits"].items()
                if limit["limit"] is not None and limit["used"] >= limit["limit"]
            ]
        elif kind != "call.overrun" and self._held.pop(command_id, None) is not None:
            self._events.append(SlotEvent(fact["at"], -1, *place))

    def problems(self) -> list[str]:
        """What is wrong with the slots, in words: more at once than there are, a call that was
        granted twice, a slot that is held although the end of its call was reported."""
        problems = [f"granted above the limit: {text}" for text in self.over]
        problems += [f"granted {n} times: {name}" for name, n in self.granted.items() if n > 1]
        limits = {"tenant": TENANT_SLOTS, "pool": POOL_SLOTS}
        in_use: Counter[tuple[str, str]] = Counter()
        for event in sorted(e for e in self._events if e.pool_id == POOL):
            for scope, name in (("tenant", event.tenant_id), ("pool", event.pool_id)):
                in_use[scope, name] += event.change
                if in_use[scope, name] > limits[scope]:
                    problems.append(f"{in_use[scope, name]} slots of {name} in use at {event.at}")
        problems += [
            f"slot held at rest: {command_id} of {contact_id}"
            for command_id, contact_id in self._held.items()
            if not is_called(contact_id) or not is_lost(contact_id)
        ]
        return problems
