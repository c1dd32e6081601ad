"""What must be true of any history of outreach, by plain looking: the counts of campaigns are those
of all runs, and nobody is written to who may not be.

It shares no code with the engine's counting: what was sent is known from facts, and what became of
a run from its states.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from schemas.channels import ALL_CHANNELS
from schemas.internal.enrollment import LIVE, RESOLVED, Assignment, Enrollment, Status
from schemas.internal.facts import Fact, FactKind
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import (
    POSITION_KEY,
    CampaignRecord,
    CampaignState,
    Contact,
    ContactState,
    EndedEnrollment,
    RunCount,
)
from tests.testing.builders import TENANT
from tests.testing.world import World

WHOLE = 1_000_000
OVER = ("completed", "archived", "cancelled", "deleted")
_KEPT = ("archived", "deleted")
"""In these statuses the counts of a campaign stay as they were."""


class RunOfPerson(NamedTuple):
    """A run, the person, and the partition of contact-log that counts it."""

    partition: int
    person: str
    run: Enrollment


class States(NamedTuple):
    """What the states of a world have."""

    runs: list[RunOfPerson]
    contacts: dict[str, Contact]
    counts: dict[tuple[int, str], dict[str, int]]
    """Those of each partition, by campaign."""

    campaigns: dict[str, CampaignRecord]


def states_of(world: World) -> States:
    """All people with all of their runs, also those that have left their states."""
    states = States([], {}, {}, {})
    for (partition, key), value in world.states("contact").items():
        if key == POSITION_KEY:
            continue
        state = msgspec.msgpack.decode(payload_of(value), type=ContactState)
        if isinstance(state, Contact):
            person = key.decode().rpartition("/")[2]
            states.contacts[person] = state
            rows = (RunOfPerson(partition.number, person, each) for each in state.enrollments)
            states.runs.extend(rows)
        elif isinstance(state, EndedEnrollment):
            row = RunOfPerson(partition.number, state.contact_id, state.enrollment)
            states.runs.append(row)
        elif isinstance(state, RunCount):
            states.counts[partition.number, state.campaign_id] = state.counts
    for (_, key), value in world.states("campaign").items():
        if key != POSITION_KEY:
            record = msgspec.msgpack.decode(payload_of(value), type=CampaignState)
            if isinstance(record, CampaignRecord):
                states.campaigns[record.campaign_id] = record
    return states


def broken(world: World) -> list[str]:
    """What is not as it must be, each in a sentence."""
    states, facts = states_of(world), world.facts()
    return [
        *_counts(states, facts),
        *_experiments(states, facts),
        *_conversions(states),
        *_lives_of_campaigns(states, facts),
        *_commands(facts),
    ]


# counts


def _counts(states: States, facts: list[Fact]) -> Iterator[str]:
    """Each partition has the counts of its runs, and the campaign their sum."""
    expected = recounted(states.runs, facts)
    for place in sorted({*expected, *states.counts}):
        known = _positive(states.counts.get(place, {}))
        if known != _positive(expected.get(place, {})):
            yield f"{place}: {known} counted, {_positive(expected.get(place, {}))} there"
    for name, record in states.campaigns.items():
        total: Counter[str] = Counter()
        for (_, campaign_id), counts in states.counts.items():
            if campaign_id == name:
                total.update(counts)
        decides = record.definition.decides_by_counts() and record.status not in _KEPT
        if decides and _positive(record.total_counts()) != _positive(total):
            known = _positive(record.total_counts())
            yield f"{name} {record.status}: {known} known, {_positive(total)} in the partitions"


def _positive(counts: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in sorted(counts.items()) if number}


def recounted(runs: list[RunOfPerson], facts: list[Fact]) -> dict[tuple[int, str], Counter[str]]:
    """The counts by partition and campaign: of what was sent from the facts, and of all else from
    the runs."""
    counts: dict[tuple[int, str], Counter[str]] = {}
    by_id = {row.run.enrollment_id: row for row in runs}
    sent = [fact for fact in facts if fact.fact is FactKind.TOUCH_SENT]
    for fact in sent:
        row = by_id[str(fact.enrollment_id)]
        place = row.partition, row.run.campaign_id
        counts.setdefault(place, Counter())[f"sent_{fact.channel}"] += 1
    reached = {fact.enrollment_id for fact in sent}
    for partition, _, run in runs:
        of_place = counts.setdefault((partition, run.campaign_id), Counter())
        of_place.update(_of_run(run, run.enrollment_id in reached))
        assert run.results is not None, "every run of outreach has results"
        for each in run.results.variants:
            of_place.update(_of_experiment(run, each))
    return counts


def _of_run(run: Enrollment, is_reached: bool) -> list[str]:
    results, ended = run.results, run.status not in LIVE
    assert results is not None
    converted, responded = run.converted_at, results.responded_at
    happened = {
        "runs": True,
        "live": run.status is Status.ACTIVE,
        "frozen": run.status is Status.FROZEN,
        f"ended_{run.reason or 'completed'}": ended,
        "out": ended and any(touch.phase not in RESOLVED for touch in run.touches),
        "reached": is_reached,
        "responses": responded is not None,
        "conversions": converted is not None,
        "implied_responses": converted is not None and (responded is None or responded > converted),
        "opt_outs": results.opted_out_at is not None,
        "bounces": results.bounced_at is not None,
    }
    return [name for name, has in happened.items() if has]


def _of_experiment(run: Enrollment, assignment: Assignment) -> list[str]:
    if assignment.assigned_by != "hash":
        return []
    name = f"{assignment.experiment_id}/{assignment.split}/{assignment.variant}/"
    since, results = assignment.reached_at, run.results
    assert results is not None
    if since is None:
        return [f"{name}runs"]
    times = {
        "responses": results.responded_at,
        "conversions": run.converted_at,
        "opt_outs": results.opted_out_at,
        "bounces": results.bounced_at,
    }
    later = [f"{name}{key}" for key, at in times.items() if at is not None and at >= since]
    return [f"{name}runs", f"{name}reached", *later]


# experiments


def _experiments(states: States, facts: list[Fact]) -> Iterator[str]:
    """A person counts once in an experiment, and has the variant that was assigned at first."""
    assigned = {
        (fact.enrollment_id, each["experiment_id"]): each["variant"]
        for fact in facts
        if fact.fact is FactKind.ENROLLMENT_STARTED
        for each in (fact.values or {}).get("experiments", ())
    }
    counted: Counter[tuple[str, str]] = Counter()
    for _, person, run in states.runs:
        assert run.results is not None
        for each in run.results.variants:
            first = assigned.get((run.enrollment_id, each.experiment_id), each.variant)
            if each.assigned_by != "winner" and each.variant != first:
                yield f"{person} had {first} in {each.experiment_id} and has {each.variant}"
            counted[person, each.experiment_id] += each.assigned_by == "hash" and each.is_reached
    for (person, name), times in counted.items():
        if times > 1:
            yield f"{person} counts {times} times in {name}"
    decided = Counter(
        (fact.campaign_id, (fact.values or {})["experiment_id"])
        for fact in facts
        if fact.fact is FactKind.EXPERIMENT_DECIDED
    )
    yield from (f"{name} was decided {times} times" for name, times in decided.items() if times > 1)


# conversions


def _conversions(states: States) -> Iterator[str]:
    """A conversion is credited once, and exactly the runs that have a part are converted."""
    for person, contact in states.contacts.items():
        credited: set[str] = set()
        for key, each in contact.conversions.items():
            credited |= each.weights.keys()
            whole = sum(each.weights.values())
            of_all = set(each.weights.values()) == {WHOLE}
            if whole != (0 if each.reason else WHOLE) and not of_all:
                yield f"{person}: {key} has parts of {whole}"
        runs = [row.run for row in states.runs if row.person == person]
        converted = {run.enrollment_id for run in runs if run.converted_at is not None}
        if contact.erased_at is None and converted != credited:
            yield f"{person}: {converted} are converted, {credited} have parts"


# lives of campaigns


def _lives_of_campaigns(states: States, facts: list[Fact]) -> Iterator[str]:
    """A campaign completes once, settles once, is reported at most twice, and leaves nobody."""
    once = {
        FactKind.CAMPAIGN_SETTLED: None,
        FactKind.CAMPAIGN_REPORT: None,
        FactKind.CAMPAIGN_STATUS_CHANGED: OVER,
    }
    seen = Counter(
        (fact.campaign_id, fact.fact, fact.reason)
        for fact in facts
        if fact.fact in once and (once[fact.fact] is None or fact.reason in OVER)
    )
    yield from (f"{row} came {times} times" for row, times in seen.items() if times > 1)
    for name, record in states.campaigns.items():
        of_campaign = (row.run for row in states.runs if row.run.campaign_id == name)
        live = [run.enrollment_id for run in of_campaign if run.status in LIVE]
        if live and record.status in OVER:
            yield f"{name} is {record.status}, and {live} go on"
        if record.end_reason == "targets" and record.status == "completed":
            terms = record.definition.outreach
            reached = record.total_counts().get("reached", 0)
            if terms is None or terms.target_contacts is None:
                continue  # edited since
            if reached < terms.target_contacts and record.version == 1:
                yield f"{name} was completed by its targets with {reached} people"
    twice = Counter(
        (row.person, row.run.campaign_id) for row in states.runs if row.run.status in LIVE
    )
    yield from (f"{row} has {times} live runs" for row, times in twice.items() if times > 1)


def _commands(facts: list[Fact]) -> Iterator[str]:
    """Nothing is sent for a campaign that is not active, nor to who has opted out for good."""
    status: dict[str | None, list[tuple[datetime, str | None]]] = {}
    closed: dict[tuple[str | None, str | None], datetime] = {}
    open_again = {f.contact_id for f in facts if f.fact is FactKind.CONTACT_RESUBSCRIBED}
    for fact in facts:
        if fact.fact is FactKind.CAMPAIGN_STATUS_CHANGED:
            status.setdefault(fact.campaign_id, []).append((fact.at, fact.reason))
        elif fact.fact is FactKind.CONTACT_OPTED_OUT and fact.contact_id not in open_again:
            place = fact.contact_id, fact.channel
            closed[place] = min(closed.get(place, fact.at), fact.at)
    for fact in facts:
        if fact.fact is not FactKind.TOUCH_COMMANDED or fact.tenant_id != TENANT:
            continue
        before = [reason for at, reason in status.get(fact.campaign_id, ()) if at < fact.at]
        at_once = [reason for at, reason in status.get(fact.campaign_id, ()) if at == fact.at]
        if "active" not in (before[-1:] or ["draft"]) + at_once:
            yield f"{fact.command_id} of {fact.campaign_id} at {fact.at} after {before}"
        for channel in (fact.channel, ALL_CHANNELS):
            since = closed.get((fact.contact_id, channel))
            if since is not None and fact.at > since:
                yield f"{fact.command_id} to {fact.contact_id} at {fact.at}, opted out at {since}"
