"""A restored state is never older than the committed offset of its group."""

from collections import Counter
from typing import ClassVar

from schemas.internal.messages import CommandDue
from schemas.internal.states import POSITION_KEY
from streams.base.transport import Partition
from streams.memory.transport import MemoryChangelogReader, MemoryTransport
from tests.testing.builders import step
from tests.testing.story import enrolled
from tests.testing.world import World


class LateChangelog(MemoryTransport):
    """A transport whose first three changelog readers miss the last transaction, because its commit
    marker has reached the offsets only."""

    readers: ClassVar[int] = 0

    def open_changelog(self, changelog: Partition) -> MemoryChangelogReader:
        LateChangelog.readers += 1
        log = self.broker.log(changelog)
        positions = [index for index, stored in enumerate(log) if stored.key == POSITION_KEY]
        if LateChangelog.readers > 3 or len(positions) < 2:
            return super().open_changelog(changelog)
        return MemoryChangelogReader(log[: positions[-2] + 1])


def emitted(world: World) -> Counter[tuple[str, int]]:
    due = [command for command in world.commands() if isinstance(command, CommandDue)]
    return Counter((command.touch.command_id, command.touch.emission) for command in due)


def test_a_changelog_behind_the_offsets_is_read_again_before_anything_is_folded() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(24.1)
    before = emitted(world)
    assert sum(before.values()) == 1
    successor = world.worker("dispatch")
    successor.transport.__class__ = LateChangelog
    world.workers["dispatch"] = successor
    world.settle()
    assert LateChangelog.readers > 3
    assert emitted(world) == before
