"""Histories for tests/histories: about twenty people in a campaign of each kind, and what happens
at the edges, played through the engine's own worker loop over logs in memory.

    python -m tests.histories.record DIR [HISTORY ...]

writes a recording of each history into DIR, or of those that are named.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from processors.fold.task import Record
from schemas.base.opt_out_words import digest_of, word_of
from schemas.base.times import SECOND
from schemas.internal import messages as m
from schemas.internal.messages import CommandDue, CommandRevoked
from schemas.internal.topics import COMMANDS, Layout
from schemas.public.codec import Encoding
from schemas.public.commands import command_encoder
from streams.audit.replay.recording import RECORDED, RecordBatch, new_recording
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from tests.histories.calls_story import calls
from tests.histories.outreach_story import outreach
from tests.histories.sweeps_story import sweeps
from tests.testing.builders import (
    CAMPAIGN,
    TENANT,
    answer_fields,
    campaign_document,
    step,
    tenant,
)
from tests.testing.history_player import play
from tests.testing.random_histories import random_history
from tests.testing.story import make_sender
from tests.testing.world import World

_LAYOUT = Layout(public=1, contact=2, dispatch=2, campaign=1, commands=1, facts=2)
_ZONE = "America/Chicago"
_decode = msgspec.msgpack.Decoder(CommandDue | CommandRevoked).decode


class WorldRecording:
    """The logs of a world as a recording. Commands are encoded as on a real command topic."""

    def __init__(self, world: World, encoding: Encoding = "json") -> None:
        self.layout = world.layout
        self._broker = world.broker
        self._encode = command_encoder(encoding)

    def batches(self) -> Iterator[RecordBatch]:
        """Every partition that has records, with its records."""
        for topic in RECORDED:
            for number in range(self.layout.partitions(topic)):
                place = Partition(topic, number)
                if lines := [*self.read_partition(place)]:
                    yield place, lines

    def read_partition(self, place: Partition) -> Iterator[TopicEntry]:
        """The records of one partition, in order."""
        for stored in self._broker.log(place):
            headers: list[tuple[str, bytes | None]] = []
            value = stored.value
            if place.topic in COMMANDS:
                command_headers, value = self._encode(_decode(value or b""))
                headers += command_headers
            at = (stored.offset, stored.timestamp)
            yield TopicEntry(_record(at, stored.key, value, headers), value)


def _record(
    at: tuple[int, int],
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, bytes | None]],
) -> Record:
    return Record(*at, key or b"", value or b"", lambda: headers)


# what a person or the sender of their commands does, by the number of the person

CLICKS, SILENT, FAILS, BOUNCES, LEAVES, REPLIES = range(6)
UNANSWERED, STOPPED_WAITING, STOPPED_OUT, REVIEWS, MOVES_HOUSE, CONNECTS = range(6, 12)
NIGHT = 12
"""The number of a person whose first touch is due at night."""

EVENING = range(13, 19)
"""The numbers of people who come so late that the limit has some of them wait into the night.
The first one has the e-mail address of LEAVES."""

FAILURES = 2
"""How many commands of FAILS fail."""


class Story:
    """A world and what happens in it. Causes are counted, so the same story has the same bytes."""

    def __init__(self) -> None:
        self.world = World(_LAYOUT)
        self._causes = 0
        self._senders = [make_sender(self._answers)]

    def person_fields(self, who: int) -> dict[str, Any]:
        """The fields that every event about a person has."""
        return {"tenant_id": TENANT, "contact_id": f"p{who:02}", **self._event_fields()}

    def _event_fields(self) -> dict[str, Any]:
        self._causes += 1
        return {"cause": f"story#{self._causes}", "at": self.world.now}

    def deliver(self, *messages: m.Message) -> None:
        """Appends messages and runs the world until nothing moves any more."""
        self.world.append(*messages)
        self.world.settle()

    def advance_hours(self, hours: float) -> None:
        """Moves the clock, while the senders answer."""
        self.world.advance_hours(hours, self._senders)

    def publish(self, **changes: Any) -> None:
        """The owner publishes a version of the campaign."""
        document = msgspec.json.encode(campaign_document(**changes))
        self.deliver(m.PublishCampaign(TENANT, CAMPAIGN, **self._event_fields(), document=document))

    def person(self, who: int) -> m.Person:
        """The profile of a person."""
        return m.Person(
            first_name=f"P{who}",
            email=f"p{LEAVES if who == EVENING[0] else who}@example.com",
            phone=f"+1555{who:04}",
            timezone=_ZONE,
            linkedin_url=f"https://linkedin.com/in/p{who}",
        )

    def _answers(self, world: World, touch: m.RequestTouch) -> Sequence[m.Message]:
        """What comes of a command: its sender's answer, and what the person does."""
        who = int(touch.contact_id[1:])
        fields = answer_fields(touch, world)
        sent = m.TouchSent(**fields)
        if who == FAILS and touch.attempt <= FAILURES:
            return [m.TouchFailed(**fields, code="timeout")]
        if who in (UNANSWERED, STOPPED_OUT):
            return []
        if who == BOUNCES and touch.channel == "email":
            return [sent, m.TouchBounced(**fields, bounce_type="hard")]
        if who == CLICKS and touch.channel == "email":
            return [sent, *(m.TouchSeen(**fields, signal=each) for each in ("opened", "clicked"))]
        if touch.action == "send_connection_request" and who == CONNECTS:
            return [sent, m.ConnectionAccepted(**self.person_fields(who))]
        if touch.channel == "voice":
            return [sent, m.CallEnded(**fields, outcome="answered", seconds=40)]
        return [sent]

    def people_do(self, reply: str, after: float) -> None:
        """Plays a day and a half in which people reply, opt out, are stopped, and move."""
        self.advance_hours(after)  # the first touches are out, the others wait for the limit
        self.deliver(m.ContactUpserted(**self.person_fields(MOVES_HOUSE), person=self._moved()))
        self.deliver(m.ContactStopped(**self.person_fields(STOPPED_WAITING)))
        self.advance_hours(1)
        self.deliver(m.ContactUnsubscribed(**self.person_fields(LEAVES), channel="all"))
        self.advance_hours(1.8)
        self.deliver(m.ContactReplied(**self.person_fields(REPLIES), channel=reply))
        self.deliver(m.ContactStopped(**self.person_fields(STOPPED_OUT)))
        self.advance_hours(20)
        self.deliver(m.ContactResumed(**self.person_fields(REPLIES)))
        self.deliver(m.ReviewReceived(**self.person_fields(REVIEWS), kind="feedback_submitted"))
        self.advance_hours(5)
        self.change("paused")
        self.advance_hours(9)
        self.change("resumed")

    def _moved(self) -> m.Person:
        return m.Person(email="moved@example.com", linkedin_url="https://linkedin.com/in/moved")

    def change(self, action: str) -> None:
        """The owner pauses or resumes the campaign."""
        fields = self._event_fields()
        self.deliver(m.ChangeCampaign(TENANT, CAMPAIGN, action, fields["cause"], fields["at"]))

    def move_runs(self) -> None:
        """The owner moves all enrollments to the newest version."""
        fields = self._event_fields()
        self.deliver(m.MoveRuns(TENANT, CAMPAIGN, fields["cause"], fields["at"], None, {}))

    def delete_template(self, template_id: str) -> None:
        """The owner deletes a template."""
        fields = self._event_fields()
        self.deliver(m.DeleteTemplate(TENANT, template_id, fields["cause"], fields["at"]))


