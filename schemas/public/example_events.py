"""A valid example of each event and command, for tests and for the AsyncAPI document.

A test takes one and changes the fields that matter: `sample("touch.sent", contact_id="c-9")`.
"""

from typing import Any

import msgspec

from schemas.public.events import EVENTS
from schemas.public.inbound_events import TenantEvent

TIME = "2026-03-02T15:04:05Z"
COMMAND_ID = "0198c0de-5eed-8000-8000-000000000001"
ENROLLMENT_ID = "0198c0de-5eed-8000-8000-000000000002"

DEFINITION: dict[str, Any] = {
    "tenant_id": "acme",
    "campaign_id": "reviews",
    "name": "Review requests",
    "steps": [
        {"id": "first", "channel": "email", "template_id": "review-1", "delay_hours": 24},
        {"id": "second", "channel": "sms", "template_id": "review-2", "delay_hours": 72},
    ],
}

_COMMAND = {"contact_id": "c-1", "command_id": COMMAND_ID}
_RUN_ORDER = {"contact_id": "c-1", "campaign_id": "reviews", "reason": "asked by phone"}
_CAMPAIGN_ORDER = {"campaign_id": "reviews", "reason": "holidays"}
_REVIEW = {"contact_id": "c-1", "command_id": COMMAND_ID, "campaign_id": "reviews"}
_PERSON = {
    "first_name": "Ann",
    "last_name": "Lee",
    "email": "ann.lee@example.com",
    "phone": "+15550100",
    "timezone": "America/New_York",
    "region": "NY",
}

