"""What a campaign of outreach gets in tests of the campaign processor alone: its document, sender
accounts, orders, and the counts of the partitions of contact-log."""

from itertools import count
from typing import Any

import msgspec

from schemas.base.times import MomentUs
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.states import CampaignRecord
from schemas.internal.topics import Topic
from tests.testing.administered import administered, order, record_of
from tests.testing.builders import TENANT, tenant
from tests.testing.outreach import OUTREACH, outreach_document
from tests.testing.world import START, World

_causes = count(1)


def published(document: dict[str, Any]) -> m.PublishCampaign:
    """The order to publish a document, with a new cause."""
    body = msgspec.json.encode(document)
    return m.PublishCampaign(TENANT, document["campaign_id"], f"o#{next(_causes)}", START, body)


def outreach(**changes: Any) -> m.PublishCampaign:
    """The order to publish a campaign of outreach; the changes are those of its document."""
    return published(outreach_document(**changes))


def account(channel: str = "email", sender_id: str = "") -> m.UpsertSender:
    """A sender account of a channel."""
    terms = SenderTerms(sender_id or f"{channel}-1", {"": LimitTerms(per_day=1_000)}, "")
    return order(m.UpsertSender, f"s#{next(_causes)}", channel=channel, sender=terms)


def changed(action: str, campaign_id: str = OUTREACH) -> m.ChangeCampaign:
    """An order to change the status of the campaign, with a new cause."""
    cause = f"{action}#{next(_causes)}"
    return order(m.ChangeCampaign, cause, campaign_id=campaign_id, action=action)


def counts(
    partition: int = 0,
    seq: int = 1,
    started: MomentUs = START,
    answers: int = 0,
    campaign_id: str = OUTREACH,
    **numbers: Any,
) -> m.RunsCounted:
    """The counts of one partition."""
    return m.RunsCounted(
        TENANT, campaign_id, partition, seq, numbers, started, version=1, answers=answers
    )


def answers(request: int = 1, seq: int = 1, **numbers: Any) -> list[m.RunsCounted]:
    """The answers of both partitions to a request; the first one has the numbers."""
    return [counts(0, seq, answers=request, **numbers), counts(1, seq, answers=request)]


def outreach_world(*further: m.Message, zone: str = "America/Chicago", **changes: Any) -> World:
    """A world with a draft of outreach and accounts on both of its channels."""
    world = administered(tenant(timezone=zone), world=World())
    accounts = (account("email"), account("linkedin"))
    return administered(*accounts, outreach(**changes), *further, world=world)


def active_world(*further: m.Message, runs: int = 3, **changes: Any) -> World:
    """A world with a campaign of outreach that was activated with some people."""
    world = outreach_world(changed("activated"), **changes)
    first = answers(runs=runs, frozen=runs)
    return administered(*first, *further, world=world)


def campaign(world: World, campaign_id: str = OUTREACH) -> CampaignRecord:
    """The state of the campaign."""
    return record_of(world, f"c/{TENANT}/{campaign_id}", CampaignRecord)


def pass_to(world: World, at: MomentUs) -> World:
    """The world at a moment: a record moves the time of the campaign processor."""
    world.now = max(world.now, at)
    world.broker.append(Topic.CAMPAIGN_LOG, TENANT.encode(), m.TICK)
    return administered(world=world)
