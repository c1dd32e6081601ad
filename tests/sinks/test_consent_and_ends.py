"""What the views show of consent, and of the ends of runs."""

import msgspec
import pytest

from schemas.internal import messages as m
from tests.testing.builders import step
from tests.testing.projected import project, select
from tests.testing.recorded_world import Log, campaign, contact, enrollment, stopped, tenant
from tests.testing.story import deliver, new_event, prospecting, unsubscribed, working_senders
from tests.testing.world import World

OPTED_OUT = """SELECT c.opted_out ? 'sms', r.opted_out_email, r.opted_out_sms,
        bool_or(s.opted_out_at IS NOT NULL) FILTER (WHERE s.channel = 'email'),
        bool_or(s.opted_out_at IS NOT NULL) FILTER (WHERE s.channel = 'sms')
    FROM touchstream.contacts AS c
    JOIN reviews.customers AS r ON r.business_id = c.tenant_id AND r.id = c.contact_id
    JOIN touchstream.channel_state AS s USING (tenant_id, contact_id)
    GROUP BY 1, 2, 3"""


def opted_out_of(*scopes: str) -> World:
    """A world in which Ann has got a mail and a text message, and has then opted out."""
    world = prospecting(step("mail"), step("text", "sms"), step("later", hours=48))
    world.advance_hours(1, working_senders())
    for scope in scopes:
        deliver(world, unsubscribed(world, scope))
    world.advance_hours(1)
    return world


def agreed_to(world: World, scope: str) -> World:
    return deliver(world, new_event(world, m.ContactResubscribed, channel=scope, evidence="form 1"))


@pytest.mark.parametrize(
    ("out_of", "agrees_to", "email", "sms"),
    [
        (("sms",), "sms", False, False),
        (("all",), "sms", True, False),
        (("all",), "all", False, False),
        (("all", "sms"), "all", False, False),
        (("all", "sms"), "sms", True, False),
        (("email", "sms"), "sms", True, False),
    ],
)
def test_a_channel_to_which_a_person_agrees_again_is_open_in_every_view(
    dsn: str, out_of: tuple[str, ...], agrees_to: str, email: bool, sms: bool
) -> None:
    world = agreed_to(opted_out_of(*out_of), agrees_to)
    project(world, dsn)
    assert select(dsn, OPTED_OUT) == [(sms, email, sms, email, sms)]


def test_a_channel_is_closed_in_every_view_until_a_person_agrees_again(dsn: str) -> None:
    project(opted_out_of("sms"), dsn)
    assert select(dsn, OPTED_OUT) == [(True, False, True, False, True)]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("failed", "failed"),
        ("too_many_touches", "failed"),
        ("contact_gone", "completed"),
        ("owner_stopped", "completed"),
    ],
)
def test_a_run_that_an_error_ended_has_failed_and_every_end_has_its_reason(
    dsn: str, reason: str, status: str
) -> None:
    record = campaign("acme")
    record.definition = msgspec.structs.replace(record.definition, kind="prospecting")
    run = stopped(enrollment("acme"), reason)
    log = Log().tenant(tenant("acme")).campaign(record).contact("acme", contact("acme", run))
    log.write(dsn)
    query = "SELECT status, stop_reason FROM prospecting.campaign_prospect_execution_state"
    assert select(dsn, query) == [(status, reason)]
