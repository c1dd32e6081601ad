"""The registry of the public contract: every event and command with its shape, topic and `ce_type`
(design 3).

A `ce_type` may end in `.vN`: the producer says that whoever reads it must know release N of that
event. Without it, it means release 1. Releases only grow (BACKWARD), so the newest model reads them
all, and one we do not know is refused.
"""

from dataclasses import dataclass

from schemas.internal.topics import Topic
from schemas.public.admin_events import (
    CampaignChanged,
    CampaignMigrated,
    CampaignPublished,
    CommandRevoked,
    FrequencyCaps,
    Hourly,
    QuietHours,
    SenderLimits,
    SenderRemoved,
    SenderUpserted,
    SendWindow,
    TemplateDeleted,
    TenantDeleted,
    TenantUpserted,
    TouchDue,
)
from schemas.public.inbound_events import (
    CallEnded,
    ConnectionAccepted,
    ContactComplained,
    ContactEnrolled,
    ContactErased,
    ContactEvent,
    ContactReplied,
    ContactSteered,
    ContactUnsubscribed,
    ContactUpserted,
    ConversionRecorded,
    Customer,
    JobCompleted,
    JobDeleted,
    ReviewReceived,
    TenantEvent,
    TouchBounced,
    TouchClicked,
    TouchFailed,
    TouchSeen,
    TouchSent,
)

__all__ = [
    "COMMANDS",
    "EVENTS",
    "Answer",
    "CallEnded",
    "CampaignChanged",
    "CampaignMigrated",
    "CampaignPublished",
    "CommandRevoked",
    "ConnectionAccepted",
    "ContactComplained",
    "ContactEnrolled",
    "ContactErased",
    "ContactEvent",
    "ContactReplied",
    "ContactSteered",
    "ContactUnsubscribed",
    "ContactUpserted",
    "ConversionRecorded",
    "Customer",
    "EventType",
    "FrequencyCaps",
    "Hourly",
    "JobCompleted",
    "JobDeleted",
    "QuietHours",
    "ReviewReceived",
    "SendWindow",
    "SenderLimits",
    "SenderRemoved",
    "SenderUpserted",
    "TemplateDeleted",
    "TenantDeleted",
    "TenantEvent",
    "TenantUpserted",
    "TouchBounced",
    "TouchClicked",
    "TouchDue",
    "TouchFailed",
    "TouchSeen",
    "TouchSent",
    "model_of",
]


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the contract. `version` is the newest released one. A command has no topic here:
    it is its channel's."""

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
    },
    Topic.ENGAGEMENT: {
        "touch.sent": TouchSent,
        "touch.failed": TouchFailed,
        "touch.delivered": TouchSeen,
        "touch.opened": TouchSeen,
        "touch.clicked": TouchClicked,
        "touch.read": TouchSeen,
        "contact.replied": ContactReplied,
        "touch.bounced": TouchBounced,
        "contact.unsubscribed": ContactUnsubscribed,
        "contact.complained": ContactComplained,
        "connection.accepted": ConnectionAccepted,
        "review.clicked": ReviewReceived,
        "feedback.submitted": ReviewReceived,
        "conversion.recorded": ConversionRecorded,
        "call.ended": CallEnded,
    },
    Topic.CAMPAIGNS: {
        "campaign.published": CampaignPublished,
        "campaign.activated": CampaignChanged,
        "campaign.paused": CampaignChanged,
        "campaign.resumed": CampaignChanged,
        "campaign.completed": CampaignChanged,
        "campaign.archived": CampaignChanged,
        "campaign.deleted": CampaignChanged,
        "campaign.migrated": CampaignMigrated,
        "template.deleted": TemplateDeleted,
    },
    Topic.SENDERS: {
        "sender.upserted": SenderUpserted,
        "sender.removed": SenderRemoved,
        "tenant.upserted": TenantUpserted,
        "tenant.deleted": TenantDeleted,
    },
    None: {"touch.due": TouchDue, "command.revoked": CommandRevoked},
}

_VERSIONS = {"contact.replied": 2, "tenant.upserted": 2}
"""Of those that have grown since their first release."""

EVENTS: dict[str, EventType] = {
    name: EventType(name, topic, model, _VERSIONS.get(name, 1))
    for topic, rows in _ROWS.items()
    for name, model in rows.items()
}
COMMANDS = tuple(event.name for event in EVENTS.values() if event.topic is None)


def model_of(ce_type: str) -> type[TenantEvent]:
    """The shape of an event by its name; an unknown name raises KeyError."""
    return EVENTS[ce_type].model
