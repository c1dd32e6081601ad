"""A state is never older than what its group has committed, whoever has the partition next."""

from collections import Counter
from typing import ClassVar

from schemas.internal.messages import CommandDue
from schemas.internal.states import POSITION_KEY
from streams.base.transport import Partition
from streams.memory.transport import MemoryChangelogReader, MemoryTransport
from tests.testing.builders import step
from tests.testing.story import enrolled
from tests.testing.world import World


class Late(MemoryTransport):
    """The last transaction's markers reach the offsets before they reach the changelog."""

    asked: ClassVar[int] = 0

    def open_changelog(self, changelog: Partition) -> MemoryChangelogReader:
        Late.asked += 1
        log = self.broker.log(changelog)
        places = [index for index, stored in enumerate(log) if stored.key == POSITION_KEY]
        if Late.asked > 3 or len(places) < 2:
            return super().open_changelog(changelog)
        return MemoryChangelogReader(log[: places[-2] + 1])


def emitted(world: World) -> Counter[tuple[str, int]]:
    due = [command for command in world.commands() if isinstance(command, CommandDue)]
    return Counter((command.touch.command_id, command.touch.emission) for command in due)


def test_a_changelog_behind_the_offsets_is_read_again_before_anything_is_folded() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(24.1)
    before = emitted(world)
    assert sum(before.values()) == 1
    heir = world.worker("dispatch")
    heir.transport.__class__ = Late
    world.workers["dispatch"] = heir
    world.settle()
    assert Late.asked > 3
    assert emitted(world) == before
