"""A campaign definition: one document in, a frozen value or every problem with its place out
(design 3, X-10).

All problems of a document are told at once, each at a place like `steps[2].delay_hours`, counted
from 0. Unknown fields are problems: a person wrote the document, and a typo must be told. Durations
become micros here. The structs stand inside internal messages, so a field is only ever appended,
with a default.
"""

from typing import Any

from schemas.base.error_codes import CampaignCode, Problem
from schemas.base.field_types import ServiceType
from schemas.base.times import DAY, HOUR, MINUTE
from schemas.campaigns.campaign_kinds import KINDS, CampaignKind
from schemas.campaigns.compiled_definition import CampaignSettings, Definition
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
)


def read_definition(
    text: str | bytes, *, tenant_id: str | None = None, campaign_id: str | None = None
) -> Definition | list[Problem]:
    """The definition that a YAML or JSON text holds, or everything that is wrong with it."""
    try:
        document = parse_document(text)
    except DocumentInvalid as error:
        return [error.problem]
    return validate_definition(document, tenant_id=tenant_id, campaign_id=campaign_id)


def validate_definition(
    document: Any, *, tenant_id: str | None = None, campaign_id: str | None = None
) -> Definition | list[Problem]:
    """The definition, or all problems of the document. Ids told from outside must be the
    document's, or stand in."""
    check = Check()
    whole = check.mapping(document, "", _FIELDS, CampaignCode.DOCUMENT_INVALID)
    if whole is None:
        return check.problems
    if whole.get("preset") not in (None, False):
        check.report(
            CampaignCode.PRESET_READ_ONLY, "preset", "a preset is read-only: duplicate it (S0-9)"
        )
    kind = check.choice(
        whole, "kind", "", tuple(KINDS), usual="review", code=CampaignCode.KIND_UNKNOWN
    )
    rules = KINDS[kind]
    definition = Definition(
        tenant_id=_tenant(check, whole, tenant_id),
        campaign_id=_campaign(check, whole, campaign_id),
        name=check.name(whole),
        steps=read_steps(check, whole, kind, rules),
        settings=_settings(check, whole, rules),
        kind=kind,
        service_type=_service_type(check, whole, kind, rules),
        status=check.choice(
            whole, "status", "", STATUSES, usual="active", code=CampaignCode.STATUS_INVALID
        ),
        description=check.text(whole, "description", 5_000, CampaignCode.DESCRIPTION_INVALID) or "",
    )
    return check.problems or definition


def _tenant(check: Check, whole: dict[str, Any], told: str | None) -> str:
    return check.identity(
        whole, "tenant_id", told, CampaignCode.TENANT_INVALID, CampaignCode.TENANT_MISMATCH
    )


def _campaign(check: Check, whole: dict[str, Any], told: str | None) -> str:
    return check.identity(
        whole, "campaign_id", told, CampaignCode.ID_INVALID, CampaignCode.ID_MISMATCH
    )


def _service_type(
    check: Check, whole: dict[str, Any], kind: str, rules: CampaignKind
) -> str | None:
    if whole.get("service_type") is None:
        return None
    if not rules.serves_jobs:
        message = f"no job enters a {kind} campaign"
        check.report(CampaignCode.SERVICE_TYPE_UNKNOWN, "service_type", message)
        return None
    known = tuple(item.value for item in ServiceType)
    code = CampaignCode.SERVICE_TYPE_UNKNOWN
    return check.choice(whole, "service_type", "", known, usual="", code=code)


def _settings(check: Check, whole: dict[str, Any], rules: CampaignKind) -> CampaignSettings:
    given = whole.get("settings")
    row = check.mapping(
        {} if given is None else given, "settings", _SETTINGS, CampaignCode.SETTING_INVALID
    )
    if row is None:
        return CampaignSettings()
    late = check.setting_choice(row, "late_policy", LATE_POLICIES)
    late_skip_us = check.duration(
        row, "late_skip_hours", HOUR, above=0, most=LONGEST_HOURS, usual=None
    )
    if late == "skip_older_than" and row.get("late_skip_hours") is None:
        message = "skip_older_than needs to know how old"
        check.report(CampaignCode.SETTING_INVALID, "settings.late_skip_hours", message)
    if late != "skip_older_than" and late_skip_us is not None:
        message = "only skip_older_than looks at it"
        check.report(CampaignCode.SETTING_INVALID, "settings.late_skip_hours", message)
    jobs = check.setting_choice(row, "jobs", JOBS)
    if jobs == "all" and (whole.get("service_type") is not None or not rules.serves_jobs):
        message = "only a review campaign for all service types looks at it"
        check.report(CampaignCode.SETTING_INVALID, "settings.jobs", message)
    quiet, start, end = check.quiet_hours(row)
    retries = check.retries(row)
    if retries is None:
        retries = tuple(minutes * MINUTE for minutes in rules.retry_minutes)
    return CampaignSettings(
        cooldown_us=check.duration(row, "cooldown_days", DAY, above=-1, most=1_826, usual=0) or 0,
        repeat_job=check.setting_choice(row, "repeat_job", REPEAT_JOB),
        late_policy=late,
        late_skip_us=late_skip_us,
        quiet=quiet,
        quiet_start=start,
        quiet_end=end,
        expire_after_us=check.duration(
            row, "expire_after_hours", HOUR, above=0, most=8_760, usual=168
        )
        or 0,
        answer_timeout_us=check.duration(
            row, "answer_timeout_minutes", MINUTE, above=0, most=10_080, usual=30
        )
        or 0,
        retry_delays_us=retries,
        priority=check.priority(row),
        on_reply=check.setting_choice(row, "on_reply", ON_REPLY, usual=rules.on_reply),
        max_errors=check.whole(row, "max_errors", 1_000, rules.max_errors),
        reentry=check.setting_choice(row, "reentry", REENTRY, usual=rules.reentry),
        on_edit=check.setting_choice(row, "on_edit", ON_EDIT),
        exclusive=check.text(row, "exclusive", 100, CampaignCode.SETTING_INVALID, "settings")
        or None,
        min_gap_us=check.duration(row, "min_gap_hours", HOUR, above=-1, most=8_760, usual=0) or 0,
        jobs=jobs,
    )
