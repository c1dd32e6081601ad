"""The history `calls`: two tenants share the few slots of a call pool, and one of them also writes
from two sender accounts.

About twenty people are called; the numbers below are what happens to each of them. The dialler
reports the progress and the end of a call at other moments than it gets the command.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.base.times import DAY, HOUR, MINUTE, SECOND, MomentUs
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms, SenderTerms, TenantCallTerms
from schemas.internal.topics import Layout
from tests.testing.builders import TENANT, answer_fields, campaign_document, step
from tests.testing.world import World

LAYOUT = Layout(public=1, contact=2, dispatch=2, campaign=1, commands=1, facts=2)
OTHER = "brass"
CALLS, MAILS = "offers", "outreach"
VOICE, MAIL = "voice", "email"
_ZONE = "America/Chicago"

BUSY, LOST, LATE, NO_ANSWER, MACHINE, NO_CAPACITY, IN_DOUBT, WRONG_NUMBER = range(8)
STOPPED_LIVE, ERASED_LIVE, LEFT_LATER, SHARES_LATER, SHARES_EARLIER, PATIENT = range(8, 14)
LEFT_EARLIER = 20
"""The number of a person who opted out of calls before anybody was called."""

CALLED = range(14)
MAILED = range(30, 44)
UNANSWERED = 31
"""The number of a person whose first e-mail is not answered, so its command is repeated."""

SAME_NUMBER = {SHARES_LATER: LEFT_LATER, SHARES_EARLIER: LEFT_EARLIER}
AGENT_WITH_ONE_SLOT = (BUSY, LOST, NO_ANSWER, PATIENT)

Report = tuple[float, type[m.ExternalEvent], dict[str, Any]]
"""What the dialler reports of a call: minutes after the command, the event, and its fields."""


def _ended(minutes: float, outcome: str, seconds: int = 0, **fields: Any) -> Report:
    ended = {"outcome": outcome, "seconds": seconds, "raw_status": outcome, **fields}
    return minutes, m.CallEnded, ended


_PLACED: Report = (0, m.TouchSent, {})
_RINGS: Report = (0.2, m.CallProgressed, {"state": "ringing"})
_LIVES: Report = (0.5, m.CallProgressed, {"state": "in_progress"})
_REACHED = [_PLACED, _RINGS, _LIVES, _ended(3, "answered", 140)]


def reports_of(who: int, attempt: int) -> Sequence[Report]:
    """What the dialler reports of a call to a person."""
    match who:
        case p if p == BUSY and attempt == 1:
            return [_PLACED, _ended(0.5, "busy")]
        case p if p == LOST:
            return [_PLACED, _LIVES]
        case p if p == LATE:
            return [
                _PLACED,
                (25, m.CallProgressed, {"state": "in_progress"}),
                _ended(40, "answered"),
            ]
        case p if p == NO_ANSWER:
            return [_PLACED, _RINGS, _ended(1, "no_answer"), _ended(2, "no_answer")]
        case p if p == MACHINE:
            return [_PLACED, _ended(1, "voicemail", 20, answered_by="machine")]
        case p if p == NO_CAPACITY and attempt == 1:
            return [_ended(0.1, "provider_limit")]
        case p if p == IN_DOUBT:
            return [(1, m.TouchFailed, {"code": "PLACE_UNKNOWN"})]
        case p if p == WRONG_NUMBER:
            return [_PLACED, _ended(0.3, "invalid_number")]
        case p if p in (STOPPED_LIVE, ERASED_LIVE):
            return [_PLACED, _LIVES, _ended(9, "answered", 480)]
    return [*_REACHED, (12, m.CallReviewed, {"success": True, "result": "meeting"})]


class CallStory:
    """A world, and a dialler with what it has still to report. Causes are counted, so the same
    story has the same bytes."""

    def __init__(self, world: World | None = None) -> None:
        self.world = World(LAYOUT) if world is None else world
        self._causes = 0
        self._answered: set[tuple[str, int]] = set()
        self._reports: list[tuple[MomentUs, int, m.Message]] = []

    def order(self, tenant_id: str = TENANT) -> dict[str, Any]:
        """The fields that every order of an owner has."""
        self._causes += 1
        cause = f"story#{self._causes}"
        return {"tenant_id": tenant_id, "cause": cause, "at": self.world.now}

    def person_fields(self, who: int, tenant_id: str = TENANT) -> dict[str, Any]:
        """The fields that every event about a person has."""
        return {"contact_id": f"p{who:02}", **self.order(tenant_id)}

    def deliver(self, *messages: m.Message) -> None:
        """Appends messages and runs the world until nothing moves any more."""
        self.world.append(*messages)
        self.world.settle()
        self._look_at_commands()

    def advance_minutes(self, minutes: float) -> None:
        """Moves the clock, while the dialler and the senders report."""
        until = self.world.now + int(minutes * MINUTE)
        while (moment := self._next_moment(until)) is not None:
            self.world.advance_to(moment)
            self._report()
            self.world.settle()
            self._look_at_commands()
        self.world.advance_to(until)

    def _next_moment(self, until: MomentUs) -> MomentUs | None:
        moment = min(self.world.next_due(), min(self._reports, default=(until + 1,))[0])
        return moment if moment <= until else None

    def _report(self) -> None:
        due = sorted(each for each in self._reports if each[0] <= self.world.now)
        self._reports = [each for each in self._reports if each[0] > self.world.now]
        self.world.append(*[message for _, _, message in due])

    def _look_at_commands(self) -> None:
        for touch in self.world.commanded_touches():
            if (touch.command_id, touch.emission) not in self._answered:
                self._answered.add((touch.command_id, touch.emission))
                self._answer(touch)

    def _answer(self, touch: m.RequestTouch) -> None:
        who = int(touch.contact_id[1:])
        reports: Sequence[Report] = [(0.1, m.TouchSent, {})]
        if touch.channel == VOICE:
            reports = reports_of(who, touch.attempt)
        elif who == UNANSWERED and touch.emission == 1:
            reports = []
        for number, (minutes, kind, fields) in enumerate(reports):
            ids = answer_fields(touch, self.world, f"{number}")
            at = self.world.now + int(minutes * MINUTE)
            if kind in (m.CallProgressed, m.CallEnded):
                ids["call_id"] = f"CA-{touch.contact_id}-{touch.attempt}"
            message = kind(**{**ids, "at": at}, **fields)
            self._reports.append((at, len(self._answered) * 10 + number, message))

    # what owners do

    def settings(self, tenant_id: str, **changes: Any) -> None:
        """A tenant in Chicago is created or changed."""
        self.deliver(m.UpsertTenant(timezone=_ZONE, **self.order(tenant_id), **changes))

    def pool(self, slots: int, **changes: Any) -> None:
        """The operator of the platform changes the pool that is always there."""
        order = self.order()
        self.deliver(m.UpsertPool("calls", order["cause"], order["at"], slots, **changes))

    def publish(self, tenant_id: str, campaign_id: str, **changes: Any) -> None:
        """An owner publishes a campaign."""
        names: dict[str, Any] = {"tenant_id": tenant_id, "campaign_id": campaign_id}
        document = msgspec.json.encode(campaign_document(**names, **changes))
        order = self.order(tenant_id)
        self.deliver(m.PublishCampaign(campaign_id=campaign_id, document=document, **order))

    def publish_calls(self, tenant_id: str, redial: Any, **calls: Any) -> None:
        """An owner publishes a call campaign."""
        steps = [step("call", VOICE, None, "script", redial=redial)]
        limits = {"per_day": 60, "max_new_per_day": 40}
        settings = {"calls": calls, "quiet_hours": "none", **limits}
        self.publish(tenant_id, CALLS, kind="calls", steps=steps, settings=settings)

    def enroll(self, who: int, campaign_id: str, tenant_id: str = TENANT, **variables: str) -> None:
        """A person is in a list that an owner imports."""
        number = SAME_NUMBER.get(who, who)
        person = m.Person(
            first_name=f"P{who}" if who % 3 else None,
            phone=f"+1212555{100 + number:04}",
            email=f"p{who}@example.{'org' if who % 2 else 'com'}",
            timezone=_ZONE,
        )
        self.deliver(m.ContactUpserted(**self.person_fields(who, tenant_id), person=person))
        fields = self.person_fields(who, tenant_id)
        self.deliver(m.ContactEnrolled(**fields, campaign_id=campaign_id, variables=variables))
        self.world.now += SECOND

    def change(self, action: str, campaign_id: str = CALLS) -> None:
        """The owner pauses or resumes a campaign."""
        self.deliver(m.ChangeCampaign(campaign_id=campaign_id, action=action, **self.order()))

    def sender(self, sender_id: str, limits: LimitTerms, **terms: Any) -> None:
        """The owner creates or changes a sender account."""
        account = SenderTerms(sender_id, {"": limits}, _ZONE, **terms)
        self.deliver(m.UpsertSender(channel=MAIL, sender=account, **self.order()))


def calls() -> World:
    """A day of calls, and a week of e-mails from two accounts."""
    story = CallStory()
    _begin(story)
    _mails_begin(story)
    _first_calls(story)
    _calls_go_on(story)
    _accounts_change(story)
    story.advance_minutes(8 * DAY // MINUTE)
    return story.world


def _begin(story: CallStory) -> None:
    """Both tenants have a campaign; somebody has opted out before the first call."""
    agents: dict[str, int | None] = {"agent-7": 1, "agent-8": None}
    numbers: dict[str, int | None] = {"+12125550190": 2}
    story.settings(TENANT, calls=TenantCallTerms(2, None, agents, numbers))
    story.settings(OTHER, calls=TenantCallTerms(3, 5))
    story.pool(3, weights={TENANT: 2, OTHER: 1}, reserved={OTHER: 1})
    person = m.Person(phone=f"+1212555{100 + LEFT_EARLIER:04}", timezone=_ZONE)
    story.deliver(m.ContactUpserted(**story.person_fields(LEFT_EARLIER), person=person))
    story.deliver(m.ContactUnsubscribed(**story.person_fields(LEFT_EARLIER), channel=VOICE))
    hours: dict[str, Any] = {"first_call_time": "09:00", "last_call_time": "18:00"}
    at_once: dict[str, Any] = {"slots": 2, "from_number": "+1 212 555 0190", "agent": "agent-8"}
    story.publish_calls(TENANT, "usual", **hours, **at_once)
    story.publish_calls(OTHER, {"max_attempts": 2, "outcomes": {"busy": [15], "no_answer": [60]}})


def _mails_begin(story: CallStory) -> None:
    """People get three e-mails each, from one of two accounts."""
    spaced = LimitTerms(per_hour=6, per_day=7, spacing_us=4 * MINUTE, jitter_us=30 * SECOND)
    story.sender("account-1", spaced, window=StepWindow(9 * 60, 17 * 60, 0b11111))
    domains = LimitTerms(per_day=9, per_week=40, spacing_us=5 * MINUTE, domain_per_hour=3)
    story.sender("account-2", domains, warm_up=(3, 2, 9))
    steps = [
        step("first", MAIL, 0, "t1"),
        step("second", MAIL, 30, "t2"),
        step("third", MAIL, 40, "t3"),
    ]
    settings = {"max_new_per_day": 8, "per_day": 20, "answer_timeout_minutes": 30}
    story.publish(TENANT, MAILS, kind="prospecting", steps=steps, settings=settings)
    for who in MAILED:
        story.enroll(who, MAILS)


def _first_calls(story: CallStory) -> None:
    """Both tenants import their lists, and the first calls are made."""
    for who in CALLED:
        given = {"agent": "agent-7"} if who in AGENT_WITH_ONE_SLOT else {}
        priority = {PATIENT: "-5", LATE: "7", MACHINE: "high"}.get(who, "")
        story.enroll(who, CALLS, priority=priority, **given)
        if who % 2 or who in (SHARES_EARLIER, STOPPED_LIVE):
            story.enroll(who, CALLS, OTHER)
        story.advance_minutes(0.2)
    leaves = story.person_fields(LEFT_LATER)
    story.deliver(m.ContactUnsubscribed(**leaves, channel=VOICE, method="text"))
    story.enroll(SHARES_EARLIER, CALLS, OTHER)
    person = m.Person(phone="+12125550150", timezone=_ZONE)
    fields = story.person_fields(15)
    story.deliver(m.CallRequested(**fields, person=person, agent_id="agent-8", priority=3))
    person = m.Person(phone="+12125550151", timezone=_ZONE)
    later: dict[str, Any] = {"scheduled_for": story.world.now + 2 * HOUR, "agent_id": "agent-8"}
    story.deliver(m.CallRequested(**story.person_fields(16), person=person, **later))
    _while_called(story, STOPPED_LIVE, m.ContactStopped)
    _while_called(story, ERASED_LIVE, m.ContactErased)


def _while_called(story: CallStory, who: int, event: type[m.ExternalEvent]) -> None:
    """A person is called, and two minutes later something else happens to them."""
    name = f"p{who:02}"
    for _ in range(600):
        calls = [touch for touch in story.world.commanded_touches() if touch.channel == VOICE]
        if any((touch.tenant_id, touch.contact_id) == (TENANT, name) for touch in calls):
            break
        story.advance_minutes(0.5)
    story.advance_minutes(2)
    story.deliver(event(**story.person_fields(who)))


def _calls_go_on(story: CallStory) -> None:
    """The pool grows, the owner pauses the campaign, and the rest is called another day."""
    story.pool(4, weights={TENANT: 1, OTHER: 1})
    story.advance_minutes(20)
    for who in range(17, 20):
        story.enroll(who, CALLS, agent="agent-7")
    story.change("paused")
    story.advance_minutes(90)
    story.change("resumed")
    story.advance_minutes(8 * 60)
    for who in range(21, 23):
        story.enroll(who, CALLS)
        story.enroll(who, CALLS, OTHER)
    story.advance_minutes(14 * 60)


def _accounts_change(story: CallStory) -> None:
    """A provider asks an account to slow down, somebody writes by hand, and an account goes."""
    story.advance_minutes(5.5 * 60)
    until = story.world.now + 3 * HOUR
    throttle = m.ThrottleSender(sender_id="account-2", until=until, **story.order())
    story.deliver(throttle)
    used: dict[str, Any] = {
        "sender_id": "account-1",
        "action": "",
        "used_at": story.world.now,
        "count": 3,
    }
    story.deliver(m.ReportUsage(**used, **story.order()))
    story.advance_minutes(40 * 60)
    story.deliver(m.RemoveSender(sender_id="account-2", **story.order()))
