"""A campaign definition: one document in, a frozen value or every problem with its place out
(design 3, X-10).

All problems of a document are told at once, each at a place like `steps[2].delay_hours`, counted
from 0. Unknown fields are problems: a person wrote the document, and a typo must be told. Durations
become micros here. The structs stand inside internal messages, so a field is only ever appended,
with a default.
"""

from typing import Any

from schemas.checks import Check
from schemas.codes import CampaignCode as Code
from schemas.codes import Problem
from schemas.document import DocumentInvalid, parse
from schemas.fields import Channel, ServiceType
from schemas.plan import Definition, Settings, Step, content_hash
from schemas.times import DAY, HOUR, MINUTE

__all__ = ["Definition", "Settings", "Step", "content_hash", "parse", "read", "validate"]

MAX_STEPS = {"review": 4}  # S1-9, C-1: a limit of the kind, not of the engine
CHANNELS = {"review": ("email", "sms")}
ACTIONS = ("send_message",)
STATUSES = ("draft", "active")
ANCHORS = ("enrollment", "previous_scheduled")  # F-2
ANCHORS_LATER = ("previous_executed", "trigger")  # C-3: for kinds still to come
REPEAT_JOB = ("restart", "ignore")  # F-9
LATE_POLICIES = ("shift_by_pause", "send_now", "skip_older_than")  # C-31
LONGEST_HOURS = 43_800  # five years

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
)
_STEP = ("id", "channel", "action", "template_id", "delay_hours", "anchor")


def read(
    text: str | bytes, *, tenant_id: str | None = None, campaign_id: str | None = None
) -> Definition | list[Problem]:
    """The definition that a YAML or JSON text holds, or everything that is wrong with it."""
    try:
        document = parse(text)
    except DocumentInvalid as error:
        return [error.problem]
    return validate(document, tenant_id=tenant_id, campaign_id=campaign_id)


def validate(
    document: Any, *, tenant_id: str | None = None, campaign_id: str | None = None
) -> Definition | list[Problem]:
    """The definition, or all problems of the document. Ids told from outside must be the
    document's, or stand in."""
    check = Check()
    whole = check.mapping(document, "", _FIELDS, Code.DOCUMENT_INVALID)
    if whole is None:
        return check.problems
    if whole.get("preset") not in (None, False):
        check.say(Code.PRESET_READ_ONLY, "preset", "a preset is read-only: duplicate it (S0-9)")
    kind = _kind(check, whole)
    definition = Definition(
        tenant_id=_tenant(check, whole, tenant_id),
        campaign_id=_campaign(check, whole, campaign_id),
        name=check.name(whole),
        steps=_steps(check, whole, kind),
        settings=_settings(check, whole),
        kind=kind,
        service_type=_service_type(check, whole),
        status=check.choice(
            whole, "status", "", STATUSES, usual="active", code=Code.STATUS_INVALID
        ),
        description=check.text(whole, "description", 5_000, Code.DESCRIPTION_INVALID) or "",
    )
    return check.problems or definition


def _tenant(check: Check, whole: dict[str, Any], told: str | None) -> str:
    return check.identity(whole, "tenant_id", told, Code.TENANT_INVALID, Code.TENANT_MISMATCH)


def _campaign(check: Check, whole: dict[str, Any], told: str | None) -> str:
    return check.identity(whole, "campaign_id", told, Code.ID_INVALID, Code.ID_MISMATCH)


def _kind(check: Check, whole: dict[str, Any]) -> str:
    kinds = tuple(MAX_STEPS)
    return check.choice(whole, "kind", "", kinds, usual="review", code=Code.KIND_UNKNOWN)


def _service_type(check: Check, whole: dict[str, Any]) -> str | None:
    if whole.get("service_type") is None:
        return None
    known = tuple(item.value for item in ServiceType)
    code = Code.SERVICE_TYPE_UNKNOWN
    return check.choice(whole, "service_type", "", known, usual="", code=code)


def _steps(check: Check, whole: dict[str, Any], kind: str) -> tuple[Step, ...]:
    rows = whole.get("steps")
    if rows is None or rows == []:
        check.say(Code.STEPS_REQUIRED, "steps", "a campaign has at least one step")
        return ()
    if not isinstance(rows, list):
        check.say(Code.STEP_INVALID, "steps", "must be a list")
        return ()
    if len(rows) > MAX_STEPS[kind]:
        most = MAX_STEPS[kind]
        check.say(Code.TOO_MANY_STEPS, "steps", f"a {kind} campaign has at most {most} steps")
    # What is beyond reason is not looked at one by one: the answer must stay readable.
    steps = tuple(_step(check, row, index, kind) for index, row in enumerate(rows[:20]))
    _tell_duplicates(check, steps)
    return steps


