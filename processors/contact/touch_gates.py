"""A touch from its due time to its command's answer: the gates, retries, how it ends (F-6…F-8,
S0-4, X-3)."""

from typing import Any, NamedTuple

from processors.contact import frequency_caps
from processors.contact.context import Context
from processors.contact.sequence import arm, failed, go_on, timed_out
from processors.contact.skip_conditions import holding
from processors.contact.skip_values import looked_at
from processors.contact.state_machine import Input, check
from processors.shared.send_windows import opens_at
from schemas.base.ids import command_id
from schemas.base.times import SECOND
from schemas.campaigns.steps import exit_target
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import RequestTouch, Window, WithdrawTouch, account_key
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import LIVE, Enrollment, Phase, Touch
from schemas.internal.topics import Topic

EMISSIONS_MAX = 2
"""No answer from a sender: the same command once more, then failed (S0-5, C-9)."""

PAUSES = ("campaign_paused", "person_paused", "reply_paused")
"""Withdrawals because the enrollment is frozen."""

UNREVOKED = (*PAUSES, "no_address", "no_template")
"""Withdrawals that leave alone a command that is out."""


def fire(context: Context, enrollment: Enrollment) -> None:
    """The enrollment's open touch is due: try it, or its sender has not answered in time; or a wait
    is over."""
    touch = enrollment.touches[-1]
    if enrollment.waiting is not None:
        timed_out(context, enrollment)
    elif touch.phase is Phase.SCHEDULED:
        attempt(context, enrollment, touch)
    else:
        _unanswered(context, enrollment, touch)


class Gates(NamedTuple):
    """What the gates of a touch say at one moment: `closed` is the first that no waiting opens.
    `template_version` is the campaign's version that named the template."""

    closed: str | None
    template_id: str | None
    template_version: int
    window: Window | None
    opens: int


