"""Reads a campaign document: the result is a compiled definition, or a list of all problems (X-10).

Each problem has a place like `steps[2].delay_hours`, with indexes from 0. An unknown field is a
problem too, because a person may have mistyped a name. Durations become microseconds.
"""

from typing import Any

from schemas.base.error_codes import CampaignCode, Problem
from schemas.base.field_types import ServiceType
from schemas.base.times import DAY, HOUR, MINUTE
from schemas.campaigns.call_settings import check_call_hours, read_calls
from schemas.campaigns.campaign_kinds import KINDS, CampaignKind
from schemas.campaigns.compiled_definition import DIRECT_CALLS, CampaignSettings, Definition
from schemas.campaigns.steps import LONGEST_HOURS, read_steps
from schemas.campaigns.validation import Check
from schemas.campaigns.yaml_document import DocumentInvalid, parse_document

STATUSES = ("draft", "active")
REPEAT_JOB = ("restart", "ignore")  # F-9
LATE_POLICIES = ("shift_by_pause", "send_now", "skip_older_than", "collapse")  # C-31
ON_REPLY = ("pause", "stop", "continue")  # F-14
REENTRY = ("once", "after_end", "restart")  # C-18
ON_EDIT = ("stay", "follow")  # C-36
JOBS = ("rest", "all")  # C-4
QUOTA_MAX = 1_000_000

_FIELDS = (
    "tenant_id",
    "campaign_id",
    "name",
    "description",
    "kind",
    "service_type",
    "status",
    "settings",
    "steps",
    "preset",
)
_SETTINGS = (
    "cooldown_days",
    "repeat_job",
    "late_policy",
    "late_skip_hours",
    "quiet_hours",
    "expire_after_hours",
    "answer_timeout_minutes",
    "retry_minutes",
    "priority",
    "on_reply",
    "max_errors",
    "reentry",
    "on_edit",
    "exclusive",
    "min_gap_hours",
    "jobs",
    "calls",
    "timezone",
    "start_date",
    "per_day",
    "max_new_per_day",
)


def read_definition(
    text: str | bytes, *, tenant_id: str | None = None, campaign_id: str | None = None
) -> Definition | list[Problem]:
    """The definition in a YAML or JSON text, or all of its problems.

    `tenant_id` and `campaign_id` are used if the text has none; otherwise they must be equal.
    """
    try:
        document = parse_document(text)
    except DocumentInvalid as error:
        return [error.problem]
    return validate_definition(document, tenant_id=tenant_id, campaign_id=campaign_id)


def validate_definition(
    document: Any, *, tenant_id: str | None = None, campaign_id: str | None = None
) -> Definition | list[Problem]:
    """The definition in a parsed document, or all of its problems.

    `tenant_id` and `campaign_id` are used if the document has none; otherwise they must be equal.
    """
    check = Check()
    root = check.mapping(document, "", _FIELDS, CampaignCode.DOCUMENT_INVALID)
    if root is None:
        return check.problems
    if root.get("preset") not in (None, False):
        check.report(
            CampaignCode.PRESET_READ_ONLY, "preset", "a preset is read-only: duplicate it (S0-9)"
        )
    kind = check.choice(
        root, "kind", "", tuple(KINDS), default="review", code=CampaignCode.KIND_UNKNOWN
    )
    rules = KINDS[kind]
    definition = Definition(
        tenant_id=_tenant(check, root, tenant_id),
        campaign_id=_campaign(check, root, campaign_id),
        name=check.name(root),
        steps=read_steps(check, root, kind, rules),
        settings=_settings(check, root, rules),
        kind=kind,
        service_type=_service_type(check, root, kind, rules),
        status=check.choice(
            root, "status", "", STATUSES, default="active", code=CampaignCode.STATUS_INVALID
        ),
        description=check.text(root, "description", 5_000, CampaignCode.DESCRIPTION_INVALID) or "",
    )
    check_call_hours(check, definition.settings, definition.steps, rules.quiet)
    return check.problems or definition


def _tenant(check: Check, root: dict[str, Any], expected: str | None) -> str:
    return check.identity(
        root, "tenant_id", expected, CampaignCode.TENANT_INVALID, CampaignCode.TENANT_MISMATCH
    )


