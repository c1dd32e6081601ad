"""A touch from its schedule to its command's answer: timing, the gates, retries (F-2, F-6…F-8,
S0-4, X-3)."""

from typing import Any

from processors.contact.reasons import looked_at
from processors.contact.scene import Scene
from processors.contact.table import Input, check
from processors.windows import opens_at
from schemas.definition import Definition, Step
from schemas.facts import Kind, moment
from schemas.ids import command_id
from schemas.messages import RequestTouch, Window, WithdrawTouch, account_key
from schemas.states import LIVE, RESOLVED, Enrollment, Phase, Status, Touch
from schemas.topics import Topic

EMISSIONS_MAX = 2
"""No answer from a sender: the same command once more, then failed (S0-5, C-9)."""

UNREVOKED = ("campaign_paused", "no_address", "no_template")
"""Withdrawals that leave alone a command that is out."""


def schedule_next(scene: Scene, enrollment: Enrollment) -> None:
    """The next step gets its time; after the last one the enrollment is completed.

    The delay counts from the previous touch's scheduled time, or from the enrollment's anchor
    (F-2).
    """
    definition = scene.definition(enrollment)
    index = len(enrollment.touches)
    if index == len(definition.steps):
        end(scene, enrollment, Status.COMPLETED)
        scene.say(Kind.ENROLLMENT_COMPLETED, enrollment)
        return
    step = definition.steps[index]
    touch = Touch(step.id, index + 1, step.channel, _time_of(scene, enrollment, step, index), 0)
    enrollment.touches.append(touch)
    arm(scene, enrollment, touch, touch.scheduled_at, "delay")
    scene.say(
        Kind.TOUCH_SCHEDULED,
        enrollment,
        touch,
        reason=touch.wait,
        until=moment(touch.due_at),
        values={"scheduled_at": moment(touch.scheduled_at), "anchor": step.anchor},
    )


def end(scene: Scene, enrollment: Enrollment, status: Status) -> None:
    """The run is over: nothing more goes out for it, so what its commands would say is let go."""
    enrollment.status = status
    enrollment.ended_at = scene.now
    enrollment.variables = None
    if enrollment.reason not in ("repeat_job", "job_deleted"):
        scene.contact.ended[enrollment.campaign_id] = scene.now


def _time_of(scene: Scene, enrollment: Enrollment, step: Step, index: int) -> int:
    if index and step.anchor == "previous_scheduled":
        return enrollment.touches[-1].scheduled_at + step.delay
    delay = step.delay if index else first_delay(scene, step, enrollment.service_type)
    return enrollment.anchor_at + delay


def first_delay(scene: Scene, step: Step, service_type: str | None) -> int:
    """The first touch's delay; a business may set another for a service type (F-10)."""
    if scene.tenant is None or service_type is None:
        return step.delay
    return scene.tenant.delay_by_service.get(service_type, step.delay)


def arm(scene: Scene, enrollment: Enrollment, touch: Touch, at: int, wait: str) -> None:
    """The touch waits until `at`, or until quiet hours are over then; its scheduled time stays
    (F-6)."""
    touch.due_at = opens_at(scene.window(scene.definition(enrollment)), at)
    touch.wait = wait if touch.due_at == at else "quiet_hours"


def fire(scene: Scene, enrollment: Enrollment) -> None:
    """The enrollment's open touch is due: try it, or its sender has not answered in time."""
    touch = enrollment.touches[-1]
    if touch.phase is Phase.SCHEDULED:
        attempt(scene, enrollment, touch)
    else:
        _unanswered(scene, enrollment, touch)


def attempt(scene: Scene, enrollment: Enrollment, touch: Touch) -> None:
    """Through the gates in their order (X-3); the last ones, limits and suppression, are
    dispatch's."""
    definition = scene.definition(enrollment)
    step = definition.steps[touch.number - 1]
    template_id = scene.template(enrollment, step)
    closed = _closed(scene, touch, template_id)
    if closed is not None:
        skip(scene, enrollment, touch, Input.DUE, closed)
        return
    window = scene.window(definition)
    opens = opens_at(window, scene.now)
    if opens > scene.now:
        _defer(scene, enrollment, touch, opens, window)
        return
    assert template_id is not None
    _request(scene, enrollment, touch, definition, template_id)


def _closed(scene: Scene, touch: Touch, template_id: str | None) -> str | None:
    """The first gate that no waiting opens."""
    out = scene.opted_out(touch.channel)
    if out is not None:
        return f"opted_out_{out}"
    if not scene.address(touch.channel):
        return "no_address"
    if scene.bounced(touch.channel) is not None:
        return "address_bounced"
    return None if template_id else "no_template"


def _defer(
    scene: Scene, enrollment: Enrollment, touch: Touch, opens: int, window: Window | None
) -> None:
    touch.due_at, touch.wait = opens, "quiet_hours"
    scene.say(
        Kind.TOUCH_DEFERRED,
        enrollment,
        touch,
        reason="quiet_hours",
        until=moment(opens),
        values={"window": window},
    )


