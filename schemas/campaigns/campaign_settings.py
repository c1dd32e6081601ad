"""Reads `settings` of a campaign document. A setting that is left out has its default: that of the
table below, or that of the kind of campaign."""

from typing import Any

from schemas.base.error_codes import MESSAGES, CampaignCode
from schemas.base.times import DAY, HOUR, MINUTE
from schemas.campaigns.call_settings import read_calls
from schemas.campaigns.campaign_kinds import CampaignKind
from schemas.campaigns.compiled_definition import CampaignSettings, SoftBounces
from schemas.campaigns.plain_checks import duration_us
from schemas.campaigns.steps import LONGEST_HOURS
from schemas.campaigns.validation import Check

REPEAT_JOB = ("restart", "ignore")  # F-9
LATE_POLICIES = ("shift_by_pause", "send_now", "skip_older_than", "collapse")  # C-31
ON_REPLY = ("pause", "stop", "continue")  # F-14
REENTRY = ("once", "after_end", "restart")  # C-18
ON_EDIT = ("stay", "follow")  # C-36
JOBS = ("rest", "all")  # C-4
END_DATE_MODES = ("inclusive", "literal")  # C-6
IN_FLIGHT = ("finish", "revoke")
ON_CONVERSION = ("continue", "stop")
ATTRIBUTION_MODELS = ("last_touch", "first_touch", "linear", "all")
ATTRIBUTION_DAYS = 30
ATTRIBUTION_DAYS_MAX = 365
SOFT_BOUNCES_MAX = 10
SOFT_BOUNCE_HOURS_MAX = 720
QUOTA_MAX = 1_000_000

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
    "end_date",
    "end_date_mode",
    "in_flight",
    "on_conversion",
    "attribution",
    "soft_bounces",
)
_ATTRIBUTION = ("model", "window_days")
_SOFT_BOUNCES = ("most", "window_hours", "retry_hours")
_INVALID = CampaignCode.SETTING_INVALID


def read_settings(check: Check, root: dict[str, Any], rules: CampaignKind) -> CampaignSettings:
    """The settings of a campaign of a kind. All problems of the settings go to `check`."""
    value = root.get("settings")
    row = check.mapping({} if value is None else value, "settings", _SETTINGS, _INVALID)
    if row is None:
        return CampaignSettings()
    late, late_skip_us = _late_policy(check, row)
    jobs = check.setting_choice(row, "jobs", JOBS)
    if jobs == "all" and (root.get("service_type") is not None or not rules.serves_jobs):
        message = "only a review campaign for all service types looks at it"
        check.report(_INVALID, "settings.jobs", message)
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
        exclusive=check.text(row, "exclusive", 100, _INVALID, "settings") or None,
        min_gap_us=check.duration(row, "min_gap_hours", HOUR, above=-1, maximum=8_760, default=0)
        or 0,
        jobs=jobs,
        calls=read_calls(check, row, rules.channels),
        timezone=check.zone(row, "timezone", "settings"),
        per_day=_quota(check, row, "per_day"),
        max_new_per_day=_quota(check, row, "max_new_per_day"),
        in_flight=check.setting_choice(row, "in_flight", IN_FLIGHT),
        on_conversion=check.setting_choice(
            row, "on_conversion", ON_CONVERSION, default=rules.on_conversion
        ),
        soft_bounces=_soft_bounces(check, row),
        **_dates(check, row),
        **_attribution(check, row),
    )


def _late_policy(check: Check, row: dict[str, Any]) -> tuple[str, int | None]:
    """The policy for touches that are late after a pause, and how late one may be for it (C-31)."""
    late = check.setting_choice(row, "late_policy", LATE_POLICIES)
    late_skip_us = check.duration(
        row, "late_skip_hours", HOUR, above=0, maximum=LONGEST_HOURS, default=None
    )
    if late == "skip_older_than" and row.get("late_skip_hours") is None:
        message = "skip_older_than needs to know how old"
        check.report(_INVALID, "settings.late_skip_hours", message)
    if late != "skip_older_than" and late_skip_us is not None:
        message = "only skip_older_than looks at it"
        check.report(_INVALID, "settings.late_skip_hours", message)
    return late, late_skip_us


def _quota(check: Check, row: dict[str, Any], field: str) -> int | None:
    code = _INVALID
    return check.number(row, field, "settings", 1, QUOTA_MAX, code, None)


def _dates(check: Check, row: dict[str, Any]) -> dict[str, Any]:
    """The first and the last day of the campaign. The last one comes after the first (S4-17)."""
    start = check.day(row, "start_date", "settings")
    end = check.day(row, "end_date", "settings")
    if start is not None and end is not None and end <= start:
        code = CampaignCode.INVALID_DATES
        check.report(code, "settings.end_date", MESSAGES[code])
    mode = check.setting_choice(row, "end_date_mode", END_DATE_MODES)
    return {"start_day": start, "end_day": end, "end_mode": mode}


def _attribution(check: Check, row: dict[str, Any]) -> dict[str, Any]:
    """To which touches a conversion is credited that names none."""
    value, place = row.get("attribution"), "settings.attribution"
    terms = check.mapping({} if value is None else value, place, _ATTRIBUTION, _INVALID)
    if terms is None:
        return {}
    model = check.choice(
        terms,
        "model",
        place,
        ATTRIBUTION_MODELS,
        default=ATTRIBUTION_MODELS[0],
        code=_INVALID,
    )
    window_us = check.duration(
        terms,
        "window_days",
        DAY,
        above=0,
        maximum=ATTRIBUTION_DAYS_MAX,
        default=ATTRIBUTION_DAYS,
        place=place,
    )
    return {"attribution": model, "attribution_window_us": window_us or ATTRIBUTION_DAYS * DAY}


def _soft_bounces(check: Check, row: dict[str, Any]) -> SoftBounces:
    """What follows a soft bounce (C-25). A message is sent again before each but the last of them,
    and all of them must be able to come within the window."""
    value, place = row.get("soft_bounces"), "settings.soft_bounces"
    usual = SoftBounces()
    terms = check.mapping({} if value is None else value, place, _SOFT_BOUNCES, _INVALID)
    if terms is None:
        return usual
    most = check.number(terms, "most", place, 1, SOFT_BOUNCES_MAX, _INVALID, usual.most)
    most = most or usual.most
    window_us = check.duration(
        terms,
        "window_hours",
        HOUR,
        above=0,
        maximum=SOFT_BOUNCE_HOURS_MAX,
        default=usual.window_us // HOUR,
        place=place,
    )
    window_us = window_us or usual.window_us
    retry_us, field = usual.retry_us[: most - 1], "window_hours"
    if terms.get("retry_hours") is not None:
        retry_us, field = _retry_hours(check, terms, place, most), "retry_hours"
    if sum(retry_us) >= window_us:
        message = "the retries are together not shorter than the window: no address would be closed"
        check.report(_INVALID, f"{place}.{field}", message)
    return SoftBounces(most, window_us, retry_us)


def _retry_hours(check: Check, row: dict[str, Any], place: str, most: int) -> tuple[int, ...]:
    value = row["retry_hours"]
    rows = value if isinstance(value, list) else [None]
    delays = tuple(
        us for item in rows[:most] if (us := duration_us(item, HOUR, SOFT_BOUNCE_HOURS_MAX))
    )
    if len(delays) != len(rows) or len(delays) >= most:
        message = f"a list of at most {most - 1} numbers of hours above 0, each up to "
        message += f"{SOFT_BOUNCE_HOURS_MAX}: no message follows the last soft bounce"
        check.report(_INVALID, f"{place}.retry_hours", message)
        return ()
    return delays