def attempt(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """Through the gates in their order (X-3); the last ones, limits and suppression, are
    dispatch's."""
    gates = _look(context, enrollment, touch)
    condition = holding(context, enrollment, touch) if not touch.emission else None
    closed = condition or gates.closed
    if closed is not None:
        skip(context, enrollment, touch, Input.DUE, closed)
    else:
        _pass(context, enrollment, touch, gates)


def _unanswered(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    gates = _look(context, enrollment, touch)
    if touch.emission >= EMISSIONS_MAX or gates.closed is not None:
        _count(enrollment, "no_answer")
        fail(context, enrollment, touch, Input.DUE, "no_answer")
    else:
        _pass(context, enrollment, touch, gates)


def _look(context: Context, enrollment: Enrollment, touch: Touch) -> Gates:
    step = context.step(enrollment, touch)
    asked, version = context.asked(enrollment, step)
    template_id = context.kept(asked)
    window = context.window(context.definition(enrollment), step)
    opens = opens_at(window, context.now)
    return Gates(_closed(context, touch, template_id, opens), template_id, version, window, opens)


def _closed(context: Context, touch: Touch, template_id: str | None, opens: int) -> str | None:
    out = context.opted_out(touch.channel)
    if out is not None:
        return f"opted_out_{out}"
    if not context.address(touch.channel):
        return "no_address"
    if context.bounced(touch.channel) is not None:
        return "address_bounced"
    if not template_id:
        return "no_template"
    return "no_window" if opens == NEVER else None


def _pass(context: Context, enrollment: Enrollment, touch: Touch, gates: Gates) -> None:
    """No gate is closed for good: requested, or put off until the last of them opens."""
    if gates.opens > context.now:
        values = {"window": gates.window}
        _defer(context, enrollment, touch, gates.opens, "quiet_hours", values)
        return
    reach = frequency_caps.look(context, enrollment, touch)
    if reach.held is not None:
        full = reach.held
        _defer(context, enrollment, touch, full.until, full.reason, full.values)
    else:
        _request(context, enrollment, touch, gates, reach.counters)


def _defer(
    context: Context, enrollment: Enrollment, touch: Touch, until: int, reason: str, values: Any
) -> None:
    touch.due_at, touch.wait = until, reason
    context.emit_fact(
        FactKind.TOUCH_DEFERRED,
        enrollment,
        touch,
        reason=reason,
        until=fact_time(until),
        values=values,
    )


def _request(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    gates: Gates,
    counters: dict[str, Any] | None,
) -> None:
    template_id = gates.template_id
    assert template_id is not None, "without a template a gate is closed"
    definition, step = context.definition(enrollment), context.step(enrollment, touch)
    expire_after_us = step.expire_after_us or definition.settings.expire_after_us
    values: dict[str, Any] = {
        "template_id": template_id,
        "template_version": gates.template_version,
        "window": gates.window,
        "expires_after_seconds": expire_after_us // SECOND,
    }
    if step.skip_when and not touch.emission:  # a repeat does not ask them
        values["skip_when"] = step.skip_when
    if counters is not None:
        values["reach"] = counters
    touch.phase = check(touch.phase, Input.DUE, Phase.REQUESTED)
    touch.command_id = command_id(
        context.tenant_id,
        enrollment.campaign_id,
        context.contact_id,
        enrollment.cycle,
        touch.command_step(),
        touch.attempt,
    )
    touch.emission += 1
    touch.template_id = template_id
    touch.recipient = context.recipient(touch.channel)
    touch.requested_at = context.now
    touch.wait = "dispatch"
    context.turn.send(
        Topic.DISPATCH_LOG,
        account_key(context.tenant_id, touch.channel),
        RequestTouch(
            touch.command_id,
            context.tenant_id,
            context.contact_id,
            enrollment.campaign_id,
            enrollment.version,
            enrollment.enrollment_id,
            touch.step_id,
            touch.number,
            touch.attempt,
            touch.emission,
            touch.channel,
            step.action,
            template_id,
            context.address(touch.channel),
            variables_of(context, enrollment),
            touch.scheduled_at,
            context.now,
            context.now + expire_after_us,
            definition.settings.priority,
            gates.window,
        ),
    )
    context.emit_fact(FactKind.TOUCH_REQUESTED, enrollment, touch, values=values)


def variables_of(context: Context, enrollment: Enrollment) -> dict[str, str]:
    """What a command tells its template: the person, the job, and what the enrollment was given."""
    profile = context.contact.profile
    variables = {name: str(value) for name, value in profile.attributes.items()}
    variables["first_name"] = profile.first_name
    variables["last_name"] = profile.last_name
    if enrollment.job_id is not None:
        variables["job_id"] = enrollment.job_id
    if enrollment.service_type is not None:
        variables["service_type"] = enrollment.service_type
    variables.update(enrollment.variables or {})
    return variables


def overtaken(context: Context, enrollment: Enrollment, touch: Touch) -> str | None:
    """Why a pause has left a touch behind: it is older than its campaign still wants sent, or the
    next one is due as well and takes its place (C-31)."""
    settings = context.definition(enrollment).settings
    late = context.now - touch.scheduled_at
    if settings.late_policy == "skip_older_than" and late > (settings.late_skip_us or 0):
        return "late_after_pause"
    if settings.late_policy == "collapse" and _next_is_due(context, enrollment, touch):
        return "collapsed"
    return None


def _next_is_due(context: Context, enrollment: Enrollment, touch: Touch) -> bool:
    """Where the next step's time does not depend on when this one is sent."""
    definition = context.definition(enrollment)
    step = context.step(enrollment, touch)
    onward = exit_target(definition.steps, definition.step_index(step.id), step.then)
    if onward is None or step.wait_for is not None:
        return False
    following = definition.steps[onward]
    counted = {"previous_scheduled": touch.scheduled_at, "enrollment": enrollment.anchor_at}
    anchor = counted.get(following.anchor)
    return anchor is not None and anchor + following.delay_us <= context.now


# how a touch ends


def skip(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    given: Input,
    reason: str,
    values: dict[str, Any] | None = None,
) -> None:
    """Not sent, for a reason; the enrollment goes on with its next touch (F-8)."""
    if touch.phase is Phase.SCHEDULED and touch.emission:
        take_back(context, touch, reason, revoke=True)  # its command is out, and unanswered
    resolve(context, touch, given, Phase.SKIPPED, reason)
    values = values or looked_at(context, enrollment, touch, reason)
    context.emit_fact(FactKind.TOUCH_SKIPPED, enrollment, touch, reason=reason, values=values)
    go_on(context, enrollment)


def fail(context: Context, enrollment: Enrollment, touch: Touch, given: Input, reason: str) -> None:
    """Given up after its last attempt; the enrollment goes on with its next touch (F-7), unless too
    much has failed in it (C-39)."""
    resolve(context, touch, given, Phase.FAILED, reason)
    context.emit_fact(FactKind.TOUCH_FAILED, enrollment, touch, reason=reason)
    if enrollment.status in LIVE and _too_many(context, enrollment):
        failed(context, enrollment)
    else:
        go_on(context, enrollment)


def _count(enrollment: Enrollment, code: str) -> None:
    """One error more (S2-11)."""
    enrollment.errors += 1
    enrollment.last_error = code


def _too_many(context: Context, enrollment: Enrollment) -> bool:
    most = context.definition(enrollment).settings.max_errors
    return most is not None and enrollment.errors >= most


def resolve(context: Context, touch: Touch, given: Input, phase: Phase, reason: str) -> None:
    """The touch has come to its end without being sent."""
    touch.phase = check(touch.phase, given, phase)
    touch.reason = reason
    touch.resolved_at = context.now
    touch.wait = None


def retry_or_fail(
    context: Context, enrollment: Enrollment, touch: Touch, code: str, permanent: bool
) -> None:
    """A failed send: again after 1, 5, 15 minutes as another attempt; then on (F-7)."""
    retries = context.step(enrollment, touch).retry_delays_us
    if retries is None:
        retries = context.definition(enrollment).settings.retry_delays_us
    tried = touch.attempt - touch.first_attempt
    touch.error = code
    _count(enrollment, code)
    if permanent or tried >= len(retries) or _too_many(context, enrollment):
        fail(context, enrollment, touch, Input.FAILED, code)
        return
    touch.phase = check(touch.phase, Input.FAILED, Phase.SCHEDULED)
    quiet = arm(context, enrollment, touch, context.now + retries[tried], "retry")
    context.emit_fact(
        FactKind.TOUCH_RETRIED,
        enrollment,
        touch,
        reason=code,
        until=fact_time(touch.due_at),
        values=None if quiet is None else {"window": quiet},
    )
    touch.attempt += 1
    touch.emission = 0
    touch.command_id = None


def withdraw(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    given: Input,
    reason: str,
    *,
    revoke: bool,
) -> None:
    """Take the request back; dispatch answers whether the command was out already."""
    touch.phase = check(touch.phase, given, Phase.WITHDRAWING)
    touch.wait = touch.reason = reason
    take_back(context, touch, reason, revoke=revoke)
    context.emit_fact(FactKind.TOUCH_WITHDRAWING, enrollment, touch, reason=reason)


def take_back(context: Context, touch: Touch, reason: str, *, revoke: bool) -> None:
    """The order to dispatch alone; the touch stays what it is."""
    assert touch.command_id is not None
    context.turn.send(
        Topic.DISPATCH_LOG,
        account_key(context.tenant_id, touch.channel),
        WithdrawTouch(
            touch.command_id, context.tenant_id, context.contact_id, touch.channel, reason, revoke
        ),
    )
