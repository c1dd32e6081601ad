"""What the report of a campaign reads from PostgreSQL: the days by the clock of the campaign, and
the newest report that was emitted."""

from collections import Counter

from schemas.base.times import DAY, to_datetime
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from sinks.campaign_report_query import report_history
from tests.testing.builders import TENANT
from tests.testing.outreach import OUTREACH
from tests.testing.outreach_desk import active_desk
from tests.testing.projected import project
from tests.testing.story import event_fields
from tests.testing.world import START

ZONE = "America/Chicago"
PEOPLE = ("c-1", "c-2", "c-3")


def test_the_days_are_those_of_the_zone_and_the_report_is_the_newest(dsn: str) -> None:
    desk = active_desk(*PEOPLE)
    desk.send("c-1", "c-3")
    desk.advance_to(START + DAY)
    reply = event_fields(desk, "c-3")
    desk.deliver(m.ContactReplied(**reply, channel="email"))
    desk.send("c-2")
    desk.change("completed")
    desk.advance_to(desk.now + 31 * DAY)
    ended_at = to_datetime(START + DAY)
    project(desk, dsn)
    history = report_history(dsn, TENANT, OUTREACH, ZONE, ended_at)
    found = Counter({(row.kind, row.variant): row.people for row in history.days})
    assert {row.day for row in history.days} == {
        to_datetime(START).date(),
        to_datetime(START + DAY).date(),
    }
    assert found[("responses", "")] == found[("tested", "A")] == 1
    assert found[("tested_responses", "A")] == 1 and ("tested_responses", "B") not in found
    *_, final = desk.facts(FactKind.CAMPAIGN_REPORT)
    assert (history.report, history.reported_at) == (final.values, final.at)
    assert history.report is not None and history.report["final"]


def test_a_campaign_that_goes_on_has_no_report(dsn: str) -> None:
    desk = active_desk(*PEOPLE)
    project(desk, dsn)
    assert report_history(dsn, TENANT, OUTREACH, ZONE, None) == (None, None, [])
    assert report_history(dsn, "bolt", OUTREACH, ZONE, to_datetime(START)).report is None
