"""The enrollments that a task of the contact processor holds."""

from collections.abc import Iterable, Iterator

import msgspec

from schemas.internal.enrollment import Enrollment
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, Contact, ContactState, EndedEnrollment

_decode = msgspec.msgpack.Decoder(ContactState).decode


def enrollments(
    states: Iterable[tuple[bytes, bytes]],
) -> Iterator[tuple[str, str, list[Enrollment]]]:
    """Tenant, contact and runs of each state: a contact has those under way and the last ended
    ones, and what its state has let go of has a state of its own."""
    for key, value in states:
        if key == POSITION_KEY:
            continue
        state = _decode(payload_of(value))
        if isinstance(state, Contact):
            tenant_id, _, contact_id = key.decode().partition("/")
            yield tenant_id, contact_id, state.enrollments
        elif isinstance(state, EndedEnrollment):
            yield state.tenant_id, state.contact_id, [state.enrollment]
