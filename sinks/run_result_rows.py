"""Rows of the runs of campaigns that decide by counts, and of their touches, computed from states
by pure functions (S4-35…S4-49).

Other runs have no such row. What the order stated about the person is personal data: the rows of an
erased contact, and those of runs that have left the contact's state, do not have it.
"""

from collections.abc import Iterable, Iterator

from schemas.base.times import MomentUs
from schemas.campaigns.contact_types import CONTACT_TYPES
from schemas.internal.enrollment import Enrollment, RunResults, Touch
from schemas.internal.outreach_status import outreach_status
from sinks.copy_values import Row, Rows, jsonb, named, timestamptz

_NOT_KEPT = ("company_name", "title")
"""What a run has no more once it has left the state of its contact."""


def add_result_rows(
    tenant_id: str, contact_id: str, run: Enrollment, rows: Rows, *, erased: bool, archived: bool
) -> None:
    """Adds the rows of one run, which has results."""
    results = run.results
    assert results is not None, "the caller asks"
    person = {} if erased else {**results.person, **(run.variables or {})}
    if archived:
        person = {name: text for name, text in person.items() if name not in _NOT_KEPT}
    rows["run_results"].append(_result_row(tenant_id, contact_id, run, results, person))
    rows["engagements"] += [
        _engagement_row(tenant_id, contact_id, run, touch) for touch in run.touches
    ]


def _result_row(
    tenant_id: str, contact_id: str, run: Enrollment, results: RunResults, person: dict[str, str]
) -> Row:
    touches = run.touches
    test = results.variants[0] if results.variants else None
    first = min(
        (touch for touch in touches if touch.sent_at is not None),
        key=lambda touch: (touch.sent_at, touch.number),
        default=None,
    )
    return (
        tenant_id,
        run.enrollment_id,
        contact_id,
        run.campaign_id,
        run.version,
        outreach_status(run),
        person.get("contact_type") or CONTACT_TYPES[0],
        person.get("user_id") or None,
        person.get("lead_id") or None,
        person.get("company_name") or None,
        person.get("title") or None,
        test.experiment_id if test else None,
        (test.variant or None) if test else None,
        test.assigned_by if test else None,
        timestamptz(test.reached_at) if test else None,
        jsonb([named(each) for each in results.variants]) if results.variants else None,
        first.channel if first else None,
        first.template_id if first else None,
        results.is_reached,
        timestamptz(first.sent_at) if first else None,
        timestamptz(_first(touch.opened_at for touch in touches)),
        timestamptz(_first(touch.clicked_at for touch in touches)),
        timestamptz(results.responded_at),
        results.response_channel or None,
        timestamptz(run.converted_at),
        run.conversion if run.converted_at is not None else None,
        results.entity_id,
        results.implied,
        timestamptz(results.bounced_at),
        timestamptz(results.opted_out_at),
        timestamptz(run.started_at),
        timestamptz(max(_moments(run, results))),
    )


def _first(moments: Iterable[MomentUs | None]) -> MomentUs | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _moments(run: Enrollment, results: RunResults) -> Iterator[MomentUs]:
    """Every moment at which something of a run has changed."""
    yield run.started_at
    for moment in (
        *(run.ended_at, run.frozen_at, run.converted_at),
        *(results.responded_at, results.opted_out_at, results.bounced_at),
    ):
        yield moment or 0
    for touch in run.touches:
        yield from (moment or 0 for moment in _moments_of(touch))


def _moments_of(touch: Touch) -> tuple[MomentUs | None, ...]:
    return (
        touch.requested_at,
        touch.commanded_at,
        touch.sent_at,
        touch.resolved_at,
        touch.delivered_at,
        touch.opened_at,
        touch.clicked_at,
        touch.bounced_at,
    )


def _engagement_row(tenant_id: str, contact_id: str, run: Enrollment, touch: Touch) -> Row:
    return (
        tenant_id,
        run.enrollment_id,
        touch.number,
        contact_id,
        run.campaign_id,
        touch.step_id,
        touch.channel,
        touch.template_id,
        touch.command_id,
        touch.sender_id or None,
        touch.attempt,
        timestamptz(touch.sent_at),
        timestamptz(touch.delivered_at),
        timestamptz(touch.opened_at),
        timestamptz(touch.clicked_at),
        timestamptz(touch.bounced_at),
        0 if touch.came_back is None else touch.came_back.soft,
        touch.reason,
    )
