"""Publishes public events into a world, through the real intake."""

import json
from typing import Any

from processors.fold.task import Record, Task
from processors.intake import IntakeProcessor
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.public.codec import Decoder
from schemas.public.events import EVENTS
from tests.testing.world import World


class Publisher:
    """Publishes events in JSON, each with an id of its own. Raises AssertionError if one becomes a
    dead letter."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0

    def __call__(self, ce_type: str, **data: Any) -> None:
        """Publishes one event, and runs the world until nothing moves any more."""
        topic = EVENTS[ce_type].topic
        assert topic is not None
        self.count += 1
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_type", ce_type.encode()),
            ("ce_id", str(self.count).encode()),
            ("ce_source", b"/test"),
            ("content-type", b"application/json"),
        ]
        task = Task(IntakeProcessor(topic, Decoder().decode), 0)
        value = json.dumps(data).encode()
        task.feed([Record(0, self.world.now, b"", value, lambda: [*headers])])
        task.advance(10)
        for output in task.outputs:
            message = output.message
            assert isinstance(message, m.Message | facts.Fact), message
            encode = facts.encode if isinstance(message, facts.Fact) else m.encode
            self.world.broker.append(output.topic, output.key, encode(message))
        self.world.settle()
