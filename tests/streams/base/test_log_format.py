"""Every field of a log line is a plain JSON value: no repr, and no secret."""

import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from processors.fold.store import StateTooLarge
from processors.fold.task import Poison
from schemas.base.error_codes import SchemaUnavailable
from schemas.internal.enrollment import Status
from schemas.internal.topics import Topic
from sinks.connection import SinkUnavailable
from sinks.projection import Overtaken
from streams.base.log_format import JsonFormatter
from streams.base.settings import Settings, SettingsInvalid
from streams.base.transport import (
    CommitOutcomeUnknown,
    FatalClientError,
    Partition,
    TransactionAborted,
)
from streams.kafka.errors import Verdict
from tests.testing.faulty_world import Fault, FaultPlan
from tests.testing.history_player import play
from tests.testing.random_histories import random_history

PARTITION = Partition(Topic.CONTACT_LOG, 0)


def written(**fields: Any) -> dict[str, Any]:
    """The log line of a record with these fields, parsed as a strict JSON reader would."""
    record = logging.LogRecord("touchstream.test", logging.INFO, __file__, 1, "text", (), None)
    record.__dict__.update(fields)
    line: dict[str, Any] = json.loads(JsonFormatter().format(record), parse_constant=pytest.fail)
    return line


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        (float("inf"), None),
        ("text", "text"),
        ("lone \udc80", "lone ?"),
        (b"acme/ann", "acme/ann"),
        (b"\xff", "\ufffd"),
        (Topic.CONTACT_LOG, "contact-log"),
        (Status.STOPPED, Status.STOPPED.value),
        (Verdict.RETRY, "call again"),
        (logging.INFO, 20),
        (PARTITION, "contact-log[0]"),
        ([PARTITION], ["contact-log[0]"]),
        ((Topic.FACTS, 1), ["facts", 1]),
        ({PARTITION}, ["contact-log[0]"]),
        ({PARTITION: {Topic.FACTS: b"x"}}, {"contact-log[0]": {"facts": "x"}}),
        (Path("/tmp/logs"), "/tmp/logs"),
        (TransactionAborted("not in time"), "not in time"),
        (CommitOutcomeUnknown("timed out"), "timed out"),
        (FatalClientError("fenced"), "fenced"),
        (Poison(None, b"k", True, ValueError("no")), "ValueError: no"),
        (StateTooLarge("4000000 bytes"), "4000000 bytes"),
        (SchemaUnavailable("refused"), "refused"),
        (SinkUnavailable("gone"), "gone"),
        (Overtaken("at 7"), "at 7"),
        (SettingsInvalid("TOUCHSTREAM_SLOT"), "TOUCHSTREAM_SLOT"),
        (ValueError(), "ValueError"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01 00:00:00+00:00"),
        (Decimal("0.10"), "0.10"),
        (type("Count", (int,), {})(7), 7),
        ([[[[[[[[[1]]]]]]]]], [[[[[[[["…"]]]]]]]]),
    ],
    ids=repr,
)
def test_a_field_is_a_plain_json_value(value: object, expected: object) -> None:
    assert written(field=value)["field"] == expected


class _Colour(Enum):
    RED = ("nested", b"value")


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
    st.sampled_from([*Topic, *Verdict, *_Colour]),
    st.builds(Partition, st.sampled_from(Topic), st.integers(0, 9)),
    st.builds(FatalClientError, st.text()),
    st.builds(Path, st.text(st.characters(exclude_characters="\0"))),
    st.builds(object),
)


@given(
    st.recursive(
        _scalars,
        lambda items: st.one_of(
            st.lists(items), st.tuples(items), st.dictionaries(st.text() | st.binary(), items)
        ),
    )
)
def test_no_field_breaks_the_line(value: object) -> None:
    assert written(field=value)["message"] == "text"


def test_a_field_that_contains_itself_does_not_break_the_line() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert "…" in json.dumps(written(field=loop)["field"], ensure_ascii=False)


def test_a_field_that_holds_a_secret_is_not_written_out() -> None:
    settings = Settings(kafka={"sasl.password": "hush"}, postgres_dsn=SecretStr("s3cret"))
    for value in (settings, settings.postgres_dsn, [settings], {"settings": settings}):
        line = json.dumps(written(field=value))
        assert "s3cret" not in line and "hush" not in line


def test_an_exception_is_written_with_its_traceback() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        line = written(exc_info=sys.exc_info())
    assert line["exception"].endswith("ValueError: no")


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """The log lines that the engine's own loggers have written, parsed."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            collected.append(json.loads(self.format(record)))

    collected: list[dict[str, Any]] = []
    handler, logger = Collector(), logging.getLogger("touchstream")
    handler.setFormatter(JsonFormatter())
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield collected
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_worker_names_its_partitions_and_errors_in_plain_text(
    lines: list[dict[str, Any]],
) -> None:
    faults = {number: list(Fault)[number % len(Fault)] for number in range(3, 200, 3)}
    play(random_history(5, 10), FaultPlan(faults=faults))
    named = [line["partition"] for line in lines if "partition" in line]
    named += [name for line in lines for name in line.get("partitions", ())]
    assert {"contact-log[0]", "dispatch-log[1]", "campaign-log[0]"} <= set(named)
    assert {line["message"].split(":")[0] for line in lines} >= {
        "assigned",
        "restored",
        "transaction aborted",
        "commit outcome unknown",
    }
    assert not [line for line in lines if "<" in json.dumps(line)]
