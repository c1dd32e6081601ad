"""The engine on three brokers: it loses and repeats nothing while one of them is killed and another
one suspended."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.embedded.stack import Stack
from tests.chaos.broker_disturbances import kill_broker, suspend_broker
from tests.chaos.campaign import ChaosCampaign, own_directory
from tests.chaos.disturbances import DisturbedEngine
from tests.testing.command_line import Touchstream, clean_environment, touchstream

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

__all__ = ["clean_environment", "touchstream"]


@contextmanager
def three_brokers() -> Iterator[Stack]:
    directory = own_directory(None)
    with Stack(directory, brokers=3) as stack:
        yield stack
    shutil.rmtree(directory, ignore_errors=True)


def test_a_killed_and_a_suspended_broker_lose_and_repeat_nothing(
    tmp_path: Path, touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve partitions of contact-log with three replicas, and four workers. Each contact that
    needs a command has it once, and PostgreSQL and all logs agree with a refold of them."""
    checked: list[tuple[int, str]] = []

    def disturb(disturbed: DisturbedEngine) -> str:
        killed, suspended, _ = disturbed.brokers
        lines = [
            kill_broker(disturbed, killed, seconds=1.0),
            suspend_broker(disturbed, suspended, seconds=8.0),
        ]
        for name, value in disturbed.engine.environment.items():
            monkeypatch.setenv(name, value)
        result = touchstream("topics", "--check")
        checked.append((result.code, result.out + result.err))
        return "; ".join(lines)

    lines: list[str] = []
    with three_brokers() as stack:
        campaign = ChaosCampaign(
            stack,
            tmp_path,
            seed=7,
            report=lines.append,
            rate=5.0,
            disturbances=[disturb],
            disturb_every=1,
            nights=False,  # test_senders_down.py has one
            timed=False,
        )
        total = campaign.run(1)
    report = "\n".join([*lines, *total.lines()])
    assert not total.problems, report
    assert (total.repeated, total.missing) == (0, 0), report
    assert total.commands > 20, report
    assert [code for code, _ in checked] == [0], checked
