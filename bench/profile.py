"""Where the time goes: one more run under py-spy, which counts for no figure."""

import os
import signal
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.harness import BROKER_CORE, alone

TOLD = 14
_RATE = "200"
_ASLEEP = ("Condition.wait (", "wait (threading.py")


def goes(function: Callable[..., Any], *args: Any) -> list[str]:
    """The functions that `function` spends most in, calls into C included and other Python calls
    not, each with its share of the time that some thread was awake."""
    with TemporaryDirectory(prefix="touchstream-bench-") as directory:
        stacks = Path(directory) / "stacks"
        alone(_watched, str(stacks), function, args)
        lines = stacks.read_text().splitlines() if stacks.exists() else []
    shares: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        leaf = stack.rpartition(";")[2].rpartition(":")[0]
        if leaf.startswith(_ASLEEP):  # another thread, of the pool or the watchdog
            continue
        shares[f"{leaf})"] += int(count)
    whole = sum(shares.values())
    if not whole:
        return ["py-spy saw nothing: it may not be allowed to look at other processes here"]
    return [f"{100 * n / whole:.1f} % {name}" for name, n in shares.most_common(TOLD)]


def _watched(stacks: str, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    program = Path(sysconfig.get_path("scripts")) / "py-spy"
    command = [str(program), "record", "--pid", str(os.getpid()), "--rate", _RATE]
    command += ["--format", "raw", "--output", stacks, "--duration", "600"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as spy:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(spy.pid, {BROKER_CORE})
        try:
            function(*args)
        finally:
            spy.send_signal(signal.SIGINT)
            spy.wait(30)
