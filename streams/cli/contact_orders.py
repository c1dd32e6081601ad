"""`touchstream contacts resubscribe`, `reopen` and `stop`: orders about a person or an address."""

from typing import Annotated

import typer

from schemas.channels import ALL_CHANNELS, CHANNELS
from streams.cli.closed_addresses import has_bounced
from streams.cli.command_settings import connected_settings
from streams.cli.event_publisher import build_event
from streams.cli.options import Json, Tenant, Timeout, Wait
from streams.cli.output import print_json
from streams.cli.request_reply import TIMEOUT_S, print_answer, publish_and_wait
from streams.kafka.topics import layout_of

_CHANNELS = ", ".join(CHANNELS)


def resubscribe(
    tenant: Tenant,
    contact: Annotated[str, typer.Option("--contact", help="The contact's id.")],
    channel: Annotated[
        str, typer.Option("--channel", help=f"One of {_CHANNELS}, or {ALL_CHANNELS}.")
    ],
    evidence: Annotated[
        str, typer.Option("--evidence", help="Where it is recorded that the person agreed again.")
    ],
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Lift a person's opt-out from a channel, or from all channels, because the person agreed
    again.

    An import or a new job never lifts an opt-out. An address that is closed after a bounce stays
    closed: `touchstream contacts reopen` opens it.

    Example: touchstream contacts resubscribe --tenant acme --contact ann --channel sms --evidence
    "web form, 2026-05-04 10:12"
    """
    event = build_event(
        "contact.resubscribed",
        tenant_id=tenant,
        contact_id=contact,
        channel=channel,
        evidence=evidence,
    )
    fact = publish_and_wait(
        connected_settings(), "contact.resubscribed", event, wait=wait, timeout_s=timeout
    )
    what = "every channel" if channel == ALL_CHANNELS else channel
    print_answer(fact, f"{contact} of {tenant}: may be reached by {what} again", as_json=json)


def reopen(
    tenant: Tenant,
    channel: Annotated[str, typer.Option("--channel", help=f"One of {_CHANNELS}.")],
    address: Annotated[str, typer.Option("--address", help="The address, in any spelling.")],
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why the bounce was no fault of the address.")
    ] = None,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Use an address again that is closed after a bounce, for every contact of the tenant, because
    the bounce was no fault of its owner.

    Opt-outs stay: `touchstream contacts resubscribe` lifts them. If no bounce closes the address,
    the command states it and publishes nothing; with --no-wait it publishes without looking.

    Example: touchstream contacts reopen --tenant acme --channel email --address ann@example.com
    --reason "our domain had no DNS record"
    """
    event = build_event(
        "address.reopened", tenant_id=tenant, channel=channel, address=address, reason=reason
    )
    settings = connected_settings()
    if (
        wait
        and has_bounced(settings, layout_of(settings), tenant, channel, address.strip()) is False
    ):
        if json:
            print_json({"published": False, "reason": "not_closed"})
        else:
            print(f"{tenant}: no bounce closes this address to {channel}; nothing is to be opened")
        return
    fact = publish_and_wait(settings, "address.reopened", event, wait=wait, timeout_s=timeout)
    done = f"{tenant}: {channel} to this address is open again, unless its owner has opted out"
    if fact is not None and fact.contact_id is None and fact.reason:  # what closes it still
        done = f"{tenant}: no bounce closes this address to {channel} any more, but {fact.reason}"
    print_answer(fact, done, as_json=json)


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

    A call that waits for its turn is cancelled; one that is under way goes on.

    Example: touchstream contacts stop --tenant acme --contact ann --campaign renewals
    """
    event = build_event(
        "contact.stopped", tenant_id=tenant, contact_id=contact, campaign_id=campaign, reason=reason
    )
    fact = publish_and_wait(
        connected_settings(), "contact.stopped", event, wait=wait, timeout_s=timeout
    )
    where = f" in {campaign}" if campaign else ""
    print_answer(fact, f"{contact} of {tenant}: nothing runs{where} any more", as_json=json)
