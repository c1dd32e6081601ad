"""A campaign that a signal ends has the results of its finished cycles."""

from pathlib import Path

import pytest

from streams.embedded.stack import Stack
from tests.chaos.campaign import ChaosCampaign
from tests.chaos.total import Gap


def test_a_campaign_that_a_signal_ends_keeps_its_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = ChaosCampaign(Stack(tmp_path), tmp_path, seed=1, report=print)

    def round_of(cycles: int) -> None:
        campaign.total.add_cycle("kill", 4.0, Gap(1.5, "commands.sms"))
        campaign.total.add_cycle("move_leaders", 20.0, Gap(9.0, "commands.email"))
        campaign.cut()

    monkeypatch.setattr(campaign, "_round", round_of)
    total = campaign.run(300)
    lines = list(total.lines())
    assert lines[0] == "cycles 2 (cut):"
    assert "longest reader gap 9.0 s commands.email (move_leaders)" in lines
    assert not total.problems


def test_a_second_signal_does_not_disturb_the_end(tmp_path: Path) -> None:
    campaign = ChaosCampaign(Stack(tmp_path), tmp_path, seed=1, report=print)
    campaign.total.cut = True
    campaign.cut()
    assert campaign.total.cut


def test_the_results_have_each_disturbance_with_its_longest_gap(tmp_path: Path) -> None:
    total = ChaosCampaign(Stack(tmp_path), tmp_path, seed=1, report=print).total
    total.add_cycle("kill", 4.0, Gap(1.5, "commands.sms"))
    total.add_cycle("kill", 6.0, Gap(2.5, "facts[1]"))
    total.repeated, total.missing, total.differences = 1, 2, 3
    lines = list(total.lines())
    assert " ".join(lines[1].split()) == (
        "kill 2 cycles 5.0 s (median) 6.0 s (max) longest gap 2.5 s facts[1]"
    )
    assert "commands repeated 1, missing 2; differences of verify 3" in lines
