"""The steps of a sequence: waits, exits and windows are compiled, or all problems are reported."""

from functools import partial
from typing import Any

import pytest

from schemas.base.error_codes import CampaignCode
from schemas.base.times import HOUR, MINUTE
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition, StepExit, StepWait, StepWindow
from schemas.campaigns.definition import validate_definition
from schemas.channels import ANY_CHANNEL_SIGNALS, CHANNELS, SIGNALS, actions
from tests.testing.builders import step

undelayed_step = partial(step, hours=None)


def document(*steps: Any, **changed: Any) -> dict[str, Any]:
    names = {"tenant_id": "acme", "campaign_id": "c", "name": "Sequence", "kind": "prospecting"}
    return names | {"steps": list(steps)} | changed


def valid_definition(*steps: Any, **changed: Any) -> Definition:
    definition = validate_definition(document(*steps, **changed))
    assert isinstance(definition, Definition), definition
    return definition


def problems_of(*steps: Any, **changed: Any) -> list[tuple[str, str]]:
    """The codes and places of all problems of a document that is not valid."""
    problems = validate_definition(document(*steps, **changed))
    assert isinstance(problems, list), problems
    return [(problem.code, problem.place) for problem in problems]


def test_a_step_with_every_field_is_compiled() -> None:
    first = undelayed_step(
        "call",
        channel="voice",
        delay_hours=1,
        wait_for={
            "event": ["call_outcome", "conversion"],
            "max_wait_hours": 24,
            "on_event": {"branch": "mail"},
            "on_timeout": "fail",
            "outcomes": ["answered"],
        },
        skip_when=["already_replied"],
        then="complete",
        window={"start": "09:00", "end": "18:00", "days": ["mon", "fri"]},
        retry_minutes=[2],
        expire_after_hours=3,
    )
    (compiled, mail) = valid_definition(first, undelayed_step("mail", anchor="trigger")).steps
    assert compiled.action == "place_call"
    assert compiled.wait_for == StepWait(
        ("call_outcome", "conversion"),
        24 * HOUR,
        StepExit("branch", "mail"),
        StepExit("fail"),
        ("answered",),
    )
    assert compiled.skip_when == ("already_replied",)
    assert compiled.then == StepExit("complete")
    assert compiled.window == StepWindow(9 * 60, 18 * 60, 0b0010001)
    assert (compiled.retry_delays_us, compiled.expire_after_us) == ((2 * MINUTE,), 3 * HOUR)
    assert mail.anchor == "trigger"


def test_absent_fields_get_the_defaults_of_the_kind() -> None:
    definition = valid_definition(undelayed_step(), undelayed_step("b"))
    assert [compiled.anchor for compiled in definition.steps] == ["enrollment", "previous_executed"]
    assert [compiled.delay_us for compiled in definition.steps] == [0, 0]
    settings = definition.settings
    assert (settings.on_reply, settings.max_errors, settings.reentry) == ("pause", 3, "once")


def test_a_wait_can_be_the_name_of_one_signal() -> None:
    (compiled,) = valid_definition(undelayed_step(wait_for="reply")).steps
    assert compiled.wait_for == StepWait(("reply",), 168 * HOUR)  # S2-9


@pytest.mark.parametrize("event", SIGNALS)
@pytest.mark.parametrize(("channel", "action"), actions())
def test_a_wait_for_a_signal_that_the_channel_lacks_is_refused(
    channel: str, action: str, event: str
) -> None:
    row = undelayed_step(channel=channel, action=action, wait_for=event)
    if event in actions()[channel, action] + ANY_CHANNEL_SIGNALS:
        valid_definition(row)
    else:
        assert problems_of(row) == [(CampaignCode.SIGNAL_NOT_SUPPORTED, "steps[0].wait_for.event")]


def test_a_kind_of_campaign_has_the_channels_that_name_it() -> None:
    assert {kind for row in CHANNELS.values() for kind in row.kinds} == set(KINDS)
    assert KINDS["review"].channels[:2] == ("email", "sms")
    for kind, rules in KINDS.items():
        assert rules.channels == tuple(n for n, row in CHANNELS.items() if kind in row.kinds)


