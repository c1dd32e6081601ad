"""How a person stands in a call campaign (F-15), derived from the run: the one rule of the counts
of a campaign and of the tables in PostgreSQL.

An item is one run. It is queued before its call and between two calls, and processing while a call
has its slot. It is completed if a call reached the person, failed if the calls are used up, skipped
if a rule kept the person from being called, and cancelled if somebody or something ended the run.
"""

from typing import Literal

from schemas.internal.enrollment import LIVE, Enrollment, Phase, Status

ItemStatus = Literal["queued", "processing", "completed", "failed", "cancelled", "skipped"]

_FAILED_RUNS = ("failed", "too_many_touches")
"""The reasons of runs that were ended by their errors."""


def item_status(run: Enrollment) -> ItemStatus:
    """The status of the item that a run is. Of several steps, one that reached the person is
    enough."""
    out = bool(run.touches) and run.touches[-1].phase is Phase.COMMANDED
    if run.status in LIVE:
        return "processing" if out else "queued"
    if out:
        return "processing"  # the run was stopped, and a call that was placed goes on to its end
    phases = {touch.phase for touch in run.touches}
    if Phase.SENT in phases:
        return "completed"
    if Phase.FAILED in phases or run.reason in _FAILED_RUNS:
        return "failed"
    return "cancelled" if run.status is Status.STOPPED else "skipped"
