"""The history `outreach`: a campaign from draft to archive, with an experiment that is decided and
switched to its winner, and a second campaign that ends by its date.

About three hundred people are written to, because a winner needs a hundred of each variant; the
numbers below are what happens to some of them.
"""

from collections.abc import Sequence
from typing import Any

from schemas.base.times import DAY, HOUR, MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.contact_messages import BOUNCE_RULES, CONVERSION_RULES, RESPONSE_RULES
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from tests.histories.calls_story import MAIL, CallStory, Report
from tests.testing.builders import TENANT, answer_fields, step
from tests.testing.outreach import OWNER, experiment
from tests.testing.world import World

JAVA, SPRING = "java-q1", "cto-spring"
_LINKEDIN = "linkedin"

SOFT_ONCE, SOFT_ALWAYS, HARD, BLOCKED, FULL_TEXT = range(5)
ONE_CLICK, COMPLAINS, MACHINE, LEFT_COMPANY = range(5, 9)
BY_COMMAND, BY_CAMPAIGN, BY_MODEL, OTHER_TYPE, TOO_EARLY, IMPLIED = range(9, 15)
STOPS_OUT = 15
"""The number of a person who is stopped while a command is out."""

PEOPLE = range(320)
IN_DRAFT = range(40)
IN_BOTH = range(9, 15)
TARGET = 300
NO_ADDRESS = 400
_ANSWERS = {"A": 6, "B": 1}
"""How many of ten people reply to each variant."""


class OutreachStory(CallStory):
    """A story whose senders and people do what the numbers above stand for."""

    def _answer(self, touch: m.RequestTouch) -> None:
        who = int(touch.contact_id[1:])
        for number, (minutes, kind, fields) in enumerate(reports_of(who, touch)):
            ids = answer_fields(touch, self.world, f"{number}")
            at = self.world.now + int(minutes * MINUTE)
            given = {name: value for name, value in ids.items() if name in kind.__struct_fields__}
            message = kind(**{**given, "at": at}, **fields)
            self._reports.append((at, len(self._answered) * 10 + number, message))

    def add(self, who: int, campaign_id: str = JAVA) -> None:
        """A person is added to a campaign."""
        name = f"p{who}"
        address = None if who == NO_ADDRESS else f"{name}@example.{'org' if who % 2 else 'com'}"
        url = f"https://linkedin.com/in/{name}"
        person = m.Person(first_name=name, email=address, linkedin_url=url)
        self.deliver(m.ContactUpserted(**self.person_fields(who), person=person))
        known = {"contact_type": "candidate", "company_name": "Northwind"}
        fields = self.person_fields(who)
        self.deliver(m.ContactEnrolled(**fields, campaign_id=campaign_id, variables=known))
        self.world.now += SECOND

    def convert(self, who: int, kind: str, **names: Any) -> None:
        """A person does what a campaign is for."""
        fields = self.person_fields(who) | names
        self.deliver(m.ConversionRecorded(**fields, conversion_type=kind, rules=CONVERSION_RULES))

    def command_of(self, who: int, campaign_id: str = JAVA) -> m.RequestTouch:
        """The first command of a person in a campaign."""
        name = f"p{who:02}"
        found = (t for t in self.world.commanded_touches() if t.contact_id == name)
        return next(touch for touch in found if touch.campaign_id == campaign_id)


_SENT: Report = (0.5, m.TouchSent, {})
_DELIVERED: Report = (1, m.TouchSeen, {"signal": "delivered"})


def _bounced(kind: str) -> Report:
    return 2, m.TouchBounced, {"bounce_type": kind, "rules": BOUNCE_RULES}


def _replied(minutes: float, **fields: Any) -> Report:
    return minutes, m.ContactReplied, {"channel": MAIL, "rules": RESPONSE_RULES, **fields}


_OPTS_OUT: dict[str, Any] = {"channel": MAIL, "method": "one_click"}
_COMPLAINS: dict[str, Any] = {"channel": MAIL, "complained": True, "method": "complaint"}
_OF_PERSON: dict[int, Sequence[Report]] = {
    SOFT_ALWAYS: [_SENT, _bounced("soft")],
    HARD: [_SENT, _bounced("hard")],
    BLOCKED: [_SENT, _bounced("block")],
    FULL_TEXT: [_SENT, _bounced("content")],
    ONE_CLICK: [_SENT, (9, m.ContactUnsubscribed, _OPTS_OUT)],
    COMPLAINS: [_SENT, (9, m.ContactUnsubscribed, _COMPLAINS)],
    MACHINE: [_SENT, _replied(1, automatic=True)],
    LEFT_COMPANY: [_SENT, _replied(3, gone=True)],
    STOPS_OUT: [(90, m.TouchSent, {})],
}
"""What comes of the first message to some people."""


