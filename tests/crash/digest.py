"""Plays one fixed history, and prints a digest of all that it leaves behind."""

from hashlib import blake2b

from tests.crash.fold_check import differences
from tests.testing.faulty_world import Fault, FaultPlan
from tests.testing.history_player import play
from tests.testing.random_histories import random_history


def digest() -> str:
    """A hash of every record with its offset and timestamp, and of every committed offset."""
    faults = dict.fromkeys(range(7, 5_000, 11), Fault.CRASH_AFTER)
    world = play(random_history(11, 40), FaultPlan(steps_max=3, commit_every=2, faults=faults))
    assert differences(world) == []
    sums = blake2b(digest_size=16)
    for partition, log in sorted(world.broker.logs.items()):
        sums.update(repr((partition, log)).encode())
    sums.update(repr(sorted(world.broker.offsets.items())).encode())
    return f"{sums.hexdigest()} {len(world.commands())} commands"


if __name__ == "__main__":
    print(digest())
