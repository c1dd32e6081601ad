"""Child processes that end when their parent ends.

The standard library is enough for it: the supervisor also runs without the embedded servers.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_EXEC_SCRIPT = Path(__file__).with_name("parent_death_exec.py")


def with_parent_death_signal(
    command: Sequence[str], *, uid: int, death_signal: signal.Signals = signal.SIGKILL
) -> list[str]:
    """The command line that runs `command` as user `uid`, and has the kernel send `death_signal`
    to it when this process ends."""
    arguments = [str(int(number)) for number in (os.getpid(), death_signal, uid)]
    return [sys.executable, "-I", "-S", str(_EXEC_SCRIPT), *arguments, *command]
