"""The roles of a worker: the log that each folds, and its processor."""

from collections.abc import Callable

from processors.campaign import CampaignProcessor
from processors.contact import ContactProcessor
from processors.dispatch import DispatchProcessor
from processors.fold.task import Processor, Task
from schemas.internal.topics import Layout, Topic
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