def review() -> World:
    """Jobs are finished; e-mails and a text message ask for a review."""
    story = Story()
    story.deliver(tenant(limits={"email": 4, "sms": 3}))
    wait = {"event": "click", "max_wait_hours": 10, "on_event": {"branch": "thank"}}
    after = {"anchor": "previous_executed"}
    steps = [
        step("ask", "email", 24, "t1", wait_for=wait),
        step("remind", "sms", 20, "t2", **after),
        step("last", "email", 30, "t3", **after),
        step("thank", "email", 2, "t4", **after),
    ]
    settings = {"on_reply": "pause", "answer_timeout_minutes": 90}
    story.publish(steps=steps, settings=settings)
    for who in range(NIGHT):
        story.deliver(_job(story, who))
        story.world.now += SECOND
    story.advance_hours(11.8)
    for who in EVENING:
        story.deliver(_job(story, who))
        story.world.now += SECOND
    story.advance_hours(1)
    story.deliver(_job(story, NIGHT))
    story.delete_template("t3")
    story.people_do("email", 11.7)
    story.advance_hours(200)
    return story.world


def _job(story: Story, who: int) -> m.JobCompleted:
    return m.JobCompleted(
        **story.person_fields(who),
        job_id=f"j{who}",
        service_type="hvac",
        completed_at=story.world.now,
        person=story.person(who),
    )


