"""The experiments of a campaign: decided at every report of its counts, switched to the winner, and
kept apart from those of other campaigns (S4-64…S4-72, C-21, C-22).

All decisions are by whole numbers (experiment_rules.py). The figures of a fact are for people.
"""

from typing import Any

from processors.campaign.broadcast import announce_to_contacts, campaign_key, emit_campaign_fact
from processors.campaign.targets import total
from processors.fold.turn import Turn
from processors.shared import experiment_rules as rules
from processors.shared.experiment_counts import counts_of_experiment, strata
from processors.shared.experiment_statistics import as_values, experiment_result
from schemas.base.error_codes import CampaignCode
from schemas.campaigns.compiled_definition import Definition, Experiment, Layer, Step
from schemas.internal.campaign_states import Decision, ExperimentRecord
from schemas.internal.count_names import RUNS
from schemas.internal.facts import FactKind
from schemas.internal.messages import SWEEP_RULES, WinnerAcknowledged, WinnerAnnounced
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout

DECIDED = "experiment_decided"
"""The cause of what follows from a decision."""

CONTINUOUS, CHI_SQUARED = "continuous", "chi_squared"
"""By which check the sample ratio is an alarm. The continuous one may be looked at at any time, and
its alarm is for good. Chi-squared is asked where a winner would be named otherwise."""

SWITCH = "switch_unsent"
_SENDING = ("active", "paused")
_IN_LAYER = ("draft", *_SENDING)
_FIXED = ("template_a", "template_b", "primary_metric", "decide", "at_reached")
"""What must not change while people are in an experiment: what they get, and how it is decided."""

STRATA_MAX = 20
"""Splits with which people are in one experiment. Each one has counts in every report of every
partition, and a report is one message."""


def evaluate(turn: Turn, layout: Layout, campaign: CampaignRecord) -> None:
    """Looks at every experiment of a campaign that is not decided, by its newest counts."""
    _look_at_all(turn, layout, campaign, is_over=False)


def evaluate_at_completion(turn: Turn, layout: Layout, campaign: CampaignRecord) -> None:
    """Decides the experiments that have one look, at the end of their campaign."""
    _look_at_all(turn, layout, campaign, is_over=True)


def close(turn: Turn, campaign: CampaignRecord) -> None:
    """Ends the experiments that are not decided without a winner: nothing can be counted any
    more."""
    counts = campaign.total_counts()
    for _, experiment in campaign.definition.experiments():
        record = _record(campaign, experiment)
        if record.decision is None:
            _decide(turn, campaign, experiment, record, counts, "", "closed")


def report_values(campaign: CampaignRecord) -> list[dict[str, Any]]:
    """The results of all experiments of a campaign, as values of a fact, each with its step and the
    templates of its variants. `result_of_values` reads them."""
    counts = campaign.total_counts()
    values = []
    for step, each in campaign.definition.experiments():
        result = experiment_result(each, counts, campaign.experiments.get(each.id))
        templates = {"template_a": each.template_a, "template_b": each.template_b}
        values.append({**as_values(result), "step_id": step.id, **templates})
    return values


# A look


def _look_at_all(turn: Turn, layout: Layout, campaign: CampaignRecord, *, is_over: bool) -> None:
    counts: dict[str, int] | None = None
    for _, experiment in campaign.definition.experiments():
        record = _record(campaign, experiment)
        if record.decision is not None:
            continue
        counts = campaign.total_counts() if counts is None else counts
        _look(turn, layout, campaign, experiment, record, counts, is_over)


def _look(
    turn: Turn,
    layout: Layout,
    campaign: CampaignRecord,
    experiment: Experiment,
    record: ExperimentRecord,
    counts: dict[str, int],
    is_over: bool,
) -> None:
    """Keeps the greatest e-values, reports an alarm, and decides where it can be decided."""
    parts = strata(counts, experiment.id)
    e = rules.e_of_metric(parts, experiment.primary_metric)
    record.greatest_e = max(record.greatest_e, e)
    if record.greatest_ratio_e < rules.ALARMS_AT:  # exact numbers of many people are long
        record.greatest_ratio_e = max(record.greatest_ratio_e, rules.e_of_ratio(parts))
    is_alarm = record.greatest_ratio_e >= rules.ALARMS_AT
    if is_alarm:
        _report_alarm(turn, campaign, experiment, record, counts, CONTINUOUS)
    at_end = experiment.decide == "at_end"
    if at_end and not (is_over or rules.is_final_look(experiment, parts)):
        return
    wins = rules.winner(experiment, parts, e, at_end=at_end)
    if wins and not is_alarm and rules.is_off_ratio(parts):
        is_alarm = True
        _report_alarm(turn, campaign, experiment, record, counts, CHI_SQUARED)
    wins = "" if is_alarm else wins
    if at_end:
        _decide(turn, campaign, experiment, record, counts, wins, "at_end")
    elif wins:
        _decide(turn, campaign, experiment, record, counts, wins, "sequential")
    if wins and not is_over and experiment.on_winner == SWITCH:
        _announce(turn, layout, campaign, experiment, wins)


