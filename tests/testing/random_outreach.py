"""Random documents of outreach campaigns, for histories and for properties of documents: any valid
terms, dates, steps and experiments."""

from random import Random
from typing import Any

from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.campaigns.outreach_terms import CAMPAIGN_TYPES, COMBINED, OUTREACH_CHANNELS
from schemas.channels import CHANNELS
from tests.testing.outreach import experiment, outreach_document

SEEDS = 64
"""The number of documents. It is small, so that a history publishes some of them again."""


def random_outreach(seed: int, **changes: Any) -> dict[str, Any]:
    """The document of a valid outreach campaign, the same for the same seed. Its experiments have
    the number of the seed in their ids, because an id belongs to one campaign."""
    number = seed % SEEDS
    document = _document(Random(number), number) | changes
    found = validate_definition(document)
    assert isinstance(found, Definition), found
    return document


def random_version(campaign_id: str, seed: int, dice: Random) -> dict[str, Any]:
    """A version of a campaign, whose steps depend on the seed alone. The dice choose what may
    change while people are in it, so that most versions are accepted."""
    document = _document(Random(seed), 0)
    document["campaign_id"] = campaign_id
    settings = document["settings"]
    settings["reentry"] = dice.choice(("once", "after_end", "after_end", "restart"))
    settings["quiet_hours"] = dice.choice(("none", "none", "tenant"))
    settings["late_policy"] = dice.choice(("shift_by_pause", "send_now", "collapse"))
    settings["end_date"] = dice.choice((None, None, None, "2026-03-20", "2026-04-02"))
    if seed % 4 == 3:
        settings["exclusive"] = "one at a time"
    document["outreach"]["target_contacts_count"] = dice.choice((None, None, None, None, 3, 5))
    for number, step in enumerate(document["steps"]):
        step["delay_hours"] = (1, 90, 200, 60)[number]
        if "experiment" in step:
            step["experiment"]["id"] = f"{campaign_id}-{seed}-{number}"
            step["experiment"]["ab_split_percentage"] = dice.choice((50, 50, 50, 20, 80))
            if seed % 5 == 4:
                step["experiment"]["layer"] = {"name": "words", "from": 0, "to": 70}
    return document


def _document(dice: Random, number: int) -> dict[str, Any]:
    channel = dice.choice((*OUTREACH_CHANNELS, COMBINED))
    names = OUTREACH_CHANNELS if channel == COMBINED else (channel,)
    steps = [
        _step(dice, f"s{index}", name, f"test-{number}-{index}")
        for index, name in enumerate(names * dice.randint(1, 2))
    ]
    terms: dict[str, Any] = {
        "channel": channel,
        "campaign_type": dice.choice(CAMPAIGN_TYPES),
        "completion_policy": dice.choice(("contacts_and_rate", "contacts_only")),
        "target_contacts_count": dice.choice((None, 1, 3, 500)),
        "target_response_rate": dice.choice((None, 0, 15.0, 33.33)),
        "target_conversion_count": dice.choice((None, 1, 50)),
    }
    if channel == COMBINED and dice.random() < 0.5:
        terms["channel_preference"] = dice.sample(OUTREACH_CHANNELS, len(OUTREACH_CHANNELS))
    return outreach_document(terms, _settings(dice), steps)


def _settings(dice: Random) -> dict[str, Any]:
    return {
        "on_reply": dice.choice(("pause", "stop", "continue")),
        "on_conversion": dice.choice(("stop", "continue")),
        "in_flight": dice.choice(("finish", "revoke")),
        "timezone": dice.choice((None, "America/New_York", "Asia/Kolkata")),
        "end_date": dice.choice((None, None, "2026-03-04", "2026-03-20")),
        "end_date_mode": dice.choice(("inclusive", "literal")),
        "attribution": {
            "model": dice.choice(("last_touch", "first_touch", "linear", "all")),
            "window_days": dice.choice((1, 30)),
        },
        "soft_bounces": {"most": dice.choice((1, 2, 3))},
        "on_edit": dice.choice(("stay", "follow")),
        "max_errors": dice.choice((1, 3, "none")),
    }


def _step(dice: Random, name: str, channel: str, experiment_id: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": name,
        "channel": channel,
        "action": dice.choice(tuple(CHANNELS[channel].actions)),
        "delay_hours": dice.choice((0, 1, 30)),
        "template_id": "t1",
    }
    if dice.random() < 0.5:
        row["experiment"] = _experiment(dice, experiment_id)
        row["template_id"] = dice.choice(("t1", None))
    if dice.random() < 0.3:
        row["skip_when"] = ["already_replied"]
    return row


def _experiment(dice: Random, experiment_id: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "ab_split_percentage": dice.choice((10, 50, 80, 90)),
        "primary_metric": dice.choice(("conversion", "response")),
        "on_winner": dice.choice(("report", "switch_unsent")),
        "holdout_percentage": dice.choice((0, 0, 20)),
        "decide": dice.choice(("sequential", "at_end")),
    }
    return experiment(experiment_id, **fields)
