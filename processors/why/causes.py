"""Finds the public event behind the reason of a skipped touch, among the facts of its contact."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from processors.shared.tenant_lookup import ADDRESS_OF
from processors.why.fact_values import readable_values
from schemas.internal.facts import Fact, FactKind, is_by_machine

_CONDITION = {
    "already_replied": FactKind.CONTACT_REPLIED,
    "linkedin_connected": FactKind.CONTACT_CONNECTED,
    "delivered": FactKind.TOUCH_DELIVERED,
    "opened": FactKind.TOUCH_OPENED,
    "clicked": FactKind.TOUCH_CLICKED,
    "read": FactKind.TOUCH_READ,
    "converted": FactKind.TOUCH_CONVERTED,
}
"""The fact that was recorded when a condition began to hold."""

_CONVERSIONS = (
    FactKind.TOUCH_CONVERTED,
    FactKind.CONVERSION_ATTRIBUTED,
    FactKind.CONVERSION_UNATTRIBUTED,
)
"""The facts about a conversion of the person. It counts for the runs that it is credited to, and
acts on others too."""

_OF_THE_RUN = ("delivered", "opened", "clicked", "read", "converted")
_OPTED_OUT = "opted_out_"


class CauseIndex:
    """The causes of opt-outs, bounces, stops and conditions of one contact, from its facts."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._opt_outs: dict[str, list[Fact]] = {}
        self._bounces: list[Fact] = []
        self._started_at: dict[str, datetime] = {}
        self._stops: dict[str, Fact] = {}
        self._conditions: dict[FactKind, list[Fact]] = {}
        self._conversions: list[Fact] = []
        for fact in facts:
            if fact.fact in _CONVERSIONS:
                self._conversions.append(fact)
            if fact.fact is FactKind.CONTACT_OPTED_OUT and fact.channel:
                self._opt_outs.setdefault(fact.channel, []).append(fact)
            elif fact.fact is FactKind.TOUCH_BOUNCED and _has_closed(fact):
                self._bounces.append(fact)
            elif fact.fact is FactKind.ENROLLMENT_STARTED and fact.enrollment_id:
                self._started_at[fact.enrollment_id] = fact.at
            elif fact.fact is FactKind.ENROLLMENT_STOPPED and fact.enrollment_id:
                self._stops[fact.enrollment_id] = fact
            elif fact.fact in _CONDITION.values() and not is_by_machine(fact.fact, fact.reason):
                self._conditions.setdefault(fact.fact, []).append(fact)

    def cause_of(self, reason: str, skipped: Fact) -> str | None:
        """The cause behind the reason of a `touch.skipped` fact; None where no event is known."""
        fact = self._fact_behind(reason, skipped)
        return None if fact is None else fact.cause

    def _fact_behind(self, reason: str, skipped: Fact) -> Fact | None:
        channel = skipped.channel or ""
        if reason.startswith(_OPTED_OUT):
            return self._opt_out(reason.removeprefix(_OPTED_OUT), skipped)
        if reason == "complained":
            return self._opt_out(channel, skipped)
        if reason == "address_bounced":
            return self._bounce(channel, skipped)
        if reason == "already_replied":
            return next(self._replies(skipped), None)
        if reason in _CONDITION:
            facts = self._conditions.get(_CONDITION[reason], ())
            of_run = (f for f in facts if f.enrollment_id == skipped.enrollment_id)
            found = next(of_run if reason in _OF_THE_RUN else iter(facts), None)
            return self._conversion(skipped) if found is None and reason == "converted" else found
        ended = self._stops.get(skipped.enrollment_id or "")
        return ended if ended is not None and ended.reason == reason else None

    def _conversion(self, skipped: Fact) -> Fact | None:
        """The last conversion before the skip, for a run that it is not credited to."""
        before = [fact for fact in self._conversions if fact.at <= skipped.at]
        return before[-1] if before else None

    def _opt_out(self, channel: str, skipped: Fact) -> Fact | None:
        """The last opt-out before the skip: a person may have agreed again since another one."""
        known = self._opt_outs.get(channel, [])
        before = [fact for fact in known if fact.at <= skipped.at]
        return before[-1] if before else next(iter(known), None)

    def _bounce(self, channel: str, skipped: Fact) -> Fact | None:
        """The bounce that has closed the address; it may have come on another channel with the same
        kind of address. None where the code of a failed send has closed it."""
        closed_at = readable_values(skipped.values).get("bounced_at")
        same = [
            f for f in self._bounces if ADDRESS_OF.get(f.channel or "") == ADDRESS_OF.get(channel)
        ]
        exact = (f for f in same if readable_values({"at": f.occurred_at})["at"] == closed_at)
        return next(exact, same[-1] if same and closed_at is None else None)

    def _replies(self, skipped: Fact) -> Iterator[Fact]:
        """The replies that the condition counts: replies of a person since the run began."""
        started_at = self._started_at.get(skipped.enrollment_id or "")
        for fact in self._conditions.get(FactKind.CONTACT_REPLIED, ()):
            earlier = started_at is not None and (fact.occurred_at or fact.at) < started_at
            if fact.reason is None and not earlier:  # neither a machine, nor a person who has left
                yield fact


def _has_closed(bounced: Fact) -> bool:
    """Whether a bounce has closed its address: a hard one, or the last soft one that is allowed
    (C-25)."""
    if bounced.channel is None:
        return False
    values = bounced.values or {}
    soft, most = values.get("soft"), values.get("most")
    return bounced.reason == "hard" or (soft is not None and most is not None and soft >= most)