def _request(
    scene: Scene, enrollment: Enrollment, touch: Touch, definition: Definition, template_id: str
) -> None:
    step = definition.steps[touch.number - 1]
    touch.phase = check(touch.phase, Input.DUE, Phase.REQUESTED)
    touch.command_id = command_id(
        scene.tenant_id,
        enrollment.campaign_id,
        scene.contact_id,
        enrollment.cycle,
        touch.step_id,
        touch.attempt,
    )
    touch.emission += 1
    touch.template_id = template_id
    touch.recipient = scene.recipient(touch.channel)
    touch.requested_at = scene.now
    touch.wait = "dispatch"
    scene.turn.send(
        Topic.DISPATCH_LOG,
        account_key(scene.tenant_id, touch.channel),
        RequestTouch(
            touch.command_id,
            scene.tenant_id,
            scene.contact_id,
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
            scene.address(touch.channel),
            variables_of(scene, enrollment),
            touch.scheduled_at,
            scene.now,
            scene.now + definition.settings.expire_after,
            definition.settings.priority,
            scene.window(definition),
        ),
    )
    scene.say(Kind.TOUCH_REQUESTED, enrollment, touch)


def variables_of(scene: Scene, enrollment: Enrollment) -> dict[str, str]:
    """What a command tells its template: the person, the job, and what the enrollment was given."""
    profile = scene.contact.profile
    variables = {name: str(value) for name, value in profile.attributes.items()}
    variables["first_name"] = profile.first_name
    variables["last_name"] = profile.last_name
    if enrollment.job_id is not None:
        variables["job_id"] = enrollment.job_id
    if enrollment.service_type is not None:
        variables["service_type"] = enrollment.service_type
    variables.update(enrollment.variables or {})
    return variables


def too_late(scene: Scene, enrollment: Enrollment, touch: Touch) -> bool:
    """Whether a pause has made the touch older than its campaign still wants sent (C-31)."""
    settings = scene.definition(enrollment).settings
    late = scene.now - touch.scheduled_at
    return settings.late_policy == "skip_older_than" and late > (settings.late_skip or 0)


def _unanswered(scene: Scene, enrollment: Enrollment, touch: Touch) -> None:
    definition = scene.definition(enrollment)
    step = definition.steps[touch.number - 1]
    template_id = scene.template(enrollment, step)
    if touch.emission >= EMISSIONS_MAX or _closed(scene, touch, template_id) is not None:
        fail(scene, enrollment, touch, Input.DUE, "no_answer")
        return
    window = scene.window(definition)
    opens = opens_at(window, scene.now)
    if opens > scene.now:
        _defer(scene, enrollment, touch, opens, window)
        return
    assert template_id is not None
    _request(scene, enrollment, touch, definition, template_id)


# how a touch ends


def skip(
    scene: Scene,
    enrollment: Enrollment,
    touch: Touch,
    given: Input,
    reason: str,
    values: dict[str, Any] | None = None,
) -> None:
    """Not sent, for a reason; the enrollment goes on with its next touch (F-8)."""
    if touch.phase is Phase.SCHEDULED and touch.emission:
        take_back(scene, touch, reason, revoke=True)  # its command is out, and unanswered
    _resolve(scene, touch, given, Phase.SKIPPED, reason)
    values = values or looked_at(scene, enrollment, touch, reason)
    scene.say(Kind.TOUCH_SKIPPED, enrollment, touch, reason=reason, values=values)
    go_on(scene, enrollment)


def fail(scene: Scene, enrollment: Enrollment, touch: Touch, given: Input, reason: str) -> None:
    """Given up after its last attempt; the enrollment goes on with its next touch (F-7)."""
    _resolve(scene, touch, given, Phase.FAILED, reason)
    scene.say(Kind.TOUCH_FAILED, enrollment, touch, reason=reason)
    go_on(scene, enrollment)


def _resolve(scene: Scene, touch: Touch, given: Input, phase: Phase, reason: str) -> None:
    touch.phase = check(touch.phase, given, phase)
    touch.reason = reason
    touch.resolved_at = scene.now
    touch.wait = None


def go_on(scene: Scene, enrollment: Enrollment) -> None:
    """To the next step, if the enrollment is live and nothing of it is open (S0-4)."""
    done = not enrollment.touches or enrollment.touches[-1].phase in RESOLVED
    if done and enrollment.status in LIVE:
        schedule_next(scene, enrollment)


def retry_or_fail(
    scene: Scene, enrollment: Enrollment, touch: Touch, code: str, permanent: bool
) -> None:
    """A failed send: again after 1, 5, 15 minutes as another attempt; then on (F-7)."""
    retries = scene.definition(enrollment).settings.retry_delays
    touch.error = code
    if permanent or touch.attempt > len(retries):
        fail(scene, enrollment, touch, Input.FAILED, code)
        return
    touch.phase = check(touch.phase, Input.FAILED, Phase.SCHEDULED)
    arm(scene, enrollment, touch, scene.now + retries[touch.attempt - 1], "retry")
    scene.say(Kind.TOUCH_RETRIED, enrollment, touch, reason=code, until=moment(touch.due_at))
    touch.attempt += 1
    touch.emission = 0
    touch.command_id = None


def withdraw(
    scene: Scene, enrollment: Enrollment, touch: Touch, given: Input, reason: str, *, revoke: bool
) -> None:
    """Take the request back; dispatch answers whether the command was out already."""
    touch.phase = check(touch.phase, given, Phase.WITHDRAWING)
    touch.wait = touch.reason = reason
    take_back(scene, touch, reason, revoke=revoke)
    scene.say(Kind.TOUCH_WITHDRAWING, enrollment, touch, reason=reason)


def take_back(scene: Scene, touch: Touch, reason: str, *, revoke: bool) -> None:
    """The order to dispatch alone; the touch stays what it is."""
    assert touch.command_id is not None
    scene.turn.send(
        Topic.DISPATCH_LOG,
        account_key(scene.tenant_id, touch.channel),
        WithdrawTouch(
            touch.command_id, scene.tenant_id, scene.contact_id, touch.channel, reason, revoke
        ),
    )
