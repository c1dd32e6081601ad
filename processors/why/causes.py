"""Which public event a reason goes back to: looked up among everything that is known of the
contact."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from processors.shared.tenant_lookup import ADDRESS_OF
from processors.why.fact_values import plain
from schemas.internal.facts import Fact, FactKind

_CONDITION = {
    "already_replied": FactKind.CONTACT_REPLIED,
    "linkedin_connected": FactKind.CONTACT_CONNECTED,
    "delivered": FactKind.TOUCH_DELIVERED,
    "opened": FactKind.TOUCH_OPENED,
    "clicked": FactKind.TOUCH_CLICKED,
    "read": FactKind.TOUCH_READ,
    "converted": FactKind.TOUCH_CONVERTED,
}
"""What was told when such a condition began to hold."""

_OF_THE_RUN = ("delivered", "opened", "clicked", "read", "converted")
_OPTED_OUT = "opted_out_"


class Sources:
    """What the facts of one contact say happened, and by which event."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._opt_outs: dict[str, Fact] = {}
        self._bounces: list[Fact] = []
        self._begun: dict[str, datetime] = {}
        self._stops: dict[str, Fact] = {}
        self._told: dict[FactKind, list[Fact]] = {}
        for fact in facts:
            if fact.fact is FactKind.CONTACT_OPTED_OUT and fact.channel:
                self._opt_outs.setdefault(fact.channel, fact)
            elif fact.fact is FactKind.TOUCH_BOUNCED and fact.reason == "hard" and fact.channel:
                self._bounces.append(fact)
            elif fact.fact is FactKind.ENROLLMENT_STARTED and fact.enrollment_id:
                self._begun[fact.enrollment_id] = fact.at
            elif fact.fact is FactKind.ENROLLMENT_STOPPED and fact.enrollment_id:
                self._stops[fact.enrollment_id] = fact
            elif fact.fact in _CONDITION.values():
                self._told.setdefault(fact.fact, []).append(fact)

    def of(self, reason: str, skipped: Fact) -> str | None:
        """The cause of a touch's being skipped for that reason; None where no event is known."""
        found = self._found(reason, skipped)
        return None if found is None else found.cause

    def _found(self, reason: str, skipped: Fact) -> Fact | None:
        channel = skipped.channel or ""
        if reason.startswith(_OPTED_OUT):
            return self._opt_outs.get(reason.removeprefix(_OPTED_OUT))
        if reason == "complained":
            return self._opt_outs.get(channel)
        if reason == "address_bounced":
            return self._bounce(channel, skipped)
        if reason == "already_replied":
            return next(self._replies(skipped), None)
        if reason in _CONDITION:
            told = self._told.get(_CONDITION[reason], ())
            ours = (f for f in told if f.enrollment_id == skipped.enrollment_id)
            return next(ours if reason in _OF_THE_RUN else iter(told), None)
        ended = self._stops.get(skipped.enrollment_id or "")
        return ended if ended is not None and ended.reason == reason else None

    def _bounce(self, channel: str, skipped: Fact) -> Fact | None:
        """The one that has closed the address, on whichever channel: some share one."""
        closed_at = plain(skipped.values).get("bounced_at")
        same = [f for f in self._bounces if ADDRESS_OF.get(f.channel or "") == ADDRESS_OF.get(channel)]
        told = (f for f in same if plain({"at": f.occurred_at})["at"] == closed_at)
        return next(told, same[-1] if same else None)

    def _replies(self, skipped: Fact) -> Iterator[Fact]:
        """Those that the condition counts: a person's own, and in this run."""
        begun = self._begun.get(skipped.enrollment_id or "")
        for fact in self._told.get(FactKind.CONTACT_REPLIED, ()):
            late = begun is not None and (fact.occurred_at or fact.at) < begun
            if fact.reason != "automatic" and not late:
                yield fact
