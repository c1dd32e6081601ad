"""To which runs a conversion is credited, and what changes about that when an event comes late
(S4-76, S4-77, C-23, C-37).

A conversion is one of its person, by its type and entity id, and is credited once: to the run of
its command, else to that of its campaign, else by the model of attribution of the campaign that has
touched the person last.
"""

from typing import Any, NamedTuple

from processors.contact.attribution import WHOLE, SentTouch, Weights, last_touched, weights
from processors.contact.command_lookup import find_command
from processors.contact.context import Context
from processors.contact.response_credit import replies_of
from processors.contact.result_counts import recount
from schemas.campaigns.conversion_types import CONVERSION_TYPES
from schemas.internal.enrollment import Enrollment, Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import ConversionRecorded
from schemas.internal.states import Conversion

CONVERSIONS_MAX = 64
"""Conversions that a contact's state remembers; beyond that the oldest is forgotten."""

BY_COMMAND, BY_CAMPAIGN = "command", "campaign"
"""The models of conversions that name their run; the others are those of attribution.py."""

NOTHING_SENT = "nothing_sent"
NOT_IN_CAMPAIGN = "not_in_campaign"
NOT_OF_CAMPAIGN = "type_not_of_campaign"


class Credit(NamedTuple):
    """To which runs a conversion is credited: the parts of a million and the touch of each, by
    enrollment id. Without a run, `reason` is why. `candidates` are the runs that were looked at."""

    model: str
    weights: Weights
    touches: dict[str, Touch | None]
    candidates: list[str]
    reason: str = ""


def record_conversion(context: Context, message: ConversionRecorded) -> bool:
    """Credits a conversion. One that was reported before is credited anew if this report is about
    an earlier time, and is refused if not. Returns whether it was not reported before."""
    conversions, key = context.contact.conversions, key_of(message)
    known = conversions.get(key)
    if known is None:
        conversion = conversions[key] = _conversion_of(message)
        while len(conversions) > CONVERSIONS_MAX:
            del conversions[next(iter(conversions))]
        _attribute(context, conversion, message.cause)
    elif (message.at, message.cause) < (known.at, known.cause):
        _report_earlier(context, known, message)
    else:
        context.emit_fact(
            FactKind.EVENT_REFUSED,
            cause=message.cause,
            command_id=message.command_id,
            reason="EVENT_DUPLICATE",
            values={"event": message.__struct_config__.tag},
            occurred_at=message.at,
        )
    return known is None


def key_of(message: ConversionRecorded) -> str:
    """What a conversion is one by: its type and entity id, or its event if it has none."""
    if message.entity_id is None:
        return f"{message.conversion_type}#{message.cause}"
    return f"{message.conversion_type}/{message.entity_id}"


def fits(context: Context, run: Enrollment, conversion_type: str) -> bool:
    """Whether a conversion is one of the run's campaign: outreach has its own types (C-23)."""
    terms = context.definition(run).outreach
    return terms is None or conversion_type in CONVERSION_TYPES[terms.campaign_type]


def has_converted(context: Context, run: Enrollment) -> bool:
    """Whether the person has converted since the run began, as far as that concerns the run: also
    by a conversion that names nobody and is credited to another run."""
    if run.converted_at is not None:
        return True
    return any(
        conversion.command_id is conversion.campaign_id is None
        and conversion.at >= run.started_at
        and fits(context, run, conversion.conversion_type)
        for conversion in context.contact.conversions.values()
    )


def credit_conversions_again(context: Context, since: int, cause: str | None) -> None:
    """Credits the conversions since a moment anew whose credit depends on what was sent, clicked
    and replied to: an event of that moment came late."""
    present = _by_id(context).keys()
    for conversion in [*context.contact.conversions.values()]:
        if conversion.at < since or not present >= conversion.weights.keys():
            continue
        credit = credit_of(context, conversion)
        if credit.model not in (BY_COMMAND, BY_CAMPAIGN):
            _move(context, conversion, credit, _conversion_times(conversion), cause)


