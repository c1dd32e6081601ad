"""Prints five events, one CloudEvent a line: python examples/events.py | touchstream publish -

A tenant, its campaign, two jobs that were finished today, and a customer who opts out of SMS. The
times are those of the run, because a job of last month starts no enrollment. The ids contain the
time of the run, because an event with a known id is processed only once.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime.now(UTC)

TENANT = {
    "tenant_id": "acme",
    "timezone": "America/New_York",
    "quiet_hours": {
        "start": "21:00",
        "end": "08:00",
        "strict_start": "20:00",
        "strict_regions": ["FL", "WA"],
    },
    "limits": {"email": {"per_hour": 100}, "sms": {"per_hour": 100}},
}
CAMPAIGN = {
    "tenant_id": "acme",
    "campaign_id": "reviews",
    "name": "Review requests",
    "description": "Asks for a review after every finished job.",
    "kind": "review",
    "service_type": None,
    "status": "active",
    "settings": {
        "cooldown_days": 30,
        "repeat_job": "restart",
        "late_policy": "shift_by_pause",
        "quiet_hours": None,
        "expire_after_hours": 168,
        "answer_timeout_minutes": 30,
        "retry_minutes": [1, 5, 15],
        "priority": 0,
    },
    "steps": [
        {"id": "first", "channel": "email", "template_id": "review-email-1", "delay_hours": 24},
        {"id": "reminder", "channel": "sms", "template_id": "review-sms-1", "delay_hours": 72},
        {"id": "last", "channel": "email", "template_id": "review-email-2", "delay_hours": 168},
    ],
}
ANN = {
    "contact_id": "ann",
    "first_name": "Ann",
    "last_name": "Lee",
    "email": "ann.lee@example.com",
    "phone": "+15550100",
    "timezone": "America/New_York",
    "region": "NY",
}
BOB = {
    "contact_id": "bob",
    "first_name": "Bob",
    "email": "bob@example.com",
    "timezone": "America/Los_Angeles",
    "region": "WA",
}


def job(job_id: str, service_type: str, hours_ago: int, customer: dict[str, str]) -> dict[str, Any]:
    """The data of job.completed for a job that was finished some hours ago."""
    return {
        "tenant_id": "acme",
        "job_id": job_id,
        "service_type": service_type,
        "completed_at": rfc3339(NOW - timedelta(hours=hours_ago)),
        "customer": customer,
    }


def rfc3339(at: datetime) -> str:
    """A time in UTC as RFC 3339 text."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tenant.upserted", TENANT),
    (
        "campaign.published",
        {"tenant_id": "acme", "campaign_id": "reviews", "definition": CAMPAIGN},
    ),
    ("job.completed", job("job-1", "hvac", 2, ANN)),
    ("job.completed", job("job-2", "plumbing", 1, BOB)),
    (
        "contact.unsubscribed",
        {"tenant_id": "acme", "contact_id": "ann", "channel": "sms", "reason": "STOP"},
    ),
)

for number, (ce_type, data) in enumerate(EVENTS, 1):
    event = {
        "specversion": "1.0",
        "type": ce_type,
        "id": f"example-{number}-{rfc3339(NOW)}",
        "source": "/acme/crm",
        "time": rfc3339(NOW),
        "datacontenttype": "application/json",
        "data": data,
    }
    print(json.dumps(event))
