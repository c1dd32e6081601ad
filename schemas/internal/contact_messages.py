"""The public events about one contact as records of contact-log, and the base of all messages.

A field is only ever appended, with a default. `cause` names the public event as `source#id`; `at`
is its `ce_time`, or the timestamp of its record if it has none.
"""

from typing import Any

import msgspec

from schemas.base.times import MinuteOfDay, MomentUs
from schemas.campaigns.compiled_definition import StepWindow


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """Base of all records of the internal logs."""


class Tick(Message, frozen=True):
    """A record with a timestamp and nothing else: it advances stream time (promise 2)."""


class ExternalEvent(Message, frozen=True):
    """Base of the messages that come from a public event about one contact."""

    tenant_id: str
    contact_id: str
    cause: str
    at: MomentUs


class Person(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The fields of a person in an event: None changes nothing, an empty text clears the field."""

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
    """The hours in which a touch may be sent.

    Quiet hours are from `start` to `end` by the wall clock of `zone`; they may run over midnight,
    and there are none if `start` equals `end` (F-6). `zone_from` is whose zone it is: contact,
    phone or tenant. `only` is the window of the step, if it has one (C-33).
    """

    zone: str
    start: MinuteOfDay
    end: MinuteOfDay
    zone_from: str = "contact"
    only: StepWindow | None = None
    more_zones: tuple[str, ...] = ()
    """Further zones by whose wall clocks the window must be open too: those of a phone number whose
    owner's zone is not known."""

    allowed: tuple[StepWindow, ...] = ()
    """The hours that the law of the person's region allows, of which one must be open; empty if the
    tenant does not ask for them or there is no such law."""

    region: str = ""
    """The region whose stricter hours count, or `unknown`: for the reader of a decision only."""

    end_is_open: bool = False
    """Whether the exact moment at which the window closes is still inside: of calls (F-16)."""


class JobCompleted(ExternalEvent, frozen=True):
    """A job of the person was finished (S1-8); `enroll` False declines the enrollment (F-9)."""

    job_id: str
    service_type: str
    completed_at: MomentUs
    person: Person
    enroll: bool = True


class JobDeleted(ExternalEvent, frozen=True):
    """A job was deleted (S1-40)."""

    job_id: str


class ContactUpserted(ExternalEvent, frozen=True):
    """What is known of a person; `attributes` replaces all attributes, and None changes none."""

    person: Person
    attributes: dict[str, Any] | None = None


class ContactEnrolled(ExternalEvent, frozen=True):
    """Somebody enrolled the person in a campaign by hand (F-9)."""

    campaign_id: str
    variables: dict[str, str] | None = None


class ContactStopped(ExternalEvent, frozen=True):
    """Somebody stopped the person's run in a campaign, or all runs if `campaign_id` is None."""

    campaign_id: str | None = None
    reason: str | None = None


class ContactErased(ExternalEvent, frozen=True):
    """The person asked to be forgotten (C-32)."""


class TouchSent(ExternalEvent, frozen=True):
    """The sender has sent a touch, at `sent_at` by its own clock."""

    command_id: str
    sent_at: MomentUs | None = None
    provider_message_id: str | None = None


class TouchFailed(ExternalEvent, frozen=True):
    """The sender could not send a touch (F-7)."""

    command_id: str
    code: str
    permanent: bool = False
    detail: str | None = None
    retryable: bool = False
    """Whether the sender asks for another attempt, whatever `code` is."""


class TouchSeen(ExternalEvent, frozen=True):
    """A signal of a sent touch; `signal` is delivered, opened, clicked or read."""

    command_id: str
    signal: str
    url: str | None = None
    automatic: bool = False
    """Whether a machine has opened or clicked: a scanner, a prefetch."""


class TouchBounced(ExternalEvent, frozen=True):
    """A touch could not be delivered. `bounce_type` is hard, soft, or one of the other classes of
    schemas/provider_codes.py."""

    command_id: str
    bounce_type: str
    reason: str | None = None
    rules: int = 0
    """BOUNCE_RULES of the version that made the message: with 0 a soft bounce is recorded only, as
    that version did."""


class ContactUnsubscribed(ExternalEvent, frozen=True):
    """The person opted out of a channel, or of all channels (F-8, S4-84); a complaint is one too,
    with `complained`."""

    channel: str
    complained: bool = False
    method: str | None = None
    """How the opt-out was made where it was no explicit event: reply, text, provider_code."""


class ContactResubscribed(ExternalEvent, frozen=True):
    """The person agreed again to a channel, or to all of them; `evidence` names where that is
    recorded."""

    channel: str
    evidence: str


class ReviewReceived(ExternalEvent, frozen=True):
    """A review click or feedback: `kind` is review_clicked or feedback_submitted (F-12)."""

    kind: str
    command_id: str | None = None
    campaign_id: str | None = None


class ContactPaused(ExternalEvent, frozen=True):
    """Somebody paused the person's run in a campaign, or all runs if `campaign_id` is None."""

    campaign_id: str | None = None
    reason: str | None = None


class ContactResumed(ExternalEvent, frozen=True):
    """Somebody resumed the person's run in a campaign, or all runs if `campaign_id` is None."""

    campaign_id: str | None = None
    reason: str | None = None


class ContactReplied(ExternalEvent, frozen=True):
    """The person wrote back; `automatic` marks an out-of-office note and the like (S4-54). The text
    and the headers of the reply are not kept."""

    channel: str
    automatic: bool = False
    command_id: str | None = None
    gone: bool = False
    """Whether the person has left the company: a reply that ends every run."""

    keyword: bytes | None = None
    """A digest of the whole text where it is short, to compare it with the tenant's own words for
    an opt-out: no text of a reply is kept."""

    rules: int = 0
    """RESPONSE_RULES of the version that made the message: with 0 the reply is credited only to a
    run whose campaign counts responses."""


class ConnectionAccepted(ExternalEvent, frozen=True):
    """The person accepted a connection request on LinkedIn (X-6)."""

    command_id: str | None = None
    sender_id: str | None = None
    """The sender account whose invitation was accepted: only it can write to the person."""


RESPONSE_RULES = 1
"""A reply is the answer to one touch, and counts for its run (S4-54)."""

CONVERSION_RULES = 1
"""A conversion stops everywhere, and is credited once (S4-77)."""

BOUNCE_RULES = 1
"""A touch whose mailbox cannot take it is sent again (C-25)."""


class ConversionRecorded(ExternalEvent, frozen=True):
    """The person did what the campaign is for (S4-43)."""

    conversion_type: str
    entity_id: str | None = None
    command_id: str | None = None
    campaign_id: str | None = None
    rules: int = 0
    """CONVERSION_RULES of the version that made the message: with 0 a conversion is credited to
    every run that it concerns, as that version did."""


class CallEnded(ExternalEvent, frozen=True):
    """A call ended with an outcome of the provider, after a number of seconds (X-6)."""

    command_id: str
    outcome: str
    seconds: int = 0
    call_id: str | None = None
    raw_status: str | None = None
    answered_by: str | None = None


class CallProgressed(ExternalEvent, frozen=True):
    """How far a call is; `state` is initiated, ringing or in_progress."""

    command_id: str
    state: str
    call_id: str | None = None


class CallReviewed(ExternalEvent, frozen=True):
    """What a call led to, as it was found out after its end."""

    command_id: str
    success: bool
    result: str | None = None


class CallRequested(ExternalEvent, frozen=True):
    """Somebody asks for one call to the person (F-16); None of a field is the tenant's default."""

    person: Person
    agent_id: str | None = None
    from_number: str | None = None
    template_id: str | None = None
    scheduled_for: MomentUs | None = None
    priority: int = 0
    variables: dict[str, str] | None = None


class BackfilledEvent(ExternalEvent, frozen=True, tag="Past"):
    """An event of the past that was loaded later (`ce_backfill`): it is recorded, and schedules
    nothing. `event` is another message of this file, encoded."""

    event: bytes


class EventUnsupported(ExternalEvent, frozen=True):
    """A valid public event that no campaign kind uses yet."""

    event_type: str
