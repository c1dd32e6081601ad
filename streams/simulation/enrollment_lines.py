"""An enrollment as a row of a report, and back.

The names in a row are the encoded names of the fields, mostly those of the PostgreSQL columns. They
never change: a renamed field keeps its encoded name. Times are RFC 3339.
"""

from functools import lru_cache
from typing import Any

import msgspec

from schemas.base.times import format_rfc3339, parse_rfc3339
from schemas.internal.enrollment import (
    Assignment,
    CallItem,
    CallLog,
    CameBack,
    Enrollment,
    Phase,
    RunResults,
    Status,
    Touch,
    Waiting,
)
from streams.simulation.engine import OwnedEnrollment

EnrollmentRow = dict[str, Any]

_WITHIN_A_WAIT = "early_signals"
"""What only the engine needs, to begin a wait."""

_TIMES = frozenset(("at", "since", "until", "send_before", "scheduled_for"))
"""The times whose names do not end with `_at`."""

_OF_CALLS = frozenset(("call_seconds", "reviewed_at", "progress"))
"""What the touches of other channels do not have: a row has these where they are not 0."""


def to_row(owned: OwnedEnrollment) -> EnrollmentRow:
    """Returns the row of an enrollment without its empty fields."""
    tenant_id, contact_id, run = owned
    row = _filled_fields(run)
    row.pop(_WITHIN_A_WAIT, None)
    row["status"] = run.status.name.lower()
    row["touches"] = [_touch_row(touch) for touch in run.touches]
    if run.waiting is not None:
        row["waiting"] = _filled_fields(run.waiting)
    if run.call is not None:
        row["call"] = _filled_fields(run.call)
    if run.results is not None:
        row["results"] = _filled_fields(run.results)
        if run.results.variants:
            row["results"]["variants"] = list(map(_filled_fields, run.results.variants))
    return {"tenant_id": tenant_id, "contact_id": contact_id, **row}


def from_row(row: EnrollmentRow) -> OwnedEnrollment:
    """Returns the enrollment of a row. Raises ValueError, KeyError, TypeError for any other
    object."""
    fields = _parsed_fields(Enrollment, row)
    ids = fields.pop("tenant_id"), fields.pop("contact_id")
    fields["status"] = Status[fields["status"].upper()]
    fields["touches"] = [_touch(touch) for touch in row["touches"]]
    if "waiting" in row:
        fields["waiting"] = Waiting(**_parsed_fields(Waiting, row["waiting"]))
    if "call" in row:
        fields["call"] = CallItem(**_parsed_fields(CallItem, row["call"]))
    if "results" in row:
        fields["results"] = _results(row["results"])
    return OwnedEnrollment(*ids, Enrollment(**{"job_id": None, "service_type": None, **fields}))


def _results(row: EnrollmentRow) -> RunResults:
    fields = _parsed_fields(RunResults, row)
    variants = fields.get("variants", [])
    fields["variants"] = [Assignment(**_parsed_fields(Assignment, each)) for each in variants]
    return RunResults(**fields)


def _touch(row: EnrollmentRow) -> Touch:
    fields = _parsed_fields(Touch, row)
    fields["phase"] = Phase[row["phase"].upper()]
    if "call_log" in row:
        log = _parsed_fields(CallLog, row["call_log"])
        log["ends"] = {int(attempt): outcome for attempt, outcome in log.get("ends", {}).items()}
        fields["call_log"] = CallLog(**log)
    if "came_back" in row:
        fields["came_back"] = CameBack(**_parsed_fields(CameBack, row["came_back"]))
    return Touch(**fields)


def _touch_row(touch: Touch) -> EnrollmentRow:
    row = _filled_fields(touch)
    row.pop("recipient", None)  # a digest of an address: of no use to a reader
    row["phase"] = touch.phase.name.lower()
    if touch.call_log is not None:
        row["call_log"] = _filled_fields(touch.call_log)
    if touch.came_back is not None:
        row["came_back"] = _filled_fields(touch.came_back)
    return row


def _filled_fields(struct: msgspec.Struct) -> EnrollmentRow:
    return {
        row_name: format_rfc3339(value) if _is_time(name) else value
        for name, row_name in _row_names(type(struct)).items()
        if (value := getattr(struct, name)) is not None
        and value not in ([], {}, "")
        and (value or name not in _OF_CALLS)
    }


def _parsed_fields(struct_type: type[msgspec.Struct], row: EnrollmentRow) -> dict[str, Any]:
    names = {row_name: name for name, row_name in _row_names(struct_type).items()}
    return {
        names.get(name, name): parse_rfc3339(value) if _is_time(name) else value
        for name, value in row.items()
    }


@lru_cache
def _row_names(struct_type: type[msgspec.Struct]) -> dict[str, str]:
    """Returns the name in a row by the name of the field, in the order of the fields."""
    return {field.name: field.encode_name for field in msgspec.structs.fields(struct_type)}


def _is_time(name: str) -> bool:
    return name.endswith("_at") or name in _TIMES
