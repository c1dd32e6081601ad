"""verify compares what an older version has written with what the current code writes."""

from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest

from schemas.base.times import parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.messages import CommandDue, RequestTouch
from schemas.internal.topics import Topic
from schemas.public.codec import Encoding, decode_event
from schemas.public.commands import command_encoder, command_fields
from schemas.public.example_events import sample
from schemas.public.released import RELEASED
from streams.audit.multiset_diff import ComparedRecord, MultisetDiff
from streams.audit.older_records import (
    LATER_FIELDS,
    has_later_fields,
    may_be_missing,
    older_command,
    older_form,
    older_key,
)
from streams.audit.refolded_logs import in_current_encoding
from tests.processors.dispatch.calls_log import call, reported
from tests.testing.public_records import SCHEMA_IDS, registry

NOW, THEN = ComparedRecord(b"k", b"now", 0), ComparedRecord(b"k", b"then", 0)


def command() -> CommandDue:
    """A command with the fields of the example of touch.due."""
    fields = sample("touch.due")
    for name in ("call", "experiment_id", "variant", "unsubscribe", "text_characters"):
        del fields[name]  # of releases that no older version wrote
    times = ("scheduled_at", "due_at", "expires_at", "send_before")
    fields |= {name: parse_rfc3339(fields[name]) for name in times}
    send_before = fields.pop("send_before")
    return CommandDue(RequestTouch(**fields, emission=1, priority=0, quiet=None), send_before)


def as_release_one_wrote(encoding: Encoding) -> tuple[list[tuple[str, bytes | None]], bytes]:
    """The command as the first release wrote it."""
    headers, value = command_encoder(encoding, schema_ids=SCHEMA_IDS)(command())
    older: list[tuple[str, bytes | None]] = [
        (name, b"touch.due" if name == "ce_type" else content) for name, content in headers
    ]
    if encoding == "json":
        fields = msgspec.json.decode(value)
        del fields["send_before"]
        return older, msgspec.json.encode(fields)
    schema = RELEASED["touch.due"][0]
    _, _, fields = command_fields(command())
    body = BytesIO()
    fastavro.schemaless_writer(body, schema, fields)
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    fingerprint = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
    frame = b"\xc3\x01" + bytes.fromhex(fingerprint)
    return older, frame + body.getvalue()


def decode(headers: Any, value: Any) -> Any:
    """Decodes with the registry of the tests."""
    return decode_event(headers, value, registry)


@pytest.mark.parametrize("encoding", ["json", "avro"])
def test_a_command_of_the_first_release_has_the_form_of_the_current_one(
    encoding: Encoding,
) -> None:
    assert older_command(*as_release_one_wrote(encoding), decode) == older_form(command())


@pytest.mark.parametrize("encoding", ["json", "avro", "confluent"])
def test_a_command_of_now_is_compared_as_it_is(encoding: Encoding) -> None:
    headers, value = command_encoder(encoding, schema_ids=SCHEMA_IDS)(command())
    assert older_command([*headers], value, decode) is None


def test_revocations_and_garbage_are_compared_as_they_are() -> None:
    revoked = m.CommandRevoked("c", "acme", "ann", "email", "expired")
    headers, value = command_encoder()(revoked)
    assert older_command([*headers], value, decode) is None
    headers, _ = command_encoder()(command())
    assert older_command([*headers], b"{garbage", decode) is None
    assert older_form(revoked) is None


def test_another_older_command_has_another_form() -> None:
    other = msgspec.structs.replace(command().touch, template_id="other")
    assert older_form(CommandDue(other, 0)) != older_form(command())
    assert older_form(msgspec.structs.replace(command(), send_before=0)) == older_form(command())


def test_a_message_of_a_log_without_later_fields_has_the_form_of_the_current_one() -> None:
    touch = msgspec.structs.replace(command().touch, reached_at=(7, 5), spelling="A@b.c", rules=1)
    fields = msgspec.msgpack.decode(m.encode(touch))
    older = in_current_encoding(Topic.DISPATCH_LOG, msgspec.msgpack.encode(fields[:-11]))
    assert older == older_form(touch) != m.encode(touch)
    assert has_later_fields(Topic.DISPATCH_LOG, older)
    assert not has_later_fields(Topic.CONTACT_LOG, m.TICK)


def test_a_conversion_of_before_its_rules_has_the_form_of_the_current_one() -> None:
    now = m.ConversionRecorded("acme", "ann", "/s#1", 7, "interview", None, None, "java", 1)
    then = m.ConversionRecorded("acme", "ann", "/s#1", 7, "interview")
    fields = msgspec.msgpack.decode(m.encode(then))
    older = in_current_encoding(Topic.CONTACT_LOG, msgspec.msgpack.encode(fields[:-2]))
    assert older == older_form(now) != m.encode(now)
    assert has_later_fields(Topic.CONTACT_LOG, older)


def test_the_same_conversion_of_a_backfill_has_the_form_of_the_current_one() -> None:
    now = m.ConversionRecorded("acme", "ann", "/s#1", 7, "interview", None, None, "java", 1)
    then = m.ConversionRecorded("acme", "ann", "/s#1", 7, "interview")
    wrapped = [m.BackfilledEvent("acme", "ann", "/s#1", 7, m.encode(each)) for each in (now, then)]
    assert older_form(wrapped[0]) == m.encode(wrapped[1])
    assert has_later_fields(Topic.CONTACT_LOG, m.encode(wrapped[1]))


def test_the_later_fields_are_the_last_ones_and_have_a_default() -> None:
    for kind, names in LATER_FIELDS.items():
        fields = msgspec.structs.fields(kind)[-len(names) :]
        assert tuple(field.name for field in fields) == names
        assert not any(field.required for field in fields)


def test_an_expected_record_is_found_in_its_older_form() -> None:
    for found_first in (True, False):
        diff = MultisetDiff()
        if found_first:
            diff.add_found(THEN)
        diff.add_expected(NOW, THEN)
        if not found_first:
            diff.add_found(THEN)
        assert (list(diff.missing()), list(diff.unexpected())) == ([], [])


def test_each_expected_record_is_found_once_in_either_form() -> None:
    diff = MultisetDiff()
    diff.add_expected(NOW, THEN)
    diff.add_found(NOW)
    diff.add_found(THEN)
    assert (len(list(diff.missing())), len(list(diff.unexpected()))) == (0, 1)
    diff.add_expected(NOW, THEN)
    assert (list(diff.missing()), list(diff.unexpected())) == ([], [])


def test_a_request_of_a_call_was_at_the_account_of_its_channel_before_there_were_pools() -> None:
    requested, withdrawn = call(1), m.WithdrawTouch("c", "acme", "p", "voice", "stopped", True)
    assert older_key(requested) == b"acme/voice"
    assert older_key(msgspec.structs.replace(requested, call=None)) is None
    assert older_key(msgspec.structs.replace(withdrawn, pool_id="calls")) == b"acme/voice"
    assert older_key(withdrawn) is None
    assert may_be_missing(reported(requested)) and not may_be_missing(requested)
