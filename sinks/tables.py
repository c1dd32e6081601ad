"""The projected tables: one entry each, with its key, its columns, their types and merge rules.

All statements that write a table are generated from its entry (`table_sql.py`). A projected column
is therefore named in three places: the migration that adds it, its entry here, and the function
that fills its rows with values in the order of the entry. A test compares the entries with the
catalog of a migrated database.
"""

from enum import StrEnum
from typing import NamedTuple


class Merge(StrEnum):
    """What becomes of a column whose row exists already when a new row of its key is merged."""

    REPLACE = "replace"
    """The new value. A row is rewritten only where a column of it differs."""

    KEEP = "keep"
    """The old value, NULL included."""

    FIRST = "first"
    """The old value, or the new one where the old one is NULL."""

    LATEST = "latest"
    """The new value, or the old one where the new one is NULL."""

    EARLIEST = "earliest"
    """The smaller of both values."""

    SUM = "sum"
    """Both values added."""

    NEVER = "never"
    """The rule of a table whose keys never come twice: rows are only inserted."""


class Table(NamedTuple):
    """A table and its primary key. `types` and `merges` have one item for each of `columns`.

    The name of a table that is not in the schema `touchstream` begins with its schema:
    `outreach_campaigns` is the table `outreach.campaigns`.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    merges: tuple[Merge, ...]
    schema: str = "touchstream"

    @property
    def relation(self) -> tuple[str, str]:
        """The schema, and the name of the table in it."""
        return self.schema, self.name.removeprefix(f"{self.schema}_")


_TYPES = {
    "": "text",
    "b": "bool",
    "i": "int4",
    "l": "int8",
    "f": "float8",
    "t": "timestamptz",
    "d": "date",
    "c": "time",
    "j": "jsonb",
    "n": "numeric",
    "a": "_text",
}


def _table(name: str, key: str, columns: str, merge: Merge = Merge.REPLACE) -> Table:
    """A table from its text form: columns are `name`, `name:type` or `name:type:merge`, where the
    type is a key of `_TYPES` and the merge rule is the table's unless it is named."""
    schema, dot, _ = name.partition(".")
    parts = [(*column.split(":"), "", "")[:3] for column in columns.split()]
    return Table(
        name.replace(".", "_"),
        tuple(key.split()),
        tuple(column for column, _, _ in parts),
        tuple(_TYPES[letter] for _, letter, _ in parts),
        tuple(Merge(rule) if rule else merge for _, _, rule in parts),
        schema if dot else "touchstream",
    )


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "tenants",
            "tenant_id",
            """tenant_id status timezone quiet:j strict_start:i strict_regions:j delay_by_service:j
            limits:j services:j templates_gone:j created_at:t updated_at:t caps:j fence:t country
            opt_out_words:j calling_hours:b call_slots:i pool_slots:i agents:j caller_numbers:j
            allowed_numbers:j more_limits:j""",
        ),
        _table(
            "contacts",
            "tenant_id contact_id",
            """tenant_id contact_id first_name last_name email phone timezone region linkedin_url
            attributes:j opted_out:j bounced:j jobs:j erased_at:t created_at:t updated_at:t
            replied:j connected_at:t other_addresses:j resubscribed:j conversions:j
            soft_bounces:j""",
        ),
        _table(
            "campaigns",
            "tenant_id campaign_id",
            """tenant_id campaign_id status version:i name kind service_type definition:j known_by:j
            created_at:t updated_at:t started_at:t ended_at:t agent_id pool_id call_slots:i
            timezone start_day:d first_call_time:c last_call_time:c call_days:i end_day:d
            first_day:d last_day:d end_reason dates:j counts:j experiments:j""",
        ),
        _table(
            "outreach.campaigns",
            "id",
            """id org_id name description campaign_type channel status target_audience
            target_locations:a target_skills:a target_company_sizes:a is_ab_test:b
            variant_a_template_id variant_b_template_id ab_split_percentage:i
            target_contacts_count:i target_response_rate:n target_conversion_count:i
            contacts_reached:i emails_sent:i linkedin_messages_sent:i responses_received:i
            conversions:i response_rate:n start_date:d end_date:d owner_id created_at:t updated_at:t
            created_by campaign_id version:i completion_policy end_reason started_at:t
            completed_at:t settled_at:t""",
        ),
        _table(
            "steps",
            "tenant_id campaign_id version step_id",
            """tenant_id campaign_id version:i step_id number:i channel action template_id
            delay_seconds:f anchor wait_for:j skip_when:j send_window:j experiment:j""",
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
            call_outcome called_at:t pool_id sender_id call_id call_seconds:i reviewed:b
            call_status""",
        ),
        _table(
            "call_items",
            "tenant_id enrollment_id",
            """tenant_id enrollment_id contact_id campaign_id version:i status successful:b
            reviewed:b direct:b agent_id from_number template_id priority:i position:l
            scheduled_for:t next_call_at:t held:b waits_for call_id call_outcome call_seconds:i
            failure_reason created_at:t started_at:t completed_at:t updated_at:t""",
        ),
        _table(
            "run_results",
            "tenant_id enrollment_id",
            """tenant_id enrollment_id contact_id campaign_id version:i status contact_type user_id
            lead_id company_name title experiment_id variant assigned_by tested_at:t assignments:j
            channel template_id reached:b sent_at:t opened_at:t clicked_at:t responded_at:t
            response_channel converted_at:t conversion_type entity_id implied:b bounced_at:t
            opted_out_at:t created_at:t updated_at:t""",
        ),
        _table(
            "engagements",
            "tenant_id enrollment_id number",
            """tenant_id enrollment_id number:i contact_id campaign_id step_id channel template_id
            command_id sender_id attempt:i sent_at:t delivered_at:t opened_at:t clicked_at:t
            bounced_at:t soft_bounces:i reason""",
        ),
        _table(
            "facts",
            "tenant_id at topic_partition topic_offset",
            """tenant_id at:t topic_partition:i topic_offset:l fact contact_id campaign_id version:i
            enrollment_id job_id step_id touch_number:i channel command_id attempt:i cause reason
            until:t values:j occurred_at:t""",
            Merge.NEVER,
        ),
        _table(
            "send_log",
            "tenant_id command_id",
            """tenant_id command_id contact_id campaign_id version:i enrollment_id step_id
            touch_number:i channel attempt:i sent_at:t:first failed_at:t:first reason::first
            delivered_at:t:earliest opened_at:t:earliest clicked_at:t:earliest read_at:t:earliest
            bounced_at:t:earliest converted_at:t:earliest commanded_at:t:earliest revoked_at:t:first
            revoke_reason::first sender_id::first""",
            Merge.KEEP,
        ),
        _table(
            "calls",
            "tenant_id command_id",
            """tenant_id command_id contact_id campaign_id version:i enrollment_id step_id
            touch_number:i attempt:i slot_granted_at:t:first slot_until:t:first pool_id::first
            agent_id::first initiated_at:t:earliest ringing_at:t:earliest
            in_progress_at:t:earliest call_id::latest ended_at:t:latest outcome::latest
            raw_status::latest answered_by::latest seconds:i:latest slot_freed_at:t:first
            freed_by::first slot_expired_at:t:first overrun_at:t:first reviewed_at:t:latest
            reviewed:b:latest result::latest updated_at:t:latest""",
            Merge.KEEP,
        ),
        _table(
            "call_leases",
            "tenant_id command_id",
            """tenant_id command_id pool_id contact_id campaign_id enrollment_id agent_id
            from_number direct:b state granted_at:t until:t reported_at:t""",
        ),
        _table(
            "call_pools",
            "pool_id",
            "pool_id slots:i weights:j reserved:j created_at:t updated_at:t reported_at:t",
        ),
        _table(
            "senders",
            "tenant_id sender_id",
            """tenant_id sender_id channel status limits:j send_window:j timezone warm_up:j
            day_jitter_percent:i lag_seconds:f max_new_per_day:i first_weekday:i on_gone
            created_at:t updated_at:t removed_at:t""",
        ),
        _table(
            "sender_states",
            "tenant_id channel sender_id",
            """tenant_id channel sender_id paused_for throttled:j served_seq:l sending_days:i
            last_day:d sent_today:i bounces:i complaints:i""",
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
            Merge.SUM,
        ),
        _table(
            "step_metrics",
            "tenant_id campaign_id version step_id",
            """tenant_id campaign_id version:i step_id sends:l failures:l skips:l deliveries:l
            opens:l clicks:l reads:l bounces:l conversions:l triggers:l timeouts:l""",
            Merge.SUM,
        ),
    )
}
"""The tables by name. They are always written in this order, so that two writers never deadlock."""


def non_key_columns(name: str) -> tuple[str, ...]:
    """The columns of a table that are no part of its key, in their order."""
    table = TABLES[name]
    return tuple(column for column in table.columns if column not in table.key)
