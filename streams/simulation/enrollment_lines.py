"""An enrollment as a row of a report, and back. Names are those of the PostgreSQL columns; times
are RFC 3339."""

from typing import Any

import msgspec

from schemas.base.times import format_rfc3339, parse_rfc3339
from schemas.internal.enrollment import Enrollment, Phase, Status, Touch, Waiting
from streams.simulation.engine import OwnedEnrollment

EnrollmentRow = dict[str, Any]


def to_row(owned: OwnedEnrollment) -> EnrollmentRow:
    """Returns the row of an enrollment without its empty fields."""
    tenant_id, contact_id, run = owned
    row = _filled_fields(run)
    row["status"] = run.status.name.lower()
    row["touches"] = [_touch_row(touch) for touch in run.touches]
    if run.waiting is not None:
        row["waiting"] = _filled_fields(run.waiting)
    return {"tenant_id": tenant_id, "contact_id": contact_id, **row}


def from_row(row: EnrollmentRow) -> OwnedEnrollment:
    """Returns the enrollment of a row. Raises ValueError, KeyError, TypeError for any other
    object."""
    fields = _parsed_fields(row)
    ids = fields.pop("tenant_id"), fields.pop("contact_id")
    fields["status"] = Status[fields["status"].upper()]
    fields["touches"] = [
        Touch(**{**_parsed_fields(touch), "phase": Phase[touch["phase"].upper()]})
        for touch in row["touches"]
    ]
    if "waiting" in row:
        fields["waiting"] = Waiting(**_parsed_fields(row["waiting"]))
    return OwnedEnrollment(*ids, Enrollment(**{"job_id": None, "service_type": None, **fields}))


def _touch_row(touch: Touch) -> EnrollmentRow:
    row = _filled_fields(touch)
    row.pop("recipient", None)  # a digest of an address: of no use to a reader
    row["phase"] = touch.phase.name.lower()
    return row


def _filled_fields(struct: msgspec.Struct) -> EnrollmentRow:
    return {
        name: format_rfc3339(value) if _is_time(name) else value
        for name, value in msgspec.structs.asdict(struct).items()
        if value is not None and value != []
    }


def _parsed_fields(row: EnrollmentRow) -> EnrollmentRow:
    return {name: parse_rfc3339(value) if _is_time(name) else value for name, value in row.items()}


def _is_time(name: str) -> bool:
    return name.endswith("_at") or name in ("since", "until")