def credit_of(context: Context, conversion: Conversion) -> Credit:
    """The credit of a conversion by what is known now."""
    match = None
    if conversion.command_id is not None:
        match = find_command(context, conversion.command_id)
    if match is not None:
        return _named(context, BY_COMMAND, match.enrollment, match.touch, conversion)
    begun = [run for run in context.contact.enrollments if run.started_at <= conversion.at]
    if conversion.campaign_id is not None:
        runs = [run for run in begun if run.campaign_id == conversion.campaign_id]
        if not runs:
            return Credit(BY_CAMPAIGN, {}, {}, [], NOT_IN_CAMPAIGN)
        touch = _last_sent(runs[-1], conversion.at)
        return _named(context, BY_CAMPAIGN, runs[-1], touch, conversion)
    return _by_model(context, begun, conversion)


# credit


def _named(
    context: Context, model: str, run: Enrollment, touch: Touch | None, conversion: Conversion
) -> Credit:
    name = run.enrollment_id
    if not fits(context, run, conversion.conversion_type):
        return Credit(model, {}, {}, [name], NOT_OF_CAMPAIGN)
    return Credit(model, {name: WHOLE}, {name: touch}, [name])


def _by_model(context: Context, begun: list[Enrollment], conversion: Conversion) -> Credit:
    """Credits by the model of the campaign whose touch was the last one."""
    at, runs = conversion.at, {run.enrollment_id: run for run in begun}
    sent = {name: found for name, run in runs.items() if (found := _sent_before(run, at))}
    fitting = [name for name in sent if fits(context, runs[name], conversion.conversion_type)]
    if not fitting:
        return Credit("", {}, {}, [*sent], NOT_OF_CAMPAIGN if sent else NOTHING_SENT)
    replies = replies_of(context)
    touches = [
        _sent_touch(context, runs[name], each, replies) for name in fitting for each in sent[name]
    ]
    last = runs[last_touched(touches, at).enrollment_id]
    model = context.definition(last).settings.attribution
    parts = weights(model, touches, at)
    credited: dict[str, Touch | None] = {}
    for name in parts:
        of_run = [each for each in touches if each.enrollment_id == name]
        one = min(of_run) if model == "first_touch" else last_touched(of_run, at)
        credited[name] = runs[name].touches[one.number - 1]
    return Credit(model, parts, credited, fitting)


def _sent_touch(
    context: Context, run: Enrollment, touch: Touch, replies: dict[tuple[str, int], list[int]]
) -> SentTouch:
    engaged = replies.get((run.enrollment_id, touch.number), [])
    if touch.clicked_at is not None:
        engaged = [*engaged, touch.clicked_at]
    window_us = context.definition(run).settings.attribution_window_us
    return SentTouch(touch.sent_at or 0, run.enrollment_id, touch.number, tuple(engaged), window_us)


def _sent_before(run: Enrollment, at: int) -> list[Touch]:
    return [touch for touch in run.touches if touch.sent_at is not None and touch.sent_at <= at]


def _last_sent(run: Enrollment, at: int) -> Touch | None:
    return max(_sent_before(run, at), key=lambda touch: touch.sent_at or 0, default=None)


# changes


class _Reported(NamedTuple):
    """When a run is converted, and by what. Of several conversions of one moment the one with the
    least texts counts, in whatever order they come."""

    at: int
    conversion_type: str
    entity_id: str = ""


def _conversion_of(message: ConversionRecorded) -> Conversion:
    return Conversion(
        message.at,
        message.conversion_type,
        message.entity_id,
        message.command_id,
        message.campaign_id,
        message.cause,
    )


def _conversion_times(conversion: Conversion) -> _Reported:
    return _Reported(conversion.at, conversion.conversion_type, conversion.entity_id or "")


def _attribute(context: Context, conversion: Conversion, cause: str) -> None:
    """Credits a conversion for the first time."""
    credit = credit_of(context, conversion)
    conversion.weights, conversion.reason = credit.weights, credit.reason
    runs = _by_id(context)
    for name in credit.weights:
        _gain(context, runs[name], conversion, credit.touches[name], cause, is_first=True)
    if not credit.weights:
        values = _names_of(conversion) | {"conversion_type": conversion.conversion_type}
        context.emit_fact(
            FactKind.CONVERSION_UNATTRIBUTED,
            campaign_id=conversion.campaign_id,
            command_id=conversion.command_id,
            cause=cause,
            reason=credit.reason,
            values=values | {"candidates": credit.candidates},
            occurred_at=conversion.at,
        )
    for name, weight in credit.weights.items():
        context.emit_fact(
            FactKind.CONVERSION_ATTRIBUTED,
            runs[name],
            credit.touches[name],
            cause=cause,
            reason=conversion.conversion_type,
            values={
                "model": credit.model,
                "weight": weight,
                "candidates": credit.candidates,
                "implied_response": not _has_responded(context, runs[name], conversion.at),
                **_names_of(conversion),
            },
            occurred_at=conversion.at,
        )


