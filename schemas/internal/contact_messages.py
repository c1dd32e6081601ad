"""What public events tell about one contact, as contact-log holds it; and what all messages share.

A field is only ever appended, with a default. `cause` names the public event as `source#id`; `at`
is when it happened by its own account, in microseconds, UTC.
"""

from typing import Any

import msgspec

from schemas.campaigns.compiled_definition import StepWindow


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """One record of an internal log."""


class Tick(Message, frozen=True):
    """Nothing happened, and time went on (design 2.2)."""


class ExternalEvent(Message, frozen=True):
    """Something a public event told about one contact."""

    tenant_id: str
    contact_id: str
    cause: str
    at: int


class Person(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an event reports of a person: None reports nothing, an empty text clears."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    timezone: str | None = None
    region: str | None = None
    linkedin_url: str | None = None
    addresses: dict[str, str] | None = None
    """Addresses by their names in schemas/channels.py. Events of before this map existed have the
    three fields above (OLD_ADDRESS_FIELDS), which stay readable."""

    def reported_addresses(self) -> dict[str, str]:
        """Every address that is reported, by name. Where an event has both the map and an old
        field, the map counts."""
        reported = {}
        if self.email is not None:
            reported["email"] = self.email
        if self.phone is not None:
            reported["phone"] = self.phone
        if self.linkedin_url is not None:
            reported["linkedin_url"] = self.linkedin_url
        return reported | self.addresses if self.addresses else reported


OLD_ADDRESS_FIELDS = ("email", "phone", "linkedin_url")
"""The addresses that had a field of their own before there was a map."""


class Window(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Quiet hours by the wall clock of `zone`, in minutes of the day; may run over midnight, and
    equal ends are none (F-6). `only` are the hours that a step keeps to besides (C-33)."""

    zone: str
    start: int
    end: int
    zone_from: str = "contact"
    only: StepWindow | None = None


class JobCompleted(ExternalEvent, frozen=True):
    job_id: str
    service_type: str
    completed_at: int
    person: Person
    enroll: bool = True


class JobDeleted(ExternalEvent, frozen=True):
    job_id: str


class ContactUpserted(ExternalEvent, frozen=True):
    person: Person
    attributes: dict[str, Any] | None = None


class ContactEnrolled(ExternalEvent, frozen=True):
    campaign_id: str
    variables: dict[str, str] | None = None


class ContactStopped(ExternalEvent, frozen=True):
    campaign_id: str | None = None
    reason: str | None = None


class ContactErased(ExternalEvent, frozen=True):
    pass


class TouchSent(ExternalEvent, frozen=True):
    command_id: str
    sent_at: int | None = None
    provider_message_id: str | None = None


class TouchFailed(ExternalEvent, frozen=True):
    command_id: str
    code: str
    permanent: bool = False
    detail: str | None = None
    retryable: bool = False
    """Its sender says that it may be tried again, whatever its code."""


class TouchSeen(ExternalEvent, frozen=True):
    """A signal about a sent touch; `signal` is delivered, opened, clicked or read."""

    command_id: str
    signal: str
    url: str | None = None


class TouchBounced(ExternalEvent, frozen=True):
    command_id: str
    bounce_type: str
    reason: str | None = None


class ContactUnsubscribed(ExternalEvent, frozen=True):
    """`channel` may be all; a complaint arrives here too, with `complained` set."""

    channel: str
    complained: bool = False


class ReviewReceived(ExternalEvent, frozen=True):
    """A review click or feedback: `kind` is review_clicked or feedback_submitted (F-12)."""

    kind: str
    command_id: str | None = None
    campaign_id: str | None = None


class ContactPaused(ExternalEvent, frozen=True):
    campaign_id: str | None = None
    reason: str | None = None


class ContactResumed(ExternalEvent, frozen=True):
    campaign_id: str | None = None
    reason: str | None = None


class ContactReplied(ExternalEvent, frozen=True):
    """The person wrote back; `automatic` is an out-of-office note and the like (S4-54). What they
    wrote stays outside."""

    channel: str
    automatic: bool = False
    command_id: str | None = None


class ConnectionAccepted(ExternalEvent, frozen=True):
    command_id: str | None = None


class ConversionRecorded(ExternalEvent, frozen=True):
    conversion_type: str
    entity_id: str | None = None
    command_id: str | None = None


class CallEnded(ExternalEvent, frozen=True):
    command_id: str
    outcome: str
    seconds: int = 0


class BackfilledEvent(ExternalEvent, frozen=True, tag="Past"):
    """An event of a history that is told again: it is known from now on, and schedules nothing.
    `event` is one of the others, encoded."""

    event: bytes


class EventUnsupported(ExternalEvent, frozen=True):
    """A valid public event that no campaign kind built so far listens to."""

    event_type: str
