"""The counts by which a call campaign completes itself: absolute, by partition, and corrected by
late ends (S3-32…S3-36, F-17)."""

from collections import Counter
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base.times import MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.item_status import item_status
from schemas.internal.topics import Topic
from tests.testing.builders import CAMPAIGN
from tests.testing.call_desk import CallDesk, call_step, call_world, contact_of, ordered
from tests.testing.story import change_campaign, new_event


def counted(desk: CallDesk) -> list[m.RunsCounted]:
    """The reports to the campaign, in the order of the log."""
    values = [r.value or b"" for r in desk.broker.topic(Topic.CAMPAIGN_LOG)]
    return [each for each in map(m.decode_campaign, values) if isinstance(each, m.RunsCounted)]


def test_the_first_change_is_reported_after_a_second() -> None:
    desk = ordered(call_world())
    assert counted(desk) == []
    started_at = desk.now
    desk.advance_to(desk.now + 1 * SECOND)
    (report,) = counted(desk)
    assert (report.campaign_id, report.seq, report.last_started_at) == (CAMPAIGN, 1, started_at)
    assert report.counts == {"live": 1, "runs": 1}


def test_many_changes_are_reported_at_once() -> None:
    desk = call_world()
    for number in range(160):
        ordered(desk, f"p{number}")
    reports = counted(desk)
    assert [report.counts["runs"] for report in reports] == [64] * len(reports)
    assert 1 <= len(reports) <= 2  # by partition
    desk.advance_to(desk.now + 1 * SECOND)
    newest = {report.partition: report for report in counted(desk)}
    assert sum(report.counts["runs"] for report in newest.values()) == 160


def test_the_numbers_of_a_report_are_those_of_then() -> None:
    desk = ordered(call_world())
    desk.advance_to(desk.now + 1 * SECOND)
    touch = desk.grant()
    desk.lose(touch)
    desk.end(touch, "answered")
    desk.advance_to(desk.now + 1 * SECOND)
    assert [report.seq for report in counted(desk)] == [1, 2]
    numbers = counted(desk)[-1].counts
    assert numbers == {"completed": 1, "failed": 0, "live": 0, "runs": 1}


def test_a_paused_run_is_a_live_one() -> None:
    desk = ordered(call_world())
    desk.deliver(change_campaign(desk, "paused"))
    assert desk.counts() == {"runs": 1, "live": 1}
    desk.deliver(change_campaign(desk, "cancelled"))
    assert desk.counts() == {"runs": 1, "cancelled": 1}


def test_an_erased_persons_item_is_cancelled() -> None:
    desk = ordered(call_world())
    desk.deliver(new_event(desk, m.ContactErased))
    assert desk.counts() == {"runs": 1, "cancelled": 1}


def test_a_request_that_dispatch_refuses_is_skipped() -> None:
    desk = ordered(call_world())
    (touch,) = desk.requests()
    ids = (touch.tenant_id, touch.contact_id, touch.command_id)
    desk.deliver(m.TouchRefused(*ids, "suppressed"))
    assert desk.counts() == {"runs": 1, "skipped": 1}


def test_a_step_without_a_template_is_skipped() -> None:
    assert ordered(call_world(call_step(template_id=None))).counts() == {"runs": 1, "skipped": 1}


def act_on(desk: CallDesk, act: str, name: str) -> None:
    """One order of an owner, or one report about a person's last call."""
    who = ("acme", name, f"{act}#{desk.now}", desk.now)
    orders = {"stop": m.ContactStopped, "pause": m.ContactPaused, "resume": m.ContactResumed}
    mine = [touch for touch in desk.requests() if touch.contact_id == name]
    if act in orders:
        desk.deliver(orders[act](*who))
    elif act == "order":
        ordered(desk, name)
    elif act == "cancel":
        desk.deliver(change_campaign(desk, "cancelled"))
    elif mine and act == "grant":
        desk.grant(mine[-1])
    elif mine and act == "lost":
        desk.lose(mine[-1])
    elif mine:
        desk.end(mine[-1], act)


def recounted(desk: CallDesk, names: list[str]) -> Counter[str]:
    """The counts of the campaign from the runs of all people."""
    statuses: Counter[str] = Counter()
    for name in names:
        with suppress(LookupError):
            for run in contact_of(desk, name).enrollments:
                status = item_status(run)
                statuses["runs"] += 1
                statuses["live" if status in ("queued", "processing") else status] += 1
    return statuses


ACTS = ("order", "grant", "answered", "busy", "lost", "stop", "pause", "resume", "cancel")


@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 3)), max_size=25))
@settings(max_examples=100, deadline=None)
def test_the_counts_equal_a_recount_of_all_runs(acts: list[tuple[str, int]]) -> None:
    desk = call_world()
    names = [f"p{number}" for number in range(4)]
    for act, number in acts:
        desk.now += MINUTE
        act_on(desk, act, names[number])
    expected = recounted(desk, names)
    assert desk.counts() == dict(expected)
    desk.advance_to(desk.now + 2 * SECOND)
    newest = {report.partition: report for report in counted(desk)}
    reported = sum((Counter(report.counts) for report in newest.values()), Counter[str]())
    assert +reported == +expected
