"""Random campaign definitions for the random histories: any valid sequence of steps."""

from random import Random
from typing import Any

from schemas.campaigns.campaign_kinds import CONDITIONS
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.channels import ANY_CHANNEL_SIGNALS, CHANNELS, actions
from tests.testing.builders import TENANT

OUTREACH = "outreach"
STEPS = ("a", "b", "c", "d")
LATE: tuple[dict[str, Any], ...] = (
    {"late_policy": "shift_by_pause"},
    {"late_policy": "send_now"},
    {"late_policy": "collapse"},
    {"late_policy": "skip_older_than", "late_skip_hours": 3},
)
SEEDS = 64
"""The number of definitions. It is small, so that a history publishes some of them again."""


def definition(seed: int) -> dict[str, Any]:
    """The document of a valid prospecting campaign, the same for the same seed."""
    dice = Random(seed % SEEDS)
    while True:
        document = _document(dice)
        if isinstance(validate_definition(document), Definition):
            return document


def _document(dice: Random) -> dict[str, Any]:
    names = STEPS[: dice.randint(1, 4)]
    return {
        "tenant_id": TENANT,
        "campaign_id": OUTREACH,
        "name": "Outreach",
        "kind": "prospecting",
        "settings": {
            "on_reply": dice.choice(("pause", "stop", "continue")),
            **dice.choice(LATE),
            "max_errors": dice.choice((1, 3, "none")),
            "reentry": dice.choice(("once", "after_end", "restart")),
            "on_edit": dice.choice(("stay", "follow")),
            "min_gap_hours": dice.choice((0, 0, 4)),
            "priority": dice.randint(0, 3),
        },
        "steps": [_step(dice, name, index, names) for index, name in enumerate(names)],
    }


def _step(dice: Random, name: str, index: int, names: tuple[str, ...]) -> dict[str, Any]:
    channel = dice.choice(tuple(CHANNELS))
    action = dice.choice(tuple(CHANNELS[channel].actions))
    step: dict[str, Any] = {
        "id": name,
        "channel": channel,
        "action": action,
        "delay_hours": dice.choice((0, 1, 5, 30)),
        "template_id": "t1",
    }
    if index and dice.random() < 0.4:
        step["anchor"] = dice.choice(("previous_scheduled", "enrollment", "trigger"))
    if dice.random() < 0.6:
        signals = actions()[channel, action] + ANY_CHANNEL_SIGNALS
        step["wait_for"] = {
            "event": dice.sample(signals, dice.randint(1, len(signals))),
            "max_wait_hours": dice.choice((1, 10, 40)),
            "on_event": _way(dice, names),
            "on_timeout": _way(dice, names),
        }
    if dice.random() < 0.4:
        step["skip_when"] = [dice.choice(CONDITIONS)]
    if dice.random() < 0.3:
        hours = dice.choice(
            ({"start": "09:00", "end": "17:00"}, {"start": "22:00", "end": "23:00"})
        )
        step["window"] = {**hours, "days": ["mon", "wed", "fri"]}
    return step


def _way(dice: Random, names: tuple[str, ...]) -> Any:
    if dice.random() < 0.5:
        return "advance"
    return dice.choice(("skip", "complete", "stop", "fail", {"branch": dice.choice(names)}))
