"""A due touch: the gates that it passes in their order, and its request to dispatch (F-6, F-8,
S0-4, X-3)."""

from typing import Any

import msgspec

from processors.contact import calls, frequency_caps
from processors.contact.call_terms import BY_POOL, call_terms, closed_for_call, pool_of
from processors.contact.context import Context, StepTemplate, step_of
from processors.contact.experiment_runs import follow_winner
from processors.contact.experiment_templates import (
    assignment_values,
    experiment_and_variant,
    reason_without_template,
)
from processors.contact.senders import sender_wanted
from processors.contact.sequence import time_out_wait
from processors.contact.skip_conditions import first_condition
from processors.contact.state_machine import Input, transition
from processors.contact.touch_outcome import WINDOWS_MAX, count_error, fail_touch, skip_touch
from processors.contact.touch_times import Opening, first_opening
from processors.shared.address_keys import digest_of, other_spelling
from schemas.base.ids import command_id
from schemas.base.times import SECOND
from schemas.campaigns.compiled_definition import Definition, Step
from schemas.channels import ALL_CHANNELS, CHANNELS, Channel
from schemas.internal.dispatch_messages import DISPATCH_RULES
from schemas.internal.enrollment import Enrollment, Phase, Touch
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import RequestTouch, dispatch_key
from schemas.internal.state_bytes import NEVER
from schemas.internal.topics import Topic

NO_ADDRESS = "no_address"
EMISSIONS_MAX = 2
"""How often one command is emitted: once, and once more if no sender answers (S0-5, C-9)."""


def fire(context: Context, enrollment: Enrollment) -> None:
    """Handles the enrollment's timer: a wait is over, a touch is due, or a sender has not answered
    in time."""
    touch = enrollment.touches[-1]
    if enrollment.waiting is not None:
        time_out_wait(context, enrollment)
    elif touch.phase is Phase.SCHEDULED:
        _try_touch(context, enrollment, touch)
    elif touch.wait == calls.HAS_ENDED:
        calls.ended_call_counts(context, enrollment, touch)
    elif context.step(enrollment, touch).redial is not None:
        calls.call_lost(context, enrollment, touch)
    else:
        _repeat_or_fail(context, enrollment, touch)


class GateCheck(msgspec.Struct, frozen=True, gc=False):
    """What the gates of a touch found at one moment, and what they looked at.

    `closed` is the reason of the first gate that no waiting opens. `template_id` is None if the
    template was deleted, which is not so for that of `template`. `opening` is when the send windows
    open. `address` has the two forms of Context.address_forms.
    """

    definition: Definition
    step: Step
    closed: str | None
    template_id: str | None
    template: StepTemplate
    opening: Opening
    address: tuple[str, str]


