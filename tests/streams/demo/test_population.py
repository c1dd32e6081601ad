"""The customers, jobs and incidents of the demo are the same in every run."""

from collections import Counter

import pytest

from schemas.addresses.number_kinds import number_kind
from schemas.base.error_codes import Refused
from schemas.base.times import DAY, HOUR, SECOND, parse_rfc3339, to_datetime
from schemas.base.zones import zone
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.public.cloudevents import parse_envelope
from schemas.public.codec import decode_event, encode_event
from schemas.public.events import EVENTS
from streams.demo.accounts import ACCOUNTS
from streams.demo.businesses import BUSINESSES, campaign_document, campaign_of, tenant_event
from streams.demo.calls import (
    CALL_CAMPAIGNS,
    DIRECT_CALLS,
    SLOTS,
    TENANT_SLOTS,
    call_events,
    calls_document,
    pool_event,
    tenant_calls,
)
from streams.demo.outreach import OUTREACH_CAMPAIGNS, outreach_document, prospect_events
from streams.demo.population import DemoCustomer, make_customers
from streams.demo.run import FIRST_MIDNIGHT, PERIOD, SEED
from streams.demo.upstream_events import PAUSE_AT, RESUME_AT, TORN_RECORD, upstream_events

LONGEST = {"conservative": 96 * HOUR, "standard": 264 * HOUR, "aggressive": 268 * HOUR}


@pytest.fixture(scope="module")
def customers() -> list[DemoCustomer]:
    return make_customers(SEED, 2_000, FIRST_MIDNIGHT)


def test_the_same_seed_makes_the_same_customers(customers: list[DemoCustomer]) -> None:
    assert make_customers(SEED, 2_000, FIRST_MIDNIGHT) == customers
    assert make_customers(SEED + 1, 2_000, FIRST_MIDNIGHT) != customers


def test_a_smaller_demo_has_the_first_of_the_same_customers(customers: list[DemoCustomer]) -> None:
    assert make_customers(SEED, 60, FIRST_MIDNIGHT) == customers[:60]


def test_every_kind_of_customer_occurs(customers: list[DemoCustomer]) -> None:
    assert {c.tenant_id for c in customers} == {b.tenant_id for b in BUSINESSES}
    assert 30 < sum(not c.email for c in customers) < 100
    assert 60 < sum(not c.phone for c in customers) < 200
    assert sum(len(c.jobs) == 2 for c in customers) > 100
    assert any(not c.timezone for c in customers)
    jobs = [job for c in customers for job in c.jobs]
    assert any(not job.enroll for job in jobs)
    assert any(job.times == 2 for job in jobs)
    assert len({job.job_id for job in jobs}) == len(jobs)


def test_jobs_are_completed_in_the_working_day_of_their_business(
    customers: list[DemoCustomer],
) -> None:
    zones = {business.tenant_id: zone(business.timezone) for business in BUSINESSES}
    for customer in customers:
        at = to_datetime(FIRST_MIDNIGHT + customer.jobs[0].at)
        # A day in which a business's clock changes is an hour longer or shorter than planned.
        assert 8 <= at.astimezone(zones[customer.tenant_id]).hour <= 22


def test_every_campaign_ends_within_the_demo_period(customers: list[DemoCustomer]) -> None:
    by_tenant = {business.tenant_id: business for business in BUSINESSES}
    for customer in customers:
        for job in customer.jobs:
            campaign = campaign_of(by_tenant[customer.tenant_id], job.service_type)
            assert job.at + LONGEST[campaign.preset] < PERIOD - 8 * HOUR


def test_campaigns_are_valid_and_have_templates() -> None:
    presets = set()
    for business in BUSINESSES:
        for campaign in business.campaigns:
            found = validate_definition(campaign_document(business, campaign, 3 * DAY))
            assert isinstance(found, Definition)
            assert all(step.template_id for step in found.steps)
            presets.add(campaign.preset)
        assert {campaign.service_type is None for campaign in business.campaigns} == {True, False}
    assert presets == set(LONGEST)