def prospecting() -> World:
    """People are enrolled by hand, asked for a connection, and reached on every channel."""
    story = Story()
    story.deliver(tenant(limits={"linkedin": 4, "email": 3}, caps={"per_day": 2}))
    accepted = {
        "event": "connection_accepted",
        "max_wait_hours": 30,
        "on_event": {"branch": "message"},
    }
    calls = {"event": "call_outcome", "max_wait_hours": 5, "on_event": "complete"}
    days = {"start": "10:00", "end": "16:00", "days": ["tue", "thu", "fri"]}
    steps = [
        step("request", "linkedin", 0, "t1", action="send_connection_request", wait_for=accepted),
        step("mail", template_id="t1", wait_for={"event": "open", "max_wait_hours": 6}),
        step("gone", template_id="t-gone"),
        step("text", "sms", 12, "t1", skip_when=["opened"]),
        step("whatsapp", "whatsapp", template_id="t1", window=days),
        step("call", "voice", 24, "t1", wait_for=calls),
        step("message", "linkedin", 30, "t1"),
    ]
    settings = {"answer_timeout_minutes": 90}
    campaign: dict[str, Any] = {"kind": "prospecting", "settings": settings}
    story.publish(**campaign, steps=steps)
    story.delete_template("t-gone")
    for who in range(NIGHT + 1):
        story.deliver(m.ContactUpserted(**story.person_fields(who), person=story.person(who)))
        story.deliver(m.ContactEnrolled(**story.person_fields(who), campaign_id=CAMPAIGN))
        story.world.now += SECOND
    story.people_do("linkedin", 0.5)
    story.publish(**campaign, steps=[*steps[:5], {**steps[5], "delay_hours": 20}, steps[6]])
    story.move_runs()
    story.advance_hours(400)
    return story.world


# at the edges: what senders, people and owners do beside the usual

LATE_SENDER, BLOCKED, NO_ADDRESS, PROVIDER_OPT_OUT, MACHINE, SAYS_STOP = range(6)
SAYS_BASTA, GONE, AGREES, SHARES, FLIES, TWICE = range(6, 12)


class EdgeStory(Story):
    """A story whose senders and people do what the numbers above stand for."""

    def person(self, who: int) -> m.Person:
        mail = AGREES if who == SHARES else who
        region, zone = ("Fla.", "") if who in (MACHINE, SAYS_STOP) else ("", _ZONE)
        return m.Person(
            first_name=f"P{who}",
            email=f"P{mail}@Example.com",
            phone=f"(212) 555-01{who:02}",
            timezone=zone,
            region=region,
        )

    def _answers(self, world: World, touch: m.RequestTouch) -> Sequence[m.Message]:
        who = int(touch.contact_id[1:])
        fields = answer_fields(touch, world)
        sent = m.TouchSent(**fields)
        if who == LATE_SENDER and touch.attempt == 1:
            return [m.TouchFailed(**fields, code="window_closed")]
        if who == BLOCKED:
            return [sent, m.TouchBounced(**fields, bounce_type="block")]
        if who == NO_ADDRESS:
            return [m.TouchFailed(**fields, code="550_5.1.1")]
        if who == PROVIDER_OPT_OUT and touch.channel == "sms":
            return [m.TouchFailed(**fields, code="21610")]
        if who == FLIES and touch.channel == "sms":
            return []
        if who == MACHINE:
            return [sent, m.TouchSeen(**fields, signal="clicked", automatic=True)]
        return [sent]


