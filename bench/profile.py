"""The functions in which a benchmark spends its time: an additional run under py-spy."""

import os
import signal
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.harness import BROKER_CORE, run_pinned

FUNCTIONS_SHOWN = 14
_RATE = "200"
_SLEEPING_FRAMES = ("Condition.wait (", "wait (threading.py")


def hot_functions(function: Callable[..., Any], *args: Any) -> list[str]:
    """Runs `function` under py-spy. Returns the functions with the most own time, calls of C code
    included, each with its share of the time in which a thread was awake."""
    with TemporaryDirectory(prefix="touchstream-bench-") as directory:
        stacks = Path(directory) / "stacks"
        run_pinned(_run_profiled, str(stacks), function, args)
        lines = stacks.read_text().splitlines() if stacks.exists() else []
    shares: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        leaf = stack.rpartition(";")[2].rpartition(":")[0]
        if leaf.startswith(_SLEEPING_FRAMES):  # a sleeping thread of the pool or of the watchdog
            continue
        shares[f"{leaf})"] += int(count)
    whole = sum(shares.values())
    if not whole:
        return ["py-spy has no samples: it may not be allowed to read other processes here"]
    return [f"{100 * n / whole:.1f} % {name}" for name, n in shares.most_common(FUNCTIONS_SHOWN)]


def _run_profiled(stacks: str, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
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
