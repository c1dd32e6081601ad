"""Killed, frozen and cut off while traffic flows, the engine loses nothing and repeats nothing."""

from pathlib import Path

import pytest

from streams.embedded.stack import Stack
from tests.chaos.campaign import GAP_MAX_S, Campaign
from tests.chaos.disturbing import Disturber

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

SPECIAL = (Disturber.freeze_contact, Disturber.kill_postgres, Disturber.kill_kafka)


def test_ten_deaths_and_three_disasters_change_nothing(stack: Stack, tmp_path: Path) -> None:
    said: list[str] = []
    campaign = Campaign(
        stack,
        tmp_path,
        seed=20,
        tell=said.append,
        special=SPECIAL,
        special_every=4,
        check_every=7,
    )
    total = campaign.run(13)
    story = "\n".join([*said, *total.lines()])
    assert not total.wrong, story
    assert (total.repeated, total.missing) == (0, 0), story
    assert sum(map(len, total.kills.values())) >= 10, story
    assert total.commands > 100, story
    assert total.gap_s <= GAP_MAX_S, story
