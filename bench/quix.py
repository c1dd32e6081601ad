"""Quix Streams under workload W, exactly-once, in a Python environment of its own that is created
once in the user's cache directory."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import CLIENT_CORE, Measurement
from schemas.internal.topics import Topic
from streams.base.settings import Settings

LOCK = Path(__file__).with_name("peers.lock")
APP = Path(__file__).with_name("quix_app.py")
TIMEOUT_S = 600


def run(settings: Settings, number: int) -> Measurement:
    """Measures from the first record to the last commit."""
    with TemporaryDirectory(prefix="touchstream-bench-") as state:
        options = {
            "broker": settings.bootstrap_servers,
            "group": settings.topic_prefix + "quix",
            "source": settings.topic_prefix + Topic.CONTACT_LOG,
            "sink": settings.topic_prefix + Topic.FACTS,
            "state": state,
            "number": number,
            "core": CLIENT_CORE,
        }
        command = [str(python_of_environment()), str(APP), json.dumps(options)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    if done.returncode:
        raise RuntimeError(f"Quix Streams ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return Measurement(number, answer["seconds"], answer["cpu_s"])


def python_of_environment() -> Path:
    """Returns the Python of an environment with the packages of `peers.lock`, checked by hash."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    home = cache / "touchstream" / f"peers-{digest}-py{sys.version_info.minor}"
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        print("  creating the environment of Quix Streams", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r"]
        subprocess.run([*install, str(LOCK)], check=True)
        (home / "complete").touch()
    return python
