"""Rows of outreach campaigns and of what is kept of experiments, computed from states by pure
functions (S4).

The counts are those by which the campaign decides (schemas/internal/count_names.py), added up over
the partitions of contact-log. Rates are rounded half up, as PostgreSQL does.
"""

from decimal import Decimal
from typing import Any

from schemas.campaigns.compiled_definition import OutreachTerms
from schemas.internal import count_names as names
from schemas.internal.campaign_states import CampaignRecord, ExperimentRecord
from sinks.copy_values import Row, date_of_day, jsonb, named, timestamptz

_STATUS = {"cancelled": "archived"}
"""The stored statuses that are none of S4, and those of S4 in their place (C-28)."""

_GREATEST_RATE = 99_999
"""The greatest number of NUMERIC(5,2), in hundredths."""


def outreach_id(tenant_id: str, campaign_id: str) -> str:
    """The id of a campaign in the schema `outreach`, which no campaign of another tenant has."""
    return f"{tenant_id}/{campaign_id}"


def total_counts(state: CampaignRecord) -> dict[str, int]:
    """The counts of a campaign over all partitions, by name, without those that are 0."""
    return {name: number for name, number in sorted(state.total_counts().items()) if number}


def rate(part: int, whole: int) -> Decimal | None:
    """A share in percent with 2 decimals; None of nothing (C-16)."""
    if whole <= 0:
        return None
    hundredths = (2 * 10_000 * part + whole) // (2 * whole)
    return _percent(min(hundredths, _GREATEST_RATE))


def _percent(hundredths: int | None) -> Decimal | None:
    return None if hundredths is None else Decimal(hundredths).scaleb(-2)


def experiments_json(state: CampaignRecord) -> bytes | None:
    """Every experiment of a campaign with its evidence and its decision; None without one. One that
    the newest version has no more has only these two."""
    shown: dict[str, dict[str, Any]] = {}
    for step, experiment in state.definition.experiments():
        shown[experiment.id] = {"step_id": step.id, "terms": named(experiment)}
    for experiment_id, record in state.experiments.items():
        shown.setdefault(experiment_id, {}).update(_evidence(record))
    return jsonb(shown) if shown else None


def _evidence(record: ExperimentRecord) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "greatest_e": record.greatest_e,
        "greatest_ratio_e": record.greatest_ratio_e,
        "switched_by": sorted(record.switched_by),
    }
    return evidence | ({"decision": named(record.decision)} if record.decision else {})


def outreach_campaign_row(state: CampaignRecord, terms: OutreachTerms) -> Row:
    """The row of a campaign: first the columns of S4, then those of touchstream."""
    definition, settings = state.definition, state.definition.settings
    counts = total_counts(state)
    reached, responses = counts.get(names.REACHED, 0), counts.get(names.RESPONSES, 0)
    experiment = next((each for _, each in definition.experiments()), None)
    first, last = settings.start_day, settings.end_day
    return (
        outreach_id(state.tenant_id, state.campaign_id),
        state.tenant_id,
        definition.name,
        definition.description or None,
        terms.campaign_type,
        terms.channel,
        _STATUS.get(state.status, state.status),
        terms.target_audience or None,
        *(_texts(each) for each in _targeting(terms)),
        experiment is not None,
        experiment.template_a if experiment else None,
        experiment.template_b if experiment else None,
        experiment.split if experiment else None,
        terms.target_contacts,
        _percent(terms.target_response_rate),
        terms.target_conversions,
        reached,
        counts.get(names.sent_by("email"), 0),
        counts.get(names.sent_by("linkedin"), 0),
        responses,
        counts.get(names.CONVERSIONS, 0),
        rate(responses, reached),
        date_of_day(state.first_day if first is None else first),
        date_of_day(state.last_day if last is None else last),
        terms.owner_id,
        timestamptz(state.created_at),
        timestamptz(state.updated_at),
        terms.created_by or None,
        state.campaign_id,
        state.version,
        terms.completion_policy,
        state.end_reason or None,
        timestamptz(state.started_at),
        timestamptz(state.ended_at),
        timestamptz(state.settled_at),
    )


def _targeting(terms: OutreachTerms) -> tuple[tuple[str, ...], ...]:
    return terms.target_locations, terms.target_skills, terms.target_company_sizes


def _texts(values: tuple[str, ...]) -> list[str] | None:
    return list(values) or None
