"""The rows that a batch leaves in the tables, and records that cannot be projected."""

from collections.abc import Iterator

import msgspec
import pytest

from schemas.base.error_codes import NotReadable
from schemas.base.times import DAY
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.state_bytes import pack
from schemas.internal.states import POSITION_KEY, STATE_FORMAT, StateTooNew, TaskPosition
from schemas.internal.topics import Topic
from sinks.state_rows import ProjectedRecord, Undecodable
from tests.testing.projected import claimed, differences, select
from tests.testing.recorded_world import (
    CONTACT,
    FACTS,
    T0,
    Log,
    contact,
    enrollment,
    fact,
    sent,
    tenant,
    touch,
    world,
)


def poisons() -> Iterator[ProjectedRecord]:
    yield ProjectedRecord(CONTACT, 0, 90, b"acme/eve", b"\0" * 9 + b"\xc1")
    yield ProjectedRecord(CONTACT, 0, 90, b"acme/eve", b"short")
    yield ProjectedRecord(CONTACT, 0, 90, b"\xff/eve", None)
    yield ProjectedRecord(FACTS, 0, 90, b"acme/eve", b"{")
    yield ProjectedRecord(
        FACTS, 0, 90, b"acme/eve", b'{"fact":"touch.sent","at":"yesterday","tenant_id":"a"}'
    )
    nul = fact("acme", FactKind.TOUCH_SENT, reason="a\0b")
    yield ProjectedRecord(
        FACTS, 0, 90, b"acme/ada", msgspec.json.encode(nul)
    )  # read, yet not to be written


@pytest.mark.parametrize("poison", list(poisons()))
def test_one_undecodable_record_is_named_and_the_others_can_be_written(
    dsn: str, poison: ProjectedRecord
) -> None:
    log = world()
    projection = claimed(dsn, log)
    with pytest.raises(Undecodable) as error:
        projection.apply([*log.records, poison], {**log.ends, (poison.topic, 0): 91})
    assert (error.value.topic, error.value.offset) == (poison.topic, 90)
    projection.apply(log.records, log.ends)
    assert differences(dsn, log) == []


LATER_STATE = ProjectedRecord(
    Topic.CAMPAIGN_CHANGELOG, 0, 90, b"c/acme/x", b"\0" * 9 + b"\x91\xa4What"
)
LATER_FACTS = {
    "the kind touch.teleported": b'{"fact":"touch.teleported","at":"yesterday","tenant_id":"a"}',
    "the field mood": b'{"fact":"touch.sent","at":"2026-09-01T00:00:00Z","tenant_id":"a","mood":1}',
}


def later_position() -> ProjectedRecord:
    """The position of a task whose states have the next format."""
    position = TaskPosition(7, T0, 2, T0, state_format=STATE_FORMAT + 1, minimum_version="9.9")
    value = pack(None, 0, msgspec.msgpack.encode(position))
    return ProjectedRecord(Topic.CAMPAIGN_CHANGELOG, 0, 91, POSITION_KEY, value)


def test_states_of_a_later_format_are_refused_with_the_version_that_reads_them(dsn: str) -> None:
    """Also where a state, which comes before its position, cannot be read."""
    projection = claimed(dsn, world().write(dsn))
    ends: dict[tuple[str, int], int] = {(Topic.CAMPAIGN_CHANGELOG, 0): 92}
    for records in ([later_position()], [LATER_STATE, later_position()]):
        with pytest.raises(StateTooNew, match=r"version 9\.9"):
            projection.apply(records, ends)
    with pytest.raises(NotReadable, match=r"campaign-changelog\[0\] offset 90: a state"):
        projection.apply([LATER_STATE], {(Topic.CAMPAIGN_CHANGELOG, 0): 91})


@pytest.mark.parametrize("what", LATER_FACTS)
def test_a_fact_of_a_later_version_is_no_undecodable_record(dsn: str, what: str) -> None:
    log = world().write(dsn)
    projection = claimed(dsn, log)
    later = ProjectedRecord(FACTS, 0, 90, b"acme/eve", LATER_FACTS[what])
    with pytest.raises(NotReadable, match=rf"facts\[0\] offset 90: .*{what}"):
        projection.apply([later], {(FACTS, 0): 91})
    projection.apply([], log.ends)  # nothing was written, and its place is the one before


def test_an_unchanged_row_is_not_rewritten(dsn: str) -> None:
    log = world().write(dsn)
    query = "SELECT ctid, xmin FROM touchstream.touches ORDER BY tenant_id, number"
    before = select(dsn, query)
    log.contact("acme", contact("acme", updated_at=contact("acme").updated_at + 1)).write(dsn)
    assert (
        select(dsn, "SELECT ctid, xmin FROM touchstream.touches ORDER BY tenant_id, number")
        == before
    )


def test_an_enrollment_that_is_no_longer_in_the_state_keeps_its_row(dsn: str) -> None:
    log = world().write(dsn)
    log.contact("acme", msgspec.structs.replace(contact("acme"), enrollments=[])).write(dsn)
    assert len(select(dsn, "SELECT * FROM touchstream.touches WHERE tenant_id = 'acme'")) == 2


