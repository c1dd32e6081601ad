"""The enrollments in the states of a task of the contact processor, and the campaigns in those of a
task of the campaign processor."""

from collections.abc import Iterable, Iterator

import msgspec

from schemas.internal.enrollment import Enrollment
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import (
    POSITION_KEY,
    CampaignRecord,
    CampaignState,
    Contact,
    ContactState,
    EndedEnrollment,
)

_decode = msgspec.msgpack.Decoder(ContactState).decode
_decode_campaign = msgspec.msgpack.Decoder(CampaignState).decode


def enrollments(
    states: Iterable[tuple[bytes, bytes]],
) -> Iterator[tuple[str, str, list[Enrollment]]]:
    """Tenant id, contact id and enrollments of each state, from pairs of key and encoded state. A
    contact's state holds the running and the latest ended enrollments; an older one has a state of
    its own."""
    for key, value in states:
        if key == POSITION_KEY:
            continue
        state = _decode(payload_of(value))
        if isinstance(state, Contact):
            tenant_id, _, contact_id = key.decode().partition("/")
            yield tenant_id, contact_id, state.enrollments
        elif isinstance(state, EndedEnrollment):
            yield state.tenant_id, state.contact_id, [state.enrollment]


def campaigns(states: Iterable[tuple[bytes, bytes]]) -> Iterator[CampaignRecord]:
    """Every campaign, from pairs of key and encoded state."""
    for key, value in states:
        if key != POSITION_KEY:
            state = _decode_campaign(payload_of(value))
            if isinstance(state, CampaignRecord):
                yield state
