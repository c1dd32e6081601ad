"""The counts of a campaign after any history equal a recount of all runs and facts, and a rebuild
from the log comes to the same ones (C-14…C-17, C-40)."""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.contact import ContactProcessor, run_counts
from processors.fold.task import Record, Task
from processors.fold.turn import Turn
from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.enrollment import LIVE, RESOLVED, Enrollment, RunResults, Status
from schemas.internal.facts import FactKind
from schemas.internal.states import RunCount
from schemas.internal.topics import Topic
from streams.base.transport import Partition
from tests.testing.builders import TENANT, answer_fields, step
from tests.testing.outreach import OUTREACH, experiment, outreach_document
from tests.testing.outreach_desk import OutreachDesk, desk_with_draft
from tests.testing.outreach_orders import published
from tests.testing.story import contact_of, event_fields, upserted

NAMES = ("c-1", "c-2", "c-3", "c-4")


def document(split: int = 50) -> dict[str, Any]:
    """An e-mail with an experiment, a message, and an e-mail with another one."""
    first = experiment(ab_split_percentage=split)
    second = experiment("second", holdout_percentage=30, on_winner="switch_unsent")
    steps = [
        step(template_id=None, experiment=first),
        step("b", "linkedin", hours=2),
        step("c", hours=2, experiment=second),
    ]
    more = {"on_reply": "continue", "on_conversion": "continue", "reentry": "after_end"}
    return outreach_document({"channel": "combined"}, settings=more, steps=steps)


# what may happen

Act = Callable[[OutreachDesk, str, int], None]
"""Something that happens to a person; the number varies it."""


def _touches(desk: OutreachDesk, name: str) -> list[m.RequestTouch]:
    return [touch for touch in desk.requests() if touch.contact_id == name]


def _about_last(kind: type[m.Message], **fields: Any) -> Act:
    """Something about the person's last command, up to an hour ago."""

    def act(desk: OutreachDesk, name: str, number: int) -> None:
        touches = _touches(desk, name)
        if not touches:
            return
        touch = touches[-1 - number % len(touches)]
        at = desk.now - number * 15 * MINUTE
        ids = answer_fields(touch, desk, f"{kind.__name__}-{number}") | {"at": at}
        if kind is m.TouchSent:
            ids["sent_at"] = at
            _command(desk, name, number)
        desk.deliver(kind(**ids, **fields))

    return act


def _about_person(kind: type[m.Message], **fields: Any) -> Act:
    """Something that the person does or did, up to an hour ago."""

    def act(desk: OutreachDesk, name: str, number: int) -> None:
        given = event_fields(desk, name) | {"at": desk.now - number * 15 * MINUTE}
        desk.deliver(kind(**given, **fields))

    return act


def _command(desk: OutreachDesk, name: str, number: int) -> None:
    if _touches(desk, name):
        desk.command(name)


def _convert(desk: OutreachDesk, name: str, number: int) -> None:
    fields = event_fields(desk, name) | {"at": desk.now - number * 15 * MINUTE}
    kind = ("phone_screen", "interview", "deal")[number % 3]
    named = OUTREACH if number % 2 else None
    event = m.ConversionRecorded(**fields, conversion_type=kind, campaign_id=named, rules=1)
    desk.deliver(replace(event, entity_id=f"e-{number // 2}"))


def _announce_winner(desk: OutreachDesk, name: str, number: int) -> None:
    winner = m.WinnerAnnounced(TENANT, OUTREACH, "second", "AB"[number % 2], "test#winner")
    for partition in range(desk.layout.contact):
        desk.broker.append(Topic.CONTACT_LOG, TENANT.encode(), m.encode(winner), partition)
    desk.settle()


def _pass_time(desk: OutreachDesk, name: str, number: int) -> None:
    desk.advance_to(desk.now + (number + 1) * HOUR)


def _add(desk: OutreachDesk, name: str, number: int) -> None:
    desk.add(name)


def _amend(desk: OutreachDesk, name: str, number: int) -> None:
    desk.deliver(upserted(desk, name, email=f"{name}-{number}@example.org"))


