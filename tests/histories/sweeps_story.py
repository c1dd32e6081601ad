"""The history `sweeps`: versions, pauses, migrations, deleted templates and quiet hours come while
the sweeps before them are still under way, and people and senders go on meanwhile.

Each round of the workers takes a tenth of a second, in which a sweep visits some people. So a pause
is over before it has come to the last ones, and requests of theirs wait at dispatch until then.
"""

from itertools import pairwise
from typing import Any

import msgspec

from schemas.base.times import HOUR, MILLISECOND, MomentUs, from_datetime
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.topics import Layout
from tests.histories.calls_story import MAIL, CallStory
from tests.testing.builders import TENANT, campaign_document, step
from tests.testing.world import World

LAYOUT = Layout(public=1, contact=2, dispatch=2, campaign=1, commands=1, facts=2)
REVIEWS, ROOFS = "reviews", "roofs"
PEOPLE = range(80)
IN_BOTH = range(0, 80, 3)
ROUND_US = 100 * MILLISECOND
CYCLES = 4


class SweepsStory(CallStory):
    """A story in which owners do not wait until a sweep is over."""

    def __init__(self, world: World | None = None) -> None:
        super().__init__(World(LAYOUT) if world is None else world)
        self._versions = 0

    def rounds(self, number: int = 1) -> None:
        """So many rounds of all workers, with what senders report at that time."""
        for _ in range(number):
            self.world.now += ROUND_US
            self._report()
            for role in self.world.workers:
                self.world.run_worker(role)
            self._look_at_commands()

    def give(self, kind: type[Any], **fields: Any) -> None:
        """An owner gives an order. One round follows."""
        self.world.append(kind(**self.order(), **fields))
        self.rounds()

    def switch(self, action: str, campaign_id: str = REVIEWS) -> None:
        """An owner pauses, resumes or ends a campaign."""
        self.give(m.ChangeCampaign, campaign_id=campaign_id, action=action)

    def new_version(self, campaign_id: str, on_edit: str = "stay") -> None:
        """An owner publishes a campaign of two e-mails, with a template of its own."""
        self._versions += 1
        first, last = f"t{self._versions}", f"l{self._versions % 3}"
        steps = [step("first", MAIL, 1, first), step("last", MAIL, 20, last)]
        document = campaign_document(
            campaign_id=campaign_id,
            kind="prospecting",
            steps=steps,
            settings={"on_edit": on_edit, "late_policy": "shift_by_pause"},
        )
        encoded = msgspec.json.encode(document)
        self.give(m.PublishCampaign, campaign_id=campaign_id, document=encoded)

    def quiet_from(self, minute: int) -> None:
        """The tenant has other quiet hours; forty e-mails go out in an hour."""
        limits = {MAIL: 40}
        zone = "America/Chicago"
        self.give(m.UpsertTenant, timezone=zone, quiet_start=minute, limits=limits)

    def enroll(self, who: int, campaign_id: str, tenant_id: str = TENANT, **variables: str) -> None:
        """A person comes into a campaign."""
        fields = self.person_fields(who, tenant_id)
        self.world.append(m.ContactEnrolled(**fields, campaign_id=campaign_id, variables=variables))

    def people_do(self, who: int) -> None:
        """A person replies, one has another address, one opts out, and one is enrolled again."""
        person = m.Person(email=f"new{who}@example.com")
        self.world.append(
            m.ContactReplied(**self.person_fields(who), channel=MAIL),
            m.ContactUpserted(**self.person_fields(who + 1), person=person),
            m.ContactUnsubscribed(**self.person_fields(who + 2), channel=MAIL),
        )
        self.enroll(who + 3, ROOFS)
        self.rounds()


def sweeps(world: World | None = None) -> World:
    """Two days of two campaigns; in a world of its own without another one."""
    story = SweepsStory(world)
    _begin(story)
    for cycle in range(CYCLES):
        _change_everything(story, cycle)
    story.switch("cancelled", ROOFS)
    story.rounds(60)
    story.advance_minutes(48 * 60)
    return story.world


def _begin(story: SweepsStory) -> None:
    """People come into the campaigns, and the first e-mails go out; the others wait at dispatch."""
    story.quiet_from(21 * 60)
    story.new_version(REVIEWS)
    story.new_version(ROOFS)
    for who in PEOPLE:
        person = m.Person(first_name=f"P{who}", email=f"p{who}@example.com")
        story.world.append(m.ContactUpserted(**story.person_fields(who), person=person))
        story.enroll(who, REVIEWS)
        if who in IN_BOTH:
            story.enroll(who, ROOFS)
    story.rounds(3)
    story.advance_minutes(61)


def _change_everything(story: SweepsStory, cycle: int) -> None:
    """Each change comes before the sweeps of the one before it are over."""
    story.new_version(REVIEWS)
    story.people_do(12 * cycle)
    story.switch("paused")
    if cycle == CYCLES - 1:
        story.world.now += HOUR  # the limit opens for requests of the campaign that is paused
        story.rounds()
    story.new_version(ROOFS, "follow")
    story.people_do(12 * cycle + 4)
    story.quiet_from(21 * 60 - 10 * cycle)
    story.switch("resumed")
    story.give(m.DeleteTemplate, template_id=f"l{cycle % 3}")
    story.switch("paused", ROOFS)
    story.people_do(12 * cycle + 8)
    story.give(m.MoveRuns, campaign_id=REVIEWS, from_version=None, steps={})
    story.switch("resumed", ROOFS)


# what tests look at


def pauses(world: World) -> list[tuple[MomentUs, MomentUs]]:
    """When the reviews were paused, and when they went on."""
    changes = [
        (from_datetime(fact.at), fact.reason)
        for fact in world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)
        if fact.campaign_id == REVIEWS
    ]
    return [(begin, end) for (begin, status), (end, _) in pairwise(changes) if status == "paused"]


def commanded_in_pauses(world: World) -> list[MomentUs]:
    """When something of the reviews was commanded although they were paused. Commands of the moment
    of a change are left out: they may be before it."""
    commanded = [
        from_datetime(fact.at)
        for fact in world.facts(FactKind.TOUCH_COMMANDED)
        if fact.campaign_id == REVIEWS
    ]
    return [at for at in commanded for begin, end in pauses(world) if begin < at < end]
