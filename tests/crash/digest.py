"""Plays one fixed history and prints a digest of all that it leaves behind."""

from hashlib import blake2b

from tests.crash.faulty_world import Fault, Plan
from tests.crash.histories import chance
from tests.crash.history_player import play
from tests.crash.refold import differences


def digest() -> str:
    """Every record of every log, with its offset and time, and every offset."""
    faults = dict.fromkeys(range(7, 5_000, 11), Fault.DIE_AFTER)
    rig = play(chance(11, 40), Plan(steps_max=3, commit_every=2, faults=faults))
    assert differences(rig) == []
    sums = blake2b(digest_size=16)
    for place, log in sorted(rig.broker.logs.items()):
        sums.update(repr((place, log)).encode())
    sums.update(repr(sorted(rig.broker.offsets.items())).encode())
    return f"{sums.hexdigest()} {len(rig.commands())} commands"


if __name__ == "__main__":
    print(digest())