def edge() -> World:
    """Senders that come late, codes of providers, opt-outs by text, agreements, a mailbox that two
    people share, a reply for two waits, and a zone that changes at night."""
    story = EdgeStory()
    words: dict[str, Any] = {"opt_out_words": ("BASTA",), "strict_regions": ("FL",)}
    caps = {"per_day": 2, "per_week": 6}
    story.deliver(tenant(limits={"email": 5}, caps=caps, country="US", **words))
    wait = {"event": ["reply", "click"], "max_wait_hours": 20}
    steps = [
        step("first", "email", 1, "t1", wait_for=wait),
        step("second", "email", 3, "t2", wait_for=wait, anchor="trigger"),
        step("text", "sms", 9, "t3"),
        step("again", "email", 12, "t4", wait_for={**wait, "on_timeout": {"branch": "text"}}),
    ]
    settings = {"on_reply": "continue", "priority": 2, "reentry": "restart"}
    story.publish(kind="prospecting", steps=steps, settings=settings)
    for who in range(TWICE + 1):
        story.deliver(m.ContactUpserted(**story.person_fields(who), person=story.person(who)))
        story.deliver(m.ContactEnrolled(**story.person_fields(who), campaign_id=CAMPAIGN))
    story.advance_hours(5)
    for who in (TWICE, SHARES):
        story.deliver(m.ContactReplied(**story.person_fields(who), channel="email"))
    story.deliver(m.ContactReplied(**story.person_fields(GONE), channel="email", gone=True))
    leave = m.ContactUnsubscribed(**story.person_fields(AGREES), channel="all", method="reply")
    story.deliver(leave)
    story.advance_hours(6)
    moved = m.Person(timezone="Asia/Tokyo")
    story.deliver(m.ContactUpserted(**story.person_fields(FLIES), person=moved))
    word = digest_of(word_of("Basta!"))
    reply = m.ContactReplied(**story.person_fields(SAYS_BASTA), channel="sms", keyword=word)
    story.deliver(reply)
    stop = m.ContactUnsubscribed(**story.person_fields(SAYS_STOP), channel="sms", method="text")
    story.deliver(stop)
    story.advance_hours(30)
    agreed = m.ContactResubscribed(**story.person_fields(AGREES), channel="email", evidence="form")
    story.deliver(agreed)
    address = f"p{NO_ADDRESS}@example.com"
    fields = story._event_fields()
    order = (TENANT, "email", address, "typing_error", fields["cause"], fields["at"])
    story.deliver(m.ReopenAddress(*order))
    again = m.ContactEnrolled(**story.person_fields(AGREES), campaign_id=CAMPAIGN)
    story.deliver(again)
    story.change("paused")
    story.advance_hours(9)
    story.change("resumed")
    story.advance_hours(300)
    return story.world


def mixed() -> World:
    """Both kinds of campaigns at once, and random events of people and owners."""
    return play(random_history(14, 150))


HISTORIES: dict[str, Callable[[], World]] = {
    "review": review,
    "prospecting": prospecting,
    "mixed": mixed,
    "edge": edge,
    "calls": calls,
    "outreach": outreach,
    "sweeps": sweeps,
}


def main(directory: Path, kinds: Sequence[str]) -> None:
    """Writes the recordings of these histories into files of `directory`."""
    for kind in kinds:
        recording = WorldRecording(HISTORIES[kind]())
        with new_recording(directory / f"{kind}.jsonl.gz", recording.layout) as keep:
            for batch in recording.batches():
                keep(batch)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or [*HISTORIES])
