"""What the counts of a campaign that decides by them cost the contact processor."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from math import inf
from unittest.mock import patch

from bench import people
from bench.harness import InputRecord, run_pinned
from bench.report import Figure, rounded_median
from processors.contact import ContactProcessor, result_counts
from processors.contact.context import Context
from processors.fold.task import Record, Task
from schemas.base.ids import command_id
from schemas.base.times import SECOND
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import contact_messages as o
from schemas.internal import messages as m
from schemas.internal.enrollment import Enrollment, RunResults
from streams.runtime.worker import STEPS_MAX, raise_gc_threshold

TARGET_PERCENT = 3
ROUNDS = 15
BATCH = 1_000
CAMPAIGN = "talent"
CAMPAIGNS = 10
_MIX = "known, enrolled, commanded, sent, delivered, opened 1/2, clicked 1/5, replied 1/10"


def run(quick: bool = False) -> Figure:
    """Folds the same records with and without counts, in turn, batch by batch."""
    contacts = 2_000 if quick else 10_000
    value, rounds = run_pinned(costs_percent, contacts)
    return Figure(
        name="counting",
        what="CPU time that counts add to the contact fold, of outreach with an experiment",
        value=rounded_median([value]),
        unit="%",
        target=TARGET_PERCENT,
        ratio=1 + value / 100,
        of="the same fold without counts",
        at_most=True,
        runs=rounds,
        settings={"contacts": contacts, "mix": _MIX, "campaigns": CAMPAIGNS},
    )


def costs_percent(contacts: int) -> tuple[float, list[float]]:
    """How much more CPU time the fold takes with counts, in percent: by the least time of each
    batch over all rounds, which other work of the machine disturbs least; and by each round. The
    two folds take turns at going first, so that neither has the warmer caches."""
    now = time.time_ns() // 1_000
    inbox = [Record(n, now, line.key, line.value) for n, line in enumerate(records(contacts, now))]
    raise_gc_threshold()
    starts = range(0, len(inbox), BATCH)
    least = {counts: [inf] * len(starts) for counts in (True, False)}
    rounds = []
    for round_number in range(ROUNDS):
        tasks = {counts: Task(ContactProcessor(), 0) for counts in least}
        spent = dict.fromkeys(tasks, 0.0)
        for number, start in enumerate(starts):
            first = bool((number + round_number) % 2)
            for counts in (first, not first):
                with nullcontext() if counts else _uncounted():
                    seconds = _fold(tasks[counts], inbox[start : start + BATCH])
                spent[counts] += seconds
                least[counts][number] = min(least[counts][number], seconds)
        rounds.append(100 * (spent[True] / spent[False] - 1))
    return 100 * (sum(least[True]) / sum(least[False]) - 1), rounds


def _uncounted() -> AbstractContextManager[object]:
    """Lets the fold of the contact processor count no run for its campaign or experiment: what
    is measured against."""
    return patch.multiple(
        result_counts,
        of_run=lambda run, results: result_counts.STAND[run.status],
        _count_assignment=lambda run, results, assignment: (),
        _add=_keep_stand,
    )


def _keep_stand(
    context: Context, run: Enrollment, results: RunResults, after: int, changes: object
) -> None:
    results.counted = after


def _fold(task: Task, batch: list[Record]) -> float:
    """The CPU seconds of one batch."""
    began = time.process_time()
    task.feed(batch)
    while task.advance(STEPS_MAX):
        task.outputs.clear()
    task.commit(task.changes())
    return time.process_time() - began


def document(tenant_id: str) -> dict[str, object]:
    """Returns a campaign of two mails, of which the first has an experiment."""
    test = {"id": "subject", "variant_a_template_id": "t-a", "variant_b_template_id": "t-b"}
    return {
        "tenant_id": tenant_id,
        "campaign_id": CAMPAIGN,
        "name": "Talent",
        "kind": "outreach",
        "outreach": {"owner_id": "owner-1", "target_contacts_count": 100_000},
        "steps": [
            {"id": "first", "channel": "email", "experiment": test},
            {"id": "last", "channel": "email", "delay_hours": 120, "template_id": "t-last"},
        ],
    }


def records(contacts: int, now: int) -> Iterator[InputRecord]:
    """Yields the announcements, then the records of all contacts, stage by stage. The people are
    those of the first tenants only."""
    yield from people.announcements(now, 1)
    for index in range(CAMPAIGNS):
        tenant_id = people.tenant_of(index)
        definition = validate_definition(document(tenant_id))
        assert isinstance(definition, Definition)
        campaign = m.CampaignAnnounced(tenant_id, CAMPAIGN, 1, "active", definition, "owner#1")
        yield InputRecord(tenant_id.encode(), m.encode(campaign), None, 0)
    everybody = [number // CAMPAIGNS * 50 + number % CAMPAIGNS for number in range(contacts)]
    for first in range(0, contacts, people.GROUP_SIZE):
        group = everybody[first : first + people.GROUP_SIZE]
        messages = {index: _messages_of(index, now) for index in group}
        for stage in range(max(map(len, messages.values()))):
            for index in group:
                if stage < len(messages[index]):
                    yield InputRecord(people.key_of(index), m.encode(messages[index][stage]))


def _messages_of(index: int, now: int) -> list[m.Message]:
    """Returns the messages of one person."""
    tenant_id, contact_id = people.tenant_of(index), people.contact_of(index)
    command = command_id(tenant_id, CAMPAIGN, contact_id, 1, "first", 1)
    messages = [
        o.ContactUpserted(*people.event_head(index, "known", now), people.person(index)),
        o.ContactEnrolled(*people.event_head(index, "enrolled", now), CAMPAIGN),
        m.TouchCommanded(tenant_id, contact_id, command, 1),
        o.TouchSent(*people.event_head(index, "sent", now), command, now, f"provider-{index}"),
        _seen(index, command, "delivered", now),
    ]
    if index % 2:
        messages.append(_seen(index, command, "opened", now + SECOND))
    if index % 5 == 1:
        messages.append(_seen(index, command, "clicked", now + 2 * SECOND))
    if index % 10 == 1:
        messages.append(o.ContactReplied(*people.event_head(index, "replied", now), "email"))
    return messages


def _seen(index: int, command: str, signal: str, at: int) -> m.Message:
    return o.TouchSeen(*people.event_head(index, signal, at), command, signal)
