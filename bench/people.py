"""The records of contact-log for review campaigns: jobs become enrollments, the first touch is
sent, and people open, click, opt out or review.

The answers of dispatch and of the senders are generated beforehand. This is possible because the
ids of commands derive from their cause.
"""

from collections.abc import Callable, Iterator

from bench.harness import InputRecord
from schemas.base.ids import command_id
from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import contact_messages as o
from schemas.internal import messages as m

CAMPAIGN = "reviews"
GROUP_SIZE = 10_000
"""Contacts whose records of one stage are written together, so that the records of a contact lie
seconds apart."""

Stage = Callable[[int, int], m.Message | None]

_encode = m.encode


def tenant_of(index: int) -> str:
    """Returns one of fifty tenants."""
    return f"tenant-{index % 50:02}"


def contact_of(index: int) -> str:
    return f"customer-{index:08}"


def key_of(index: int) -> bytes:
    return m.contact_key(tenant_of(index), contact_of(index))


def cause_of(index: int, event: str) -> str:
    return f"/crm/{tenant_of(index)}#{event}-{index:010}"


def document(tenant_id: str, first_hours: float = 1 / 3600) -> dict[str, object]:
    """Returns a campaign of three touches. By default the first is due a second after the job."""
    delays = (("mail-1", "email", first_hours), ("mail-2", "email", 72), ("text-1", "sms", 168))
    steps = [
        {"id": name, "channel": channel, "delay_hours": hours, "template_id": f"t-{name}"}
        for name, channel, hours in delays
    ]
    return {"tenant_id": tenant_id, "campaign_id": CAMPAIGN, "name": "Reviews", "steps": steps}


def quiet_hours_far_from(now: int) -> m.Window:
    """Returns quiet hours in Chicago that do not hold within two hours after `now`."""
    minute = now // MINUTE % 1_440
    return m.Window("America/Chicago", (minute + 120) % 1_440, (minute + 180) % 1_440, "tenant")


def announcements(now: int, partitions: int) -> Iterator[InputRecord]:
    """Yields the tenants and campaigns for every partition."""
    quiet = quiet_hours_far_from(now)
    for index in range(50):
        tenant_id = tenant_of(index)
        definition = validate_definition(document(tenant_id))
        assert isinstance(definition, Definition)
        limits: dict[str, int | None] = {"email": None, "sms": None}
        tenant = m.TenantAnnounced(
            tenant_id, "active", "America/Chicago", quiet, quiet.start, (), {}, limits
        )
        campaign = m.CampaignAnnounced(tenant_id, CAMPAIGN, 1, "active", definition, "owner#1")
        for number in range(partitions):
            for message in (tenant, campaign):
                yield InputRecord(tenant_id.encode(), _encode(message), None, number)


def contact_log_records(contacts: int, now: int, partitions: int = 4) -> Iterator[InputRecord]:
    """Yields the announcements, then the records of all contacts, stage by stage."""
    yield from announcements(now, partitions)
    for first in range(0, contacts, GROUP_SIZE):
        group = range(first, min(first + GROUP_SIZE, contacts))
        for stage in _STAGES:
            for index in group:
                message = stage(index, now)
                if message is not None:
                    yield InputRecord(key_of(index), _encode(message))


def person(index: int, linkedin_url: str | None = None) -> m.Person:
    """Returns name and addresses of a contact."""
    return m.Person(
        "Ann",
        f"Lee-{index}",
        f"ann.lee.{index}@example.com",
        f"+1555{index:07}",
        "America/Chicago",
        "IL",
        linkedin_url,
    )


def event_head(index: int, event: str, at: int) -> tuple[str, str, str, int]:
    """Returns the first fields of every event about a contact."""
    return tenant_of(index), contact_of(index), cause_of(index, event), at


def job(index: int, completed_at: int) -> o.JobCompleted:
    """Returns a completed job with its customer."""
    return o.JobCompleted(
        *event_head(index, "job", completed_at),
        f"job-{index:08}",
        "hvac",
        completed_at,
        person(index),
    )


def first_command_id(index: int) -> str:
    """Returns the id of the command of the first touch."""
    return command_id(tenant_of(index), CAMPAIGN, contact_of(index), 1, "mail-1", 1)


def _job(index: int, now: int) -> m.Message:
    return job(index, now - HOUR)


def _commanded(index: int, now: int) -> m.Message:
    return m.TouchCommanded(tenant_of(index), contact_of(index), first_command_id(index), 1)


def _sent(index: int, now: int) -> m.Message:
    return o.TouchSent(
        *event_head(index, "sent", now), first_command_id(index), now, f"provider-{index}"
    )


def _seen(signal: str, share: int) -> Stage:
    """Returns a stage in which one of `share` contacts gives the signal."""

    def stage(index: int, now: int) -> m.Message | None:
        if index % share:
            return None
        url = "https://example.com/review" if signal == "clicked" else None
        head = event_head(index, signal, now + SECOND)
        return o.TouchSeen(*head, first_command_id(index), signal, url)

    return stage


def _opted_out_or_reviewed(index: int, now: int) -> m.Message | None:
    if index % 20 != 7:
        return None
    head = event_head(index, "left", now)
    if index % 40 == 7:
        return o.ContactUnsubscribed(*head, "email")
    return o.ReviewReceived(*head, "review_clicked", first_command_id(index))


_STAGES: tuple[Stage, ...] = (
    _job,
    _commanded,
    _sent,
    _seen("delivered", 1),
    _seen("opened", 2),
    _seen("clicked", 5),
    _opted_out_or_reviewed,
)
