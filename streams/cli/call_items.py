"""People who are queued for a call, but wait at their contact: for call hours, the time that their
item names, the next call after one that has reached nobody, or the end of a pause (S3-1).

Only a call that may be placed now is a request at dispatch.
"""

from collections.abc import Iterable, Iterator

import msgspec

from schemas.base.times import MomentUs
from schemas.internal.enrollment import LIVE, CallItem, Enrollment, Phase, Status
from schemas.internal.states import Contact
from streams.base.settings import Settings
from streams.cli.stored_states import contacts_of

_SCHEDULED_FOR = "scheduled_for"


class ItemsRow(msgspec.Struct, frozen=True, kw_only=True):
    """People of a campaign who wait for the same. `until` is when the first of them is looked at
    again, and `first_contact_id` that person; None and the first by id where a pause must end."""

    tenant_id: str
    campaign_id: str
    reason: str
    waiting: int
    until: MomentUs | None
    first_contact_id: str


_Wait = tuple[str, str, MomentUs | None]
"""A campaign, the reason of a wait in it, and its end."""


def waiting_items(settings: Settings, tenant_id: str, campaign_id: str | None) -> list[ItemsRow]:
    """The rows of a tenant, or of one of its campaigns. The states of all contacts are read."""
    waits: dict[str, list[_Wait]] = {}
    for contact_id, contact in contacts_of(settings, tenant_id):
        if contact is not None and (found := [*_waits(contact, campaign_id)]):
            waits[contact_id] = found
        else:
            waits.pop(contact_id, None)
    return _rows(tenant_id, waits.items())


def _waits(contact: Contact, campaign_id: str | None) -> Iterator[_Wait]:
    for run in contact.enrollments:
        if run.call is None or run.status not in LIVE or campaign_id not in (None, run.campaign_id):
            continue
        if (wait := _wait(run, run.call)) is not None:
            yield (run.campaign_id, *wait)


def _wait(run: Enrollment, item: CallItem) -> tuple[str, MomentUs | None] | None:
    """The reason and the end of the wait of a run; None if its call is at dispatch or under way."""
    touch = run.touches[-1] if run.touches else None
    if touch is None or touch.phase is not Phase.SCHEDULED:
        return None
    if run.status is Status.FROZEN:
        return " and ".join(f"{hold}_paused" for hold in run.holds), None
    if item.scheduled_for == touch.due_at:
        return _SCHEDULED_FOR, touch.due_at
    return touch.wait or "delay", touch.due_at


def _rows(tenant_id: str, waits: Iterable[tuple[str, list[_Wait]]]) -> list[ItemsRow]:
    groups: dict[tuple[str, str], list[tuple[MomentUs | None, str]]] = {}
    for contact_id, found in waits:
        for campaign_id, reason, until in found:
            groups.setdefault((campaign_id, reason), []).append((until, contact_id))
    rows = []
    for (campaign_id, reason), members in sorted(groups.items()):
        until, contact_id = min(members, key=lambda member: (member[0] or 0, member[1]))
        rows.append(
            ItemsRow(
                tenant_id=tenant_id,
                campaign_id=campaign_id,
                reason=reason,
                waiting=len(members),
                until=until,
                first_contact_id=contact_id,
            )
        )
    return rows
