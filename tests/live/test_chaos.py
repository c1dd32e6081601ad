"""The engine loses and repeats nothing while processes and servers are killed and suspended."""

from pathlib import Path

import pytest

from streams.embedded.stack import Stack
from tests.chaos.campaign import ChaosCampaign
from tests.chaos.disturbances import DisturbedEngine

pytestmark = [pytest.mark.live, pytest.mark.timeout(1200)]

DISTURBANCES = (
    DisturbedEngine.freeze_contact,
    DisturbedEngine.kill_postgres,
    DisturbedEngine.join_and_leave,
    DisturbedEngine.kill_kafka,
    DisturbedEngine.freeze_projector,
)


def test_ten_kills_and_five_other_disturbances_lose_and_repeat_nothing(
    stack: Stack, tmp_path: Path
) -> None:
    messages: list[str] = []
    campaign = ChaosCampaign(
        stack,
        tmp_path,
        seed=20,
        report=messages.append,
        disturbances=DISTURBANCES,
        disturb_every=3,
        check_every=1,
        nights=False,  # test_senders_down.py has one
    )
    total = campaign.run(15)
    report = "\n".join([*messages, *total.lines()])
    assert not total.problems, report
    assert (total.repeated, total.missing) == (0, 0), report
    assert sum(map(len, total.recovery_s.values())) >= 10, report
    assert total.commands > 100, report
    assert total.prospects > 50 and total.resumed > 0, report
    assert total.calls > 50, report
    assert total.completed == 1, report  # its experiment was decided, and its target was met