def _step(check: Check, document: Any, index: int, kind: str) -> Step:
    place = f"steps[{index}]"
    row = check.mapping(document, place, _STEP, Code.STEP_INVALID)
    if row is None:
        return Step("", "", 0, "")
    return Step(
        id=check.step_id(row, place),
        channel=_channel(check, row, place, kind),
        delay=check.hours(row, "delay_hours", place, LONGEST_HOURS),
        anchor=_anchor(check, row, place, index),
        template_id=_template(check, row, place),
        action=check.choice(
            row, "action", place, ACTIONS, usual=ACTIONS[0], code=Code.ACTION_NOT_SUPPORTED
        ),
    )


def _template(check: Check, row: dict[str, Any], place: str) -> str | None:
    """None or empty: not configured yet, so its touch is not sent (S0-17)."""
    found = check.text(row, "template_id", 200, Code.TEMPLATE_INVALID, place)
    if found and not found.strip():
        check.say(Code.TEMPLATE_INVALID, f"{place}.template_id", "blank: leave it out")
    return found or None


def _channel(check: Check, row: dict[str, Any], place: str, kind: str) -> str:
    channel = row.get("channel")
    if channel is None:
        check.say(Code.CHANNEL_REQUIRED, f"{place}.channel", "a step has a channel")
    elif channel not in tuple(Channel):
        check.say(Code.CHANNEL_UNKNOWN, f"{place}.channel", "one of " + ", ".join(Channel))
    elif channel not in CHANNELS[kind]:
        allowed = ", ".join(CHANNELS[kind])
        message = f"a {kind} campaign sends by {allowed}"
        check.say(Code.CHANNEL_NOT_SUPPORTED, f"{place}.channel", message)
    return str(channel)


def _anchor(check: Check, row: dict[str, Any], place: str, index: int) -> str:
    usual = "previous_scheduled" if index else "enrollment"
    anchor = row.get("anchor", usual)
    if anchor in ANCHORS_LATER or (anchor == "previous_scheduled" and index == 0):
        message = (
            "not for this kind of campaign" if index else "the first step counts from enrollment"
        )
        check.say(Code.ANCHOR_NOT_SUPPORTED, f"{place}.anchor", message)
        return usual
    return check.choice(row, "anchor", place, ANCHORS, usual=usual, code=Code.ANCHOR_UNKNOWN)


def _tell_duplicates(check: Check, steps: tuple[Step, ...]) -> None:
    seen: dict[str, int] = {}
    for index, step in enumerate(steps):
        first = seen.setdefault(step.id, index)
        if step.id and first != index:
            message = f"steps[{first}] has this id already"
            check.say(Code.STEP_ID_DUPLICATE, f"steps[{index}].id", message)


def _settings(check: Check, whole: dict[str, Any]) -> Settings:
    given = whole.get("settings")
    row = check.mapping({} if given is None else given, "settings", _SETTINGS, Code.SETTING_INVALID)
    if row is None:
        return Settings()
    late = check.setting_choice(row, "late_policy", LATE_POLICIES)
    late_skip = check.duration(
        row, "late_skip_hours", HOUR, above=0, most=LONGEST_HOURS, usual=None
    )
    if late == "skip_older_than" and row.get("late_skip_hours") is None:
        message = "skip_older_than needs to know how old"
        check.say(Code.SETTING_INVALID, "settings.late_skip_hours", message)
    if late != "skip_older_than" and late_skip is not None:
        message = "only skip_older_than looks at it"
        check.say(Code.SETTING_INVALID, "settings.late_skip_hours", message)
    quiet, start, end = check.quiet_hours(row)
    return Settings(
        cooldown=check.duration(row, "cooldown_days", DAY, above=-1, most=1_826, usual=0) or 0,
        repeat_job=check.setting_choice(row, "repeat_job", REPEAT_JOB),
        late_policy=late,
        late_skip=late_skip,
        quiet=quiet,
        quiet_start=start,
        quiet_end=end,
        expire_after=check.duration(row, "expire_after_hours", HOUR, above=0, most=8_760, usual=168)
        or 0,
        answer_timeout=check.duration(
            row, "answer_timeout_minutes", MINUTE, above=0, most=10_080, usual=30
        )
        or 0,
        retry_delays=check.retries(row, (1, 5, 15)),
        priority=check.priority(row),
    )
