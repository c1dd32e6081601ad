"""Runs that have left the state of their contact, so that it stays of bounded size: each has a
state key of its own."""

from collections.abc import Iterator

from processors.contact.context import Context
from schemas.base.ids import enrollment_id
from schemas.internal.enrollment import Enrollment
from schemas.internal.states import EndedEnrollment

ENDED_MAX = 8
"""Ended enrollments in a contact's state, so that late opens and reviews find their touch."""


def archive(context: Context, run: Enrollment) -> None:
    """Stores a run under its own key."""
    state = EndedEnrollment(context.tenant_id, context.contact_id, run)
    context.turn.store.put(_key(context, run.enrollment_id), state)


def archived_runs(context: Context, campaign_id: str) -> Iterator[Enrollment]:
    """The archived runs of the contact in a campaign, the latest first."""
    if len(context.contact.enrollments) < ENDED_MAX:
        return  # none has left the state
    for cycle in range(context.contact.cycles.get(campaign_id, 0), 0, -1):
        name = enrollment_id(context.tenant_id, campaign_id, context.contact_id, cycle)
        state = context.turn.store.read(_key(context, name), EndedEnrollment)
        if state is not None:
            yield state.enrollment


def _key(context: Context, name: str) -> bytes:
    return f"\x00e/{context.tenant_id}/{context.contact_id}/{name}".encode()