_FIELDS: dict[str, dict[str, Any]] = {
    "job.completed": {
        "job_id": "job-1",
        "service_type": "hvac",
        "completed_at": TIME,
        "customer": {"contact_id": "c-1", **_PERSON},
        "enroll": True,
    },
    "job.deleted": {"job_id": "job-1", "contact_id": "c-1"},
    "contact.upserted": {
        "contact_id": "c-1",
        **_PERSON,
        "linkedin_url": "https://www.linkedin.com/in/ann-lee",
        "attributes": {"plan": "gold", "visits": 3, "score": 0.5, "vip": True},
        "addresses": {"email": "ann.lee@example.com", "phone": "+15550100"},
    },
    "contact.enrolled": {
        "contact_id": "c-1",
        "campaign_id": "reviews",
        "variables": {"technician": "Sam"},
    },
    "contact.paused": _RUN_ORDER,
    "contact.resumed": _RUN_ORDER,
    "contact.stopped": _RUN_ORDER,
    "contact.erased": {"contact_id": "c-1"},
    "touch.sent": {**_COMMAND, "sent_at": TIME, "provider_message_id": "m-1"},
    "touch.failed": {**_COMMAND, "code": "503", "permanent": False, "detail": "try again"},
    "touch.delivered": _COMMAND,
    "touch.opened": {**_COMMAND, "automatic": True},
    "touch.clicked": {**_COMMAND, "url": "https://example.com/review", "automatic": True},
    "touch.read": _COMMAND,
    "contact.replied": {
        **_COMMAND,
        "channel": "email",
        "text": "Thanks!",
        "automatic": False,
        "headers": {"Auto-Submitted": "no"},
        "kind": "human",
    },
    "touch.bounced": {
        **_COMMAND,
        "bounce_type": "hard",
        "reason": "no such mailbox",
        "enhanced_code": "5.1.1",
        "smtp_code": "550",
    },
    "contact.unsubscribed": {
        **_COMMAND,
        "channel": "sms",
        "reason": "STOP",
        "method": "reply",
    },
    "contact.complained": {**_COMMAND, "channel": "email"},
    "contact.resubscribed": {"contact_id": "c-1", "channel": "sms", "evidence": "form 17, 2 March"},
    "address.reopened": {
        "channel": "email",
        "address": "ann.lee@example.com",
        "reason": "our server was on a list",
    },
    "connection.accepted": {**_COMMAND, "sender_id": "account-1"},
    "review.clicked": _REVIEW,
    "feedback.submitted": _REVIEW,
    "conversion.recorded": {
        **_COMMAND,
        "conversion_type": "interview",
        "entity_id": "i-1",
        "campaign_id": "reviews",
    },
    "call.progressed": {**_COMMAND, "state": "ringing", "call_id": "CA-1"},
    "call.ended": {
        **_COMMAND,
        "outcome": "no_answer",
        "seconds": 25,
        "call_id": "CA-1",
        "raw_status": "no-answer",
        "answered_by": "machine",
    },
    "call.reviewed": {**_COMMAND, "success": True, "result": "callback"},
    "call.requested": {
        "contact_id": "c-1",
        "phone": "+12125550101",
        "name": "Ann Lee",
        "agent_id": "agent-7",
        "from_number": "+12125550100",
        "template_id": "script-1",
        "scheduled_for": TIME,
        "priority": 50,
        "variables": {"topic": "renewal"},
    },
    "campaign.published": {"campaign_id": "reviews", "definition": DEFINITION},
    "campaign.activated": _CAMPAIGN_ORDER,
    "campaign.paused": _CAMPAIGN_ORDER,
    "campaign.resumed": _CAMPAIGN_ORDER,
    "campaign.completed": _CAMPAIGN_ORDER,
    "campaign.cancelled": _CAMPAIGN_ORDER,
    "campaign.archived": _CAMPAIGN_ORDER,
    "campaign.deleted": _CAMPAIGN_ORDER,
    "campaign.migrated": {
        "campaign_id": "reviews",
        "from_version": 1,
        "steps": {"first": "second", "third": None},
    },
    "template.deleted": {"template_id": "review-1"},
    "sender.upserted": {
        "sender_id": "account-1",
        "channel": "linkedin",
        "limits": {"per_hour": 200, "per_day": 1000, "spacing_seconds": 30, "calendar": ["day"]},
        "window": {"start": "09:00", "end": "18:00"},
        "timezone": "Europe/Berlin",
        "days": ["mon", "tue"],
        "actions": {"send_inmail": {"per_month": 50}},
        "warm_up": {"start": 5, "step": 2, "target": 50},
        "day_jitter_percent": 10,
        "premium": True,
        "lag_seconds": 60,
        "max_new_per_day": 40,
        "on_gone": "rotate",
    },
    "sender.removed": {"sender_id": "account-1"},
    "sender.throttled": {
        "sender_id": "account-1",
        "action": "send_message",
        "until": TIME,
        "reason": "too many requests",
    },
    "sender.usage_reported": {
        "sender_id": "account-1",
        "action": "send_message",
        "at": TIME,
        "count": 3,
    },
    "sender.complaints_reported": {
        "sender_id": "account-1",
        "delivered": 4000,
        "complaints": 3,
        "at": TIME,
    },
    "pool.upserted": {
        "tenant_id": "*",
        "pool_id": "calls",
        "slots": 10,
        "weights": {"acme": 3},
        "reserved": {"acme": 1},
    },
    "tenant.upserted": {
        "timezone": "America/New_York",
        "quiet_hours": {
            "start": "21:00",
            "end": "08:00",
            "strict_start": "20:00",
            "strict_regions": ["FL", "WA"],
        },
        "limits": {"email": {"per_hour": 100, "domain_per_day": 50}, "sms": {"per_hour": None}},
        "delay_hours_by_service": {"hvac": 12, "roofing": 36.5},
        "country": "US",
        "opt_out_words": ["BASTA"],
        "calling_hours": True,
        "calls": {
            "concurrent": 2,
            "agents": {"agent-7": 1},
            "numbers": {"+12125550100": 1},
            "allow": ["shared_cost"],
        },
        "opt_out_scope": "all",
    },
    "tenant.deleted": {},
    "touch.due": {
        **_COMMAND,
        "campaign_id": "reviews",
        "campaign_version": 1,
        "enrollment_id": ENROLLMENT_ID,
        "step_id": "first",
        "touch_number": 1,
        "attempt": 1,
        "channel": "email",
        "action": "send_message",
        "template_id": "review-1",
        "recipient": "ann.lee@example.com",
        "sender_id": None,
        "variables": {"first_name": "Ann"},
        "scheduled_at": TIME,
        "due_at": TIME,
        "expires_at": "2026-03-09T15:04:05Z",
        "send_before": "2026-03-03T02:00:00Z",
        "call": {
            "pool_id": "calls",
            "agent_id": "agent-7",
            "from_number": "+12125550100",
            "ring_seconds": 45,
            "max_seconds": 900,
            "place_by": "2026-03-02T15:05:05Z",
        },
        "experiment_id": "review-text",
        "variant": "A",
        "unsubscribe": {"ref": COMMAND_ID, "scope": "email"},
        "text_characters": 300,
    },
    "command.revoked": {**_COMMAND, "reason": "opted_out_email"},
}


def sample(ce_type: str, **changed: Any) -> dict[str, Any]:
    """A valid event of a type as JSON values, with the fields of `changed` replaced."""
    return {"tenant_id": "acme", **_FIELDS[ce_type], **changed}


def sample_model(ce_type: str, **changed: Any) -> TenantEvent:
    """A valid event of a type as its model, with the fields of `changed` replaced."""
    return EVENTS[ce_type].model.model_validate_json(
        msgspec.json.encode(sample(ce_type, **changed))
    )
