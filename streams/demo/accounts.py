"""The sender accounts of the demo: they space what the prospecting campaigns send.

There is none for e-mail: it would pause itself at some moment, because in the demo many mails
bounce for good.
"""

from typing import Any

WORKING_HOURS = {"start": "08:00", "end": "18:00"}

_LINKEDIN = {"spacing_seconds": 900, "jitter_seconds": 300}

ACCOUNTS: tuple[dict[str, Any], ...] = (
    {
        "tenant_id": "lakeside-plumbing",
        "sender_id": "linkedin-ada",
        "channel": "linkedin",
        "limits": _LINKEDIN,
    },
    {
        "tenant_id": "lakeside-plumbing",
        "sender_id": "linkedin-ben",
        "channel": "linkedin",
        "limits": _LINKEDIN,
    },
    {
        "tenant_id": "pacific-hvac",
        "sender_id": "linkedin-cleo",
        "channel": "linkedin",
        "limits": {**_LINKEDIN, "per_day": 30},
        "window": WORKING_HOURS,
        "timezone": "America/Los_Angeles",
    },
    {
        "tenant_id": "lakeside-plumbing",
        "sender_id": "whatsapp-desk",
        "channel": "whatsapp",
        "limits": {"per_hour": 60, "spacing_seconds": 60},
    },
)
"""The data of each event `sender.upserted`."""


def account_name(account: dict[str, Any]) -> str:
    """The id of the event, and the name of the account for people."""
    return f"{account['tenant_id']}/{account['sender_id']}"