def test_outreach_is_valid_and_ends_within_the_demo_period() -> None:
    for outreach in OUTREACH_CAMPAIGNS:
        found = validate_definition(outreach_document(outreach, 3 * DAY))
        assert isinstance(found, Definition), found
        assert found.kind == "prospecting"
        waits = sum(step.wait_for.max_wait_us for step in found.steps if step.wait_for)
        longest = waits + sum(step.delay_us for step in found.steps)
        last = max(at for at, *_ in prospect_events(SEED, 2_000))
        # Each step may wait for the morning, and each reply for somebody to read it.
        assert last + longest + len(found.steps) * 18 * HOUR < PERIOD - 8 * HOUR


def test_call_campaigns_are_valid_and_their_people_can_be_called() -> None:
    limits = {business.tenant_id: tenant_calls(business.tenant_id) for business in BUSINESSES}
    for calls in CALL_CAMPAIGNS:
        found = validate_definition(calls_document(calls, 3 * DAY))
        assert isinstance(found, Definition), found
        assert found.kind == "calls"
        assert calls.agent_id in limits[calls.tenant_id]["calls"]["agents"]
        assert calls.number in limits[calls.tenant_id]["calls"]["numbers"]
    assert len(CALL_CAMPAIGNS) * TENANT_SLOTS > SLOTS
    phones = {data["phone"] for _, _, _, data in call_events(2_000) if "phone" in data}
    people = 2 * 2_000 // 40
    assert len(phones) == people + len(CALL_CAMPAIGNS) * DIRECT_CALLS
    assert {number_kind(phone) for phone in phones} == {""}  # ordinary numbers


def test_sender_accounts_and_the_call_pool_are_valid_events() -> None:
    for account in ACCOUNTS:
        EVENTS["sender.upserted"].model.model_validate(account)
    EVENTS["pool.upserted"].model.model_validate(pool_event())
    for business in BUSINESSES:
        data = {**tenant_event(business, 2_000), **tenant_calls(business.tenant_id)}
        EVENTS["tenant.upserted"].model.model_validate(data)


def test_all_upstream_events_are_valid_and_in_order(customers: list[DemoCustomer]) -> None:
    events = upstream_events(customers, FIRST_MIDNIGHT)
    assert events == sorted(events)
    assert all(0 <= event.at < PERIOD for event in events)
    for event in events[::50]:
        if event.data is not None:
            model = EVENTS[event.ce_type].model.model_validate(_with_parsed_times(event.data))
            headers, value = encode_event(event.ce_type, model, event_id="e", source="s")
            assert decode_event(headers, value).data == model
    for business in BUSINESSES:
        EVENTS["tenant.upserted"].model.model_validate(tenant_event(business, 2_000))


def test_the_incidents_happen_once_each_in_a_demo_of_any_size() -> None:
    for number in (60, 2_000):
        kinds = Counter(
            e.ce_type for e in upstream_events(make_customers(SEED, number, FIRST_MIDNIGHT), 0)
        )
        del kinds["job.completed"], kinds["contact.upserted"], kinds["contact.enrolled"]
        assert kinds.pop("call.requested") == len(CALL_CAMPAIGNS) * DIRECT_CALLS
        assert kinds == dict.fromkeys(
            (
                "campaign.activated",
                "campaign.paused",
                "campaign.resumed",
                "template.deleted",
                "contact.erased",
                "job.deleted",
                "contact.stopped",
            ),
            1,
        )
    assert 4 * HOUR < RESUME_AT - PAUSE_AT < DAY


def test_the_torn_record_cannot_be_read() -> None:
    with pytest.raises(Refused):
        parse_envelope([], TORN_RECORD)


def _with_parsed_times(data: dict[str, object]) -> dict[str, object]:
    """Replaces the time text by microseconds, as the model has it."""
    if "completed_at" not in data:
        return data
    return {**data, "completed_at": parse_rfc3339(str(data["completed_at"])) // SECOND * SECOND}