@pytest.mark.parametrize(
    ("changed", "code", "place"),
    [
        ({"wait_for": 5}, CampaignCode.WAIT_INVALID, "wait_for"),
        ({"wait_for": {}}, CampaignCode.WAIT_INVALID, "wait_for.event"),
        ({"wait_for": {"event": []}}, CampaignCode.WAIT_INVALID, "wait_for.event"),
        ({"wait_for": {"event": "moon"}}, CampaignCode.WAIT_INVALID, "wait_for.event"),
        ({"wait_for": {"event": [["open"]]}}, CampaignCode.WAIT_INVALID, "wait_for.event"),
        ({"wait_for": {"event": "open", "until": 5}}, CampaignCode.FIELD_UNKNOWN, "wait_for.until"),
        (
            {"wait_for": {"event": "open", "max_wait_hours": 0}},
            CampaignCode.SETTING_INVALID,
            "wait_for.max_wait_hours",
        ),
        (
            {"wait_for": {"event": "open", "max_wait_hours": 43_801}},
            CampaignCode.SETTING_INVALID,
            "wait_for.max_wait_hours",
        ),
        (
            {"wait_for": {"event": "open", "outcomes": ["busy"]}},
            CampaignCode.WAIT_INVALID,
            "wait_for.outcomes",
        ),
        (
            {"wait_for": {"event": "open", "on_event": "leave"}},
            CampaignCode.BRANCH_INVALID,
            "wait_for.on_event",
        ),
        (
            {"wait_for": {"event": "open", "on_timeout": {"branch": "moon"}}},
            CampaignCode.BRANCH_UNKNOWN,
            "wait_for.on_timeout",
        ),
        ({"then": {"branch": 7}}, CampaignCode.BRANCH_INVALID, "then"),
        ({"then": {"branch": "moon"}}, CampaignCode.BRANCH_UNKNOWN, "then"),
        ({"skip_when": "raining"}, CampaignCode.CONDITION_UNKNOWN, "skip_when"),
        ({"skip_when": [["opened"]]}, CampaignCode.CONDITION_UNKNOWN, "skip_when"),
        ({"window": "day"}, CampaignCode.WINDOW_INVALID, "window"),
        ({"window": {"start": "9"}}, CampaignCode.WINDOW_INVALID, "window.start"),
        ({"window": {"days": ["monday"]}}, CampaignCode.WINDOW_INVALID, "window.days"),
        ({"window": {"days": []}}, CampaignCode.WINDOW_INVALID, "window.days"),
        ({"window": {"days": [["mon"]]}}, CampaignCode.WINDOW_INVALID, "window.days"),
        ({"retry_minutes": [0]}, CampaignCode.SETTING_INVALID, "retry_minutes"),
        ({"expire_after_hours": -1}, CampaignCode.SETTING_INVALID, "expire_after_hours"),
        ({"delay_hours": -1}, CampaignCode.DELAY_INVALID, "delay_hours"),
        ({"delay_hours": 43_801}, CampaignCode.DELAY_INVALID, "delay_hours"),
        ({"action": "place_call"}, CampaignCode.ACTION_NOT_SUPPORTED, "action"),
    ],
)
def test_a_problem_of_a_step_is_reported_with_its_place(
    changed: dict[str, Any], code: CampaignCode, place: str
) -> None:
    assert problems_of(undelayed_step() | changed) == [(code, f"steps[0].{place}")]


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("on_reply", "shrug"),
        ("max_errors", 0),
        ("max_errors", True),
        ("reentry", "never"),
        ("on_edit", "maybe"),
        ("exclusive", 7),
        ("min_gap_hours", -1),
    ],
)
def test_an_invalid_setting_is_refused(setting: str, wrong: Any) -> None:
    problems = problems_of(undelayed_step(), settings={setting: wrong})
    assert problems == [(CampaignCode.SETTING_INVALID, f"settings.{setting}")]


def test_max_errors_can_be_unlimited() -> None:
    assert (
        valid_definition(undelayed_step(), settings={"max_errors": "none"}).settings.max_errors
        is None
    )


def test_an_unreachable_step_is_reported() -> None:
    rows = (undelayed_step("a", then={"branch": "c"}), undelayed_step("b"), undelayed_step("c"))
    assert problems_of(*rows) == [(CampaignCode.STEP_UNREACHABLE, "steps[1]")]


@pytest.mark.parametrize(
    "rows",
    [
        (undelayed_step("a", then={"branch": "a"}),),
        (undelayed_step("a"), undelayed_step("b", then={"branch": "a"})),
        (undelayed_step("a", wait_for="reply"), undelayed_step("b", then={"branch": "a"})),
    ],
)
def test_a_loop_without_a_wait_is_reported(rows: tuple[dict[str, Any], ...]) -> None:
    assert {code for code, _ in problems_of(*rows)} == {CampaignCode.LOOP_WITHOUT_WAIT}


def test_a_loop_with_a_wait_is_allowed() -> None:
    back = {"event": "reply", "on_timeout": {"branch": "a"}}
    assert len(valid_definition(undelayed_step("a"), undelayed_step("b", wait_for=back)).steps) == 2


def test_a_review_campaign_only_goes_forward() -> None:
    back = {"event": "open", "on_timeout": {"branch": "a"}}
    rows = (undelayed_step("a", delay_hours=1), undelayed_step("b", delay_hours=1, wait_for=back))
    problems = problems_of(*rows, kind="review")
    assert problems == [(CampaignCode.BRANCH_INVALID, "steps[1].wait_for.on_timeout")]


def test_a_step_that_counts_from_a_trigger_must_follow_a_wait() -> None:
    rows = (undelayed_step("a"), undelayed_step("b", anchor="trigger"))
    assert problems_of(*rows) == [(CampaignCode.ANCHOR_NOT_SUPPORTED, "steps[1].anchor")]
    into = (
        undelayed_step("a", wait_for="reply"),
        undelayed_step("b", anchor="trigger", then="complete"),
    )
    valid_definition(*into)


def test_a_prospecting_campaign_has_no_service_type() -> None:
    assert problems_of(undelayed_step(), service_type="hvac") == [
        (CampaignCode.SERVICE_TYPE_UNKNOWN, "service_type")
    ]


def test_a_prospecting_campaign_has_at_most_100_steps() -> None:
    rows = [undelayed_step(f"s{number}") for number in range(101)]
    assert (CampaignCode.TOO_MANY_STEPS, "steps") in problems_of(*rows)
    assert len(valid_definition(*rows[:100]).steps) == 100