def test_an_erased_contact_keeps_ids_and_times_only(dsn: str) -> None:
    run = enrollment("acme", touch("acme", error="550 ada@example.com"), variables={"name": "Ada"})
    log = Log().contact("acme", contact("acme", run)).write(dsn)
    log.contact("acme", contact("acme", run, enrollments=[], erased_at=run.started_at)).write(dsn)
    shown = select(
        dsn,
        "SELECT c, e, t FROM touchstream.contacts c, touchstream.enrollments e, "
        "touchstream.touches t",
    )
    assert len(shown) == 1
    assert "Ada" not in str(shown) and "ada@" not in str(shown) and "Lovelace" not in str(shown)


def test_a_deleted_contact_has_no_row(dsn: str) -> None:
    log = world().write(dsn)
    log.contact("acme", None).write(dsn)
    assert select(dsn, "SELECT tenant_id FROM touchstream.contacts") == [("bolt",)]


def test_facts_are_in_the_partition_of_their_month(dsn: str) -> None:
    log = world().write(dsn)
    tables = select(dsn, "SELECT DISTINCT tableoid::regclass::text FROM touchstream.facts")
    assert tables == [("touchstream.facts_2026_09",)]
    log.fact(fact("acme", FactKind.TOUCH_READ, 400)).write(dsn)
    assert select(dsn, "SELECT count(*) FROM touchstream.facts_other") == [(0,)]


def test_a_retry_and_its_success_are_two_sends_in_the_log(dsn: str) -> None:
    log = Log().contact("acme", contact("acme", enrollment("acme", sent("acme"))))
    second = "00000000-0000-8000-8000-000000000002"
    log.fact(
        fact("acme", FactKind.TOUCH_RETRIED, reason="503"),
        fact("acme", FactKind.TOUCH_SENT, command_id=second, attempt=2),
        fact("acme", FactKind.TOUCH_CLICKED, command_id=second, attempt=2),
    ).write(dsn)
    query = """SELECT attempt, sent_at IS NULL, reason, clicked_at IS NULL
        FROM touchstream.send_log ORDER BY 1"""
    assert select(dsn, query) == [(1, True, "503", True), (2, False, None, False)]


def test_an_earlier_open_reported_late_redates_the_send_and_is_counted_once(dsn: str) -> None:
    first, earlier = fact_time(T0 + 3 * DAY), fact_time(T0 + 2 * DAY)
    log = Log().contact("acme", contact("acme", enrollment("acme", sent("acme"))))
    log.fact(
        fact("acme", FactKind.TOUCH_SENT), fact("acme", FactKind.TOUCH_OPENED, occurred_at=first)
    )
    log.write(dsn)
    redated = fact("acme", FactKind.TOUCH_REDATED, reason="opened", occurred_at=earlier)
    log.fact(redated).write(dsn)
    assert select(dsn, "SELECT opened_at FROM touchstream.send_log") == [(earlier,)]
    assert select(dsn, "SELECT opens FROM touchstream.touch_metrics") == [(1,)]


def test_opens_and_clicks_of_machines_are_history_and_count_nowhere(dsn: str) -> None:
    log = Log().contact("acme", contact("acme", enrollment("acme", sent("acme"))))
    log.fact(
        fact("acme", FactKind.TOUCH_SENT),
        fact("acme", FactKind.TOUCH_OPENED, reason="automatic"),
        fact("acme", FactKind.TOUCH_CLICKED, reason="automatic"),
        fact("acme", FactKind.TOUCH_OPENED, 2, command_id=None, reason="automatic"),
    ).write(dsn)
    assert select(dsn, "SELECT sends, opens, clicks FROM touchstream.touch_metrics") == [(1, 0, 0)]
    assert select(dsn, "SELECT sends, opens, clicks FROM touchstream.step_metrics") == [(1, 0, 0)]
    query = "SELECT opened_at, clicked_at FROM touchstream.send_log"
    assert select(dsn, query) == [(None, None)]
    assert select(dsn, "SELECT count(*) FROM touchstream.facts") == [(4,)]
    log.fact(fact("acme", FactKind.TOUCH_OPENED)).write(dsn)
    assert select(dsn, "SELECT opens FROM touchstream.touch_metrics") == [(1,)]
    assert differences(dsn, log) == []


def test_a_tenant_shows_its_country_its_words_for_an_opt_out_and_its_calling_hours(
    dsn: str,
) -> None:
    further = {"country": "US", "opt_out_words": ("BASTA",), "calling_hours": True}
    log = Log().tenant(tenant("acme", **further))
    log.tenant(tenant("bolt")).write(dsn)
    query = """SELECT country, opt_out_words, calling_hours FROM touchstream.tenants
        ORDER BY tenant_id"""
    assert select(dsn, query) == [("US", ["BASTA"], True), (None, [], False)]


def test_the_time_at_which_a_person_agreed_again_stays_with_the_contact(dsn: str) -> None:
    log = Log().contact("acme", contact("acme", opted_out={"sms": T0})).write(dsn)
    log.contact("acme", contact("acme", resubscribed={"sms": T0 + DAY})).write(dsn)
    query = "SELECT opted_out, resubscribed FROM touchstream.contacts"
    assert select(dsn, query) == [({}, {"sms": T0 + DAY})]
