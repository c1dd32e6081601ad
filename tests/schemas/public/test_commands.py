"""Commands are encoded as the models of the public contract, in each encoding."""

import json
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from schemas.base.times import SECOND, parse_rfc3339
from schemas.channels import ADDRESSES, LINKEDIN_URL, Address
from schemas.internal.messages import CallTerms, CommandDue, CommandRevoked, RequestTouch
from schemas.public.codec import Encoding, decode_event
from schemas.public.commands import command_encoder
from schemas.public.example_events import COMMAND_ID, sample, sample_model
from schemas.public.inbound_events import ContactUpserted
from tests.testing.public_records import SCHEMA_IDS, registry

ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)


def due(**changed: Any) -> CommandDue:
    """A command with the fields of the example of touch.due."""
    fields = sample("touch.due")
    times = {name: parse_rfc3339(fields[name]) for name in ("scheduled_at", "due_at", "expires_at")}
    own: dict[str, Any] = {"emission": 1, "priority": 0, "quiet": None}
    send_before = parse_rfc3339(fields.pop("send_before"))
    call = dict(fields.pop("call"))
    place_by = parse_rfc3339(call.pop("place_by"))
    own["opt_out_scope"] = fields.pop("unsubscribe")["scope"]
    ring_us, max_us = (call.pop(name) * SECOND for name in ("ring_seconds", "max_seconds"))
    own |= {"call": CallTerms(**call, place_us=60 * SECOND, ring_us=ring_us, max_us=max_us)}
    return CommandDue(RequestTouch(**(fields | times | own | changed)), send_before, place_by)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoded_command_decodes_to_its_model(encoding: Encoding) -> None:
    encode = command_encoder(encoding, schema_ids=SCHEMA_IDS)
    event = decode_event(*encode(due()), registry)
    assert (event.type, event.data) == ("touch.due", sample_model("touch.due"))
    revoked = encode(CommandRevoked(COMMAND_ID, "acme", "c-1", "email", "opted_out_email"))
    event = decode_event(*revoked, registry)
    assert (event.type, event.data) == ("command.revoked", sample_model("command.revoked"))


@pytest.mark.parametrize(
    ("encoding", "ce_type"),
    [("json", b"touch.due"), ("confluent", b"touch.due"), ("avro", b"touch.due.v4")],
)
def test_a_sender_of_the_first_release_reads_what_it_can_read(
    encoding: Encoding, ce_type: bytes
) -> None:
    headers, _ = command_encoder(encoding, schema_ids=SCHEMA_IDS)(due())
    assert dict(headers)["ce_type"] == ce_type


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_command_says_until_when_it_may_be_sent(encoding: Encoding) -> None:
    command = due()
    data = decode_event(*command_encoder(encoding, schema_ids=SCHEMA_IDS)(command), registry).data
    assert data.send_before == command.send_before != data.expires_at


def test_the_end_is_text_in_json_as_other_times_are() -> None:
    _, value = command_encoder()(due())
    assert json.loads(value)["send_before"] == sample("touch.due")["send_before"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_command_without_experiment_opt_out_and_limit_of_text_states_none_of_them(
    encoding: Encoding,
) -> None:
    plain = due(experiment_id="", variant="", opt_out_scope="", text_characters=0)
    headers, value = command_encoder(encoding, schema_ids=SCHEMA_IDS)(plain)
    data = decode_event(headers, value, registry).data
    assert (data.experiment_id, data.variant, data.unsubscribe) == (None, None, None)
    assert data.text_characters is None
    if encoding == "json":
        assert not {"variant", "unsubscribe", "text_characters"} & {*json.loads(value)}


@pytest.mark.parametrize("scope", ["email", "all"])
def test_the_opt_out_of_a_command_is_named_by_the_command(scope: str) -> None:
    data = decode_event(*command_encoder()(due(opt_out_scope=scope))).data
    assert (data.unsubscribe.ref, data.unsubscribe.scope) == (data.command_id, scope)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_command_of_another_channel_has_no_call(encoding: Encoding) -> None:
    command = command_encoder(encoding, schema_ids=SCHEMA_IDS)(due(call=None))
    assert decode_event(*command, registry).data.call is None


def test_the_moment_by_which_a_call_is_placed_is_text_in_json() -> None:
    _, value = command_encoder()(due())
    assert json.loads(value)["call"] == sample("touch.due")["call"]


def test_a_call_without_a_moment_of_its_own_is_placed_before_the_window_closes() -> None:
    command = due()
    command = CommandDue(command.touch, command.send_before)
    data = decode_event(*command_encoder()(command)).data
    assert data.call.place_by == command.send_before


def test_a_repeated_command_has_the_same_data_and_another_event_id() -> None:
    encode = command_encoder()
    first, again = (decode_event(*encode(due(emission=number))) for number in (1, 2))
    assert first.data == again.data
    assert first.id != again.id


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_command_can_have_the_largest_number_of_variables(
    encoding: Encoding,
) -> None:
    """100 attributes, 100 variables, name and job."""
    whole = {f"v{number}": "x" for number in range(204)}
    event = decode_event(
        *command_encoder(encoding, schema_ids=SCHEMA_IDS)(due(variables=whole)), registry
    )
    assert event.data.variables == whole


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("row", ADDRESSES.values(), ids=ADDRESSES)
def test_a_recipient_is_as_long_as_the_longest_address_that_an_event_may_have(
    row: Address, encoding: Encoding
) -> None:
    longest = "a" * row.characters_max
    command = command_encoder(encoding, schema_ids=SCHEMA_IDS)(due(recipient=longest))
    assert decode_event(*command, registry).data.recipient == longest
    addresses = {row.name: longest + "a"}
    contact = {"tenant_id": "acme", "contact_id": "ann", "addresses": addresses}
    with pytest.raises(ValidationError):
        ContactUpserted.model_validate(contact)


def test_a_linkedin_url_in_its_old_field_fits_into_a_recipient() -> None:
    url = "https://linkedin.com/in/" + "a" * (LINKEDIN_URL.characters_max - 24)
    contact = {"tenant_id": "acme", "contact_id": "ann", "linkedin_url": url}
    assert ContactUpserted.model_validate(contact).linkedin_url == url


def test_the_same_command_has_the_same_bytes() -> None:
    for encoding in ENCODINGS:
        encode = command_encoder(encoding, schema_ids=SCHEMA_IDS)
        assert encode(due()) == encode(due())


def test_confluent_framing_without_a_schema_id_is_an_error() -> None:
    with pytest.raises(ValueError, match="schema id"):
        command_encoder("confluent")(due())