def _campaign(check: Check, root: dict[str, Any], expected: str | None) -> str:
    campaign_id = check.identity(
        root, "campaign_id", expected, CampaignCode.ID_INVALID, CampaignCode.ID_MISMATCH
    )
    if campaign_id == DIRECT_CALLS:
        message = "the campaign of direct calls is there already, and cannot be changed"
        check.report(CampaignCode.ID_INVALID, "campaign_id", message)
    return campaign_id


def _service_type(check: Check, root: dict[str, Any], kind: str, rules: CampaignKind) -> str | None:
    if root.get("service_type") is None:
        return None
    if not rules.serves_jobs:
        message = f"no job enters a {kind} campaign"
        check.report(CampaignCode.SERVICE_TYPE_UNKNOWN, "service_type", message)
        return None
    allowed = tuple(item.value for item in ServiceType)
    code = CampaignCode.SERVICE_TYPE_UNKNOWN
    return check.choice(root, "service_type", "", allowed, default="", code=code)


def _settings(check: Check, root: dict[str, Any], rules: CampaignKind) -> CampaignSettings:
    value = root.get("settings")
    row = check.mapping(
        {} if value is None else value, "settings", _SETTINGS, CampaignCode.SETTING_INVALID
    )
    if row is None:
        return CampaignSettings()
    late, late_skip_us = _late_policy(check, row)
    jobs = check.setting_choice(row, "jobs", JOBS)
    if jobs == "all" and (root.get("service_type") is not None or not rules.serves_jobs):
        message = "only a review campaign for all service types looks at it"
        check.report(CampaignCode.SETTING_INVALID, "settings.jobs", message)
    quiet, start, end = check.quiet_hours(row, rules.quiet)
    retries = check.retries(row)
    if retries is None:
        retries = tuple(minutes * MINUTE for minutes in rules.retry_minutes)
    return CampaignSettings(
        cooldown_us=check.duration(row, "cooldown_days", DAY, above=-1, maximum=1_826, default=0)
        or 0,
        repeat_job=check.setting_choice(row, "repeat_job", REPEAT_JOB),
        late_policy=late,
        late_skip_us=late_skip_us,
        quiet=quiet,
        quiet_start=start,
        quiet_end=end,
        expire_after_us=check.duration(
            row,
            "expire_after_hours",
            HOUR,
            above=0,
            maximum=8_760,
            default=rules.expire_after_hours,
        )
        or 0,
        answer_timeout_us=check.duration(
            row, "answer_timeout_minutes", MINUTE, above=0, maximum=10_080, default=30
        )
        or 0,
        retry_delays_us=retries,
        priority=check.priority(row),
        on_reply=check.setting_choice(row, "on_reply", ON_REPLY, default=rules.on_reply),
        max_errors=check.whole(row, "max_errors", 1_000, rules.max_errors),
        reentry=check.setting_choice(row, "reentry", REENTRY, default=rules.reentry),
        on_edit=check.setting_choice(row, "on_edit", ON_EDIT),
        exclusive=check.text(row, "exclusive", 100, CampaignCode.SETTING_INVALID, "settings")
        or None,
        min_gap_us=check.duration(row, "min_gap_hours", HOUR, above=-1, maximum=8_760, default=0)
        or 0,
        jobs=jobs,
        calls=read_calls(check, row, rules.channels),
        timezone=check.zone(row, "timezone", "settings"),
        start_day=check.day(row, "start_date", "settings"),
        per_day=_quota(check, row, "per_day"),
        max_new_per_day=_quota(check, row, "max_new_per_day"),
    )


def _late_policy(check: Check, row: dict[str, Any]) -> tuple[str, int | None]:
    """The policy for touches that are late after a pause, and how late one may be for it (C-31)."""
    late = check.setting_choice(row, "late_policy", LATE_POLICIES)
    late_skip_us = check.duration(
        row, "late_skip_hours", HOUR, above=0, maximum=LONGEST_HOURS, default=None
    )
    if late == "skip_older_than" and row.get("late_skip_hours") is None:
        message = "skip_older_than needs to know how old"
        check.report(CampaignCode.SETTING_INVALID, "settings.late_skip_hours", message)
    if late != "skip_older_than" and late_skip_us is not None:
        message = "only skip_older_than looks at it"
        check.report(CampaignCode.SETTING_INVALID, "settings.late_skip_hours", message)
    return late, late_skip_us


def _quota(check: Check, row: dict[str, Any], field: str) -> int | None:
    code = CampaignCode.SETTING_INVALID
    return check.number(row, field, "settings", 1, QUOTA_MAX, code, None)
