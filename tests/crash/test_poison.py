"""A record that cannot be folded costs itself and nothing else (design 2.10, style 8)."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.contact import ContactProcessor
from processors.fold.task import Record, Task
from processors.fold.turn import Turn
from schemas.internal import messages as m
from schemas.internal.messages import encode
from schemas.internal.topics import Topic
from streams.base.transport import Partition
from streams.memory.transport import StoredRecord
from streams.runtime.roles import task_maker
from tests.crash.faulty_world import LAYOUT, Fault, MakeTask, Plan, Rig, sizes
from tests.testing.builders import TENANT, job, publish, tenant

BAD = "bad"


class Choking(ContactProcessor):
    """A processor that cannot take what somebody named `bad` does, or only not in company."""

    alone_it_works = False
    tried: list[int]

    def __init__(self) -> None:
        self.tried = []

    def apply(self, turn: Turn, record: Record) -> None:
        if record.key.endswith(BAD.encode()):
            self.tried.append(record.offset)
            if not self.alone_it_works or turn.outputs:
                raise ValueError("no")
        super().apply(turn, record)


class Shy(Choking):
    """Fails in company, and folds alone."""

    alone_it_works = True


def choking(kind: type[Choking]) -> tuple[MakeTask, Choking]:
    """The tasks of all roles, the contacts' with this processor."""
    processor = kind()

    def tasks(role: str) -> Callable[[Partition], Task]:
        if role == "contact":
            return lambda partition: Task(processor, partition.number)
        return task_maker(role, LAYOUT)

    return tasks, processor


def crowd(bad: set[int], number: int = 200) -> list[m.JobCompleted]:
    """Many jobs at once; some of them nobody can take."""
    return [job(f"j{n}", contact_id=f"p{n}{BAD}" if n in bad else f"p{n}") for n in range(number)]


def opened(plan: Plan | None, tasks: MakeTask) -> Rig:
    """A world with these tasks in which jobs meet a campaign."""
    rig = Rig(plan, tasks=tasks)
    with sizes(rig.plan):
        rig.append(tenant())
        rig.settle()
        rig.append(publish())
        rig.settle()
    return rig


def told(bad: set[int], plan: Plan | None = None, kind: type[Choking] = Choking) -> Rig:
    """A world in which all of them were told at once."""
    tasks, _ = choking(kind)
    rig = opened(plan, tasks)
    with sizes(rig.plan):
        rig.append(*crowd(bad))
        rig.settle()
    return rig


def people(rig: Rig) -> set[str]:
    """Who is known."""
    prefix = f"{TENANT}/".encode()
    return {
        key.decode().partition("/")[2] for _, key in rig.states("contact") if key.startswith(prefix)
    }


def header(record: StoredRecord, name: str) -> str:
    """One header of a dead letter."""
    value = dict(record.headers or []).get(name)
    return value.decode() if isinstance(value, bytes) else str(value)


def expected(bad: set[int], number: int = 200) -> set[str]:
    return {f"p{n}" for n in range(number) if n not in bad}


def test_only_the_record_that_cannot_be_folded_goes_to_the_dead_letters() -> None:
    rig = told({100})
    (letter,) = rig.broker.topic(Topic.DEAD_LETTERS)
    assert letter.value == encode(crowd({100})[100])
    assert (header(letter, "reason"), header(letter, "detail")) == ("FOLD_FAILED", "ValueError: no")
    assert header(letter, "origin_key") == f"{TENANT}/p100{BAD}"
    place = Partition(
        Topic(header(letter, "origin_topic")), int(header(letter, "origin_partition"))
    )
    origin = [r for r in rig.broker.log(place) if r.offset == int(header(letter, "origin_offset"))]
    assert [r.value for r in origin] == [letter.value]
    assert people(rig) == expected({100})


@settings(max_examples=20, deadline=None)
@given(
    st.sets(st.integers(0, 199), max_size=6),
    st.sampled_from((1, 7, 2_000)),
    st.sampled_from((1, 50, 1_000)),
    st.integers(1, 3),
    st.dictionaries(st.integers(1, 60), st.sampled_from(Fault), max_size=12),
)
def test_everything_before_and_after_is_folded_once_whatever_else_fails(
    bad: set[int], steps: int, records: int, commit_every: int, faults: dict[int, Fault]
) -> None:
    plan = Plan(steps_max=steps, records_max=records, commit_every=commit_every, faults=faults)
    rig = told(bad, plan)
    letters = [letter.value for letter in rig.broker.topic(Topic.DEAD_LETTERS)]
    assert sorted(letter or b"" for letter in letters) == sorted(encode(crowd(bad)[n]) for n in bad)
    assert people(rig) == expected(bad)
    started = [f.contact_id for f in rig.facts() if f.fact == "enrollment.started"]
    assert sorted(started, key=str) == sorted(expected(bad))


@pytest.mark.parametrize("bad", [{0}, {199}, {5, 6, 7}, set(range(200))])
def test_poison_first_last_in_a_row_or_nothing_else(bad: set[int]) -> None:
    rig = told(bad)
    assert len(rig.broker.topic(Topic.DEAD_LETTERS)) == len(bad)
    assert people(rig) == expected(bad)


def test_what_fails_only_in_company_is_folded_alone_and_is_no_poison() -> None:
    rig = told({3, 90, 91}, Plan(commit_every=2), Shy)
    assert rig.broker.topic(Topic.DEAD_LETTERS) == []
    assert len(people(rig)) == 200


def test_a_record_is_tried_alone_before_it_is_condemned() -> None:
    tasks, processor = choking(Choking)
    rig = Rig(Plan(), tasks=tasks)
    with sizes(rig.plan):
        rig.append(tenant())
        rig.settle()
        rig.append(*crowd({1}, 20))
        rig.settle()
    assert len(processor.tried) == 2  # in company, and alone; then it is parked untried


def test_bytes_that_are_no_message_are_poison_too() -> None:
    rig = Rig()
    with sizes(rig.plan):
        rig.append(tenant(), publish())
        rig.settle()
        for value in (b"", b"\xc1", b"\x91\xa4What", encode(m.Tick())[:-1]):
            for topic in (Topic.CONTACT_LOG, Topic.DISPATCH_LOG, Topic.CAMPAIGN_LOG):
                rig.broker.append(topic, b"acme/ann", value)
        rig.append(job())
        rig.settle()
    assert len(rig.broker.topic(Topic.DEAD_LETTERS)) == 12
    assert people(rig) == {"ann"}


def test_a_dead_letter_says_so_once_even_when_its_commit_fails() -> None:
    rig = told({9}, Plan(faults=dict.fromkeys(range(1, 40), Fault.ABORT)))
    assert len(rig.broker.topic(Topic.DEAD_LETTERS)) == 1
    assert people(rig) == expected({9})
