"""Time zones as others write them, from the public event to the message for the contact."""

from typing import Any

import pytest

from processors.intake import internal_message
from schemas.base.error_codes import RefusalCode, Refused
from schemas.internal import messages as m
from schemas.public.codec import PublicEvent, decode_event, encode_avro
from schemas.public.example_events import sample, sample_model
from tests.processors.intake.test_public_events import intake_outputs
from tests.testing.builders import TENANT, step
from tests.testing.public_records import record_headers, record_value
from tests.testing.story import START, deliver, working_senders, world_with_campaign


def decoded(ce_type: str, **changes: Any) -> PublicEvent:
    """The sample of an event with other fields, as JSON that was read."""
    return decode_event(record_headers(ce_type), record_value(ce_type, **changes))


def job_of(**customer: Any) -> PublicEvent:
    """A job whose customer has only these fields and an id."""
    return decoded("job.completed", customer={"contact_id": "ann", **customer})


@pytest.mark.parametrize("name", ["Eastern Standard Time", "america/new_york", " US/eastern"])
def test_a_zone_by_another_name_costs_nothing(name: str) -> None:
    event = job_of(timezone=name)
    assert event.data.customer.timezone in ("America/New_York", "US/Eastern")
    assert event.dropped is None
    changed = decoded("tenant.upserted", timezone=name)
    assert changed.data.timezone == event.data.customer.timezone


@pytest.mark.parametrize("name", ["PST", "IST", "BST", "CST", "UTC-5", "Mars/Base"])
def test_an_ambiguous_or_unknown_zone_costs_the_field(name: str) -> None:
    event = job_of(timezone=name)
    assert event.data.customer.timezone is None
    assert event.dropped == {"customer.timezone": RefusalCode.TIMEZONE_UNKNOWN}


@pytest.mark.parametrize(
    "siblings", [{"region": "US-CA"}, {"region": "Calif."}, {"phone": "+1 415 555 2671"}]
)
def test_a_short_name_counts_beside_a_region_or_a_phone_number(siblings: dict[str, str]) -> None:
    event = job_of(timezone="PST", **siblings)
    assert event.data.customer.timezone == "America/Los_Angeles"
    assert event.dropped is None
    upserted = decoded("contact.upserted", timezone="PST", **siblings)
    assert upserted.data.timezone == "America/Los_Angeles"


def test_a_tenant_names_its_country_beside_a_short_name() -> None:
    assert decoded("tenant.upserted", timezone="CST", country="US").data.timezone == (
        "America/Chicago"
    )
    assert decoded("tenant.upserted", timezone="CST", country="CN").data.timezone == "Asia/Shanghai"
    with pytest.raises(Refused) as refused:
        decoded("tenant.upserted", timezone="CST", country=None)
    assert refused.value.code is RefusalCode.TIMEZONE_UNKNOWN


@pytest.mark.parametrize(
    ("name", "local_zone"),
    [
        ("Eastern Standard Time", "America/New_York"),
        ("PST", "America/Chicago"),  # of the tenant: the field is left out
    ],
)
def test_a_customer_with_a_zone_of_windows_or_none_is_asked_for_a_review(
    name: str, local_zone: str
) -> None:
    customer = {"contact_id": "ann", "email": "ann@example.com", "timezone": name}
    event = decoded("job.completed", tenant_id=TENANT, service_type="hvac", customer=customer)
    world = world_with_campaign(steps=[step("a", hours=13)])  # 22:00 in Chicago
    deliver(world, internal_message(event, START))
    world.advance_hours(30, working_senders())
    (touch,) = world.commanded_touches()
    assert touch.quiet is not None and touch.quiet.zone == local_zone


def test_avro_reads_zones_in_the_same_way() -> None:
    datum = sample_model("contact.upserted").model_dump() | {"timezone": "PST", "region": "CA"}
    datum["phone"] = "+14155552671"
    value = encode_avro("contact.upserted", datum, None, framing="avro")
    headers = [*record_headers("contact.upserted")]
    headers = [(name, each) for name, each in headers if name != "content-type"]
    event = decode_event([*headers, ("content-type", b"application/avro")], value)
    assert event.data.timezone == "America/Los_Angeles"


def test_est_of_a_person_in_the_usa_has_summer_time() -> None:
    customer = sample("job.completed")["customer"] | {"timezone": "EST", "region": "US-FL"}
    output = intake_outputs("job.completed", customer=customer)[0]
    assert isinstance(output.message, m.JobCompleted)
    assert output.message.person.timezone == "America/New_York"
    (output,) = intake_outputs("contact.upserted", timezone="MST", region="Arizona")
    assert isinstance(output.message, m.ContactUpserted)
    assert output.message.person.timezone == "America/Phoenix"


@pytest.mark.parametrize(
    ("country", "zone"), [("US", "America/New_York"), ("PA", "America/Panama"), ("DE", None)]
)
def test_a_tenant_in_est_is_in_the_zone_of_its_country(country: str, zone: str | None) -> None:
    if zone is not None:
        event = decoded("tenant.upserted", timezone="EST", country=country)
        assert event.data.timezone == zone
        return
    with pytest.raises(Refused) as refused:
        decoded("tenant.upserted", timezone="EST", country=country)
    assert refused.value.code is RefusalCode.TIMEZONE_UNKNOWN


def test_a_tenant_in_est_without_a_country_is_told_what_to_do() -> None:
    with pytest.raises(Refused) as refused:
        decoded("tenant.upserted", timezone="EST", country=None)
    assert refused.value.code is RefusalCode.TIMEZONE_UNKNOWN
    assert "America/New_York" in refused.value.detail and "Etc/GMT+5" in refused.value.detail
