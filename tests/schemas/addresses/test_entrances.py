"""Addresses are checked by the same rule at every entrance (S4-99)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.channels import ADDRESSES, CHANNELS
from schemas.internal.contact_messages import OLD_ADDRESS_FIELDS
from schemas.public.inbound_events import AddressReopened, ContactUpserted, Customer

GOOD = {
    "email": (" Ivo@example.com.\u200b", "Ivo@example.com"),
    "phone": ("\u202a+1 (212) 555-0102\u202c", "+1 (212) 555-0102"),
    "linkedin_url": (" linkedin.com/in/j%C3%BCrgen?x=1 ", "linkedin.com/in/j%C3%BCrgen?x=1"),
}
"""A text of each address, and what is stored."""

BAD = ("n/a", "  ", "a@example.com;b@example.com", "Ivo <ivo@example.com>", "x\u2028y")

ENTRANCES = [
    *((ContactUpserted, (name,)) for name in OLD_ADDRESS_FIELDS),
    *((ContactUpserted, ("addresses", name)) for name in ADDRESSES),
    *((Customer, (name,)) for name in OLD_ADDRESS_FIELDS if name in Customer.model_fields),
]


def event(place: tuple[str, ...], text: str) -> dict[str, Any]:
    """The fields of an event that has an address in a place."""
    value: Any = text
    for name in reversed(place):
        value = {name: value}
    return {"tenant_id": "acme", "contact_id": "ann", **value}


def both_ways(model: type[BaseModel], fields: dict[str, Any]) -> list[Any]:
    """The event from JSON, and from plain values as Avro gives them; or the errors of both."""
    found: list[Any] = []
    ways: list[Callable[[], BaseModel]] = [
        lambda: model.model_validate_json(json.dumps(fields)),
        lambda: model.model_validate(fields),
    ]
    for validate in ways:
        try:
            found.append(validate())
        except ValidationError as error:
            found.append([(line["type"], line["loc"], line["msg"]) for line in error.errors()])
    return found


@pytest.mark.parametrize(("model", "place"), ENTRANCES)
def test_an_address_is_stored_trimmed(model: type[BaseModel], place: tuple[str, ...]) -> None:
    text, stored = GOOD[place[-1]]
    for found in both_ways(model, event(place, text)):
        value = found.model_dump()
        for name in place:
            value = value[name]
        assert value == stored


@pytest.mark.parametrize("form", ["'{}", "''{}", " ' {}", "'{}'"])
@pytest.mark.parametrize(("model", "place"), ENTRANCES)
def test_the_apostrophe_of_a_spreadsheet_is_no_part_of_an_address(
    model: type[BaseModel], place: tuple[str, ...], form: str
) -> None:
    _, stored = GOOD[place[-1]]
    for found in both_ways(model, event(place, form.format(stored))):
        value = found.model_dump()
        for name in place:
            value = value[name]
        assert value == stored
    row = ADDRESSES[place[-1]]
    assert row.forms(form.format(stored), "US") == row.forms(stored, "US")


def test_an_apostrophe_inside_an_address_stays() -> None:
    assert ADDRESSES["email"].clean("o'neil@example.com") == "o'neil@example.com"


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize(("model", "place"), ENTRANCES)
def test_a_text_that_is_no_address_is_an_error_of_its_field(
    model: type[BaseModel], place: tuple[str, ...], text: str
) -> None:
    for ((kind, where, message),) in both_ways(model, event(place, text)):
        assert (kind, where) == ("address_invalid", place)
        assert message.startswith("not an address: ") and text not in message


@pytest.mark.parametrize(("model", "place"), ENTRANCES)
def test_the_empty_text_stays_because_it_clears_the_address(
    model: type[BaseModel], place: tuple[str, ...]
) -> None:
    for found in both_ways(model, event(place, "")):
        assert isinstance(found, model)


def test_an_address_that_no_row_has_is_an_error_of_its_entry() -> None:
    for ((_, where, _),) in both_ways(ContactUpserted, event(("addresses", "fax"), "1234567")):
        assert where == ("addresses", "fax")


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_order_about_an_address_needs_one_of_its_channel(channel: str) -> None:
    order = {"tenant_id": "acme", "channel": channel}
    text, stored = GOOD[CHANNELS[channel].address.name]
    for found in both_ways(AddressReopened, {**order, "address": text}):
        assert found.address == stored
    for wrong in (*BAD, "", "https://example.com"):
        for ((kind, where, _),) in both_ways(AddressReopened, {**order, "address": wrong}):
            assert (kind, where) == ("address_invalid", ("address",))
