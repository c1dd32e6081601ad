"""The end of an enrollment: completed, stopped or failed (S2-21, S2-29, C-39)."""

from typing import Any

from processors.contact.context import Context
from processors.contact.person_fields import keep_fields
from processors.contact.state_machine import ENROLLMENT, IllegalTransition
from schemas.internal.enrollment import Enrollment, Status
from schemas.internal.facts import FactKind

_WITHOUT_COOLDOWN = ("repeat_job", "reenrolled", "job_deleted")
"""Reasons of an end that starts no cooldown: another run takes the place of this one, or its job
was no job (F-9)."""


def set_status(enrollment: Enrollment, status: Status) -> None:
    """Changes the status of an enrollment.

    Raises IllegalTransition if the table does not allow it.
    """
    if status not in ENROLLMENT[enrollment.status]:
        raise IllegalTransition(f"{enrollment.status.name} cannot become {status.name}")
    enrollment.status = status


def complete_run(context: Context, enrollment: Enrollment) -> None:
    """Ends an enrollment that has no step left (S2-21)."""
    _end(context, enrollment, Status.COMPLETED)
    context.emit_fact(FactKind.ENROLLMENT_COMPLETED, enrollment)


def mark_stopped(
    context: Context,
    enrollment: Enrollment,
    reason: str,
    cause: str | None,
    values: dict[str, Any] | None = None,
) -> None:
    """Ends an enrollment before its last step. Its open touch is left to the caller."""
    enrollment.reason = reason
    _end(context, enrollment, Status.STOPPED)
    context.emit_fact(
        FactKind.ENROLLMENT_STOPPED, enrollment, reason=reason, cause=cause, values=values
    )


def fail_run(context: Context, enrollment: Enrollment) -> None:
    """Ends an enrollment because of errors; the campaign goes on for everybody else (S2-29,
    C-39)."""
    values = {"errors": enrollment.errors, "last_error": enrollment.last_error}
    mark_stopped(context, enrollment, "failed", None, values)


def _end(context: Context, enrollment: Enrollment, status: Status) -> None:
    set_status(enrollment, status)
    enrollment.ended_at = context.now
    if enrollment.results is not None:
        keep_fields(enrollment)
    if status is Status.STOPPED:
        enrollment.variables = None  # nothing more goes out, so no template needs them
    # A completed one keeps them: if its last message comes back, it is sent again (C-25).
    enrollment.waiting = None
    enrollment.reply_cause = None
    enrollment.early_signals = {}
    enrollment.holds = []
    if enrollment.reason not in _WITHOUT_COOLDOWN:
        context.contact.ended[enrollment.campaign_id] = context.now
