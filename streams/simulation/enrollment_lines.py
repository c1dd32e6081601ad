"""An enrollment as a line of a report, and back: names as in PostgreSQL, times as in the facts."""

from typing import Any

import msgspec

from schemas.base.times import format_rfc3339, parse_rfc3339
from schemas.internal.states import Enrollment, Phase, Status, Touch, Waiting
from streams.simulation.engine import OwnedEnrollment

Row = dict[str, Any]


def told(whose: OwnedEnrollment) -> Row:
    """What is empty is left out."""
    tenant_id, contact_id, run = whose
    row = _named(run)
    row["status"] = run.status.name.lower()
    row["touches"] = [_touch(touch) for touch in run.touches]
    if run.waiting is not None:
        row["waiting"] = _named(run.waiting)
    return {"tenant_id": tenant_id, "contact_id": contact_id, **row}


def read(row: Row) -> OwnedEnrollment:
    """The enrollment of such a line. Raises ValueError, KeyError, TypeError where it is none."""
    fields = _fields(row)
    whose = fields.pop("tenant_id"), fields.pop("contact_id")
    fields["status"] = Status[fields["status"].upper()]
    fields["touches"] = [
        Touch(**{**_touch_fields(touch), "phase": Phase[touch["phase"].upper()]})
        for touch in row["touches"]
    ]
    if "waiting" in row:
        fields["waiting"] = Waiting(**_fields(row["waiting"]))
    return OwnedEnrollment(*whose, Enrollment(**{"job_id": None, "service_type": None, **fields}))


def _touch(touch: Touch) -> Row:
    row = _named(touch)
    row.pop("recipient", None)  # a digest of an address
    row["phase"] = touch.phase.name.lower()
    return row


def _named(struct: msgspec.Struct) -> Row:
    names = zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True)
    values = {name: getattr(struct, field) for name, field in names}
    return {
        name: format_rfc3339(value) if _is_moment(name) else value
        for name, value in values.items()
        if value is not None and value != []
    }


def _touch_fields(row: Row) -> Row:
    return {_TOUCH_FIELD[name]: value for name, value in _fields(row).items()}


_TOUCH_FIELD = dict(zip(Touch.__struct_encode_fields__, Touch.__struct_fields__, strict=True))


def _fields(row: Row) -> Row:
    return {
        name: parse_rfc3339(value) if _is_moment(name) else value for name, value in row.items()
    }


def _is_moment(name: str) -> bool:
    return name.endswith("_at") or name in ("since", "until")
