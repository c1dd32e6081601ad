"""Quix Streams under workload W, exactly-once, in an environment of its own that is made once and
kept in the user's cache."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import CLIENT_CORE, Spent
from schemas.internal.topics import Topic
from streams.base.settings import Settings

LOCK = Path(__file__).with_name("peers.lock")
APP = Path(__file__).with_name("quix_app.py")
TIMEOUT_S = 600


def run(settings: Settings, number: int) -> Spent:
    """From its first record to its last commit."""
    with TemporaryDirectory(prefix="touchstream-bench-") as state:
        told = {
            "broker": settings.bootstrap_servers,
            "group": settings.topic_prefix + "quix",
            "source": settings.topic_prefix + Topic.CONTACT_LOG,
            "sink": settings.topic_prefix + Topic.FACTS,
            "state": state,
            "number": number,
            "core": CLIENT_CORE,
        }
        command = [str(environment()), str(APP), json.dumps(told)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    if done.returncode:
        raise RuntimeError(f"Quix Streams ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return Spent(number, answer["seconds"], answer["cpu_s"])


def environment() -> Path:
    """The Python that has what `peers.lock` names, hash by hash."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    home = cache / "touchstream" / f"peers-{digest}-py{sys.version_info.minor}"
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        print("  making an environment for Quix Streams", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r"]
        subprocess.run([*install, str(LOCK)], check=True)
        (home / "complete").touch()
    return python
