"""What a conversion does to a run: the setting `on_conversion` of its campaign."""

from processors.contact.context import Context
from processors.contact.pause_stop import stop
from processors.contact.run_queries import may_be_with_sender
from processors.contact.sequence import apply_signal
from schemas.internal.enrollment import LIVE, Enrollment

CONVERTED = "converted"
"""Why a run is stopped whose person has done what the campaign is for."""

_SIGNAL = "conversion"


def conversion_happened(
    context: Context, run: Enrollment, at: int, cause: str, *, names_touch: bool
) -> None:
    """Ends a wait of a live run for a conversion; a run that does not wait for one is stopped if
    that is the setting of its campaign. A step whose command is out may still begin such a wait:
    then the exit of the wait decides."""
    if run.status not in LIVE:
        return
    if apply_signal(context, run, _SIGNAL, at, cause, names_touch=names_touch):
        return
    definition = context.definition(run)
    if definition.settings.on_conversion == "stop" and not _will_wait(context, run):
        stop(context, run, CONVERTED, cause)


def _will_wait(context: Context, run: Enrollment) -> bool:
    if not run.touches or not may_be_with_sender(run.touches[-1]):
        return False
    wait = context.step(run, run.touches[-1]).wait_for
    return wait is not None and _SIGNAL in wait.events
