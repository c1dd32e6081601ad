"""What keeps a valid definition from doing its work, as far as the definition itself shows it: it
is reported when the document is checked, and refuses the activation of a draft (S4-32, S4-33).

The hours of the tenant may be given. Those of the law and of strict regions are not known here.
"""

from collections.abc import Iterator, Sequence

from schemas.base.error_codes import CampaignCode, Problem
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import CampaignSettings, Definition, Step, StepWindow
from schemas.campaigns.open_hours import NO_QUIET, WEEK, Quiet, ever_opens, fits
from schemas.channels import CHANNELS

_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


def local_problems(definition: Definition, quiet: Quiet | None = None) -> list[Problem]:
    """The steps that can never be sent. `quiet` are the tenant's quiet hours; they hold if the
    campaign has none of its own."""
    found: list[Problem] = []
    for index, step in enumerate(definition.steps):
        place = f"steps[{index}]"
        if KINDS[definition.kind].prepared and not step.template_id and step.experiment is None:
            message = "a step without a template is not sent: set one, or take the step out"
            found.append(Problem(CampaignCode.NO_TEMPLATE, f"{place}.template_id", message))
        found += _hours_problems(definition.settings, step, place, quiet)
    return found


def _hours_problems(
    settings: CampaignSettings, step: Step, place: str, of_tenant: Quiet | None
) -> Iterator[Problem]:
    windows, quiet = _windows(settings, step), _quiet(settings, step, of_tenant)
    if not ever_opens(windows, quiet):
        message = "never opens: quiet hours and the window of the step leave no time"
        yield Problem(CampaignCode.NO_WINDOW, f"{place}.window", message)
    elif not ever_opens(windows, quiet, _weekdays(settings)):
        message = "never opens between start_date and end_date"
        yield Problem(CampaignCode.NO_WINDOW, f"{place}.window", message)
    elif step.redial is not None:
        yield from _redial_problems(windows, quiet, step, place)


def _redial_problems(
    windows: Sequence[StepWindow], quiet: Quiet, step: Step, place: str
) -> Iterator[Problem]:
    """Outcomes after which no further call, or not all of them, can come before the first call is
    too old."""
    redial = step.redial
    if redial is None or redial.max_age_us is None:
        return
    for name, rule in redial.outcomes.items():
        used = rule.after_us[: redial.max_attempts - 1] if rule.counts else rule.after_us
        delays = [max(delay, redial.min_gap_us) for delay in used]
        if delays and not fits(windows, quiet, delays, redial.max_age_us):
            message = "the hours of calls leave no time for these calls within max_age_days"
            yield Problem(CampaignCode.REDIAL_INVALID, f"{place}.redial.outcomes.{name}", message)


def _windows(settings: CampaignSettings, step: Step) -> list[StepWindow]:
    of_calls = settings.calls.hours if settings.calls and CHANNELS[step.channel].by_pool else None
    return [each for each in (of_calls, step.window) if each is not None]


def _quiet(settings: CampaignSettings, step: Step, of_tenant: Quiet | None) -> Quiet:
    if not CHANNELS[step.channel].quiet_hours or settings.quiet == "none":
        return NO_QUIET
    if settings.quiet_start is not None and settings.quiet_end is not None:
        return settings.quiet_start, settings.quiet_end
    return of_tenant or NO_QUIET


def _weekdays(settings: CampaignSettings) -> Sequence[int]:
    """The weekdays on which the campaign goes, and one before and after them: by the clock of a
    person it may be another day."""
    first, last = settings.start_day, settings.end_day
    if first is None or last is None:
        return WEEK
    after = last + (2 if settings.end_mode == "inclusive" else 1)
    days = range(first - 1, after)[: len(WEEK)]
    return [(day + _EPOCH_WEEKDAY) % 7 for day in days]
