"""How a child comes to die with its parent. It needs nothing installed: the supervisor runs
without the embedded servers, too."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_LEASH = Path(__file__).parents[1] / "embedded" / "parent_death_exec.py"


def leashed(
    command: Sequence[str], *, uid: int, on_death: signal.Signals = signal.SIGKILL
) -> list[str]:
    """The same command, run as that user, with a life that ends with ours."""
    terms = [str(int(word)) for word in (os.getpid(), on_death, uid)]
    return [sys.executable, "-I", "-S", str(_LEASH), *terms, *command]