def _announce(
    turn: Turn, layout: Layout, campaign: CampaignRecord, experiment: Experiment, wins: str
) -> None:
    """Announces the winner to who has not been reached, while the campaign still sends."""
    if campaign.status in _SENDING:
        ids = (campaign.tenant_id, campaign.campaign_id, experiment.id)
        message = WinnerAnnounced(*ids, wins, DECIDED, SWEEP_RULES)
        announce_to_contacts(turn, layout, campaign.tenant_id.encode(), message)


def _decide(
    turn: Turn,
    campaign: CampaignRecord,
    experiment: Experiment,
    record: ExperimentRecord,
    counts: dict[str, int],
    wins: str,
    decided_by: str,
) -> None:
    """Keeps the decision for good. Later numbers are shown and never reverse it."""
    evidence = counts_of_experiment(counts, experiment.id)
    record.decision = Decision(wins, turn.now, evidence)
    values = as_values(experiment_result(experiment, counts, record))
    emit_campaign_fact(
        turn,
        FactKind.EXPERIMENT_DECIDED,
        campaign,
        DECIDED,
        f"winner_{wins.lower()}" if wins else "no_winner",
        {**values, "decided_by": decided_by, "counts": evidence},
    )


def _report_alarm(
    turn: Turn,
    campaign: CampaignRecord,
    experiment: Experiment,
    record: ExperimentRecord,
    counts: dict[str, int],
    found_by: str,
) -> None:
    """Emits the alarm of the sample ratio, once for each of its two checks."""
    if record.alarm in (found_by, CONTINUOUS):
        return
    record.alarm = found_by
    result = as_values(experiment_result(experiment, counts, record))
    values = {
        "experiment_id": experiment.id,
        "ratio": result["ratio"],
        "counts": counts_of_experiment(counts, experiment.id),
    }
    kind = FactKind.EXPERIMENT_RATIO_ALARM
    emit_campaign_fact(turn, kind, campaign, DECIDED, found_by, values)


def acknowledged_winner(turn: Turn, layout: Layout, message: WinnerAcknowledged) -> None:
    """Counts a partition that uses the winner's template. With all of them the experiment is
    switched."""
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    record = campaign.experiments.get(message.experiment_id) if campaign is not None else None
    if campaign is None or record is None or record.decision is None:
        return
    if message.partition in record.switched_by:
        return
    record.switched_by = sorted((*record.switched_by, message.partition))
    if len(record.switched_by) == layout.contact:
        values = {"experiment_id": record.experiment_id, "winner": record.decision.winner}
        kind = FactKind.EXPERIMENT_SWITCHED
        emit_campaign_fact(turn, kind, campaign, DECIDED, None, values)


def _record(campaign: CampaignRecord, experiment: Experiment) -> ExperimentRecord:
    return campaign.experiments.setdefault(experiment.id, ExperimentRecord(experiment.id))


# Publishing


def experiment_refusal(
    turn: Turn, tenant: TenantRecord, definition: Definition, before: CampaignRecord | None
) -> tuple[str, dict[str, Any]] | None:
    """The code and the values if the experiments of a new version cannot be: another campaign has
    one of their ids or a part of their layers, or people are in them and they are edited, or split
    anew too often."""
    for step, experiment in definition.experiments():
        refusal = (
            _fixed(experiment, step, before)
            or _has_too_many_strata(experiment, before)
            or _taken(turn, tenant, definition, experiment)
        )
        if refusal is not None:
            return refusal
    return _leaves_layer(definition, before)


def keep_records(before: CampaignRecord) -> dict[str, ExperimentRecord]:
    """What a new version keeps of the experiments: also of those that it has no more, and of those
    whose people were not counted yet."""
    kept = dict(before.experiments)
    if before.status != "draft":
        for _, experiment in before.definition.experiments():
            kept.setdefault(experiment.id, ExperimentRecord(experiment.id))
    return kept


