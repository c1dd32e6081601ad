"""The experiments of a run: the variant that the person has, and the template that follows from it
(S4-64…S4-72, C-21).

Everybody's variants are assigned when the run begins, and are frozen. An experiment that a later
version adds is assigned to the runs that have not come to its step. After a winner was announced,
whoever has not been sent the step gets the winner's template, and leaves the statistics; where a
command is out then, with its next attempt.
"""

from processors.contact.context import Context
from processors.contact.result_counts import AGAIN, BY_HASH, recount, was_reached
from processors.contact.run_queries import live_runs, may_be_with_sender
from processors.shared.experiment_assignment import assign
from schemas.campaigns.compiled_definition import Definition, Experiment
from schemas.internal.enrollment import Assignment, Enrollment, Phase, RunResults, Touch
from schemas.internal.states import KnownCampaign

BY_WINNER = "winner"
"""How people are assigned who get the winner's template."""


def results_of(
    context: Context, campaign: KnownCampaign, definition: Definition
) -> RunResults | None:
    """The results of a run that begins, in which the person has a variant of each experiment of the
    definition. None if nothing of the run is counted for a decision of the campaign."""
    results = None if definition.outreach is None else RunResults()
    for step in definition.steps:
        if step.experiment is None:
            continue
        if results is None:
            results = RunResults()
        _assign(context, campaign, results, step.experiment)
    return results


def _assign(
    context: Context, campaign: KnownCampaign, results: RunResults, experiment: Experiment
) -> Assignment:
    known = results.assignment(experiment.id)
    if known is not None:
        return known
    assignment = assign(context.tenant_id, experiment, context.contact_id)
    winner = campaign.winners.get(experiment.id)
    if winner is not None and assignment.assigned_by == BY_HASH:
        assignment.variant, assignment.assigned_by = winner, BY_WINNER
    if assignment.assigned_by == BY_HASH and was_reached(
        context, campaign.campaign_id, experiment.id
    ):
        assignment.assigned_by = AGAIN
    results.variants.append(assignment)
    return assignment


def take_part(context: Context, campaign: KnownCampaign) -> None:
    """Applies the experiments of the newest version, and their winners, to the person's live run
    where the touches of their steps have not gone out. If the campaign decides by counts only now,
    the run is counted from now on."""
    newest = campaign.definitions[campaign.version]
    if not newest.decides_by_counts():
        return
    for run in live_runs(context, campaign.campaign_id):
        if run.results is None:
            run.results = RunResults(is_reached=_was_sent(run))
        for step, experiment in newest.experiments():
            if _is_out(run, step.id):
                continue
            known = run.results.assignment(experiment.id)
            if known is None and _was_out(run, step.id):
                continue  # the person had another template before the experiment came
            assignment = _assign(context, campaign, run.results, experiment)
            _switch_to_winner(context, campaign, run, assignment)
        recount(context, run)


def follow_winner(context: Context, run: Enrollment, touch: Touch) -> None:
    """Gives the next attempt of a touch the winner's template, if its command was out or was being
    taken back when the winner was announced, and was not sent."""
    campaign = context.campaign(run.campaign_id)
    assert campaign is not None, "an enrollment's campaign is never forgotten"
    if campaign.winners:
        assignment = context.newest_template(run, context.step(run, touch)).assignment
        if assignment is not None:
            _switch_to_winner(context, campaign, run, assignment)


def _switch_to_winner(
    context: Context, campaign: KnownCampaign, run: Enrollment, assignment: Assignment
) -> None:
    """Gives the person the winner's template, unless a message of the step was sent: also one that
    has come back is sent again as it was."""
    winner = campaign.winners.get(assignment.experiment_id)
    if winner is None or assignment.is_reached:
        return
    if assignment.assigned_by in (BY_HASH, AGAIN):
        assignment.assigned_by = BY_WINNER
        recount(context, run)  # it leaves the counts of the variant that it had
        assignment.variant = winner


def _is_out(run: Enrollment, step_id: str) -> bool:
    """Whether a touch of a step was sent, or its command is out or may be: the person keeps the
    template of that."""
    return any(
        touch.step_id == step_id and (touch.phase is Phase.SENT or may_be_with_sender(touch))
        for touch in run.touches
    )


def _was_out(run: Enrollment, step_id: str) -> bool:
    """Whether an earlier attempt of a touch of a step has gone out."""
    return any(
        touch.step_id == step_id and touch.attempt > touch.first_attempt for touch in run.touches
    )


def _was_sent(run: Enrollment) -> bool:
    return any(touch.phase is Phase.SENT for touch in run.touches)
