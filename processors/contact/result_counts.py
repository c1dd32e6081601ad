"""The counts of a campaign that decides by them: targets, winners, completion (C-14…C-17, C-40).

What a run counts as is derived from the run alone, as bits: `of_run` for the campaign, and
`of_assignment` for an experiment. Whenever a run changes, the difference to the bits that were
counted before is added to the count of its partition. So an event that comes twice, late or out of
order counts once, and the counts always equal those of all runs added up.

Runs are counted from the version of the campaign on that decides by counts: those that begin later,
and those that are live when that version comes, with what they were sent until then.
"""

from functools import lru_cache

from processors.contact import run_counts
from processors.contact.context import Context
from processors.contact.run_queries import open_touch
from processors.contact.touch_times import executed_at
from schemas.internal import count_names as names
from schemas.internal.enrollment import Assignment, Enrollment, RunResults, Touch
from schemas.internal.states import RunCount

RUN, LIVE, FROZEN, OUT, ENDED = 1, 2, 4, 8, 16
REACHED, RESPONSE, CONVERSION, IMPLIED, OPT_OUT, BOUNCE = 32, 64, 128, 256, 512, 1024
"""The bits of `RunResults.counted` and `Assignment.counted`."""

_STAND = (RUN | LIVE, RUN | FROZEN, RUN | ENDED, RUN | ENDED)
"""How a run stands, by its status."""

_STANDS = RUN | LIVE | FROZEN | OUT | ENDED

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


def count_stand(context: Context, run: Enrollment, results: RunResults) -> None:
    """Counts a run anew if it stands otherwise than before. A call campaign counts its runs by
    their items (run_counts.py)."""
    if run.call is None and results.counted & _STANDS != _stand(run):
        recount(context, run)


def count_sent(context: Context, run: Enrollment, results: RunResults, touch: Touch) -> None:
    """Counts a touch that was sent, also one that is sent again."""
    results.is_reached = True
    if results.variants:
        step = context.step(run, touch)
        assignment = context.newest_template(run, step).assignment
        if assignment is not None and assignment.reached_at is None:
            assignment.reached_at = executed_at(touch)
    count = run_counts.edit_count(context, run.campaign_id)
    _add(count, names.sent_by(touch.channel), 1)
    _recount(run, results, count)
    run_counts.changed(context, count)


def count_response(context: Context, run: Enrollment, at: int) -> bool:
    """Credits a response to a run; of several the first one counts. Returns whether the run had
    none."""
    results = run.results
    if results is None:
        return False
    first = results.responded_at is None
    if results.responded_at is None or at < results.responded_at:
        results.responded_at = at
        recount(context, run)
    return first


def count_opt_out(context: Context, run: Enrollment, at: int) -> bool:
    """Records an opt-out after a touch of the run; of several the first one counts. Returns whether
    the run had none."""
    results = run.results
    if results is None:
        return False
    first = results.opted_out_at is None
    if results.opted_out_at is None or at < results.opted_out_at:
        results.opted_out_at = at
        recount(context, run)
    return first


def count_bounce(context: Context, run: Enrollment, at: int) -> None:
    """Records that a bounce has closed the address of one of the run's touches."""
    results = run.results
    if results is not None and (results.bounced_at is None or at < results.bounced_at):
        results.bounced_at = at
        recount(context, run)


def count_conversion(context: Context, run: Enrollment) -> None:
    """Counts the conversion that the run is credited with, or no more if it is credited with none
    now."""
    recount(context, run)


def count_reopened(context: Context, run: Enrollment) -> None:
    """Counts a run that has ended and goes on after all."""
    recount(context, run)


def recount(context: Context, run: Enrollment) -> None:
    """Counts a run of a campaign that decides by counts as it is now."""
    results = run.results
    if results is None:
        return
    results.implied = _is_implied(run, results)
    count = run_counts.edit_count(context, run.campaign_id)
    if _recount(run, results, count):
        run_counts.changed(context, count)


def _recount(run: Enrollment, results: RunResults, count: RunCount) -> bool:
    """Adds to the counts what has changed about a run. Returns whether anything has."""
    before, after = results.counted, of_run(run, results)
    if before != after:
        results.counted = after
        for name, number in _changes(before, after):
            _add(count, name, number)
        if (before ^ after) & ENDED:
            _add(count, names.ended_by(run.reason or "completed"), 1 if after & ENDED else -1)
        if after & RUN > before & RUN:
            count.last_started_at = max(count.last_started_at, run.started_at)
    is_changed = before != after
    for assignment in results.variants:
        counted, now = assignment.counted, of_assignment(run, results, assignment)
        if counted != now:
            assignment.counted, is_changed = now, True
            for name, number in _changes(counted, now):
                _add(count, _of_variant(assignment, name), number)
    return is_changed


def of_run(run: Enrollment, results: RunResults) -> int:
    """What a run counts as, as bits."""
    bits = _stand(run) if run.call is None else 0
    if results.is_reached:
        bits |= REACHED
    if results.responded_at is not None:
        bits |= RESPONSE
    if run.converted_at is not None:
        bits |= CONVERSION
        if _is_implied(run, results):
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
    for bit, at in (
        (RESPONSE, results.responded_at),
        (CONVERSION, run.converted_at),
        (OPT_OUT, results.opted_out_at),
        (BOUNCE, results.bounced_at),
    ):
        if at is not None and at >= since:
            bits |= bit
    return bits


BY_HASH = "hash"
"""How people are assigned who count in an experiment."""


def _stand(run: Enrollment) -> int:
    stand = _STAND[run.status]
    return stand | OUT if stand & ENDED and open_touch(run) is not None else stand


def _is_implied(run: Enrollment, results: RunResults) -> bool:
    """Whether the run has a conversion and no response before it (C-37)."""
    at = run.converted_at
    return at is not None and (results.responded_at is None or results.responded_at > at)


@lru_cache(maxsize=4096)
def _changes(before: int, after: int) -> tuple[tuple[str, int], ...]:
    """The counts that change, each with 1 or -1."""
    rows = ((bit, name) for bit, name in _NAMES.items() if (before ^ after) & bit)
    return tuple((name, 1 if after & bit else -1) for bit, name in rows)


def _of_variant(assignment: Assignment, name: str) -> str:
    return names.of_experiment(assignment.experiment_id, assignment.split, assignment.variant, name)


def _add(count: RunCount, name: str, number: int) -> None:
    count.counts[name] = count.counts.get(name, 0) + number