def _change(action: str) -> Act:
    def act(desk: OutreachDesk, name: str, number: int) -> None:
        desk.change(action)

    return act


ACTS: dict[str, Act] = {
    "add": _add,
    "order": lambda desk, name, number: desk.order(name),
    "command": _command,
    "sent": _about_last(m.TouchSent),
    "failed": _about_last(m.TouchFailed, code="timeout", permanent=True),
    "hard": _about_last(m.TouchBounced, bounce_type="hard", rules=1),
    "soft": _about_last(m.TouchBounced, bounce_type="soft", rules=1),
    "opened": _about_last(m.TouchSeen, signal="opened"),
    "answered": _about_last(m.ContactReplied, channel="email"),
    "replied": _about_person(m.ContactReplied, channel="linkedin"),
    "opted out": _about_person(m.ContactUnsubscribed, channel="email"),
    "converted": _convert,
    "stopped": _about_person(m.ContactStopped),
    "held": _about_person(m.ContactPaused),
    "let go": _about_person(m.ContactResumed),
    "erased": _about_person(m.ContactErased),
    "amended": _amend,
    "paused": _change("paused"),
    "resumed": _change("resumed"),
    "completed": _change("completed"),
    "edited": lambda desk, name, number: desk.deliver(published(document(50 + 10 * number))),
    "winner": _announce_winner,
    "time": _pass_time,
}
OFTEN = ("add", "sent", "time", "answered", "converted")
RARELY = ("completed", "erased", "stopped")
CHOICES = [name for name in ACTS for _ in range(1 if name in RARELY else 4 if name in OFTEN else 2)]
HISTORY = st.lists(
    st.tuples(st.sampled_from(CHOICES), st.sampled_from(NAMES), st.integers(0, 4)),
    min_size=8,
    max_size=40,
)


def play(history: list[tuple[str, str, int]]) -> OutreachDesk:
    """A campaign that was activated with two people, and what happens then."""
    desk = desk_with_draft(document()).add(*NAMES[:2]).change("activated")
    desk.send(NAMES[0])
    for act, name, number in history:
        desk.now += 7 * MINUTE
        ACTS[act](desk, name, number)
    desk.advance_to(desk.now + 2 * SECOND)
    return desk


# recounts


def runs_of(desk: OutreachDesk) -> list[Enrollment]:
    """All runs of the campaign."""
    runs = []
    for name in NAMES:
        with suppress(LookupError):
            runs += contact_of(desk, name).enrollments
    return runs


def recounted(desk: OutreachDesk) -> Counter[str]:
    """The counts of the campaign from its runs, and from the facts of what was sent."""
    counts: Counter[str] = Counter()
    sent = desk.facts(FactKind.TOUCH_SENT)
    reached = {fact.enrollment_id for fact in sent}
    counts.update(f"sent_{fact.channel}" for fact in sent)
    for run in runs_of(desk):
        results = run.results
        assert results is not None
        happened = {
            "runs": True,
            "live": run.status is Status.ACTIVE,
            "frozen": run.status is Status.FROZEN,
            f"ended_{run.reason or 'completed'}": run.status not in LIVE,
            "out": run.status not in LIVE and any(t.phase not in RESOLVED for t in run.touches),
            "reached": run.enrollment_id in reached,
            "responses": results.responded_at is not None,
            "conversions": run.converted_at is not None,
            "implied_responses": _is_implied(run, results),
            "opt_outs": results.opted_out_at is not None,
            "bounces": results.bounced_at is not None,
        }
        counts.update(name for name, has in happened.items() if has)
        steps = {f.step_id for f in sent if f.enrollment_id == run.enrollment_id}
        counts.update(_of_experiments(run, results, steps))
    return counts


def _is_implied(run: Enrollment, results: RunResults) -> bool:
    at = run.converted_at
    return at is not None and not (results.responded_at and results.responded_at <= at)


