"""The SQL triggers of S4 against the engine and its projection, on random histories. Every
deviation has its number in the requirements, and is asserted here: C-6, C-7, C-8, C-13, C-14, C-15,
C-16."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import pytest

from processors.campaign.dates import end_at
from schemas.base.times import DAY, HOUR, MINUTE, from_datetime
from schemas.campaigns.compiled_definition import CampaignSettings
from schemas.internal import messages as m
from tests.oracle.outreach_triggers import SourceDatabase
from tests.sinks.conftest import Database, migrated, server
from tests.testing.builders import answer_fields, step
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk
from tests.testing.projected import project, select
from tests.testing.story import event_fields

__all__ = ["migrated", "server"]

PEOPLE = 6
SETTINGS = {"on_reply": "continue", "on_conversion": "continue"}
AFTER_SEND = ("open", "click", "reply", "convert", "bounce", "unsubscribe")
RANK = ("sent", "opened", "responded", "converted")


class Both:
    """One history, applied to the engine and to the database of S4."""

    def __init__(self, source: SourceDatabase) -> None:
        self.source = source
        document = outreach_document(settings=SETTINGS, steps=[step(), step("b", hours=48)])
        self.names = [f"p{number}" for number in range(PEOPLE)]
        self.desk: OutreachDesk = active_desk(*self.names, document=document)
        self.sent: set[int] = set()
        self.closed: set[int] = set()
        self.commands: dict[int, m.RequestTouch] = {}
        self.happened: dict[int, list[str]] = {number: [] for number in range(PEOPLE)}
        for number in range(PEOPLE):
            source.add(number)

    def apply(self, number: int, event: str) -> None:
        """Something happens to a person, a minute after what happened before."""
        self.desk.advance_to(self.desk.now + MINUTE)
        name = self.names[number]
        if event == "send":
            self.commands[number] = self.desk.send(name)
            self.sent.add(number)
        else:
            self.desk.deliver(self._message(number, name, event))
        self.happened[number].append(event)
        self.source.apply(number, event)

    def _message(self, number: int, name: str, event: str) -> m.Message:
        touch = self.commands[number]
        ids = answer_fields(touch, self.desk, event)
        fields = {**event_fields(self.desk, name), "command_id": touch.command_id}
        match event:
            case "open" | "click":
                return m.TouchSeen(**ids, signal="opened" if event == "open" else "clicked")
            case "reply":
                return m.ContactReplied(**fields, channel="email")
            case "convert":
                kind: dict[str, Any] = {
                    "conversion_type": "phone_screen",
                    "entity_id": f"e-{number}",
                }
                return m.ConversionRecorded(**fields, **kind, rules=m.CONVERSION_RULES)
            case "bounce":
                return m.TouchBounced(**ids, bounce_type="hard", rules=m.BOUNCE_RULES)
        return m.ContactUnsubscribed(**event_fields(self.desk, name), channel="email")


def random_history(seed: int, source: SourceDatabase) -> Both:
    """Each person is sent the mail or not; afterwards anything happens, once each, in any order."""
    random, both = Random(seed), Both(source)
    for number in range(PEOPLE):
        if random.random() < 0.8:
            both.apply(number, "send")
    left = [(n, e) for n in both.sent for e in AFTER_SEND if random.random() < 0.35]
    random.shuffle(left)
    for number, event in left:
        both.apply(number, event)
    both.desk.advance_to(both.desk.now + HOUR)
    return both


def by_rank(events: list[str]) -> str:
    """The status of C-13 from what happened."""
    if "convert" in events:
        return "converted"
    for event, status in (
        *(("unsubscribe", "unsubscribed"), ("bounce", "bounced"), ("reply", "responded")),
        *(("open", "opened"), ("click", "opened"), ("send", "sent")),
    ):
        if event in events:
            return status
    return "pending"


@pytest.fixture
def databases(server: Database, migrated: str) -> Any:
    dsn = server.create(migrated)
    source = SourceDatabase(dsn)
    yield dsn, source
    source.close()


def statuses_of(dsn: str) -> dict[str, str]:
    """The projected status of each contact, by name."""
    found = select(dsn, "SELECT contact_id, status FROM outreach.campaign_contacts")
    return {str(name): str(status) for name, status in found}


def percent(part: int, whole: int) -> Decimal | None:
    """A share in percent, rounded half up."""
    if not whole:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal("0.01"), ROUND_HALF_UP)


METRICS = """SELECT m.reached, m.reached_current, m.email_contacts_sent, m.responses, m.conversions,
    m.response_rate, m.response_rate_display, c.contacts_reached, c.emails_sent,
    c.responses_received, c.conversions, c.response_rate
    FROM outreach.campaign_metrics AS m JOIN outreach.campaigns AS c USING (id)"""


@pytest.mark.parametrize("seed", range(24))
def test_a_random_history_differs_from_the_triggers_only_where_it_is_listed(
    databases: tuple[str, SourceDatabase], seed: int
) -> None:
    dsn, source = databases
    both = random_history(seed, source)
    project(both.desk, dsn)
    ((*read, reached, emails, responses, conversions, rate),) = select(dsn, METRICS)
    ever, current, people, counted, converted, shown_rate, displayed = read
    of_source = source.counts()

    # What agrees: responses, conversions, and the people who were sent an e-mail (C-15).
    assert of_source[1:4] == (people, counted, converted)
    assert (responses, conversions) == (counted, converted)
    assert emails == len(both.sent)

    # C-13: the status by rank, where S4 has the last event.
    statuses, last = statuses_of(dsn), source.statuses()
    expected = {f"p{number}": by_rank(events) for number, events in both.happened.items()}
    assert statuses == expected
    differing = {name for name in last if last[name] != statuses[name]}

    # C-14: reached never falls; the formula of S4 counts by status, and has its own name.
    assert ever == reached == len(both.sent)
    assert current == sum(status in RANK for status in statuses.values())
    moved = sum(int(last[each] in RANK) - int(statuses[each] in RANK) for each in differing)
    assert of_source[0] - int(str(current)) == moved

    # C-16: a rate of nothing is NULL, and 0 only for display; the rest is per person ever reached.
    assert shown_rate == rate == percent(int(str(counted)), len(both.sent))
    assert displayed == (rate or 0)
    if of_source[0] == 0:
        assert of_source[4] == 0
    elif of_source[0] == ever:
        assert of_source[4] == rate


def test_a_history_in_the_order_of_the_workflow_has_no_deviation(
    databases: tuple[str, SourceDatabase],
) -> None:
    """pending, sent, opened, responded, converted: one person each."""
    dsn, source = databases
    both = Both(source)
    for number, events in enumerate(([], ["send"], ["send", "open"], ["send", "open", "reply"])):
        for event in events:
            both.apply(number, event)
    for event in ("send", "open", "reply", "convert"):
        both.apply(4, event)
    both.desk.advance_to(both.desk.now + HOUR)
    project(both.desk, dsn)
    assert statuses_of(dsn) == source.statuses()
    mine = """SELECT contacts_reached, emails_sent, responses_received, conversions, response_rate
        FROM outreach.campaigns"""
    assert select(dsn, mine) == [source.counts()]


def test_a_second_message_to_a_person_is_a_second_send(
    databases: tuple[str, SourceDatabase],
) -> None:
    """C-15: S4 counts people under the name of messages."""
    dsn, source = databases
    both = Both(source)
    both.apply(0, "send")
    both.desk.advance_to(both.desk.now + 3 * DAY)
    both.apply(0, "send")
    both.desk.advance_to(both.desk.now + HOUR)
    project(both.desk, dsn)
    query = "SELECT emails_sent, contacts_reached FROM outreach.campaigns"
    assert select(dsn, query) == [(2, 1)]
    assert source.counts()[:2] == (1, 1)
    people = "SELECT email_sends, email_contacts_sent FROM outreach.campaign_metrics"
    assert select(dsn, people) == [(2, 1)]


@pytest.mark.parametrize(("channel", "linkedin"), [("email", 0), ("linkedin", 1), ("combined", 0)])
def test_the_trigger_counts_linkedin_by_the_channel_of_the_campaign(
    databases: tuple[str, SourceDatabase], channel: str, linkedin: int
) -> None:
    """C-15: contacts have no channel, so the trigger reads that of the campaign, and a combined
    campaign has no LinkedIn message. In our view the channel is that of the step."""
    _, source = databases
    source.run(f"UPDATE campaigns SET channel = '{channel}'")
    source.add(1)
    source.run("UPDATE campaign_contacts SET status = 'sent', sent_at = NOW()")
    assert source.rows("SELECT linkedin_messages_sent FROM campaigns") == [(linkedin,)]


def test_the_trigger_misses_an_event_that_is_stored_after_its_contact(
    databases: tuple[str, SourceDatabase],
) -> None:
    """C-15: it reads events, and is not called for them."""
    _, source = databases
    source.add(1)
    source.run("UPDATE campaign_contacts SET status = 'sent', sent_at = NOW()")
    source.run(
        "INSERT INTO engagement_tracking (campaign_contact_id, event_type) "
        "SELECT id, 'email_sent' FROM campaign_contacts"
    )
    assert source.counts()[:2] == (1, 0)


def is_completed(source: SourceDatabase, status: str, end_date: date, today: date) -> bool:
    """Whether the daily job of S4 completes a campaign; its clock is set by moving the date."""
    ahead = (end_date - today).days
    source.run(f"UPDATE campaigns SET status = '{status}', end_date = CURRENT_DATE + {ahead}")
    source.run("SELECT auto_complete_campaigns()")
    return source.rows("SELECT status FROM campaigns") == [("completed",)]


@pytest.mark.parametrize("ahead", range(-2, 3))
def test_the_daily_job_loses_the_last_day_which_belongs_to_the_campaign(
    databases: tuple[str, SourceDatabase], ahead: int
) -> None:
    """C-6: at 00:00 of a day in UTC, as the job runs. The literal mode agrees with it."""
    _, source = databases
    today = date(2026, 3, 10)
    end_date = date.fromordinal(today.toordinal() + ahead)
    now = from_datetime(datetime(2026, 3, 10, tzinfo=UTC))
    end_day = (end_date - date(1970, 1, 1)).days
    by_job = is_completed(source, "active", end_date, today)
    ends = {
        mode: end_at(CampaignSettings(end_day=end_day, end_mode=mode), "UTC") or 0
        for mode in ("inclusive", "literal")
    }
    assert (ends["literal"] <= now) == by_job
    assert (ends["inclusive"] <= now) == (by_job and ahead != 0)


def test_the_daily_job_leaves_a_paused_campaign_and_its_end_date(
    databases: tuple[str, SourceDatabase],
) -> None:
    """C-8: a paused campaign ends too. C-7: the job sets no date."""
    _, source = databases
    assert not is_completed(source, "paused", date(2026, 3, 1), date(2026, 3, 10))
    source.run("UPDATE campaigns SET status = 'active', end_date = NULL")
    source.run("SELECT auto_complete_campaigns()")
    assert source.rows("SELECT status, end_date FROM campaigns") == [("active", None)]