def reports_of(who: int, touch: m.RequestTouch) -> Sequence[Report]:
    """What comes of a command to a person: the sender's answers, and what the person does."""
    if touch.campaign_id != JAVA or touch.step_id != "first":
        return [_SENT]
    if who in _OF_PERSON:
        return _OF_PERSON[who]
    if who == SOFT_ONCE and touch.attempt == 1:
        return [_SENT, _bounced("soft")]
    if who in IN_BOTH or who * 7 % 10 >= _ANSWERS[touch.variant or "B"]:
        return [_SENT, _DELIVERED]
    return [_SENT, _DELIVERED, _replied(20 + who % 90)]


def outreach(world: World | None = None) -> World:
    """Some days of outreach, and what follows in the three months after it; in a world of its own
    without another one."""
    story = OutreachStory(world)
    _prepare(story)
    _reach_people(story)
    _convert(story)
    _end(story)
    return story.world


def _document(campaign_id: str, **fields: Any) -> dict[str, Any]:
    terms = {"owner_id": OWNER, **fields.pop("outreach", {})}
    settings = {"quiet_hours": "none", "on_reply": "continue", **fields.pop("settings", {})}
    return {
        "kind": "outreach",
        "name": campaign_id,
        "outreach": terms,
        "settings": settings,
    } | fields


def _prepare(story: OutreachStory) -> None:
    """A draft is filled. Its activation is refused while nobody is in it, and a second one after
    the first."""
    story.settings(TENANT, opt_out_scope="all")
    story.sender("account-1", LimitTerms(per_hour=40))
    tested = experiment(JAVA, primary_metric="response", on_winner="switch_unsent")
    steps = [
        step("first", template_id=None, experiment=tested),
        step("second", hours=30, template_id="reminder", skip_when="already_replied"),
    ]
    targets = {"target_contacts_count": TARGET, "completion_policy": "contacts_only"}
    bounces = {"soft_bounces": {"most": 3, "window_hours": 48, "retry_hours": [1, 3]}}
    java = _document(JAVA, outreach=targets, settings=bounces, steps=steps)
    story.publish(TENANT, JAVA, **java)
    story.change("activated", JAVA)
    for who in IN_DRAFT:
        story.add(who)
    story.add(NO_ADDRESS)
    story.convert(TOO_EARLY, "interview")
    story.change("activated", JAVA)
    story.change("activated", JAVA)


def _reach_people(story: OutreachStory) -> None:
    """The rest of the people comes while messages go out; the campaign is paused for a while."""
    for who in PEOPLE[len(IN_DRAFT) :]:
        story.add(who)
        if who == len(PEOPLE) // 2:
            story.change("paused", JAVA)
            story.advance_minutes(30)
    story.change("resumed", JAVA)
    story.advance_minutes(45)
    story.deliver(m.ContactStopped(**story.person_fields(STOPS_OUT)))
    steps = [
        step("mail", template_id="m"),
        step("inmail", _LINKEDIN, 1, "i", action="send_inmail"),
        step("later", hours=100, template_id="l"),
    ]
    end = {"end_date": "2026-03-04", "attribution": {"model": "linear", "window_days": 7}}
    channels = {"channel": "combined", "channel_preference": [MAIL, _LINKEDIN]}
    spring = _document(SPRING, outreach=channels, settings=end, steps=steps)
    story.publish(TENANT, SPRING, **spring)
    for who in IN_BOTH:
        story.add(who, SPRING)
    story.change("activated", SPRING)  # it has no account for LinkedIn
    account = SenderTerms("linkedin-1", {"": LimitTerms(per_hour=40)}, "America/Chicago")
    story.deliver(m.UpsertSender(channel=_LINKEDIN, sender=account, **story.order()))
    story.change("activated", SPRING)
    story.advance_minutes(12 * HOUR // MINUTE)


def _convert(story: OutreachStory) -> None:
    """People convert: by a command, by a campaign, by the model, by a type of other campaigns, and
    twice; a click that is reported late moves the credit."""
    story.convert(BY_COMMAND, "interview", command_id=story.command_of(BY_COMMAND).command_id)
    story.convert(BY_CAMPAIGN, "submission", campaign_id=SPRING, entity_id="cv-1")
    story.convert(BY_CAMPAIGN, "submission", campaign_id=SPRING, entity_id="cv-1")
    story.convert(OTHER_TYPE, "deal")
    story.convert(IMPLIED, "phone_screen", campaign_id=JAVA)
    story.convert(BY_MODEL, "interview", entity_id="talk-1")
    first = story.command_of(BY_MODEL)
    clicked = answer_fields(first, story.world, "late") | {"at": story.world.now - MINUTE}
    story.deliver(m.TouchSeen(**clicked, signal="clicked"))
    story.advance_minutes(3 * DAY // MINUTE)


def _end(story: OutreachStory) -> None:
    """Late answers still count; the first campaign is archived by order, the other one by time."""
    late = story.person_fields(PEOPLE[200])
    story.deliver(m.ContactReplied(**late, channel=MAIL, rules=RESPONSE_RULES))
    story.add(NO_ADDRESS + 1)
    story.advance_minutes(40 * DAY // MINUTE)
    story.change("archived", JAVA)
    story.advance_minutes(60 * DAY // MINUTE)
