"""How a campaign stands, as text for people."""

from collections.abc import Iterator

from processors.shared.experiment_statistics import result_of_values
from schemas.base.times import MINUTE, DurationUs, MomentUs, parse_rfc3339
from schemas.campaigns.campaign_kinds import KINDS
from schemas.internal.count_names import (
    BOUNCES,
    CONVERSIONS,
    FROZEN,
    IMPLIED_RESPONSES,
    LIVE,
    OPT_OUTS,
    OUT,
    REACHED,
    RESPONSES,
    RUNS,
)
from streams.cli.campaign_view import CampaignView, CompletionRule, TargetRow
from streams.cli.campaign_waits import wait_lines
from streams.cli.experiment_text import short_line
from streams.cli.output import format_time
from streams.cli.zoned_times import distance, local_time, span

PHASES = {
    "armed": "active, but its first day is ahead",
    "settling": "completed; commands are still out",
    "settled": "completed; no command is out any more",
}
"""What a phase means that is no status."""

END_REASONS = {
    "end_date": "its end date",
    "targets": "its targets",
    "all_processed": "all of its people are processed",
    "by_order": "an order",
}
"""Why a campaign was completed."""

TARGETS = {
    "contacts": "contacts reached",
    "response_rate": "response rate",
    "conversions": "conversions",
}

DATES = {
    "end": "ends",
    "settle": "provisional report at the latest",
    "report": "final report",
    "archive": "is archived",
    "retention": "retention is over",
}
"""What is to be done when, by the names of CampaignRecord.dates."""

COUNTS = {
    RUNS: "enrolled",
    LIVE: "go on",
    FROZEN: "held",
    OUT: "ended with a command out",
    REACHED: "reached",
    RESPONSES: "responses",
    IMPLIED_RESPONSES: "conversions without a response",
    CONVERSIONS: "conversions",
    OPT_OUTS: "opt-outs",
    BOUNCES: "bounces",
}
"""The counts, with the words for them; the rest have names that speak for themselves."""

HELD_BY_DRAFT = "wait for the activation"
"""What the held people of a draft do."""

RATES = {
    "response_rate": "responses per reached",
    "conversion_rate": "conversions per response",
    "overall_rate": "conversions per reached",
    "response_rate_of_all": "responses per enrolled",
}


def campaign_lines(
    view: CampaignView, now: MomentUs, quiet_us: DurationUs = MINUTE
) -> Iterator[str]:
    """The whole view, part by part. That no record has come is shown after `quiet_us`."""
    yield from _head(view, now, quiet_us)
    waits = [*wait_lines(view.waits, view.timezone, now)]
    yield from _section("What it waits for to send", waits)
    yield from _section("Targets", [_target_line(row) for row in view.targets])
    rules = [_rule_line(rule, view, now) for rule in view.completion]
    yield from _section("Completes at the first of", rules)
    yield from _section("People", [*_count_lines(view)])
    yield from _section("Experiments", [*_experiment_lines(view)])
    yield from _section("Problems", [problem_line(each) for each in view.problems])
    if view.ended_at is None:
        yield from _section("Recommended", [problem_line(each) for each in view.recommendations])


def count_word(name: str, status: str) -> str:
    """The word for a count of a campaign with this status."""
    if name == FROZEN and status == "draft":
        return HELD_BY_DRAFT
    return COUNTS.get(name) or name.replace("_", " ")


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)


def problem_line(problem: dict[str, str]) -> str:
    """A problem or a recommendation: its place and its text, its code unless it is the one of all
    recommendations."""
    code = "" if problem["code"].endswith("_RECOMMENDED") else f"{problem['code']} at "
    return f"{code}{problem['place'] or 'the document'}: {problem['message']}"


def _head(view: CampaignView, now: MomentUs, quiet_us: DurationUs) -> Iterator[str]:
    meaning = f": {PHASES[view.phase]}" if view.phase in PHASES else ""
    yield f"{view.campaign_id} of {view.tenant_id}: {view.phase}{meaning}"
    yield f"  {view.name}"
    terms = view.outreach
    if terms is not None:
        by = " or ".join(terms["channel_preference"]) or "all channels of its steps"
        channel = f"combined ({by})" if terms["channel"] == "combined" else terms["channel"]
        yield f"  {terms['campaign_type']} by {channel}, owner {terms['owner_id']}"
    yield f"  {view.kind} campaign, version {view.version}, dates by {view.timezone}"
    yield from (f"  {line}" for line in _dates(view, now))
    if view.as_of is not None:
        age = now - parse_rfc3339(view.as_of)
        as_of = format_time(parse_rfc3339(view.as_of))
        yield f"  as of {as_of}; the counts are up to a second older"
        if age >= quiet_us:
            yield f"  no record for {span(age)}: touchstream status shows whether the engine runs"


