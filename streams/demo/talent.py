"""The outreach campaign of the demo: people are added to a draft, get one of two templates, and the
rest gets the template of the winner; the campaign completes by its target.
"""

from collections.abc import Callable
from typing import Any

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.public.command_models import TouchDue
from streams.demo.businesses import answer_timeout_minutes

TENANT_ID, CAMPAIGN_ID, EXPERIMENT_ID = "harbour-talent", "electricians", "electricians-1"
ZONE = "America/New_York"
PEOPLE_MIN, PEOPLE_PER_CUSTOMER = 40, 1 / 6
TARGET_SHARE = 0.8
"""The share of the people whom the campaign must reach: some cannot be reached at all."""

ACTIVATED_AT = 12 * HOUR

REPLIES = {"short": 0.6, "long": 0.08, "reminder": 0.08}
"""How many people reply to each template."""


def people_count(customers: int) -> int:
    """How many people a demo with so many customers has in the campaign."""
    return max(PEOPLE_MIN, int(customers * PEOPLE_PER_CUSTOMER))


def target_of(customers: int) -> int:
    """How many people the campaign must reach to complete."""
    return int(people_count(customers) * TARGET_SHARE)


def talent_tenant() -> dict[str, Any]:
    """Returns the data of the event `tenant.upserted`."""
    return {"tenant_id": TENANT_ID, "timezone": ZONE, "opt_out_scope": "all"}


def talent_account(customers: int) -> dict[str, Any]:
    """Returns the data of the event `sender.upserted`: the account lets the people through in some
    days, so that the experiment is decided before all are reached."""
    per_hour = max(4, people_count(customers) // 40)
    return {
        "tenant_id": TENANT_ID,
        "sender_id": "recruiter",
        "channel": "email",
        "limits": {"per_hour": per_hour, "spacing_seconds": 30},
    }


def talent_document(customers: int, answer_timeout_us: int) -> dict[str, Any]:
    """Returns the definition of the campaign, which is published as a draft."""
    return {
        "tenant_id": TENANT_ID,
        "campaign_id": CAMPAIGN_ID,
        "name": "Electricians for the harbour",
        "description": "Two invitations to a first talk.",
        "kind": "outreach",
        "outreach": {
            "campaign_type": "talent_sourcing",
            "channel": "email",
            "owner_id": "recruiter-1",
            "target_contacts_count": target_of(customers),
            "completion_policy": "contacts_only",
        },
        "settings": {
            "answer_timeout_minutes": answer_timeout_minutes(answer_timeout_us),
            "on_reply": "continue",
            "in_flight": "revoke",  # a sender that has lost its command would never answer
            "attribution": {"model": "last_touch", "window_days": 3},
        },
        "steps": [
            {
                "id": "invitation",
                "channel": "email",
                "window": {"start": "08:00", "end": "20:00"},
                "experiment": {
                    "id": EXPERIMENT_ID,
                    "variant_a_template_id": "short",
                    "variant_b_template_id": "long",
                    "primary_metric": "response",
                    "on_winner": "switch_unsent",
                },
            },
            {
                "id": "reminder",
                "channel": "email",
                "template_id": "reminder",
                "delay_hours": 72,
                "skip_when": "already_replied",
            },
        ],
    }


DemoEvent = tuple[int, str, str, dict[str, Any]]
"""An event: its time in microseconds, its id, its type and its data."""


def talent_people(customers: int, at: int) -> list[DemoEvent]:
    """Returns the events at which the people are known."""
    return [
        (
            at,
            f"known-{contact_id}",
            "contact.upserted",
            {
                "tenant_id": TENANT_ID,
                "contact_id": contact_id,
                "first_name": f"Person {contact_id}",
                "email": f"{contact_id}@people.example",
            },
        )
        for contact_id in _contact_ids(customers)
    ]


def talent_entries(customers: int, at: int) -> list[DemoEvent]:
    """Returns the events that add the people to the draft."""
    known = {"contact_type": "candidate", "title": "Electrician"}
    return [
        (
            at,
            f"enrolled-{contact_id}",
            "contact.enrolled",
            {
                "tenant_id": TENANT_ID,
                "contact_id": contact_id,
                "campaign_id": CAMPAIGN_ID,
                "variables": known,
            },
        )
        for contact_id in _contact_ids(customers)
    ]


def _contact_ids(customers: int) -> list[str]:
    return [f"t-{number:04}" for number in range(people_count(customers))]


def activation() -> DemoEvent:
    """Returns the event that activates the campaign; its time counts from the start of the demo
    period."""
    data = {"tenant_id": TENANT_ID, "campaign_id": CAMPAIGN_ID}
    return ACTIVATED_AT, f"activate-{CAMPAIGN_ID}", "campaign.activated", data


ACTIVATION_NOTE = f"{TENANT_ID}/{CAMPAIGN_ID} is activated"

HashDraw = Callable[[str, str], float]
"""Returns a number in [0, 1) for a question and a subject; the same for the same arguments."""


def talent_reactions(command: TouchDue, draw: HashDraw) -> list[tuple[int, str, dict[str, Any]]]:
    """Returns the reactions of a person: microseconds after the delivery, type and fields. Some of
    those who reply talk on the phone a day later."""
    drawn = draw("response", command.command_id)
    wait_us = HOUR + int(draw("hurry", command.command_id) * 5 * HOUR)
    replies = REPLIES[command.template_id]
    if drawn < replies:
        reply = (wait_us, "contact.replied", {"channel": command.channel, "kind": "human"})
        if draw("talk", command.command_id) > 0.4:
            return [reply]
        return [reply, (wait_us + DAY, "conversion.recorded", {"conversion_type": "phone_screen"})]
    if drawn < replies + 0.02:
        opt_out = {"channel": command.channel, "method": "one_click"}
        return [(20 * MINUTE, "contact.unsubscribed", opt_out)]
    if drawn < replies + 0.05:
        note = {"channel": command.channel, "kind": "automatic"}
        return [(MINUTE, "contact.replied", note)]
    return [(wait_us, "touch.opened", {})] if drawn < replies + 0.3 else []
