"""The brokers that form one Kafka cluster: their addresses, and what all of them share."""

import base64
import uuid
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from streams.embedded.processes import (
    persistent_password,
    persistent_port,
    private_directory,
    write_private,
)

REPLICAS = 3
"""A topic has this many replicas, or as many as there are brokers."""

IN_SYNC_OF_REPLICAS = 2
"""With all replicas a record counts when so many of them have it."""


class KafkaCluster:
    """Brokers by their folders, in the order of their ids, which begin with 1. The password and the
    id of the cluster are in the first folder. Each broker is a controller too."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = list(folders)
        self._preparing = Lock()

    def __len__(self) -> int:
        return len(self._folders)

    def prepare(self) -> None:
        """Makes the folders, and chooses the ports of all brokers, the password and the id, unless
        they are there. All brokers may call it at the same time."""
        with self._preparing:
            for folder in self._folders:
                private_directory(folder)
                persistent_port(folder / "port")
                persistent_port(folder / "controller.port")
            persistent_password(self._password_file)
            if not self._id_file.exists():
                write_private(
                    self._id_file, base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
                )

    @property
    def id(self) -> str:
        return self._id_file.read_text()

    @property
    def password(self) -> str:
        return persistent_password(self._password_file)

    @property
    def bootstrap(self) -> str:
        """The addresses of all brokers."""
        return ",".join(f"127.0.0.1:{self.port(number)}" for number in self._numbers)

    @property
    def controllers(self) -> str:
        """The controllers, as the setting `controller.quorum.voters` has them."""
        return ",".join(
            f"{number}@127.0.0.1:{self.controller_port(number)}" for number in self._numbers
        )

    @property
    def replicas(self) -> int:
        return min(REPLICAS, len(self))

    @property
    def in_sync(self) -> int:
        """The replicas that must have a record before it counts."""
        return IN_SYNC_OF_REPLICAS if self.replicas == REPLICAS else 1

    def port(self, number: int) -> int:
        """The port of a broker for clients and other brokers."""
        return persistent_port(self._folders[number - 1] / "port")

    def controller_port(self, number: int) -> int:
        return persistent_port(self._folders[number - 1] / "controller.port")

    @property
    def _numbers(self) -> range:
        return range(1, len(self) + 1)

    @property
    def _password_file(self) -> Path:
        return self._folders[0] / "password"

    @property
    def _id_file(self) -> Path:
        return self._folders[0] / "cluster.id"
