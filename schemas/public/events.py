"""The registry of the public contract: the model, topic and release of every event and command.

A `ce_type` may end in `.vN`: the event then needs a reader that knows release N of its schema.
Without the ending it needs release 1. Releases are backward compatible, so the newest model reads
all of them; an event of a release that is not known is refused.
"""

from dataclasses import dataclass

from schemas.internal.topics import Topic
from schemas.public.admin_events import (
    CampaignChanged,
    CampaignMigrated,
    CampaignPublished,
    TemplateDeleted,
    TenantDeleted,
    TenantUpserted,
)
from schemas.public.command_models import CommandRevoked, TouchDue
from schemas.public.inbound_events import (
    AddressReopened,
    CallEnded,
    CallProgressed,
    CallRequested,
    CallReviewed,
    ConnectionAccepted,
    ContactComplained,
    ContactEnrolled,
    ContactErased,
    ContactReplied,
    ContactResubscribed,
    ContactSteered,
    ContactUnsubscribed,
    ContactUpserted,
    ConversionRecorded,
    JobCompleted,
    JobDeleted,
    ReviewReceived,
    TenantEvent,
    TouchBounced,
    TouchClicked,
    TouchFailed,
    TouchOpened,
    TouchSeen,
    TouchSent,
)
from schemas.public.sender_events import (
    PoolUpserted,
    SenderComplaintsReported,
    SenderRemoved,
    SenderThrottled,
    SenderUpserted,
    SenderUsageReported,
)


@dataclass(frozen=True, slots=True)
class EventType:
    """One event or command: its `ce_type`, topic, model and newest release.

    The topic of a command is None, because it depends on the channel.
    """

    name: str
    topic: Topic | None
    model: type[TenantEvent]
    version: int = 1


_ROWS: dict[Topic | None, dict[str, type[TenantEvent]]] = {
    Topic.JOBS: {"job.completed": JobCompleted, "job.deleted": JobDeleted},
    Topic.CONTACTS: {
        "contact.upserted": ContactUpserted,
        "contact.enrolled": ContactEnrolled,
        "contact.paused": ContactSteered,
        "contact.resumed": ContactSteered,
        "contact.stopped": ContactSteered,
        "contact.erased": ContactErased,
        "address.reopened": AddressReopened,
        "call.requested": CallRequested,
    },
    Topic.ENGAGEMENT: {
        "touch.sent": TouchSent,
        "touch.failed": TouchFailed,
        "touch.delivered": TouchSeen,
        "touch.opened": TouchOpened,
        "touch.clicked": TouchClicked,
        "touch.read": TouchSeen,
        "contact.replied": ContactReplied,
        "touch.bounced": TouchBounced,
        "contact.unsubscribed": ContactUnsubscribed,
        "contact.complained": ContactComplained,
        "contact.resubscribed": ContactResubscribed,
        "connection.accepted": ConnectionAccepted,
        "review.clicked": ReviewReceived,
        "feedback.submitted": ReviewReceived,
        "conversion.recorded": ConversionRecorded,
        "call.progressed": CallProgressed,
        "call.ended": CallEnded,
        "call.reviewed": CallReviewed,
    },
    Topic.CAMPAIGNS: {
        "campaign.published": CampaignPublished,
        "campaign.activated": CampaignChanged,
        "campaign.paused": CampaignChanged,
        "campaign.resumed": CampaignChanged,
        "campaign.completed": CampaignChanged,
        "campaign.cancelled": CampaignChanged,
        "campaign.archived": CampaignChanged,
        "campaign.deleted": CampaignChanged,
        "campaign.migrated": CampaignMigrated,
        "template.deleted": TemplateDeleted,
    },
    Topic.SENDERS: {
        "sender.upserted": SenderUpserted,
        "sender.removed": SenderRemoved,
        "sender.throttled": SenderThrottled,
        "sender.usage_reported": SenderUsageReported,
        "sender.complaints_reported": SenderComplaintsReported,
        "pool.upserted": PoolUpserted,
        "tenant.upserted": TenantUpserted,
        "tenant.deleted": TenantDeleted,
    },
    None: {"touch.due": TouchDue, "command.revoked": CommandRevoked},
}

_VERSIONS = {
    "call.ended": 2,
    "contact.replied": 3,
    "contact.unsubscribed": 2,
    "contact.upserted": 2,
    "conversion.recorded": 2,
    "sender.upserted": 2,
    "tenant.upserted": 5,
    "touch.bounced": 2,
    "touch.clicked": 2,
    "touch.due": 4,
    "touch.opened": 2,
}
"""The newest release of each event that has more than one."""

EVENTS: dict[str, EventType] = {
    name: EventType(name, topic, model, _VERSIONS.get(name, 1))
    for topic, rows in _ROWS.items()
    for name, model in rows.items()
}
COMMAND_TYPES = tuple(event.name for event in EVENTS.values() if event.topic is None)


def model_of(ce_type: str) -> type[TenantEvent]:
    """The model of an event by its `ce_type`. Raises KeyError if there is no such event."""
    return EVENTS[ce_type].model
