"""`touchstream contacts stop`: ends what is planned for one person."""

from typing import Annotated

import msgspec
import typer

from schemas.internal.enrollment import LIVE
from schemas.internal.messages import contact_key
from schemas.internal.states import Contact, ContactState
from schemas.internal.topics import Layout, Topic
from streams.base.partitioner import partition_of
from streams.base.settings import Settings
from streams.cli.command_settings import connected_settings
from streams.cli.errors import CommandError
from streams.cli.event_publisher import build_event
from streams.cli.options import Json, Tenant, Timeout, Wait
from streams.cli.output import print_json
from streams.cli.request_reply import TIMEOUT_S, print_answer, publish_and_wait
from streams.cli.stored_states import stored_states
from streams.kafka.topics import layout_of

_decode = msgspec.msgpack.Decoder(ContactState).decode


def stop(
    tenant: Tenant,
    contact: Annotated[str, typer.Option("--contact", help="The contact's id.")],
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="Only the run in this campaign.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Recorded with the event.")] = None,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Stop the runs of a person, or the one in a campaign: nothing more is sent in them.

    A call that waits for its turn is cancelled; one that is under way goes on. If nothing runs, the
    command states it and publishes nothing; with --no-wait it publishes without looking.

    Example: touchstream contacts stop --tenant acme --contact ann --campaign renewals
    """
    event = build_event(
        "contact.stopped", tenant_id=tenant, contact_id=contact, campaign_id=campaign, reason=reason
    )
    settings = connected_settings()
    campaigns: list[str] = []
    if wait:
        campaigns = running_campaigns(settings, layout_of(settings), tenant, contact)
        if campaign is not None:
            campaigns = [name for name in campaigns if name == campaign]
        if not campaigns:
            _print_nothing(f"{contact} of {tenant}", campaign, as_json=json)
            return
    fact = publish_and_wait(settings, "contact.stopped", event, wait=wait, timeout_s=timeout)
    done = f"{contact} of {tenant}: stopped in {', '.join(campaigns)}"
    print_answer(fact, done, as_json=json)


def _print_nothing(who: str, campaign: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"published": False, "reason": "nothing_runs"})
    else:
        print(f"{who}: nothing runs{f' in {campaign}' if campaign else ''}; there is none to stop")


def running_campaigns(
    settings: Settings, layout: Layout, tenant_id: str, contact_id: str
) -> list[str]:
    """The campaigns in which a contact has a run that has not ended, as its state has them. Raises
    CommandError for a contact that does not exist."""
    key = contact_key(tenant_id, contact_id)
    states = stored_states(
        settings,
        Topic.CONTACT_CHANGELOG,
        lambda each, _: each == key,
        partition_of(key, layout.contact),
    )
    state = _decode(states[key]) if key in states else None
    if not isinstance(state, Contact):
        raise CommandError(f"{tenant_id} has no contact {contact_id}")
    return sorted({run.campaign_id for run in state.enrollments if run.status in LIVE})
