"""Outreach of the real processors in PostgreSQL: any history equals a recount, and the counts of a
campaign equal those of its people."""

from random import Random
from typing import Any

import pytest

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from sinks.recount import COMPARED_TABLES, Recount
from tests.processors.contact.test_outreach_recounts import CHOICES, NAMES, play
from tests.sinks.conftest import Database
from tests.testing.builders import answer_fields, campaign_document
from tests.testing.outreach import OUTREACH, outreach_document
from tests.testing.outreach_desk import active_desk, desk_with_draft
from tests.testing.outreach_histories import play_outreach, random_happenings
from tests.testing.outreach_orders import published
from tests.testing.projected import project, select
from tests.testing.story import replied
from tests.testing.world import World

COUNTED = """SELECT c.contacts_reached, c.responses_received, c.conversions, c.emails_sent,
    c.linkedin_messages_sent, c.response_rate FROM outreach.campaigns AS c"""
READ = """SELECT m.reached, m.responses, m.conversions, m.email_sends, m.linkedin_sends,
    m.response_rate FROM outreach.campaign_metrics AS m"""
OPEN = """ JOIN touchstream.campaigns AS k
    ON k.tenant_id = {0}.org_id AND {0}.id LIKE '%/' || k.campaign_id"""
OPEN += " WHERE k.status NOT IN ('archived', 'deleted') ORDER BY k.campaign_id"
BY_COUNTS = """SELECT coalesce((counts ->> 'opt_outs')::int, 0),
    coalesce((counts ->> 'bounces')::int, 0), coalesce((counts ->> 'implied_responses')::int, 0),
    coalesce((counts ->> 'runs')::int, 0) FROM touchstream.campaigns"""
BY_ROWS = """SELECT opt_outs, bounces, implied_responses, total_contacts
    FROM outreach.campaign_metrics"""


def random_history(seed: int, *, erased: bool) -> list[tuple[str, str, int]]:
    """What happens to four people, in an order that the seed gives."""
    random = Random(seed)
    acts = [act for act in CHOICES if erased or act != "erased"]
    return [
        (random.choice(acts), random.choice(NAMES), random.randint(0, 4))
        for _ in range(random.randint(10, 40))
    ]


def equals_a_recount(desk: World, dsn: str, batch: int) -> None:
    """Projects a world in batches, and compares the tables with the last state of each key."""
    records = project(desk, dsn, batch)
    last = {(r.topic, r.partition, r.key): r for r in records if r.topic != "facts"}
    with Recount(dsn) as recount:
        recount.add(last.values())
        recount.add(record for record in records if record.topic == "facts")
        assert recount.differences(COMPARED_TABLES) == []


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("erased", [False, True])
def test_any_history_equals_a_recount_in_any_batches(dsn: str, seed: int, erased: bool) -> None:
    """Also where a soft bounce takes a planned touch back, and where a person is erased."""
    desk = play(random_history(seed, erased=erased))
    equals_a_recount(desk, dsn, 7 + 13 * seed)


@pytest.mark.parametrize("seed", range(12, 24))
def test_the_counts_of_a_campaign_are_those_of_its_people(dsn: str, seed: int) -> None:
    desk = play(random_history(seed, erased=False))
    project(desk, dsn)
    assert select(dsn, COUNTED) == select(dsn, READ)
    assert select(dsn, BY_COUNTS) == select(dsn, BY_ROWS)


@pytest.mark.parametrize("seed", range(4))
def test_a_history_of_several_campaigns_equals_a_recount_and_its_own_counts(
    dsn: str, seed: int
) -> None:
    """Late reports and edits included: what PostgreSQL has is what the engine counts."""
    world = play_outreach(random_happenings(100 + seed, 30))
    equals_a_recount(world, dsn, 50 + 200 * seed)
    erased = {f.contact_id for f in world.facts(FactKind.CONTACT_ERASED)}
    if not erased:
        assert select(dsn, COUNTED + OPEN.format("c")) == select(dsn, READ + OPEN.format("m"))


def test_the_events_of_an_experiment_are_those_of_the_engine(server: Database, dsn: str) -> None:
    soft = [("sent", "c-1", 0), ("soft", "c-1", 0), ("time", "c-1", 4), ("time", "c-1", 4)]
    history: list[Any] = [*soft, ("sent", "c-1", 0), ("opened", "c-1", 0), ("answered", "c-1", 0)]
    desk = play(history)
    equals_a_recount(desk, dsn, 5)
    sends = len(desk.facts(FactKind.TOUCH_SENT))
    query = "SELECT email_sends + linkedin_sends FROM outreach.campaign_metrics"
    assert select(dsn, query) == [(sends,)]


def test_a_response_that_has_moved_is_in_the_history(dsn: str) -> None:
    """The answer came before the report of the send: `touch.redated` names a signal that fills no
    column of the send log."""
    desk = active_desk(document=outreach_document())
    touch = desk.command()
    sent_at, desk.now = desk.now, desk.now + HOUR
    desk.deliver(replied(desk))
    desk.deliver(m.TouchSent(**answer_fields(touch, desk), sent_at=sent_at))
    equals_a_recount(desk, dsn, 10_000)
    query = "SELECT fact, reason FROM touchstream.facts WHERE fact = 'touch.redated'"
    assert select(dsn, query) == [("touch.redated", "replied")]
    assert select(dsn, "SELECT responses FROM outreach.campaign_metrics") == [(1,)]


def test_a_draft_that_becomes_another_kind_of_campaign_is_none_of_outreach(dsn: str) -> None:
    desk = desk_with_draft(outreach_document())
    project(desk, dsn)
    assert select(dsn, "SELECT campaign_id FROM outreach.campaigns") == [(OUTREACH,)]
    desk.deliver(published(campaign_document(campaign_id=OUTREACH, kind="prospecting")))
    equals_a_recount(desk, dsn, 10_000)
    assert select(dsn, "SELECT campaign_id FROM outreach.campaigns") == []
    assert select(dsn, "SELECT kind FROM touchstream.campaigns") == [("prospecting",)]
