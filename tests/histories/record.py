"""Histories to be kept: what happens to a dozen people in a campaign of each kind, through the
engine's own worker loop and logs in memory.

    python -m tests.histories.record DIR

writes a recording of each into DIR.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from processors.fold.task import Record
from schemas.base.times import SECOND
from schemas.internal import messages as m
from schemas.internal.messages import CommandDue, CommandRevoked
from schemas.internal.topics import COMMANDS, Layout
from schemas.public.codec import Encoding
from schemas.public.commands import command_encoder
from streams.audit.replay.recording import RECORDED, RecordBatch, new_recording
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from tests.crash.histories import chance
from tests.crash.history_player import play
from tests.testing.builders import CAMPAIGN, TENANT, answer_fields, campaign_document, tenant
from tests.testing.story import make_sender
from tests.testing.world import World

_LAYOUT = Layout(public=1, contact=2, dispatch=2, campaign=1, commands=1, facts=2)
_ZONE = "America/Chicago"
_decode = msgspec.msgpack.Decoder(CommandDue | CommandRevoked).decode


class OfWorld:
    """What stands in a world, as a recording; commands as the contract has them."""

    def __init__(self, world: World, encoding: Encoding = "json") -> None:
        self.layout = world.layout
        self._broker = world.broker
        self._encode = command_encoder(encoding)

    def batches(self) -> Iterator[RecordBatch]:
        for topic in RECORDED:
            for number in range(self.layout.partitions(topic)):
                place = Partition(topic, number)
                if lines := [*self.partition(place)]:
                    yield place, lines

    def partition(self, place: Partition) -> Iterator[TopicEntry]:
        for stored in self._broker.log(place):
            headers: list[tuple[str, bytes | None]] = []
            value = stored.value
            if place.topic in COMMANDS:
                told, value = self._encode(_decode(value or b""))
                headers += told
            at = (stored.offset, stored.timestamp)
            yield TopicEntry(_record(at, stored.key, value, headers), value)


def _record(
    at: tuple[int, int],
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, bytes | None]],
) -> Record:
    return Record(*at, key or b"", value or b"", lambda: headers)


# what people and senders do, by the number of the person

CLICKS, SILENT, FAILS, BOUNCES, LEAVES, REPLIES = range(6)
UNANSWERED, STOPPED_WAITING, STOPPED_OUT, REVIEWS, MOVES_HOUSE, CONNECTS = range(6, 12)
NIGHT = 12
"""Comes when it is night a day later."""

EVENING = range(13, 19)
"""Come so late that the limit has some of them wait into the night; the first reads the mail of
who leaves."""

FAILURES = 2


class Story:
    """A world, and what is told in it; causes are counted, so the same story is the same bytes."""

    def __init__(self) -> None:
        self.world = World(_LAYOUT)
        self._causes = 0
        self._senders = [make_sender(self._answers)]

    def outside(self, who: int) -> dict[str, Any]:
        self._causes += 1
        cause = {"cause": f"story#{self._causes}", "at": self.world.now}
        return {"tenant_id": TENANT, "contact_id": f"p{who:02}", **cause}

    def owner(self) -> dict[str, Any]:
        return {name: value for name, value in self.outside(0).items() if name != "contact_id"}

    def tell(self, *told: m.Message) -> None:
        self.world.append(*told)
        self.world.settle()

    def hours(self, hours: float) -> None:
        self.world.advance_hours(hours, self._senders)

    def publish(self, **changes: Any) -> None:
        whole = msgspec.json.encode(campaign_document(**changes))
        told = self.owner()
        self.tell(m.PublishCampaign(TENANT, CAMPAIGN, told["cause"], told["at"], whole))

    def person(self, who: int) -> m.Person:
        return m.Person(
            first_name=f"P{who}",
            email=f"p{LEAVES if who == EVENING[0] else who}@example.com",
            phone=f"+1555{who:04}",
            timezone=_ZONE,
            linkedin_url=f"https://linkedin.com/in/p{who}",
        )

    def _answers(self, world: World, touch: m.RequestTouch) -> Sequence[m.Message]:
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
            return [sent, m.ConnectionAccepted(**self.outside(who))]
        if touch.channel == "voice":
            return [sent, m.CallEnded(**fields, outcome="answered", seconds=40)]
        return [sent]

    def people_do(self, reply: str, after: float) -> None:
        """A day and more, in which somebody answers, leaves, is stopped, moves, comes back."""
        self.hours(after)  # the first touches are out, and the others wait for the limit
        self.tell(m.ContactUpserted(**self.outside(MOVES_HOUSE), person=self._moved()))
        self.tell(m.ContactStopped(**self.outside(STOPPED_WAITING)))
        self.hours(1)
        self.tell(m.ContactUnsubscribed(**self.outside(LEAVES), channel="all"))
        self.hours(1.8)
        self.tell(m.ContactReplied(**self.outside(REPLIES), channel=reply))
        self.tell(m.ContactStopped(**self.outside(STOPPED_OUT)))
        self.hours(20)
        self.tell(m.ContactResumed(**self.outside(REPLIES)))
        self.tell(m.ReviewReceived(**self.outside(REVIEWS), kind="feedback_submitted"))
        self.hours(5)
        self.change("paused")
        self.hours(9)
        self.change("resumed")

    def _moved(self) -> m.Person:
        return m.Person(email="moved@example.com", linkedin_url="https://linkedin.com/in/moved")

    def change(self, action: str) -> None:
        told = self.owner()
        self.tell(m.ChangeCampaign(TENANT, CAMPAIGN, action, told["cause"], told["at"]))

    def delete_template(self, template_id: str) -> None:
        told = self.owner()
        self.tell(m.DeleteTemplate(TENANT, template_id, told["cause"], told["at"]))


def review() -> World:
    """Jobs are finished; e-mails and a text message ask for a review."""
    story = Story()
    story.tell(tenant(limits={"email": 4, "sms": 3}))
    waits = {"event": "click", "max_wait_hours": 10, "on_event": {"branch": "thank"}}
    after = {"anchor": "previous_executed"}
    steps: list[dict[str, Any]] = [
        {
            "id": "ask",
            "channel": "email",
            "delay_hours": 24,
            "template_id": "t1",
            "wait_for": waits,
        },
        {"id": "remind", "channel": "sms", "delay_hours": 20, "template_id": "t2"} | after,
        {"id": "last", "channel": "email", "delay_hours": 30, "template_id": "t3"} | after,
        {"id": "thank", "channel": "email", "delay_hours": 2, "template_id": "t4"} | after,
    ]
    settings = {"on_reply": "pause", "answer_timeout_minutes": 90}
    story.publish(steps=steps, settings=settings)
    for who in range(NIGHT):
        story.tell(_job(story, who))
        story.world.now += SECOND
    story.hours(11.8)
    for who in EVENING:
        story.tell(_job(story, who))
        story.world.now += SECOND
    story.hours(1)
    story.tell(_job(story, NIGHT))
    story.delete_template("t3")
    story.people_do("email", 11.7)
    story.hours(200)
    return story.world


def _job(story: Story, who: int) -> m.JobCompleted:
    return m.JobCompleted(
        **story.outside(who),
        job_id=f"j{who}",
        service_type="hvac",
        completed_at=story.world.now,
        person=story.person(who),
    )


def prospecting() -> World:
    """People are enrolled; they are asked on LinkedIn and reached on every channel."""
    story = Story()
    story.tell(tenant(limits={"linkedin": 4, "email": 3}, caps={"per_day": 2}))
    request = {"event": "connection_accepted", "max_wait_hours": 30}
    request |= {"on_event": {"branch": "message"}}
    steps: list[dict[str, Any]] = [
        {
            "id": "request",
            "channel": "linkedin",
            "action": "send_connection_request",
            "wait_for": request,
        },
        {"id": "mail", "channel": "email", "wait_for": {"event": "open", "max_wait_hours": 6}},
        {"id": "gone", "channel": "email", "template_id": "t-gone"},
        {"id": "text", "channel": "sms", "delay_hours": 12, "skip_when": ["opened"]},
        {
            "id": "whatsapp",
            "channel": "whatsapp",
            "window": {"start": "10:00", "end": "16:00", "days": ["tue", "thu", "fri"]},
        },
        {
            "id": "call",
            "channel": "voice",
            "delay_hours": 24,
            "wait_for": {"event": "call_outcome", "max_wait_hours": 5, "on_event": "complete"},
        },
        {"id": "message", "channel": "linkedin", "delay_hours": 30},
    ]
    steps = [{"delay_hours": 0, "template_id": "t1", **row} for row in steps]
    settings = {"answer_timeout_minutes": 90}
    campaign: dict[str, Any] = {"kind": "prospecting", "settings": settings}
    story.publish(**campaign, steps=steps)
    story.delete_template("t-gone")
    for who in range(NIGHT + 1):
        story.tell(m.ContactUpserted(**story.outside(who), person=story.person(who)))
        story.tell(m.ContactEnrolled(**story.outside(who), campaign_id=CAMPAIGN))
        story.world.now += SECOND
    story.people_do("linkedin", 0.5)
    story.publish(**campaign, steps=[*steps[:5], {**steps[5], "delay_hours": 20}, steps[6]])
    told = story.owner()
    story.tell(m.MoveRuns(TENANT, CAMPAIGN, told["cause"], told["at"], None, {}))
    story.hours(400)
    return story.world


def mixed() -> World:
    """Both kinds at once, and whatever dice make people and owners do."""
    return play(chance(14, 150))


HISTORIES: dict[str, Callable[[], World]] = {
    "review": review,
    "prospecting": prospecting,
    "mixed": mixed,
}


def main(directory: Path) -> None:
    """A file of each."""
    for kind, made in HISTORIES.items():
        recording = OfWorld(made())
        with new_recording(directory / f"{kind}.jsonl.gz", recording.layout) as keep:
            for batch in recording.batches():
                keep(batch)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
