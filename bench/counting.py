"""What the counts of a campaign that decides by them cost the contact processor."""

import time
from collections.abc import Iterator
from contextlib import nullcontext
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
ROUNDS = 7
BATCH = 1_000
CAMPAIGN = "talent"
_MIX = "known, enrolled, commanded, sent, delivered, opened 1/2, replied 1/10"


def run(quick: bool = False) -> Figure:
    """Folds the same records with and without counts, in turn, batch by batch."""
    contacts = 5_000 if quick else 20_000
    rounds = [run_pinned(costs_percent, contacts, number) for number in range(ROUNDS)]
    return Figure(
        name="counting",
        what="CPU time that counts add to the contact fold, of outreach with an experiment",
        value=rounded_median(rounds),
        unit="%",
        target=TARGET_PERCENT,
        ratio=1 + rounded_median(rounds) / 100,
        of="the same fold without counts",
        at_most=True,
        runs=rounds,
        settings={"contacts": contacts, "mix": _MIX, "campaigns": 50},
    )


def costs_percent(contacts: int, round_number: int) -> float:
    """How much more CPU time the fold takes with counts, in percent. The two folds take turns at
    going first, so that neither has the warmer caches."""
    now = time.time_ns() // 1_000
    inbox = [Record(n, now, line.key, line.value) for n, line in enumerate(records(contacts, now))]
    tasks = {counts: Task(ContactProcessor(), 0) for counts in (True, False)}
    raise_gc_threshold()
    spent = dict.fromkeys(tasks, 0.0)
    for start in range(0, len(inbox), BATCH):
        first = bool((start // BATCH + round_number) % 2)
        for counts in (first, not first):
            with nullcontext() if counts else patch.object(result_counts, "_count", _not_counted):
                spent[counts] += _fold(tasks[counts], inbox[start : start + BATCH])
    return 100 * (spent[True] / spent[False] - 1)


def _not_counted(_: Context, run: Enrollment, results: RunResults, sent: str = "") -> None:
    """What counts a run, without the counts."""
    results.counted = result_counts.STAND[run.status]


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
    """Yields the announcements, then the records of all contacts, stage by stage."""
    yield from people.announcements(now, 1)
    for index in range(50):
        tenant_id = people.tenant_of(index)
        definition = validate_definition(document(tenant_id))
        assert isinstance(definition, Definition)
        campaign = m.CampaignAnnounced(tenant_id, CAMPAIGN, 1, "active", definition, "owner#1")
        yield InputRecord(tenant_id.encode(), m.encode(campaign), None, 0)
    for first in range(0, contacts, people.GROUP_SIZE):
        group = range(first, min(first + people.GROUP_SIZE, contacts))
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
    if index % 10 == 1:
        messages.append(o.ContactReplied(*people.event_head(index, "replied", now), "email"))
    return messages


def _seen(index: int, command: str, signal: str, at: int) -> m.Message:
    return o.TouchSeen(*people.event_head(index, signal, at), command, signal)
