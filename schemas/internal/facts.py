"""Facts: every decision and state change, with its cause and the values behind it (promise 6).

A fact is a JSON object on the topic `facts` without its empty fields. Its key is tenant/contact, or
tenant/campaign. No fact contains an address or a name: those are in the state of the contact and in
commands only.
"""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from schemas.base.error_codes import NotReadable
from schemas.base.times import MomentUs, to_datetime


class FactKind(StrEnum):
    """The kinds of facts, named `entity.past_participle`."""

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
    CONTACT_RESUBSCRIBED = "contact.resubscribed"
    ADDRESS_REOPENED = "address.reopened"
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
    CALL_SLOT_GRANTED = "call.slot_granted"
    CALL_PROGRESSED = "call.progressed"
    CALL_SLOT_FREED = "call.slot_freed"
    CALL_SLOT_EXPIRED = "call.slot_expired"
    CALL_OVERRUN = "call.overrun"
    CALL_REVIEWED = "call.reviewed"
    SENDER_UPDATED = "sender.updated"
    SENDER_REMOVED = "sender.removed"
    SENDER_THROTTLED = "sender.throttled"
    SENDER_USED = "sender.used"
    SENDER_PAUSED = "sender.paused"
    POOL_UPDATED = "pool.updated"
    SENDER_COMPLAINTS_REPORTED = "sender.complaints_reported"
    ENROLLMENT_REOPENED = "enrollment.reopened"
    CONVERSION_ATTRIBUTED = "conversion.attributed"
    CONVERSION_UNATTRIBUTED = "conversion.unattributed"
    CONVERSION_REATTRIBUTED = "conversion.reattributed"
    CAMPAIGN_SETTLED = "campaign.settled"
    CAMPAIGN_REPORT = "campaign.report"
    CAMPAIGN_RETENTION_DUE = "campaign.retention_due"
    OWNER_NOTIFIED = "owner.notified"
    EXPERIMENT_DECIDED = "experiment.decided"
    EXPERIMENT_SWITCHED = "experiment.switched"
    EXPERIMENT_RATIO_ALARM = "experiment.ratio_alarm"
    EVENT_REFUSED = "event.refused"
    EVENT_FIELD_DROPPED = "event.field_dropped"

    __hash__ = str.__hash__  # the hash of Enum is Python code, too slow for every fact


_KINDS = frozenset(kind.value for kind in FactKind)


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One decision or state change. `at` is stream time; `until` is the end of a wait; `values` are
    the values of the decision; `occurred_at` is the time of the public event behind the fact, if it
    has one."""

    # A new field is the last one: facts are made by position.

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
        """The record key, which keeps the facts of one contact or campaign in order."""
        return f"{self.tenant_id}/{self.contact_id or self.campaign_id or ''}".encode()


AUTOMATIC = "automatic"
"""The reason of a signal that a machine gave in the person's place."""

_SEEN = (FactKind.TOUCH_OPENED, FactKind.TOUCH_CLICKED)


def is_by_machine(kind: FactKind, reason: str | None) -> bool:
    """Whether a fact is about an open or a click by a machine, which is recorded and counts
    nowhere."""
    return reason == AUTOMATIC and kind in _SEEN


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Fact).decode


class _KnownFact(
    Fact, frozen=True, kw_only=True, omit_defaults=True, gc=False, forbid_unknown_fields=True
):
    """A fact without a field that this version does not know."""


_decode_known = msgspec.json.Decoder(_KnownFact).decode
_FIELDS = frozenset(Fact.__struct_fields__)


def decode_known(value: bytes) -> Fact:
    """A fact that this version knows in full. Raises NotReadable for a kind or a field that a later
    version has added, and msgspec.DecodeError for what is no fact."""
    try:
        return _decode_known(value)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(value)
        if not isinstance(fields, dict) or "fact" not in fields:
            raise
        names = [f"the kind {fields['fact']}"] if fields["fact"] not in _KINDS else []
        names += [f"the field {name}" for name in fields if name not in _FIELDS]
        if not names:
            raise
        raise NotReadable(f"a fact that this version does not know: {names[0]}") from None


@lru_cache(maxsize=8192)
def fact_time(at: MomentUs) -> datetime:
    """A moment as the datetime of a fact, cached because consecutive facts share their moment."""
    return to_datetime(at)