def _dates(view: CampaignView, now: MomentUs) -> Iterator[str]:
    if view.activation_awaits is not None:
        count = len(view.activation_awaits)
        yield f"is being activated: {count} partitions of contact-log have not counted yet"
    if view.first_day or view.last_day:
        yield f"from {view.first_day or 'its activation'} to {view.last_day or 'no last day'}"
    if view.started_at is not None:
        yield f"active since {local_time(view.started_at, view.timezone)}"
    if view.ended_at is not None:
        reason = END_REASONS.get(view.end_reason or "", view.end_reason)
        because = f", by {reason}" if reason else ""
        yield f"completed {local_time(view.ended_at, view.timezone)}{because}"
    if view.settled_at is not None:
        yield f"settled {local_time(view.settled_at, view.timezone)}"
    for name, at in sorted(view.dates.items(), key=lambda each: each[1]):
        when = distance(parse_rfc3339(at), now)
        yield f"{DATES.get(name, name)} {local_time(at, view.timezone)}, {when}"


def _target_line(row: TargetRow) -> str:
    is_rate = row.name.endswith("_rate")
    actual, target = (_number(value, is_rate) for value in (row.actual, row.target))
    share = "" if is_rate or row.actual is None else f", {100 * row.actual / row.target:.1f} %"
    state = "reached" if row.is_reached else "not reached"
    waits = "" if row.decides else "; the completion does not wait for it"
    return f"{TARGETS.get(row.name, row.name):<18}{actual} of {target}{share}: {state}{waits}"


def _number(value: float | None, is_rate: bool) -> str:
    if value is None:
        return "no data"
    return f"{value:.2f} %" if is_rate else f"{value:,.0f}"


def _rule_line(rule: CompletionRule, view: CampaignView, now: MomentUs) -> str:
    at = local_time(rule.at, view.timezone)
    when = "" if rule.at is None else f"{at}, {distance(parse_rfc3339(rule.at), now)}"
    match rule.rule:
        case "end_date":
            return f"end date          {when}"
        case "targets":
            rows = {row.name: row for row in view.targets}
            missing = [_missing(rows[name]) for name in rule.targets if name in rows]
            return f"targets           {'; '.join(missing) or 'all are reached'}"
    return f"all processed     {_processed(rule, when, view.status)}"


def _missing(row: TargetRow) -> str:
    if row.name.endswith("_rate"):
        return f"a response rate of {_number(row.target, True)} (now {_number(row.actual, True)})"
    return f"{row.target - (row.actual or 0):,.0f} more {TARGETS.get(row.name, row.name)}"


def _processed(rule: CompletionRule, when: str, status: str) -> str:
    quiet = span((rule.quiet_seconds or 0) * 1_000_000)
    if not rule.runs:
        return "nobody is enrolled yet"
    waiting = []
    if rule.live:
        waiting.append(f"{rule.live:,} go on")
    if rule.frozen and status == "draft":
        waiting.append(f"{rule.frozen:,} {HELD_BY_DRAFT}")
    elif rule.frozen:
        waiting.append(f"{rule.frozen:,} are held by a pause or a reply")
    if waiting:
        return f"{' and '.join(waiting)}; then {quiet} without a new one"
    return f"{when}: {quiet} without a new one" if when else f"{quiet} without a new one"


def _count_lines(view: CampaignView) -> Iterator[str]:
    if not view.counts:
        is_counted = KINDS[view.kind].completes_itself or view.experiments
        nothing = f"not counted: a {view.kind} campaign without an experiment decides nothing by it"
        yield "nobody is enrolled yet" if is_counted else nothing
        return
    counts = view.counts
    known = [name for name in COUNTS if name in counts]
    rest = [name for name in counts if name not in COUNTS and counts[name]]
    for name in (*known, *rest):
        yield f"{count_word(name, view.status):<32}{counts[name]:>10,}"
    for name, word in RATES.items() if REACHED in counts else ():
        rate = view.rates[name]
        yield f"{word:<32}{'no data' if rate is None else f'{rate:.2f} %':>10}"


def _experiment_lines(view: CampaignView) -> Iterator[str]:
    for values in view.experiments:
        result = result_of_values(values)
        step = f" at step {values['step_id']}" if "step_id" in values else ""
        yield f"{result.experiment_id}{step}: {short_line(result)}"
        for name, of in (("A", result.a), ("B", result.b)):
            template = values.get(f"template_{name.lower()}", "")
            rates = [
                f"{100 * rate:.2f} % {word}" if rate is not None else f"no {word}"
                for rate, word in (
                    (of.response_rate, "responses"),
                    (of.overall_rate, "conversions"),
                )
            ]
            yield f"  {name} {template}: {of.reached:,} reached, {', '.join(rates)}"
    if view.experiments:
        named = f"--campaign {view.campaign_id} --tenant {view.tenant_id}"
        yield f"more: touchstream experiment show {named}"
