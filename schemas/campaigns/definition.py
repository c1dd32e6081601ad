"""Reads a campaign document: the result is a compiled definition, or a list of all problems (X-10).

Each problem has a place like `steps[2].delay_hours`, with indexes from 0. An unknown field is a
problem too, because a person may have mistyped a name. Durations become microseconds.
"""

from typing import Any

from schemas.base.error_codes import CampaignCode, Problem
from schemas.base.field_types import ServiceType
from schemas.campaigns.call_settings import check_call_hours
from schemas.campaigns.campaign_kinds import KINDS, CampaignKind
from schemas.campaigns.campaign_settings import read_settings
from schemas.campaigns.compiled_definition import DIRECT_CALLS, Definition
from schemas.campaigns.outreach_terms import check_outreach_channels, read_outreach
from schemas.campaigns.steps import read_steps
from schemas.campaigns.template_texts import check_template_channels
from schemas.campaigns.validation import Check
from schemas.campaigns.yaml_document import DocumentInvalid, parse_document

STATUSES = ("draft", "active")

_FIELDS = (
    "tenant_id",
    "campaign_id",
    "name",
    "description",
    "kind",
    "service_type",
    "status",
    "settings",
    "outreach",
    "templates",
    "steps",
    "preset",
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
        settings=read_settings(check, root, rules),
        kind=kind,
        service_type=_service_type(check, root, kind, rules),
        status=_status(check, root, kind, rules),
        description=check.text(root, "description", 5_000, CampaignCode.DESCRIPTION_INVALID) or "",
        outreach=read_outreach(check, root, kind, rules),
    )
    check_outreach_channels(check, definition.outreach, definition.steps)
    check_template_channels(check, root, definition.steps)
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


def _status(check: Check, root: dict[str, Any], kind: str, rules: CampaignKind) -> str:
    code = CampaignCode.STATUS_INVALID
    status = check.choice(root, "status", "", STATUSES, default=rules.status, code=code)
    if rules.prepared and status != rules.status:
        message = f"{kind} begins as a {rules.status}: activation is an order of its own"
        check.report(code, "status", message)
    return status


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
