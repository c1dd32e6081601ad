"""Facts: every decision and state change, with its cause and the values it was taken on (design
2.6).

A fact is one JSON object on the topic `facts`, keyed tenant/contact (or tenant/campaign). Empty
fields are left out. No fact holds an address or a name: those stand in the contact's state and in
the command alone.
"""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from schemas.base.times import to_datetime


class FactKind(StrEnum):
    """What happened. Names are `entity.past_participle`."""

    TENANT_UPDATED = "tenant.updated"
    TENANT_DELETED = "tenant.deleted"
    CAMPAIGN_PUBLISHED = "campaign.published"
    CAMPAIGN_READY = "campaign.ready"
    CAMPAIGN_REFUSED = "campaign.refused"
    CAMPAIGN_STATUS_CHANGED = "campaign.status_changed"
    CAMPAIGN_MIGRATED = "campaign.migrated"
    TEMPLATE_DELETED = "template.deleted"
    CONTACT_UPDATED = "contact.updated"
    CONTACT_OPTED_OUT = "contact.opted_out"
    CONTACT_ERASED = "contact.erased"
    CONTACT_REPLIED = "contact.replied"
    CONTACT_CONNECTED = "contact.connected"
    JOB_DELETED = "job.deleted"
    ENROLLMENT_STARTED = "enrollment.started"
    ENROLLMENT_DECLINED = "enrollment.declined"
    ENROLLMENT_FROZEN = "enrollment.frozen"
    ENROLLMENT_RESUMED = "enrollment.resumed"
    ENROLLMENT_COMPLETED = "enrollment.completed"
    ENROLLMENT_STOPPED = "enrollment.stopped"
    ENROLLMENT_MOVED = "enrollment.moved"
    ENROLLMENT_KEPT = "enrollment.kept"
    TRIGGER_AWAITED = "trigger.awaited"
    TRIGGER_MET = "trigger.met"
    TRIGGER_TIMED_OUT = "trigger.timed_out"
    TOUCH_SCHEDULED = "touch.scheduled"
    TOUCH_DEFERRED = "touch.deferred"
    TOUCH_REQUESTED = "touch.requested"
    TOUCH_COMMANDED = "touch.commanded"
    TOUCH_WITHDRAWING = "touch.withdrawing"
    TOUCH_WITHDRAWN = "touch.withdrawn"
    TOUCH_REVOKED = "touch.revoked"
    TOUCH_SENT = "touch.sent"
    TOUCH_SKIPPED = "touch.skipped"
    TOUCH_FAILED = "touch.failed"
    TOUCH_RETRIED = "touch.retried"
    TOUCH_DELIVERED = "touch.delivered"
    TOUCH_OPENED = "touch.opened"
    TOUCH_CLICKED = "touch.clicked"
    TOUCH_READ = "touch.read"
    TOUCH_BOUNCED = "touch.bounced"
    TOUCH_CONVERTED = "touch.converted"
    TOUCH_CALL_ENDED = "touch.call_ended"
    TOUCH_REDATED = "touch.redated"
    EVENT_REFUSED = "event.refused"

    __hash__ = str.__hash__  # Enum's own is Python, and who counts facts looks up each


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One decision. `at` is stream time; `until` is the time a wait ends; `values` is what was
    looked at; `occurred_at` is when it happened by its sender's account, where a public event
    told it."""

    fact: FactKind
    at: datetime
    tenant_id: str
    contact_id: str | None = None
    campaign_id: str | None = None
    version: int | None = None
    enrollment_id: str | None = None
    job_id: str | None = None
    step_id: str | None = None
    touch_number: int | None = None
    channel: str | None = None
    command_id: str | None = None
    attempt: int | None = None
    cause: str | None = None
    reason: str | None = None
    until: datetime | None = None
    values: dict[str, Any] | None = None
    occurred_at: datetime | None = None

    def key(self) -> bytes:
        """Facts of one contact, or of one campaign, stay in order."""
        return f"{self.tenant_id}/{self.contact_id or self.campaign_id or ''}".encode()


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Fact).decode


@lru_cache(maxsize=8192)
def fact_time(micros: int) -> datetime:
    """A fact's time from a record's. Facts of one moment come together, so it is made once."""
    return to_datetime(micros)
