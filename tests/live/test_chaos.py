"""Killed, frozen and cut off while traffic flows, the engine loses nothing and repeats nothing."""

from pathlib import Path

import pytest

from streams.embedded.stack import Stack
from tests.chaos.campaign import GAP_MAX_S, Campaign
from tests.chaos.faults import Disturber

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

SPECIAL = (
    Disturber.freeze_contact,
    Disturber.kill_postgres,
    Disturber.join_and_leave,
    Disturber.kill_kafka,
    Disturber.freeze_projector,
)


def test_ten_deaths_and_five_disasters_change_nothing(stack: Stack, tmp_path: Path) -> None:
    said: list[str] = []
    campaign = Campaign(
        stack,
        tmp_path,
        seed=20,
        tell=said.append,
        special=SPECIAL,
        special_every=3,
        check_every=1,
    )
    total = campaign.run(15)
    story = "\n".join([*said, *total.lines()])
    assert not total.wrong, story
    assert (total.repeated, total.missing) == (0, 0), story
    assert sum(map(len, total.kills.values())) >= 10, story
    assert total.commands > 100, story
    assert total.prospects > 50 and total.resumed > 0, story
    assert total.gap_s <= GAP_MAX_S, story