def _report_earlier(context: Context, known: Conversion, message: ConversionRecorded) -> None:
    """Replaces a conversion by a report about an earlier time: of several the earliest counts."""
    before, newer = _conversion_times(known), _conversion_of(message)
    known.at, known.cause = newer.at, newer.cause
    known.command_id, known.campaign_id = newer.command_id, newer.campaign_id
    if not _by_id(context).keys() >= known.weights.keys():
        return  # a run that has left the state keeps what was credited to it
    _move(context, known, credit_of(context, known), before, message.cause)


def _move(
    context: Context, conversion: Conversion, credit: Credit, before: _Reported, cause: str | None
) -> None:
    """Credits a conversion anew that was reported as `before`."""
    old, new = conversion.weights, credit.weights
    is_redated = before != _conversion_times(conversion)
    if old == new and conversion.reason == credit.reason and not is_redated:
        return
    conversion.weights, conversion.reason = new, credit.reason
    runs = _by_id(context)
    for name in old:
        if name in runs and (name not in new or is_redated):
            _lose(context, runs[name], before)
    for name in new:
        _gain(context, runs[name], conversion, credit.touches[name], cause, is_first=not old)
    if old == new:
        return
    credited = next(iter(new or old), "")
    context.emit_fact(
        FactKind.CONVERSION_REATTRIBUTED,
        runs.get(credited),
        credit.touches.get(credited),
        cause=cause,
        reason=conversion.conversion_type,
        values={
            "model": credit.model,
            "before": old,
            "after": new,
            "candidates": credit.candidates,
            **_names_of(conversion),
        },
        occurred_at=conversion.at,
    )


def _gain(
    context: Context,
    run: Enrollment,
    conversion: Conversion,
    touch: Touch | None,
    cause: str | None,
    *,
    is_first: bool,
) -> None:
    """Credits a run: of several conversions the earliest is that of the run. `is_first` is whether
    the conversion was credited to no run before."""
    at, kind = conversion.at, conversion.conversion_type
    if touch is not None and (touch.converted_at is None or at < touch.converted_at):
        touch.converted_at = at
    had, kind_before = run.converted_at, run.conversion or ""
    entity_before = "" if run.results is None else run.results.entity_id or ""
    if had is not None and (had, kind_before, entity_before) <= _conversion_times(conversion):
        return
    run.converted_at, run.conversion = at, kind
    if run.results is not None:
        run.results.entity_id = conversion.entity_id
        recount(context, run)
    if (had is None and not is_first) or (had, kind_before) == (at, kind):
        return  # its fact is that of the credit that has moved, or nothing but the entity is new
    context.emit_fact(
        FactKind.TOUCH_CONVERTED if had is None else FactKind.TOUCH_REDATED,
        run,
        touch,
        cause=cause,
        reason=kind if had is None else "converted",
        occurred_at=at,
    )


def _lose(context: Context, run: Enrollment, lost: _Reported) -> None:
    """Takes a conversion from a run, which keeps the earliest of its others."""
    others = [
        each for each in context.contact.conversions.values() if run.enrollment_id in each.weights
    ]
    for touch in run.touches:
        if touch.converted_at == lost.at and all(each.at != lost.at for each in others):
            touch.converted_at = None
    if (run.converted_at, run.conversion) != lost[:2]:
        return
    first = min(others, key=_conversion_times, default=None)
    run.converted_at = None if first is None else first.at
    run.conversion = None if first is None else first.conversion_type
    if run.results is not None:
        run.results.entity_id = None if first is None else first.entity_id
        recount(context, run)


def _by_id(context: Context) -> dict[str, Enrollment]:
    return {run.enrollment_id: run for run in context.contact.enrollments}


def _names_of(conversion: Conversion) -> dict[str, Any]:
    return {} if conversion.entity_id is None else {"entity_id": conversion.entity_id}


def _has_responded(context: Context, run: Enrollment, at: int) -> bool:
    """Whether a response of the run was before `at`; a conversion without one implies it (C-37)."""
    results = run.results
    if results is not None and results.responded_at is not None:
        return results.responded_at <= at
    replies = context.contact.replies
    return any(each.enrollment_id == run.enrollment_id and each.at <= at for each in replies)