def switch_late(
    turn: Turn, layout: Layout, campaign: CampaignRecord, before: CampaignRecord | None
) -> None:
    """Announces the winners of the experiments that were decided before their campaign was edited
    to switch to the winner."""
    if before is None:
        return
    known = {each.id: each.on_winner for _, each in before.definition.experiments()}
    for _, experiment in campaign.definition.experiments():
        record = campaign.experiments.get(experiment.id)
        decision = None if record is None else record.decision
        is_new = experiment.on_winner == SWITCH and known.get(experiment.id) != SWITCH
        if is_new and decision is not None and decision.winner:
            _announce(turn, layout, campaign, experiment, decision.winner)


def _fixed(
    experiment: Experiment, step: Step, before: CampaignRecord | None
) -> tuple[str, dict[str, Any]] | None:
    """The refusal of an edited experiment with people in it. One that was taken out after the draft
    cannot come back: what its people got is not known any more."""
    if before is None:
        return None
    known = {each.id: (of.id, each) for of, each in before.definition.experiments()}
    edited: list[str] = []
    if experiment.id not in known:
        edited = ["id"] if experiment.id in before.experiments else []
    else:
        step_id, earlier = known[experiment.id]
        if before.status != "draft":
            edited = [
                each for each in _FIXED if getattr(earlier, each) != getattr(experiment, each)
            ]
            edited += ["step"] if step_id != step.id else []
        if _has_people(before) and not _covers(experiment.layer, earlier.layer):
            edited.append("layer")
    if not edited:
        return None
    return CampaignCode.EXPERIMENT_FIXED, {"experiment_id": experiment.id, "fields": edited}


def _has_too_many_strata(
    experiment: Experiment, before: CampaignRecord | None
) -> tuple[str, dict[str, Any]] | None:
    """The refusal of a split that would be one more stratum than an experiment may have."""
    if before is None:
        return None
    splits = {each.split for each in strata(before.total_counts(), experiment.id)}
    if experiment.split in splits or len(splits) < STRATA_MAX:
        return None
    return CampaignCode.EXPERIMENT_SPLITS, {"experiment_id": experiment.id, "most": STRATA_MAX}


def _leaves_layer(
    definition: Definition, before: CampaignRecord | None
) -> tuple[str, dict[str, Any]] | None:
    """The refusal to take an experiment out whose people are in a part of a layer: another one
    would get them while they still have its variants."""
    if before is None or not _has_people(before):
        return None
    kept = {each.id for _, each in definition.experiments()}
    for _, each in before.definition.experiments():
        if each.layer is not None and each.id not in kept:
            values = {"experiment_id": each.id, "fields": ["layer"]}
            return CampaignCode.EXPERIMENT_FIXED, values
    return None


def _has_people(campaign: CampaignRecord) -> bool:
    """Whether people may be in the experiments of a campaign: those of a draft have their variants
    too (S4-110)."""
    return campaign.status != "draft" or total(campaign, RUNS) > 0


def _covers(layer: Layer | None, part: Layer | None) -> bool:
    """Whether a part of a layer has all people that `part` has, so that no other experiment gets
    one of them."""
    if part is None:
        return True
    if layer is None or layer.name != part.name:
        return False
    return layer.start <= part.start and part.end <= layer.end


def _taken(
    turn: Turn, tenant: TenantRecord, definition: Definition, experiment: Experiment
) -> tuple[str, dict[str, Any]] | None:
    """The refusal of an experiment whose id or part of a layer another experiment of the tenant
    has."""
    for campaign_id in tenant.campaigns:
        if campaign_id == definition.campaign_id:
            continue
        other = turn.store.read(campaign_key(tenant.tenant_id, campaign_id), CampaignRecord)
        if other is None or other.status == "deleted":
            continue
        for _, each in other.definition.experiments():
            values = {"experiment_id": experiment.id, "taken_by": campaign_id}
            if each.id == experiment.id:
                return CampaignCode.EXPERIMENT_TAKEN, values
            if other.status in _IN_LAYER and _overlap(each.layer, experiment.layer):
                return CampaignCode.LAYER_TAKEN, {**values, "other_experiment_id": each.id}
    return None


def _overlap(one: Layer | None, other: Layer | None) -> bool:
    if one is None or other is None or one.name != other.name:
        return False
    return one.start < other.end and other.start < one.end


def new_strata(definition: Definition, before: CampaignRecord | None) -> list[dict[str, Any]]:
    """The experiments whose split has changed: who is assigned from now on is another stratum."""
    if before is None or not _has_people(before):
        return []
    known = {each.id: each.split for _, each in before.definition.experiments()}
    return [
        {"experiment_id": each.id, "split": each.split, "before": known[each.id]}
        for _, each in definition.experiments()
        if known.get(each.id, each.split) != each.split
    ]
