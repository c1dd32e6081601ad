"""Rows of states and facts, without a database."""

from datetime import UTC, datetime

import pytest

from schemas.internal.facts import FactKind
from schemas.internal.states import KnownCampaign, KnownTenant
from sinks.batch import Batch
from sinks.copy_values import timestamptz_of
from sinks.state_rows import Undecodable
from sinks.tables import TABLES
from tests.testing.recorded_world import (
    CONTACT,
    FACTS,
    T0,
    Log,
    contact,
    definition,
    enrollment,
    fact,
    touch,
    world_of_all_kinds,
)


def test_every_row_has_as_many_values_as_its_table_columns() -> None:
    batch = Batch(world_of_all_kinds().records)
    for name, rows in batch.rows.items():
        assert rows, name
        assert {len(row) for row in rows} == {len(TABLES[name].columns)}, name


def test_a_key_occurs_once_per_batch() -> None:
    log = world_of_all_kinds()
    states = [record for record in log.records if record.topic != FACTS]
    twice = Batch([*log.records, *states])
    for name, rows in twice.rows.items():
        table = TABLES[name]
        indexes = [table.columns.index(column) for column in table.key]
        keys = [tuple(row[index] for index in indexes) for row in rows]
        assert len(keys) == len(set(keys)), name


def test_the_last_state_of_a_key_counts() -> None:
    log = Log().contact("acme", contact("acme")).contact("acme", None)
    batch = Batch(log.records)
    assert batch.rows["contacts"] == [] and batch.deleted == [("acme", "ada")]


def test_steps_of_every_version_in_use_come_from_the_first_partition_only() -> None:
    state = KnownCampaign(
        "acme", "reviews", "active", 2, {1: definition("acme"), 2: definition("acme", "sms")}
    )
    first = Log().state(CONTACT, "\0c/acme/reviews", state)
    other = Log().state(CONTACT, "\0c/acme/reviews", state, partition=1)
    assert [row[2:4] for row in Batch(first.records).rows["steps"]] == [
        (1, "s1"), (1, "s2"), (1, "s3"), (2, "s1"),
    ]  # fmt: skip
    assert Batch(other.records).rows["steps"] == []


def test_the_known_tenant_of_a_task_has_no_row() -> None:
    state = KnownTenant("acme", "active", "UTC", None, 1200, (), {}, {})
    assert not any(Batch(Log().state(CONTACT, "\0t/acme", state).records).rows.values())


def test_a_key_without_a_tenant_is_no_contact() -> None:
    with pytest.raises(Undecodable, match="tenant/contact"):
        Batch(Log().state(CONTACT, "ada", contact("acme")).records)


def test_the_rows_of_an_erased_contact_have_no_personal_data() -> None:
    run = enrollment("acme", touch("acme", error="no box ada@x"), variables={"n": "Ada"})
    state = contact("acme", run, erased_at=T0, bounced={"ada0ada0ada0ada0": T0})
    rows = repr(Batch(Log().contact("acme", state).records).rows)
    assert "ada@" not in rows and "ada0ada0ada0ada0" not in rows


def test_counts_come_in_the_order_of_their_keys() -> None:
    log = Log().fact(*(fact(name, FactKind.TOUCH_SENT, 2) for name in ("c", "a", "b")))
    log.fact(fact("a", FactKind.TOUCH_SENT, 1))
    counts = Batch(log.records).rows["touch_metrics"]
    assert [row[:4] for row in counts] == sorted(row[:4] for row in counts)


def test_timestamps_are_exact_to_the_microsecond() -> None:
    assert timestamptz_of(datetime(2000, 1, 1, 0, 0, 0, 1, tzinfo=UTC)) == 1
    late = datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert timestamptz_of(late) == 3_155_759_999_999_999


def test_a_batch_has_the_months_of_its_facts() -> None:
    batch = Batch(Log().fact(fact("acme", FactKind.TOUCH_SENT)).records)
    assert batch.months == {(2026, 9)}
