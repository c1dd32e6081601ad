"""Senders that stop in the evening and start again in the night, on the real parts."""

from pathlib import Path

import pytest

from streams.embedded.stack import Stack
from tests.chaos.night import PEOPLE, SendersDown
from tests.testing.overnight import STEPS

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

STOPS, STARTS = 20.5, 24 + 3
"""Half an hour of commands comes after the stop: workers that are killed then need some of it."""


def test_senders_that_were_down_from_2030_to_0300_send_nothing_before_0800_and_lose_nothing(
    stack: Stack, tmp_path: Path
) -> None:
    night = SendersDown(stack, tmp_path, seed=3, stops=STOPS, starts=STARTS)
    assert night.run() == [], night.report_line
    assert night.sends == PEOPLE * len(STEPS), night.report_line
    assert night.late > 0, night.report_line