def _try_touch(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """Checks the gates in their order (X-3). The last ones, limits and suppression, are checked by
    dispatch."""
    if enrollment.results is not None and not touch.emission:
        follow_winner(context, enrollment, touch)
    gates = _check_gates(context, enrollment, touch)
    condition = None
    if not touch.emission:
        condition = first_condition(context, enrollment, touch, gates.definition, gates.step)
    closed = condition or gates.closed
    if closed is not None:
        skip_touch(context, enrollment, touch, Input.DUE, closed)
    else:
        _request_or_defer(context, enrollment, touch, gates)


def _repeat_or_fail(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """Requests an unanswered command once more, then fails its touch, which revokes the command: a
    sender that was down must not send it later (S0-5)."""
    gates = _check_gates(context, enrollment, touch)
    _count_lapsed(context, touch)
    if touch.emission - touch.lapsed >= EMISSIONS_MAX or gates.closed is not None:
        give_up(context, enrollment, touch)
    else:
        _request_or_defer(context, enrollment, touch, gates)


def give_up(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """Ends a touch whose command nobody has answered in time, and revokes the command."""
    count_error(enrollment, "no_answer")
    fail_touch(context, enrollment, touch, Input.DUE, "no_answer")


def _count_lapsed(context: Context, touch: Touch) -> None:
    """Counts an unanswered emission whose send window ended meanwhile: its sender may have been
    down and not late. A sender that never answers must end too."""
    is_void = touch.send_before is not None and touch.send_before <= context.now
    if is_void and touch.lapsed < WINDOWS_MAX and touch.wait == "answer":
        touch.lapsed += 1


def _check_gates(context: Context, enrollment: Enrollment, touch: Touch) -> GateCheck:
    definition = context.definition(enrollment)
    step = step_of(definition, touch)
    template = context.newest_template(enrollment, step)
    template_id = context.unless_deleted(template.template_id)
    opening = first_opening(context, definition, step, context.now)
    address = context.address_forms(touch.channel)
    closed = _first_closed(context, touch, address[1])
    if closed is None and not template_id:
        closed = reason_without_template(template)
    is_open = closed is None or closed == NO_ADDRESS
    if is_open and touch.channel in BY_POOL:  # a number that must not be called is no address too
        closed = closed_for_call(context, enrollment, definition, step) or closed
    if closed is None and opening[0] == NEVER:
        closed = "no_window"
    return GateCheck(definition, step, closed, template_id, template, opening, address)


def _first_closed(context: Context, touch: Touch, recipient: str) -> str | None:
    scope = context.opt_out_scope(touch.channel)
    if scope is not None:
        return f"opted_out_{scope}"
    if not recipient:
        return NO_ADDRESS
    return None if context.bounced_at(touch.channel) is None else "address_bounced"


def _request_or_defer(
    context: Context, enrollment: Enrollment, touch: Touch, gates: GateCheck
) -> None:
    """Requests the touch, or makes it due when the send window opens or the caps allow it."""
    opens, wait, window = gates.opening
    if opens > context.now:
        _defer(context, enrollment, touch, opens, wait, {"window": window})
        return
    caps = frequency_caps.check(context, enrollment, touch)
    if caps.hold is not None:
        _defer(context, enrollment, touch, caps.hold.until, caps.hold.reason, caps.hold.values)
    else:
        _request(context, enrollment, touch, gates, caps)


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
    gates: GateCheck,
    caps: frequency_caps.CapCheck,
) -> None:
    """Moves the touch to REQUESTED, and emits the fact with what the gates looked at."""
    step = gates.step
    expire_after_us = step.expire_after_us or gates.definition.settings.expire_after_us
    values: dict[str, Any] = {
        "template_id": gates.template_id,
        "template_version": gates.template.version,
        "window": gates.opening[2],
        "expires_after_seconds": expire_after_us // SECOND,
    }
    if step.skip_when and not touch.emission:  # conditions are not checked for a repeat
        values["skip_when"] = step.skip_when
    if caps.counters is not None:
        values["reach"] = caps.counters
    if gates.template.assignment is not None:
        gates.template.assignment.touch_number = touch.number
        values |= assignment_values(gates.template.assignment)
    touch.phase = transition(touch.phase, Input.DUE, Phase.REQUESTED)
    touch.command_id = command_id(
        context.tenant_id,
        enrollment.campaign_id,
        context.contact_id,
        enrollment.cycle,
        touch.command_step(),
        touch.attempt,
    )
    touch.emission += 1
    touch.template_id = gates.template_id
    touch.recipient = digest_of(gates.address[0])
    touch.requested_at = context.now
    touch.wait, touch.retry_at = "dispatch", None
    touch.pool_id = pool_of(gates.definition) if touch.channel in BY_POOL else ""
    expires_at = context.now + expire_after_us
    _send_request(context, enrollment, touch, gates, expires_at, caps.reached)
    context.emit_fact(FactKind.TOUCH_REQUESTED, enrollment, touch, values=values)


def _send_request(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    gates: GateCheck,
    expires_at: int,
    reached: tuple[int, ...],
) -> None:
    assert touch.command_id is not None and gates.template_id is not None
    step, recipient, item = gates.step, gates.address[1], enrollment.call
    channel = CHANNELS[touch.channel]
    experiment_id, variant = experiment_and_variant(gates.template)
    bound_sender, must_use_bound = sender_wanted(context, touch)
    context.turn.send(
        Topic.DISPATCH_LOG,
        dispatch_key(context.tenant_id, touch.channel, touch.pool_id),
        RequestTouch(  # by position, in the order of its fields: names take several times as long
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
            gates.template_id,
            recipient,
            command_variables(context, enrollment),
            touch.scheduled_at,
            context.now,
            expires_at,
            gates.definition.settings.priority + (0 if item is None else item.priority),
            gates.opening[2],
            None,
            reached,
            other_spelling(context.address_text(touch.channel), recipient),
            DISPATCH_RULES,
            touch.number == 1 or not any(map(_was_sent, enrollment.touches)),
            bound_sender,
            must_use_bound,
            call_terms(context, enrollment, gates.definition, gates.step, touch.pool_id)
            if touch.pool_id
            else None,
            experiment_id,
            variant,
            _opt_out_by_click(context, channel),
            channel.text_characters.get(step.action, 0),
        ),
    )


def _was_sent(touch: Touch) -> bool:
    return touch.phase is Phase.SENT


def _opt_out_by_click(context: Context, channel: Channel) -> str:
    """What an opt-out by one click closes: the channel, or all by the tenant's policy; empty if the
    messages of the channel offer none (S4-83, C-26)."""
    if not channel.opt_out_by_click:
        return ""
    assert context.tenant is not None
    return ALL_CHANNELS if context.tenant.opt_out_scope == ALL_CHANNELS else channel.name


def command_variables(context: Context, enrollment: Enrollment) -> dict[str, str]:
    """The template variables of a command: attributes and names of the person, job and service
    type, and the variables of the enrollment; the later ones win."""
    profile = context.contact.profile
    variables = {"first_name": profile.first_name, "last_name": profile.last_name}
    if profile.attributes:
        attributes = {name: str(value) for name, value in profile.attributes.items()}
        variables = attributes | variables
    if enrollment.job_id is not None:
        variables["job_id"] = enrollment.job_id
    if enrollment.service_type is not None:
        variables["service_type"] = enrollment.service_type
    if enrollment.variables:
        variables.update(enrollment.variables)
    return variables
