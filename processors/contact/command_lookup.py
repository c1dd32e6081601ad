"""Which touch, and which attempt at it, a command id belongs to."""

import msgspec

from processors.contact.context import Context
from schemas.base.ids import command_id
from schemas.internal.enrollment import Enrollment, Phase, Touch

_REQUESTED = Phase.REQUESTED
"""Only this phase and the one before it are before the first command of an attempt."""


class CommandMatch(msgspec.Struct, frozen=True, gc=False):
    """The touch and attempt of a command id; `current` is true for the attempt under way, and false
    for earlier ones."""

    enrollment: Enrollment
    touch: Touch
    attempt: int
    current: bool


def find_command(context: Context, sought_id: str) -> CommandMatch | None:
    """The touch of a command id; None where the contact has no such command.

    Ids derive from their cause, so those of earlier attempts are computed and not stored.
    """
    runs = context.contact.enrollments
    for enrollment in reversed(runs):
        for touch in enrollment.touches:
            if touch.command_id == sought_id:
                return CommandMatch(enrollment, touch, touch.attempt, True)
    for enrollment in reversed(runs):
        for touch in enrollment.touches:
            for attempt in range(touch.first_attempt, touch.attempt):
                if sought_id == _attempt_id(context, enrollment, touch, attempt):
                    return CommandMatch(enrollment, touch, attempt, False)
    return None


def was_commanded(match: CommandMatch) -> bool:
    """Whether the command went out at some time.

    Dispatch reports a command in the transaction that emits it, so before anybody can answer it. An
    answer to a command that still waits is therefore not believed.
    """
    touch = match.touch
    phase = touch.phase
    if phase > _REQUESTED or not match.current:
        return True
    return touch.emission > (phase is _REQUESTED)


def _attempt_id(context: Context, enrollment: Enrollment, touch: Touch, attempt: int) -> str:
    return command_id(
        context.tenant_id,
        enrollment.campaign_id,
        context.contact_id,
        enrollment.cycle,
        touch.command_step(),
        attempt,
    )
