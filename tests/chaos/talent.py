"""A campaign of outreach with an experiment. Its people come a batch before each cycle, answer by
their variant, and come on after the campaign has ended.

The numbers of people decide when the experiment has a winner and when the target is met, and not
how long the traffic flows.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.chaos.prospects import ProspectAnswer

TENANT, CAMPAIGN, EXPERIMENT, STEP = "east", "talent", "subject", "invitation"
BATCH, TARGET = 30, 300
"""People of a batch, and people reached that complete the campaign. The winner needs fewer."""

_REPLIES_OF_TEN = {"A": 6, "B": 1}

ACCOUNTS = 15
"""Each sends once a second, so together they send a batch in two."""

_ACCOUNT: dict[str, Any] = {
    "channel": "email",
    "limits": {"per_hour": 1_000_000, "per_day": 1_000_000, "spacing_seconds": 1},
    **dict.fromkeys(("window", "timezone", "days", "warm_up", "lag_seconds", "max_new_per_day")),
    "actions": {},
    "day_jitter_percent": 0,
    "premium": False,
    "on_gone": None,
}


def accounts() -> Iterator[dict[str, Any]]:
    """The fields of each account."""
    for number in range(ACCOUNTS):
        yield {"tenant_id": TENANT, "sender_id": f"recruiter-{number}", **_ACCOUNT}


def definition() -> dict[str, Any]:
    """A draft of one e-mail, whose experiment is decided by replies and switched to its winner."""
    return {
        "tenant_id": TENANT,
        "campaign_id": CAMPAIGN,
        "name": "Talent",
        "kind": "outreach",
        "settings": {"quiet_hours": "none", "on_reply": "continue"},
        "outreach": {
            "owner_id": "owner-1",
            "target_contacts_count": TARGET,
            "completion_policy": "contacts_only",
        },
        "steps": [
            {
                "id": STEP,
                "channel": "email",
                "experiment": {
                    "id": EXPERIMENT,
                    "variant_a_template_id": "a",
                    "variant_b_template_id": "b",
                    "primary_metric": "response",
                    "on_winner": "switch_unsent",
                },
            }
        ],
    }


def is_candidate(contact_id: str) -> bool:
    return contact_id.startswith("t-")


def answers(contact_id: str, variant: str) -> Iterator[ProspectAnswer]:
    """The answers of the sender and of the person to the e-mail."""
    number = int(contact_id.rpartition("-")[2])
    yield ProspectAnswer("touch.sent", {})
    if number * 7 % 10 < _REPLIES_OF_TEN[variant]:
        yield ProspectAnswer("contact.replied", {"channel": "email"})


class OutreachMonitor:
    """What the facts about the campaign show."""

    def __init__(self) -> None:
        self.accounts = self.started = self.sent = self.settled = 0
        self.conversions = 0
        """How many were published."""
        self.statuses: list[str] = []
        self.end_reasons: list[str] = []
        self.decisions: list[str] = []
        self.switched = 0
        self.credited: Counter[str] = Counter()
        self._gone: set[str] = set()

    def on_fact(self, fact: dict[str, Any]) -> None:
        """Processes a fact about the tenant of the campaign."""
        values = fact.get("values") or {}
        match fact["fact"]:
            case "sender.updated":
                self.accounts += 1
            case "enrollment.started":
                self.started += 1
            case "touch.sent":
                self.sent += 1
            case "enrollment.declined" | "enrollment.stopped":
                self._gone.add(fact["contact_id"])
            case "campaign.status_changed":
                self.statuses.append(fact["reason"])
                self.end_reasons += [values["end_reason"]] if "end_reason" in values else []
            case "campaign.settled":
                self.settled += 1
            case "experiment.decided":
                self.decisions.append(fact["reason"])
            case "conversion.attributed":
                self.credited[fact["cause"]] += 1
            case "experiment.switched":
                self.switched += 1

    @property
    def is_over(self) -> bool:
        return "completed" in self.statuses

    def moving(self) -> str | None:
        """Why the engine is not at rest yet although no record is on its way, or None: a partition
        reports its counts a second after they have changed."""
        if self.sent >= TARGET and not self.settled:
            return "the campaign of outreach has met its target and is not settled"
        left = self.conversions - len(self.credited)
        return f"{left} conversions are not credited" if left else None

    def missing(self, people: int, commanded: set[str]) -> set[str]:
        """Who of the people was neither written to, nor declined or stopped."""
        return {f"t-{number}" for number in range(people)} - commanded - self._gone

    def problems(self) -> Iterator[str]:
        """What contradicts one life: activated, decided once for A, completed by the target."""
        expected = ["active", "completed"] if self.sent >= TARGET else ["active"]
        if self.statuses != expected:
            yield f"the campaign of outreach was {self.statuses} and not {expected}"
        if self.is_over and (self.end_reasons, self.settled) != (["targets"], 1):
            yield f"the campaign of outreach has ended by {self.end_reasons}: {self.settled}"
        if len(self.decisions) > 1 or {*self.decisions} - {"winner_a"}:
            yield f"the experiment was decided: {self.decisions}"
        if self.is_over and (len(self.decisions), self.switched) != (1, 1):
            yield f"the experiment was decided {self.decisions} and switched {self.switched}"
        more = {cause: times for cause, times in self.credited.items() if times > 1}
        if more or len(self.credited) != self.conversions:
            yield f"of {self.conversions} conversions {len(self.credited)} were credited: {more}"
