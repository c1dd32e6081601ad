"""The roles of a worker: the log that each folds, and its processor."""

from collections.abc import Callable

from processors.campaign import CampaignProcessor
from processors.contact import ContactProcessor
from processors.dispatch import DispatchProcessor
from processors.fold.task import Processor, Task
from schemas.internal.states import POSITION_KEY
from schemas.internal.topics import LOGS, PUBLIC_IN, Layout, Topic
from streams.base.transport import Partition

PROCESSORS: dict[str, tuple[Topic, Callable[[Layout], Processor]]] = {
    "contact": (Topic.CONTACT_LOG, lambda _: ContactProcessor()),
    "dispatch": (Topic.DISPATCH_LOG, lambda _: DispatchProcessor()),
    "campaign": (Topic.CAMPAIGN_LOG, CampaignProcessor),
}


def task_maker(role: str, layout: Layout) -> Callable[[Partition], Task]:
    """The function that makes the tasks of a role. They share one processor, which has no state."""
    processor = PROCESSORS[role][1](layout)
    return lambda partition: Task(processor, partition.number)


def topics_of(role: str) -> tuple[Topic, ...]:
    """The topics that the workers of a role fold."""
    return PUBLIC_IN if role == "intake" else (PROCESSORS[role][0],)


def position_key(topic: Topic) -> bytes:
    """The key of the position of a task of this topic. Intake's tasks share a changelog."""
    return POSITION_KEY if topic in LOGS else POSITION_KEY + f"/{topic.value}".encode()
