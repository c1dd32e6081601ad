"""Disturbances of single brokers of a cluster. Each ends when all replicas are in sync again and
every role commits, and returns a line that describes it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.internal.topics import Topic
from streams.embedded.kafka import EmbeddedKafka
from tests.chaos.brokers import Brokers
from tests.chaos.disturbances import Disturbance, DisturbedEngine
from tests.chaos.full_disk import without_disk_space

IN_SYNC_TIMEOUT_S, IN_SYNC_INTERVAL_S = 180.0, 0.3
STOP_TIMEOUT_S = 30.0
"""A broker that stops gives its partitions to others first."""


def kill_one_broker(disturbed: DisturbedEngine) -> str:
    """Kills one broker with SIGKILL, and restarts it."""
    broker = disturbed.random.choice(disturbed.brokers)
    line = kill_broker(disturbed, broker, disturbed.random.uniform(0.5, 3.0))
    return line + disturbed.wait_for_recovery()


def stop_one_broker(disturbed: DisturbedEngine) -> str:
    """Stops one broker, so that it gives away what it leads, and restarts it."""
    broker = disturbed.random.choice(disturbed.brokers)
    _stop_and_restart(disturbed, broker)
    return f"clean stop of broker {broker.number}" + disturbed.wait_for_recovery()


def kill_broker(disturbed: DisturbedEngine, broker: EmbeddedKafka, seconds: float) -> str:
    """Kills a broker with SIGKILL, and restarts it after some seconds."""
    broker.kill()
    disturbed.engine.pause(seconds)
    disturbed.restart(broker)
    _wait_until_in_sync(disturbed)
    return f"kill -9 of broker {broker.number}"


def suspend_broker(disturbed: DisturbedEngine, broker: EmbeddedKafka, seconds: float) -> str:
    """Suspends a broker with SIGSTOP for some seconds."""
    return _freeze(disturbed, [broker], "one", seconds)


def move_leaders(disturbed: DisturbedEngine) -> str:
    """Stops a broker, so that others take over what it leads, and moves all of that back at once
    when it runs again."""
    broker = disturbed.random.choice(disturbed.brokers)
    _stop_and_restart(disturbed, broker)
    _view(disturbed).elect_preferred_leaders()
    return f"leaders moved away from broker {broker.number} and back{disturbed.wait_for_recovery()}"


def freeze_leader(disturbed: DisturbedEngine) -> str:
    """Suspends the leader of a partition of contact-log for some seconds or for a minute."""
    topic = disturbed.engine.settings.topic_prefix + Topic.CONTACT_LOG
    leader = _view(disturbed).leader(topic, 0)
    seconds = disturbed.random.choice((6.0, 12.0, 20.0, 60.0))
    return _freeze(disturbed, [leader], "a leader", seconds)


def freeze_transaction_coordinator(disturbed: DisturbedEngine) -> str:
    """Suspends the coordinator of the transactions of a contact worker."""
    settings = disturbed.engine.settings
    name = settings.identity(f"{settings.topic_prefix}contact")
    coordinator = _view(disturbed).transaction_coordinator(name)
    seconds = disturbed.random.uniform(4.0, 15.0)
    return _freeze(disturbed, [coordinator], "a transaction coordinator", seconds)


def freeze_group_coordinator(disturbed: DisturbedEngine) -> str:
    """Suspends the coordinator of the group of contact workers."""
    group = f"{disturbed.engine.settings.topic_prefix}contact"
    coordinator = _view(disturbed).group_coordinator(group)
    seconds = disturbed.random.uniform(4.0, 15.0)
    return _freeze(disturbed, [coordinator], "a group coordinator", seconds)


def freeze_two_brokers(disturbed: DisturbedEngine) -> str:
    """Suspends two brokers: nothing can be written then, and no controller is elected."""
    two = disturbed.random.sample(disturbed.brokers, 2)
    return _freeze(disturbed, two, "two", disturbed.random.uniform(5.0, 15.0))


def kill_two_brokers(disturbed: DisturbedEngine) -> str:
    """Kills two brokers at once, and restarts both."""
    two = disturbed.random.sample(disturbed.brokers, 2)
    for broker in two:
        broker.kill()
    disturbed.engine.pause(disturbed.random.uniform(0.5, 10.0))
    disturbed.restart(*two)
    _wait_until_in_sync(disturbed)
    return f"kill -9 of brokers {_numbers(two)} at once" + disturbed.wait_for_recovery()


def require_a_lost_replica(disturbed: DisturbedEngine) -> str:
    """Kills a broker while each record must be on all three: no broker accepts a record then, as if
    two were gone and the controller were there."""
    view, broker = _view(disturbed), disturbed.random.choice(disturbed.brokers)
    seconds = disturbed.random.uniform(5.0, 15.0)
    view.require_in_sync(len(disturbed.brokers))
    try:
        broker.kill()
        disturbed.engine.pause(seconds)
        disturbed.restart(broker)
    finally:
        view.require_in_sync(2)
    _wait_until_in_sync(disturbed)
    return (
        f"too few replicas for {seconds:.0f} s without broker {broker.number}"
        + disturbed.wait_for_recovery()
    )


def fill_disk_of_a_broker(disturbed: DisturbedEngine) -> str:
    """Refuses a broker each write to its disk, until it ends, and restarts it."""
    broker = disturbed.random.choice(disturbed.brokers)
    with without_disk_space(broker.process):
        disturbed.engine.wait_until(
            f"broker {broker.number} ends", lambda: not broker.process.running
        )
    disturbed.engine.pause(disturbed.random.uniform(0.5, 3.0))
    disturbed.restart(broker)
    _wait_until_in_sync(disturbed)
    return f"full disk of broker {broker.number}" + disturbed.wait_for_recovery()


def _freeze(
    disturbed: DisturbedEngine, brokers: list[EmbeddedKafka], what: str, seconds: float
) -> str:
    with suspended(brokers):
        disturbed.engine.pause(seconds)
    _wait_until_in_sync(disturbed)
    return (
        f"SIGSTOP of {what} (broker {_numbers(brokers)}) for {seconds:.0f} s"
        + disturbed.wait_for_recovery()
    )


@contextmanager
def suspended(brokers: list[EmbeddedKafka]) -> Iterator[None]:
    """Suspends brokers with SIGSTOP, and continues them at the end."""
    pids = [broker.pid for broker in brokers]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _stop_and_restart(disturbed: DisturbedEngine, broker: EmbeddedKafka) -> None:
    disturbed.call_beside(lambda: broker.stop(STOP_TIMEOUT_S))
    disturbed.engine.pause(disturbed.random.uniform(0.5, 3.0))
    disturbed.restart(broker)
    _wait_until_in_sync(disturbed)


def _view(disturbed: DisturbedEngine) -> Brokers:
    return Brokers(disturbed.engine.settings, disturbed.brokers)


def _wait_until_in_sync(disturbed: DisturbedEngine) -> None:
    view = _view(disturbed)

    def in_sync() -> bool:
        disturbed.engine.pause(IN_SYNC_INTERVAL_S)
        return view.in_sync()

    disturbed.engine.wait_until("all replicas are in sync", in_sync, IN_SYNC_TIMEOUT_S)


def _numbers(brokers: list[EmbeddedKafka]) -> str:
    return ", ".join(str(broker.number) for broker in brokers)


BROKER_DISTURBANCES: tuple[Disturbance, ...] = (
    kill_one_broker,
    freeze_leader,
    freeze_transaction_coordinator,
    stop_one_broker,
    require_a_lost_replica,
    freeze_group_coordinator,
    move_leaders,
    kill_two_brokers,
    fill_disk_of_a_broker,
    freeze_two_brokers,
)
"""The disturbances of a cluster, in this order."""

NO_QUORUM = (kill_two_brokers, freeze_two_brokers, require_a_lost_replica)
"""Disturbances during which nothing can be written."""
