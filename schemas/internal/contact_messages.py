"""What public events tell about one contact, as contact-log holds it; and what all messages share.

A field is only ever appended, with a default. `cause` names the public event as `source#id`; `at`
is when it happened by its own account, in microseconds, UTC.
"""

from typing import Any

import msgspec

from schemas.campaigns.compiled_definition import SendWindow


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """One record of an internal log."""


class Tick(Message, frozen=True):
    """Nothing happened, and time went on (design 2.2)."""


class Outside(Message, frozen=True):
    """Something a public event told about one contact."""

    tenant_id: str
    contact_id: str
    cause: str
    at: int


class Person(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an event says of a person: None says nothing, an empty text clears."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    timezone: str | None = None
    region: str | None = None
    linkedin_url: str | None = None


class Window(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Quiet hours by the wall clock of `zone`, in minutes of the day; may run over midnight, and
    equal ends are none (F-6). `only` are the hours that a step keeps to besides (C-33)."""

    zone: str
    start: int
    end: int
    zone_from: str = "contact"
    only: SendWindow | None = None


class JobCompleted(Outside, frozen=True):
    job_id: str
    service_type: str
    completed_at: int
    person: Person
    enroll: bool = True


class JobDeleted(Outside, frozen=True):
    job_id: str


class ContactUpserted(Outside, frozen=True):
    person: Person
    attributes: dict[str, Any] | None = None


class ContactEnrolled(Outside, frozen=True):
    campaign_id: str
    variables: dict[str, str] | None = None


class ContactStopped(Outside, frozen=True):
    campaign_id: str | None = None
    reason: str | None = None


class ContactErased(Outside, frozen=True):
    pass


class TouchSent(Outside, frozen=True):
    command_id: str
    sent_at: int | None = None
    provider_message_id: str | None = None


class TouchFailed(Outside, frozen=True):
    command_id: str
    code: str
    permanent: bool = False
    detail: str | None = None
    passing: bool = False
    """Its sender says that it may be tried again, whatever its code."""


class TouchSeen(Outside, frozen=True):
    """A signal about a sent touch; `signal` is delivered, opened, clicked or read."""

    command_id: str
    signal: str
    url: str | None = None


class TouchBounced(Outside, frozen=True):
    command_id: str
    bounce_type: str
    reason: str | None = None


class ContactUnsubscribed(Outside, frozen=True):
    """`channel` may be all; a complaint arrives here too, with `complained` set."""

    channel: str
    complained: bool = False


class ReviewReceived(Outside, frozen=True):
    """A review click or feedback: `kind` is review_clicked or feedback_submitted (F-12)."""

    kind: str
    command_id: str | None = None
    campaign_id: str | None = None


class ContactPaused(Outside, frozen=True):
    campaign_id: str | None = None
    reason: str | None = None


class ContactResumed(Outside, frozen=True):
    campaign_id: str | None = None
    reason: str | None = None


class ContactReplied(Outside, frozen=True):
    """The person wrote back; `automatic` is an out-of-office note and the like (S4-54). What they
    wrote stays outside."""

    channel: str
    automatic: bool = False
    command_id: str | None = None


class ConnectionAccepted(Outside, frozen=True):
    command_id: str | None = None


class ConversionRecorded(Outside, frozen=True):
    conversion_type: str
    entity_id: str | None = None
    command_id: str | None = None


class CallEnded(Outside, frozen=True):
    command_id: str
    outcome: str
    seconds: int = 0


class Past(Outside, frozen=True):
    """An event of a history that is told again: it is known from now on, and schedules nothing.
    `event` is one of the others, encoded."""

    event: bytes


class EventUnsupported(Outside, frozen=True):
    """A valid public event that no campaign kind built so far listens to."""

    event_type: str
