"""The counts of a campaign that decides by them: targets, winners, completion (C-14…C-17, C-40).

What a run counts as is derived from the run alone, as bits: `of_run` for the campaign, and
`of_assignment` for an experiment. Whenever a run changes, the difference to the bits that were
counted before is added to the count of its partition. So an event that comes twice, late or out of
order counts once, and the counts always equal those of all runs added up.

Runs are counted from the version of the campaign on that decides by counts: those that begin later,
and those that are live when that version comes, with what they were sent until then.
"""

from functools import lru_cache
from itertools import chain

from processors.contact.archived_runs import archived_runs
from processors.contact.context import Context
from processors.contact.run_counts import CHANGES_MAX, count_key, edit_count, plan_report
from processors.contact.run_queries import open_touch
from processors.contact.touch_times import executed_at
from schemas.channels import CHANNELS
from schemas.internal import count_names as names
from schemas.internal.enrollment import Assignment, Enrollment, RunResults, Touch
from schemas.internal.states import RunCount

RUN, LIVE, FROZEN, OUT, ENDED = 1, 2, 4, 8, 16
REACHED, RESPONSE, CONVERSION, IMPLIED, OPT_OUT, BOUNCE = 32, 64, 128, 256, 512, 1024
"""The bits of `RunResults.counted` and `Assignment.counted`."""

STANDS = RUN | LIVE | FROZEN | OUT | ENDED
STAND = (RUN | LIVE, RUN | FROZEN, RUN | ENDED, RUN | ENDED)
"""The bits of how a run stands, and those of each status."""

_NAMES = {
    RUN: names.RUNS,
    LIVE: names.LIVE,
    FROZEN: names.FROZEN,
    OUT: names.OUT,
    REACHED: names.REACHED,
    RESPONSE: names.RESPONSES,
    CONVERSION: names.CONVERSIONS,
    IMPLIED: names.IMPLIED_RESPONSES,
    OPT_OUT: names.OPT_OUTS,
    BOUNCE: names.BOUNCES,
}
"""The names of the counts. That of ended runs has the reason in it."""

_SENT = {channel: names.sent_by(channel) for channel in CHANNELS}

Changes = tuple[tuple[str, int], ...]
"""Counts that change, each with 1 or -1."""

BY_HASH = "hash"
"""How people are assigned who count in an experiment."""

AGAIN = "again"
"""How people are assigned in a further run, after another one was reached: as before by the hash,
and without counting once more."""


def count_stand(context: Context, run: Enrollment, results: RunResults) -> None:
    """Counts a run anew if it stands otherwise than before. A call campaign counts its runs by
    their items (run_counts.py)."""
    if run.call is None:
        before, stand = results.counted, stand_of(run)
        if before & STANDS != stand:
            after = before & ~STANDS | stand if before else of_run(run, results)
            _add(context, run, results, after, ())


def count_sent(context: Context, run: Enrollment, results: RunResults, touch: Touch) -> None:
    """Counts a touch that was sent, also one that is sent again."""
    results.is_reached = True
    changes: Changes = ((_SENT[touch.channel], 1),)
    for assignment in results.variants:
        if assignment.touch_number == touch.number and assignment.reached_at is None:
            if assignment.assigned_by == BY_HASH and was_reached(
                context, run.campaign_id, assignment.experiment_id
            ):
                assignment.assigned_by = AGAIN  # a send of another run was reported late
            assignment.reached_at = executed_at(touch)
            changes = _count_assignment(run, results, assignment) + changes
    _add(context, run, results, of_run(run, results), changes)


def was_reached(context: Context, campaign_id: str, experiment_id: str) -> bool:
    """Whether a run of the person was sent the step of an experiment of a campaign. Who succeeds
    twice is no evidence for two people: counted so, the decision would be wrong far too often."""
    present, archived = context.contact.enrollments, archived_runs(context, campaign_id)
    return any(
        run.results is not None
        and (assignment := run.results.assignment(experiment_id)) is not None
        and assignment.is_reached
        for run in chain(present, archived)
    )


def count_opt_out(context: Context, run: Enrollment, at: int) -> None:
    """Records an opt-out after a touch of the run; of several the first one counts."""
    results = run.results
    if results is not None and (results.opted_out_at is None or at < results.opted_out_at):
        results.opted_out_at = at
        recount(context, run)


