"""Rows that are as they were last written are left out, and nothing is missing for it."""

from random import Random

import pytest

from schemas.internal.enrollment import CameBack
from schemas.internal.states import Contact
from sinks import written_rows
from sinks.state_rows import ProjectedRecord
from tests.testing.projected import claimed, differences
from tests.testing.recorded_world import (
    CONTACT,
    T0,
    Log,
    contact,
    enrollment,
    sent,
    touch,
)

PLACE = (CONTACT, 0)


def test_a_row_that_did_not_change_is_not_written_again(dsn: str) -> None:
    log = Log()
    states = [contact("acme", enrollment("acme", sent("acme"), touch("acme", 2))) for _ in "12"]
    states[1].updated_at += 1
    for state in states:
        log.contact("acme", state)
    projection = claimed(dsn, log)
    first, second = log.records
    assert projection.apply([first], {PLACE: 1}) == 4  # a contact, a run, two touches
    assert projection.apply([second], {PLACE: 2}) == 1
    assert differences(dsn, log) == []


def random_state(random: Random, tenant_id: str) -> Contact | None:
    """A contact in one of few states, so that the same one comes often. Only one without runs is
    deleted."""
    erased_at = random.choice([None, None, None, T0])
    if tenant_id == "calm":
        state = contact(tenant_id, erased_at=erased_at)
        state.enrollments = []
        return random.choice([None, state])
    first = sent(tenant_id, 1)
    touches = random.choice(([], [touch(tenant_id, 2)], [sent(tenant_id, 2)]))
    if not touches:
        first.came_back = CameBack(1, T0, 1, taken_back=2)
    run = enrollment(tenant_id, first, *touches)
    run.variables = random.choice((None, {"offer": "A"}))
    return contact(tenant_id, run, erased_at=erased_at)


@pytest.mark.parametrize("seed", range(12))
def test_states_that_come_again_and_writers_in_turn_equal_the_recount(
    dsn: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written_rows, "ROWS_MAX", 3)
    random = Random(seed)
    log = Log()
    for _ in range(60):
        tenant_id = random.choice(["acme", "bright", "calm"])
        log.contact(tenant_id, random_state(random, tenant_id))
    writers = [claimed(dsn, log), claimed(dsn, log)]
    done, owner = 0, writers[1]
    while done < len(log.records):
        if random.random() < 0.3:
            owner = random.choice(writers)
            assert owner.claim(*PLACE) == done
        batch = log.records[done : done + random.randrange(1, 4)]
        owner.apply(batch, {PLACE: batch[-1].offset + 1})
        done += len(batch)
        if not random.randrange(5):
            assert differences(dsn, log_of(log.records[:done])) == []
    assert differences(dsn, log) == []


def log_of(records: list[ProjectedRecord]) -> Log:
    log = Log()
    log.records = records
    return log
