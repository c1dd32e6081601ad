"""The state of a contact stays of bounded size, and no ended enrollment is lost."""

import msgspec

from schemas.internal.messages import JobDeleted
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import ContactState, EndedEnrollment
from tests.testing.story import contact_of, deliver, enrolled, event_fields, job

_decode = msgspec.msgpack.Decoder(ContactState).decode


def test_every_ended_run_is_in_the_state_or_under_a_key_of_its_own() -> None:
    world = enrolled()
    deliver(world, *(job(f"k{n}", world.now + n) for n in range(1, 14)))
    states = [
        _decode(payload_of(v))
        for (_, k), v in world.states("contact").items()
        if k[:3] == b"\x00e/"
    ]
    own = [state.enrollment.cycle for state in states if isinstance(state, EndedEnrollment)]
    inside = [enrollment.cycle for enrollment in contact_of(world).enrollments]
    assert sorted(own + inside) == list(range(1, 15))
    assert len(inside) == 9


def test_at_most_a_thousand_jobs_are_remembered() -> None:
    world = enrolled()
    deliver(world, *(JobDeleted(**event_fields(world), job_id=f"d{n}") for n in range(1_200)))
    assert len(contact_of(world).jobs) == 1_000


def test_an_ended_run_has_no_variables() -> None:
    world = enrolled()
    deliver(world, job("j2", world.now + 1))
    assert contact_of(world).enrollments[0].variables is None
