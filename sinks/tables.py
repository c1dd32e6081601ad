"""The projected tables: columns in the order that rows.py fills them, and their types.

A test compares this with the catalog. A migration may append columns with a default; this list
may then stay behind.
"""

from typing import NamedTuple


class Table(NamedTuple):
    """`key` is its primary key; `types` stand beside `columns`."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]


def _table(name: str, key: str, columns: str) -> Table:
    pairs = [column.split(":") for column in columns.split()]
    return Table(
        name,
        tuple(key.split()),
        tuple(pair[0] for pair in pairs),
        tuple(_TYPES[pair[1]] if len(pair) > 1 else "text" for pair in pairs),
    )


_TYPES = {"i": "int4", "l": "int8", "f": "float8", "t": "timestamptz", "j": "jsonb"}

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "tenants",
            "tenant_id",
            """tenant_id status timezone quiet:j strict_start:i strict_regions:j delay_by_service:j
            limits:j services:j templates_gone:j created_at:t updated_at:t caps:j fence:t""",
        ),
        _table(
            "contacts",
            "tenant_id contact_id",
            """tenant_id contact_id first_name last_name email phone timezone region linkedin_url
            attributes:j opted_out:j bounced:j jobs:j erased_at:t created_at:t updated_at:t
            replied:j connected_at:t""",
        ),
        _table(
            "campaigns",
            "tenant_id campaign_id",
            """tenant_id campaign_id status version:i name kind service_type definition:j known_by:j
            created_at:t updated_at:t""",
        ),
        _table(
            "steps",
            "tenant_id campaign_id version step_id",
            """tenant_id campaign_id version:i step_id number:i channel action template_id
            delay_seconds:f anchor wait_for:j skip_when:j send_window:j""",
        ),
        _table(
            "enrollments",
            "tenant_id enrollment_id",
            """tenant_id enrollment_id contact_id campaign_id version:i cycle:i job_id service_type
            anchor_at:t started_at:t status reason ended_at:t frozen_at:t touch_number:i
            next_due_at:t converted_at:t conversion variables:j step_id waiting_since:t
            waiting_until:t holds:j errors:i last_error""",
        ),
        _table(
            "touches",
            "tenant_id enrollment_id number",
            """tenant_id enrollment_id number:i step_id contact_id campaign_id version:i channel
            scheduled_at:t due_at:t phase wait attempt:i emission:i command_id reason requested_at:t
            commanded_at:t sent_at:t resolved_at:t delivered_at:t opened_at:t clicked_at:t read_at:t
            bounced_at:t converted_at:t error template_id visit:i awaited awaited_at:t outcome
            call_outcome called_at:t""",
        ),
        _table(
            "facts",
            "tenant_id at topic_partition topic_offset",
            """tenant_id at:t topic_partition:i topic_offset:l fact contact_id campaign_id version:i
            enrollment_id job_id step_id touch_number:i channel command_id attempt:i cause reason
            until:t values:j occurred_at:t""",
        ),
        _table(
            "send_log",
            "tenant_id command_id",
            """tenant_id command_id contact_id campaign_id version:i enrollment_id step_id
            touch_number:i channel attempt:i sent_at:t failed_at:t reason delivered_at:t opened_at:t
            clicked_at:t read_at:t bounced_at:t converted_at:t""",
        ),
        _table(
            "tasks",
            "topic partition",
            "topic partition:i next_offset:l stream_time:t timers:l next_due:t",
        ),
        _table(
            "touch_metrics",
            "tenant_id campaign_id version touch_number",
            """tenant_id campaign_id version:i touch_number:i sends:l failures:l skips:l
            deliveries:l opens:l clicks:l reads:l bounces:l conversions:l""",
        ),
        _table(
            "step_metrics",
            "tenant_id campaign_id version step_id",
            """tenant_id campaign_id version:i step_id sends:l failures:l skips:l deliveries:l
            opens:l clicks:l reads:l bounces:l conversions:l triggers:l timeouts:l""",
        ),
    )
}
"""Always written in this order, so that two writers never wait in a circle."""
