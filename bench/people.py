"""Contact-log as a business fills it: jobs become enrollments, their first touch goes out, and
people open, click, leave or review.

What dispatch and the senders answer is written down beforehand: ids derive from their cause, so the
answers to come are known.
"""

from collections.abc import Callable, Iterator

from bench.harness import Line
from schemas.base.ids import command_id
from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import contact_messages as o
from schemas.internal import messages as m

CAMPAIGN = "reviews"
GROUP = 10_000
"""Contacts that go through a stage together: a contact's records lie seconds apart."""

Stage = Callable[[int, int], m.Message | None]

_encode = m.encode


def tenant_of(index: int) -> str:
    """Fifty businesses."""
    return f"tenant-{index % 50:02}"


def contact_of(index: int) -> str:
    return f"customer-{index:08}"


def key_of(index: int) -> bytes:
    return m.contact_key(tenant_of(index), contact_of(index))


def cause_of(index: int, event: str) -> str:
    return f"/crm/{tenant_of(index)}#{event}-{index:010}"


def document(tenant_id: str, first_hours: float = 1 / 3600) -> dict[str, object]:
    """Three touches; the first is due a second after the job unless told otherwise."""
    delays = (("mail-1", "email", first_hours), ("mail-2", "email", 72), ("text-1", "sms", 168))
    steps = [
        {"id": name, "channel": channel, "delay_hours": hours, "template_id": f"t-{name}"}
        for name, channel, hours in delays
    ]
    return {"tenant_id": tenant_id, "campaign_id": CAMPAIGN, "name": "Reviews", "steps": steps}


def quiet_far_from(now: int) -> m.Window:
    """Quiet hours that are looked at, and hours away in Chicago."""
    minute = now // MINUTE % 1_440
    return m.Window("America/Chicago", (minute + 120) % 1_440, (minute + 180) % 1_440, "tenant")


def announcements(now: int, partitions: int) -> Iterator[Line]:
    """What every partition must know first."""
    quiet = quiet_far_from(now)
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
                yield Line(tenant_id.encode(), _encode(message), None, number)


def lives(contacts: int, now: int, partitions: int = 4) -> Iterator[Line]:
    """The announcements, then every contact's records, stage by stage."""
    yield from announcements(now, partitions)
    for first in range(0, contacts, GROUP):
        group = range(first, min(first + GROUP, contacts))
        for stage in _STAGES:
            for index in group:
                message = stage(index, now)
                if message is not None:
                    yield Line(key_of(index), _encode(message))


def person(index: int, linkedin_url: str | None = None) -> m.Person:
    """Who a contact is."""
    return m.Person(
        "Ann",
        f"Lee-{index}",
        f"ann.lee.{index}@example.com",
        f"+1555{index:07}",
        "America/Chicago",
        "IL",
        linkedin_url,
    )


def who(index: int, event: str, at: int) -> tuple[str, str, str, int]:
    """What every event about a contact begins with."""
    return tenant_of(index), contact_of(index), cause_of(index, event), at


def job(index: int, completed_at: int) -> o.JobCompleted:
    """A finished job and its customer."""
    return o.JobCompleted(
        *who(index, "job", completed_at),
        f"job-{index:08}",
        "hvac",
        completed_at,
        person(index),
    )


def first_command(index: int) -> str:
    """The id that the first touch's command will have."""
    return command_id(tenant_of(index), CAMPAIGN, contact_of(index), 1, "mail-1", 1)


def _job(index: int, now: int) -> m.Message:
    return job(index, now - HOUR)


def _commanded(index: int, now: int) -> m.Message:
    return m.TouchCommanded(tenant_of(index), contact_of(index), first_command(index), 1)


def _sent(index: int, now: int) -> m.Message:
    return o.TouchSent(*who(index, "sent", now), first_command(index), now, f"provider-{index}")


def _seen(signal: str, share: int) -> Stage:
    """One contact in `share` gives the signal."""

    def stage(index: int, now: int) -> m.Message | None:
        if index % share:
            return None
        url = "https://example.com/review" if signal == "clicked" else None
        told = who(index, signal, now + SECOND)
        return o.TouchSeen(*told, first_command(index), signal, url)

    return stage


def _left(index: int, now: int) -> m.Message | None:
    if index % 20 != 7:
        return None
    left = who(index, "left", now)
    if index % 40 == 7:
        return o.ContactUnsubscribed(*left, "email")
    return o.ReviewReceived(*left, "review_clicked", first_command(index))


_STAGES: tuple[Stage, ...] = (
    _job,
    _commanded,
    _sent,
    _seen("delivered", 1),
    _seen("opened", 2),
    _seen("clicked", 5),
    _left,
)