def _of_experiments(run: Enrollment, results: RunResults, steps: set[str | None]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in results.variants:
        if each.assigned_by != "hash":
            continue
        name = f"{each.experiment_id}/{each.split}/{each.variant}/"
        counts[f"{name}runs"] += 1
        step_id = {"java-q1": "a", "second": "c"}[each.experiment_id]
        assert each.is_reached == (step_id in steps)
        since = each.reached_at
        if since is None:
            continue
        counts[f"{name}reached"] += 1
        times = {
            "responses": results.responded_at,
            "conversions": run.converted_at,
            "opt_outs": results.opted_out_at,
            "bounces": results.bounced_at,
        }
        counts.update(f"{name}{key}" for key, at in times.items() if at and at >= since)
    return counts


def newest(reports: Iterable[m.RunsCounted]) -> Counter[str]:
    """What a campaign adds up from the newest report of each partition."""
    of_partition: dict[int, m.RunsCounted] = {}
    for report in reports:
        known = of_partition.get(report.partition)
        if known is None or report.seq > known.seq:
            of_partition[report.partition] = report
    return sum((Counter(report.counts) for report in of_partition.values()), Counter[str]())


def reports_of_rebuild(desk: OutreachDesk) -> list[m.RunsCounted]:
    """The reports of tasks that fold contact-log anew from its start."""
    reports = []
    for number in range(desk.layout.contact):
        task = Task(ContactProcessor(), number)
        log = desk.broker.log(Partition(Topic.CONTACT_LOG, number))
        task.feed([Record(r.offset, r.timestamp, r.key or b"", r.value or b"") for r in log])
        while task.advance(1_000):
            reports += [o.message for o in task.outputs if isinstance(o.message, m.RunsCounted)]
            task.outputs.clear()
        task.commit(task.changes())
    return reports


def positive(counts: Counter[str]) -> dict[str, int]:
    """The counts that are not 0; none may be below it."""
    assert min(counts.values(), default=0) >= 0, counts
    return {name: number for name, number in sorted(counts.items()) if number}


def check(desk: OutreachDesk) -> None:
    """The states, the reports, and the reports of a rebuild after those of before all have the
    counts of a recount."""
    expected = positive(recounted(desk))
    assert dict(sorted(desk.outreach_counts().items())) == expected
    assert positive(newest(desk.reported())) == expected
    again = reports_of_rebuild(desk)
    assert positive(newest(again)) == expected
    assert positive(newest([*desk.reported(), *again])) == expected


@given(HISTORY)
@settings(max_examples=150, deadline=None)
@example(
    [("command", "c-1", 0), ("replied", "c-1", 0), ("sent", "c-1", 1), ("converted", "c-1", 4)]
)
@example([("sent", "c-1", 0), ("paused", "c-1", 0), ("completed", "c-1", 0), ("sent", "c-2", 3)])
@example([("winner", "c-1", 0)])
def test_the_counts_equal_a_recount_of_all_runs(history: list[tuple[str, str, int]]) -> None:
    check(play(history))


SHORT = [("sent", "c-2", 0), ("time", "c-1", 0), ("answered", "c-1", 0)]


def test_counts_that_are_increments_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Added up, they are doubled by a rebuild that reports again."""
    report = run_counts.report

    def report_increments(turn: Turn, count: RunCount) -> None:
        known = dict(count.counts)
        report(turn, count)
        count.counts = {}
        sent = turn.outputs[-1].message
        assert isinstance(sent, m.RunsCounted)
        assert sent.counts == dict(sorted(known.items()))

    check(play(SHORT))
    monkeypatch.setattr(run_counts, "report", report_increments)
    desk = play(SHORT)
    with pytest.raises(AssertionError):
        check(desk)
    once = sum((Counter(each.counts) for each in desk.reported()), Counter[str]())
    both = [*desk.reported(), *reports_of_rebuild(desk)]
    twice = sum((Counter(each.counts) for each in both), Counter[str]())
    assert positive(once) == positive(recounted(desk))
    assert {name: number for name, number in twice.items() if number} == {
        name: 2 * number for name, number in once.items() if number
    }
