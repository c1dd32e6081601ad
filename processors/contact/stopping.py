"""Stops and freezes of an enrollment, and the late policy when it goes on (F-4, C-31, S1-34)."""

from processors.contact.scene import Scene
from processors.contact.table import ENROLLMENT, Impossible, Input
from processors.contact.touching import arm, end, go_on, skip, too_late, withdraw
from schemas.facts import Kind, moment
from schemas.states import LIVE, RESOLVED, EndedEnrollment, Enrollment, Phase, Status, Touch

_ASKED = (Phase.REQUESTED, Phase.COMMANDED)

ENDED_MAX = 8
"""Ended enrollments that a contact's state keeps, so that late opens and reviews find their
touch."""


def become(enrollment: Enrollment, status: Status) -> None:
    """The enrollment's status changes, if the table allows it."""
    if status not in ENROLLMENT[enrollment.status]:
        raise Impossible(f"{enrollment.status.name} cannot become {status.name}")
    enrollment.status = status


def stop(scene: Scene, enrollment: Enrollment, reason: str, cause: str | None) -> None:
    """No further touch: a waiting one is dropped, a requested one withdrawn, a command out
    revoked."""
    become(enrollment, Status.STOPPED)
    enrollment.reason = reason
    end(scene, enrollment, Status.STOPPED)
    scene.say(Kind.ENROLLMENT_STOPPED, enrollment, reason=reason, cause=cause)
    touch = open_touch(enrollment)
    if touch is None:
        return
    if touch.phase is Phase.SCHEDULED:
        skip(scene, enrollment, touch, Input.STOP, reason)
    elif touch.phase is Phase.WITHDRAWING:
        touch.reason = reason
    else:
        withdraw(scene, enrollment, touch, Input.STOP, reason, revoke=True)


def freeze(scene: Scene, enrollment: Enrollment, cause: str) -> None:
    """The campaign is paused: scheduled times stand still; a command that is out is not called
    back (F-4)."""
    become(enrollment, Status.FROZEN)
    enrollment.frozen_at = scene.now
    scene.say(Kind.ENROLLMENT_FROZEN, enrollment, cause=cause)
    touch = open_touch(enrollment)
    if touch is not None and touch.phase is Phase.REQUESTED:
        withdraw(scene, enrollment, touch, Input.FREEZE, "campaign_paused", revoke=False)


def runs(scene: Scene, enrollment: Enrollment) -> bool:
    """The first gate (X-3): its campaign runs. A sweep tells each enrollment when that changes;
    one that it could not reach finds out here."""
    campaign = scene.campaign(enrollment.campaign_id)
    assert campaign is not None, "an enrollment's campaign is never forgotten"
    if campaign.status == "active":
        return True
    if campaign.status == "paused":
        freeze(scene, enrollment, campaign.sweep_cause)
    else:
        stop(scene, enrollment, f"campaign_{campaign.status}", campaign.sweep_cause)
    return False


def thaw(scene: Scene, enrollment: Enrollment, cause: str) -> None:
    """The campaign goes on; what fell due meanwhile is treated as its late policy says (C-31)."""
    become(enrollment, Status.ACTIVE)
    assert enrollment.frozen_at is not None
    paused, enrollment.frozen_at = scene.now - enrollment.frozen_at, None
    settings = scene.definition(enrollment).settings
    scene.say(
        Kind.ENROLLMENT_RESUMED,
        enrollment,
        cause=cause,
        values={"late_policy": settings.late_policy, "paused_seconds": paused // 1_000_000},
    )
    touch = open_touch(enrollment)
    if touch is None:
        go_on(scene, enrollment)
    elif touch.phase in (Phase.SCHEDULED, Phase.WITHDRAWING):
        _take_up(scene, enrollment, touch, paused)
    elif touch.phase is Phase.COMMANDED:
        touch.due_at += paused  # its sender has as long to answer as before
        if settings.late_policy == "shift_by_pause":
            touch.scheduled_at += paused  # from which the next one counts


def _take_up(scene: Scene, enrollment: Enrollment, touch: Touch, paused: int) -> None:
    settings = scene.definition(enrollment).settings
    if settings.late_policy == "shift_by_pause":
        touch.scheduled_at += paused
        touch.due_at += paused
    if touch.phase is Phase.WITHDRAWING:
        return  # dispatch's answer arms it
    if too_late(scene, enrollment, touch):
        skip(scene, enrollment, touch, Input.STOP, "late_after_pause")
        following = open_touch(enrollment)
        if following is not None:
            _take_up(scene, enrollment, following, 0)
        return
    arm(scene, enrollment, touch, max(scene.now, touch.due_at), touch.wait or "delay")
    scene.say(
        Kind.TOUCH_SCHEDULED,
        enrollment,
        touch,
        reason=touch.wait,
        until=moment(touch.due_at),
        values={"scheduled_at": moment(touch.scheduled_at)},
    )


def stop_without_channels(scene: Scene, channel: str, cause: str) -> None:
    """An opt-out closes a channel; an enrollment with nothing left to send elsewhere is stopped
    (F-4, F-8)."""
    for enrollment in live(scene):
        steps = scene.definition(enrollment).steps[len(enrollment.touches) :]
        touch = open_touch(enrollment)
        ahead = {step.channel for step in steps} | ({touch.channel} if touch else set())
        if ahead and all(scene.opted_out(name) for name in ahead):
            stop(scene, enrollment, f"opted_out_{channel}", cause)
        elif touch and scene.opted_out(touch.channel) and touch.phase in _ASKED:
            withdraw(scene, enrollment, touch, Input.STOP, f"opted_out_{channel}", revoke=True)


def live(scene: Scene, campaign_id: str | None = None) -> list[Enrollment]:
    """The contact's running enrollments: of one campaign at most one (S1-21)."""
    return [
        enrollment
        for enrollment in scene.contact.enrollments
        if enrollment.status in LIVE and campaign_id in (None, enrollment.campaign_id)
    ]


def open_touch(enrollment: Enrollment) -> Touch | None:
    """The touch that is not resolved yet; only the last can be (S0-4)."""
    if enrollment.touches and enrollment.touches[-1].phase not in RESOLVED:
        return enrollment.touches[-1]
    return None


def trim(scene: Scene) -> None:
    """The oldest ended enrollments past ENDED_MAX go under keys of their own: kept, and in nobody's
    way."""
    enrollments = scene.contact.enrollments
    ended = [e for e in enrollments if e.status not in LIVE and open_touch(e) is None]
    for enrollment in ended[: max(0, len(ended) - ENDED_MAX)]:
        enrollments.remove(enrollment)
        key = f"\x00e/{scene.tenant_id}/{scene.contact_id}/{enrollment.enrollment_id}".encode()
        kept = EndedEnrollment(scene.tenant_id, scene.contact_id, enrollment)
        scene.turn.store.put(key, kept)
