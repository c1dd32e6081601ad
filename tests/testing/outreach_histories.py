"""Random histories of outreach: what owners, importers, senders and people do to three
campaigns, as plain data that can be played again.

A hash of the command id decides the first answers of senders (random_histories.py); later ones
come late, twice, or in the wrong order.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec
from hypothesis import strategies as st

from processors.shared import experiment_rules
from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from tests.testing.builders import TENANT, answer_fields, tenant
from tests.testing.faulty_world import FaultPlan, FaultyWorld, loop_sizes
from tests.testing.history_player import HistoryPlayer
from tests.testing.random_outreach import random_version
from tests.testing.world import START

CAMPAIGNS = ("java", "rust", "go")
PEOPLE = tuple(f"p{number}" for number in range(7))
CHANNELS = ("email", "linkedin")
TYPES = ("interview", "interview", "placement", "deal", "deal", "meeting", "a word that is none")
LATE = (0, 0, 0, HOUR, 26 * HOUR, 4 * DAY)
"""How long ago an event may have happened that is reported now."""


class Happening(NamedTuple):
    """What happens `hours` after the last thing. `act` is an index of ACTS, `campaign` and `person`
    those of CAMPAIGNS and PEOPLE, and `variant` decides everything else."""

    act: int
    campaign: int
    person: int
    variant: int
    hours: float


class OutreachPlayer(HistoryPlayer):
    """Plays a history in a world."""

    def about(self, person: str, dice: Random) -> dict[str, Any]:
        """The fields of an event about a person, of now or of before."""
        names = {"tenant_id": TENANT, "contact_id": person, "cause": self.cause()}
        return {**names, "at": self.world.now - dice.choice(LATE)}

    def commands(self, person: str) -> list[m.RequestTouch]:
        """The commands to a person so far."""
        found = (t for t in self.world.commanded_touches() if t.contact_id == person)
        return sorted(found, key=lambda touch: (touch.command_id, touch.emission))

    def play_outreach(
        self, history: Sequence[Happening], *, days: int = 7, further: Sequence[m.Message] = ()
    ) -> FaultyWorld:
        """Three drafts with people are activated, everything happens, and so many days pass."""
        with loop_sizes(self.world.plan), easy_decisions():
            self._send(tenant(limits={"email": 100}), *map(self._account, CHANNELS))
            for number, name in enumerate(CAMPAIGNS):
                self._send(*publish(self, name, "", Random(number)))
                for person in PEOPLE[number : number + 4]:
                    self._send(*enroll(self, name, person, Random(0)))
            self._send(*(self.order(name, "activated") for name in CAMPAIGNS))
            for each in history:
                self._run(self.world.now + int(each.hours * HOUR))
                campaign = CAMPAIGNS[each.campaign % len(CAMPAIGNS)]
                person = PEOPLE[each.person % len(PEOPLE)]
                act = ACTS[each.act % len(ACTS)]
                self._send(*act(self, campaign, person, Random(each.variant)))
            self._run(self.world.now + days * DAY)
        return self.world

    def order(self, campaign: str, action: str) -> m.ChangeCampaign:
        return m.ChangeCampaign(TENANT, campaign, action, self.cause(), self.world.now)

    def _account(self, channel: str) -> m.UpsertSender:
        terms = SenderTerms(f"{channel}-1", {"": LimitTerms(per_day=1_000)}, "")
        return m.UpsertSender(TENANT, channel, self.cause(), START, terms)


@contextmanager
def easy_decisions() -> Iterator[None]:
    """A context in which a few people are enough for a winner."""
    with patch.multiple(
        experiment_rules,
        REACHED_LEAST=1,
        RESPONSES_LEAST=1,
        RATIO_LEAST=4,
        WINS_AT=experiment_rules.MILLION * 51 // 50,
    ):
        yield


# what owners and importers do

Act = Callable[[OutreachPlayer, str, str, Random], Sequence[m.Message]]


def publish(player: OutreachPlayer, campaign: str, _: str, dice: Random) -> list[m.Message]:
    """A version of a campaign: often of the same document, with other numbers."""
    same = dice.random() < 0.6
    seed = CAMPAIGNS.index(campaign) if same else dice.randrange(1_000)
    body = msgspec.json.encode(random_version(campaign, seed, dice))
    return [m.PublishCampaign(TENANT, campaign, player.cause(), player.world.now, body)]


_ORDERS = (*("activated",) * 3, *("paused", "resumed") * 2, "completed", "archived", "cancelled")


def change(player: OutreachPlayer, campaign: str, _: str, dice: Random) -> list[m.Message]:
    action = "deleted" if dice.random() < 0.05 else dice.choice(_ORDERS)
    return [player.order(campaign, action)]


def pause_and_resume(
    player: OutreachPlayer, campaign: str, _: str, dice: Random
) -> list[m.Message]:
    return [player.order(campaign, dice.choice(("paused", "resumed", "activated")))]


def enroll(player: OutreachPlayer, campaign: str, person: str, dice: Random) -> list[m.Message]:
    """A row of an import: the person, with or without addresses, and the order."""
    url = f"https://linkedin.com/in/{person}"
    who = m.Person(
        person,
        email=f"{person}@example.com" if dice.random() < 0.9 else None,
        linkedin_url=url if dice.random() < 0.8 else None,
    )
    known: dict[str, str] | None = {"contact_type": "candidate", "company_name": "Northwind"}
    known = dice.choice((known, None, {"contact_type": "a word that is none"}))
    fields = player.about(person, dice)
    order = {**player.about(person, dice), "at": player.world.now}
    return [
        m.ContactUpserted(**fields, person=who),
        m.ContactEnrolled(**order, campaign_id=campaign, variables=known),
    ]


def import_again(player: OutreachPlayer, campaign: str, _: str, dice: Random) -> list[m.Message]:
    """Several rows at once, some of them of people who are there."""
    people = dice.sample(PEOPLE, 3)
    return [each for person in people for each in enroll(player, campaign, person, dice)]


def move_runs(player: OutreachPlayer, campaign: str, _: str, dice: Random) -> list[m.Message]:
    steps = {dice.choice(("s0", "s1")): dice.choice((None, "s0", "s1"))}
    return [m.MoveRuns(TENANT, campaign, player.cause(), player.world.now, None, steps)]


def change_tenant(player: OutreachPlayer, _: str, person: str, dice: Random) -> list[m.Message]:
    """The tenant has another zone or limit, a template goes, an account goes or comes back, or an
    address is opened again."""
    cause, now = player.cause(), player.world.now
    zone = dice.choice(("America/Chicago", "Asia/Tokyo", "Pacific/Apia"))
    limits = {"email": dice.choice((None, 2, 100))}
    channel = dice.choice(CHANNELS)
    address = f"{person}@example.com"
    terms = SenderTerms(f"{channel}-1", {"": LimitTerms(per_day=1_000)}, "")
    return [
        dice.choice(
            (
                tenant(cause=cause, at=now, timezone=zone, limits=limits),
                m.DeleteTemplate(TENANT, dice.choice(("a", "t1", "t9")), cause, now),
                m.RemoveSender(TENANT, f"{channel}-1", cause, now),
                m.UpsertSender(TENANT, channel, cause, now, terms),
                m.UpsertSender(TENANT, channel, cause, now, terms),
                m.ReopenAddress(TENANT, "email", address, "our_fault", cause, now),
            )
        )
    ]


# what senders report


def report(player: OutreachPlayer, _: str, person: str, dice: Random) -> list[m.Message]:
    """Something about any command to the person: late, again, or never before."""
    touches = player.commands(person)
    if not touches:
        return []
    fields = answer_fields(dice.choice(touches), player.world, player.cause())
    fields["at"] -= dice.choice(LATE)
    machine = dice.random() < 0.2
    seen = [
        m.TouchSeen(**fields, signal=signal, automatic=machine)
        for signal in ("delivered", "opened", "clicked")
    ]
    kinds = ("hard", "hard", "soft", "soft", "block", "content", "unreachable")
    bounced = m.TouchBounced(**fields, bounce_type=dice.choice(kinds), rules=m.BOUNCE_RULES)
    failed = m.TouchFailed(**fields, code=dice.choice(("timeout", "404", "window_closed")))
    sent_at = fields["at"] - dice.choice((0, MINUTE, HOUR))
    sent = m.TouchSent(**fields, sent_at=sent_at)
    return [dice.choice((*seen, bounced, bounced, failed, sent, sent))]


# what people do


def _named(player: OutreachPlayer, person: str, dice: Random) -> str | None:
    """A command to the person that an event names, or None."""
    touches = player.commands(person)
    return dice.choice(touches).command_id if touches and dice.random() < 0.5 else None


def reply(player: OutreachPlayer, _: str, person: str, dice: Random) -> list[m.Message]:
    kind: dict[str, Any] = {"automatic": dice.random() < 0.1, "gone": dice.random() < 0.1}
    names: dict[str, Any] = {
        "command_id": _named(player, person, dice),
        "channel": dice.choice(CHANNELS),
    }
    fields = player.about(person, dice)
    return [m.ContactReplied(**fields, **names, **kind, rules=m.RESPONSE_RULES)]


def convert(player: OutreachPlayer, campaign: str, person: str, dice: Random) -> list[m.Message]:
    """A conversion that may have been reported before, with another time, campaign or command."""
    names: dict[str, Any] = {
        "command_id": _named(player, person, dice),
        "campaign_id": dice.choice((None, None, campaign, "elsewhere")),
        "entity_id": dice.choice(("e1", "e2", "e3", None)),
    }
    kind, fields = dice.choice(TYPES), player.about(person, dice)
    event = m.ConversionRecorded(**fields, **names, conversion_type=kind, rules=m.CONVERSION_RULES)
    if dice.random() < 0.1:
        names_of = (event.tenant_id, event.contact_id, event.cause, event.at)
        return [m.BackfilledEvent(*names_of, m.encode(event))]
    return [event]


def opt_out(player: OutreachPlayer, _: str, person: str, dice: Random) -> list[m.Message]:
    fields = player.about(person, dice)
    if dice.random() < 0.25:
        channel = dice.choice((*CHANNELS, "all"))
        return [m.ContactResubscribed(**fields, channel=channel, evidence="form 7")]
    channel, method = dice.choice((*CHANNELS, "all")), dice.choice((None, "one_click", "complaint"))
    return [m.ContactUnsubscribed(**fields, channel=channel, method=method)]


def change_person(player: OutreachPlayer, _: str, person: str, dice: Random) -> list[m.Message]:
    """Another address or zone, a connection; rarely everything about the person is erased."""
    fields = player.about(person, dice)
    if dice.random() < 0.08:
        return [m.ContactErased(**fields)]
    if dice.random() < 0.3:
        return [m.ConnectionAccepted(**fields)]
    number = dice.randrange(3)
    news = (
        m.Person(email=f"{person}-{number}@example.org"),
        m.Person(timezone="Asia/Tokyo"),
        m.Person(linkedin_url=f"https://linkedin.com/in/{person}-{number}"),
        m.Person(email=""),
    )
    return [m.ContactUpserted(**fields, person=dice.choice(news))]


def hold(player: OutreachPlayer, campaign: str, person: str, dice: Random) -> list[m.Message]:
    """Somebody pauses, resumes or stops the runs of the person."""
    kind = dice.choice((m.ContactPaused, m.ContactResumed, m.ContactStopped))
    fields = player.about(person, dice)
    return [kind(**fields, campaign_id=dice.choice((None, campaign)))]


def repeat(player: OutreachPlayer, _: str, person: str, dice: Random) -> list[m.Message]:
    """An earlier message comes again."""
    return [dice.choice(player.messages)]


ACTS: tuple[Act, ...] = (
    *(convert, reply, report, enroll) * 3,
    *(publish, import_again, opt_out, change_person, hold, repeat),
    *(pause_and_resume, change, change_tenant, move_runs),
)

HOURS = (0.0, 0.0, 0.1, 1.0, 5.0, 30.0)
happenings = st.builds(
    Happening,
    st.integers(0, len(ACTS) - 1),
    st.integers(0, len(CAMPAIGNS) - 1),
    st.integers(0, len(PEOPLE) - 1),
    st.integers(0, 9_999),
    st.sampled_from(HOURS),
)
outreach_histories = st.lists(happenings, min_size=5, max_size=30)


def random_happenings(seed: int, length: int) -> list[Happening]:
    """A random history, the same for the same seed. Hypothesis makes others that it can shrink."""
    dice = Random(seed)
    return [
        Happening(
            dice.randrange(len(ACTS)),
            dice.randrange(len(CAMPAIGNS)),
            dice.randrange(len(PEOPLE)),
            dice.randrange(10_000),
            dice.choice(HOURS),
        )
        for _ in range(length)
    ]


def play_outreach(
    history: Sequence[Happening], plan: FaultPlan | None = None, **options: Any
) -> FaultyWorld:
    """Plays a history in a new world of this plan."""
    return OutreachPlayer(FaultyWorld(plan)).play_outreach(history, **options)