def count_bounce(context: Context, run: Enrollment, at: int) -> None:
    """Records that a bounce has closed the address of one of the run's touches."""
    results = run.results
    if results is not None and (results.bounced_at is None or at < results.bounced_at):
        results.bounced_at = at
        recount(context, run)


def recount(context: Context, run: Enrollment) -> None:
    """Counts a run of a campaign that decides by counts as it is now."""
    results = run.results
    if results is None:
        return
    changes: Changes = ()
    for assignment in results.variants:
        changes += _count_assignment(run, results, assignment)
    after = of_run(run, results)
    if changes or after != results.counted:
        _add(context, run, results, after, changes)


def _count_assignment(run: Enrollment, results: RunResults, assignment: Assignment) -> Changes:
    """Counts a run anew in an experiment, and returns what changes."""
    before, after = assignment.counted, of_assignment(run, results, assignment)
    if before == after:
        return ()
    assignment.counted = after
    return _changes_of_variant(
        assignment.experiment_id, assignment.split, assignment.variant, before, after
    )


def _add(
    context: Context, run: Enrollment, results: RunResults, after: int, changes: Changes
) -> None:
    """Adds to the counts of the campaign what has changed about a run, which counts as `after` from
    now on, and `changes`."""
    before = results.counted
    if before != after:
        results.counted, results.implied = after, bool(after & IMPLIED)
        ended = run.reason or "completed" if (before ^ after) & ENDED else ""
        changes = _changes(before, after, ended) + changes
    count = context.turn.store.opened(count_key(context.tenant_id, run.campaign_id), RunCount)
    plans = count is None or count.report_at is None or count.changes + 1 >= CHANGES_MAX
    if count is None or plans:
        count = edit_count(context, run.campaign_id)
    counts = count.counts
    for name, number in changes:
        try:
            counts[name] += number
        except KeyError:
            counts[name] = number
    if not before & RUN and run.started_at > count.last_started_at:
        count.last_started_at = run.started_at
    count.changes += 1
    if plans:
        plan_report(context.turn, count)


def stand_of(run: Enrollment) -> int:
    """How a run stands, as bits."""
    bits = STAND[run.status]
    return bits | OUT if bits & ENDED and open_touch(run) is not None else bits


def of_run(run: Enrollment, results: RunResults) -> int:
    """What a run counts as, as bits."""
    bits = stand_of(run) if run.call is None else 0
    if results.is_reached:
        bits |= REACHED
    if results.responded_at is not None:
        bits |= RESPONSE
    if run.converted_at is not None:
        bits |= CONVERSION
        if results.responded_at is None or results.responded_at > run.converted_at:
            bits |= IMPLIED
    if results.opted_out_at is not None:
        bits |= OPT_OUT
    return bits if results.bounced_at is None else bits | BOUNCE


def of_assignment(run: Enrollment, results: RunResults, assignment: Assignment) -> int:
    """What a run counts as in an experiment, as bits: nothing for people without a variant by hash.
    What the person did before the touch of the experiment was sent belongs to another touch."""
    if assignment.assigned_by != BY_HASH or not assignment.variant:
        return 0
    since = assignment.reached_at
    if since is None:
        return RUN
    bits = RUN | REACHED
    if results.responded_at is not None and results.responded_at >= since:
        bits |= RESPONSE
    if run.converted_at is not None and run.converted_at >= since:
        bits |= CONVERSION
    if results.opted_out_at is not None and results.opted_out_at >= since:
        bits |= OPT_OUT
    if results.bounced_at is not None and results.bounced_at >= since:
        bits |= BOUNCE
    return bits


@lru_cache(maxsize=4096)
def _changes(before: int, after: int, ended: str = "") -> Changes:
    """The counts that change. `ended` is why the run has ended, or had."""
    rows = ((bit, name) for bit, name in _NAMES.items() if (before ^ after) & bit)
    changes = tuple((name, 1 if after & bit else -1) for bit, name in rows)
    return (*changes, (names.ended_by(ended), 1 if after & ENDED else -1)) if ended else changes


@lru_cache(maxsize=4096)
def _changes_of_variant(
    experiment_id: str, split: int, variant: str, before: int, after: int
) -> Changes:
    """The counts of a variant that change."""
    return tuple(
        (names.of_experiment(experiment_id, split, variant, name), number)
        for name, number in _changes(before, after)
    )
