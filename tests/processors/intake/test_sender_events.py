"""Intake converts the events of sender accounts, call pools and tenants' limits (C-38, C-20)."""

from typing import Any

import pytest

from schemas.base.times import MINUTE, SECOND, parse_rfc3339
from schemas.campaigns.compiled_definition import StepWindow
from schemas.channels import CHANNELS
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms, SenderTerms, TenantCallTerms
from schemas.internal.topics import Topic
from schemas.public.events import EVENTS
from schemas.public.example_events import TIME
from tests.processors.intake.test_dropped_fields import RECORDED, outputs_of

PLAIN: dict[str, Any] = {
    name: None if field.default is None else field.get_default(call_default_factory=True)
    for name, field in EVENTS["sender.upserted"].model.model_fields.items()
    if not field.is_required()
}
"""The fields of an account that states nothing of its own."""

EMAIL = LimitTerms(200, 1_000, spacing_us=30 * SECOND)
MESSAGES = LimitTerms(spacing_us=15 * MINUTE)
REQUESTS = LimitTerms(per_week=100)
INMAILS = LimitTerms(per_month=50, spacing_us=15 * MINUTE)


def terms(channel: str = "email", **stated: Any) -> SenderTerms:
    """The terms of an account that states only this."""
    (output,) = outputs_of("sender.upserted", **{**PLAIN, "channel": channel, **stated})
    assert isinstance(output.message, m.UpsertSender), output.message
    return output.message.sender


def code_of(ce_type: str, **changed: Any) -> str:
    """The code of a refused event: there is nothing but its dead letter."""
    (output,) = outputs_of(ce_type, **changed)
    assert isinstance(output.message, m.DeadLetter), output.message
    return output.message.code


def test_an_account_has_the_defaults_of_its_channel() -> None:
    assert terms() == SenderTerms("account-1", {"": EMAIL}, "")
    linkedin = {"": MESSAGES, "send_connection_request": REQUESTS, "send_inmail": INMAILS}
    assert terms("linkedin") == SenderTerms("account-1", linkedin, "", on_gone="hold")
    assert terms("sms") == SenderTerms("account-1", {"": LimitTerms()}, "")


def test_a_premium_account_has_no_limit_of_inmails() -> None:
    limits = terms("linkedin", premium=True).limits
    assert limits["send_inmail"] == LimitTerms(spacing_us=15 * MINUTE)
    assert limits["send_connection_request"] == REQUESTS
    assert terms(premium=True).limits == {"": EMAIL}


def test_what_an_account_states_counts_and_the_default_holds_for_the_rest() -> None:
    own: dict[str, Any] = {
        "per_day": 50,
        "jitter_seconds": 9,
        "calendar": ["week", "day"],
        "domain_per_day": 7,
    }
    assert terms(limits=own).limits[""] == LimitTerms(
        200,
        50,
        spacing_us=30 * SECOND,
        jitter_us=9 * SECOND,
        calendar=("day", "week"),
        domain_per_day=7,
    )
    assert terms(limits={"per_hour": 999}).limits[""] == LimitTerms(
        999, 1_000, spacing_us=30 * SECOND
    )


def test_an_action_has_limits_of_its_own() -> None:
    limits = terms("linkedin", actions={"send_inmail": {"per_month": 5}}).limits
    assert limits["send_inmail"] == LimitTerms(per_month=5, spacing_us=15 * MINUTE)
    limits = terms("linkedin", actions={"send_message": {"per_day": 20}}).limits
    assert limits["send_message"] == LimitTerms(per_day=20, spacing_us=15 * MINUTE)
    assert limits[""] == MESSAGES


def test_no_action_exceeds_what_the_account_states() -> None:
    limits = terms("linkedin", limits={"per_day": 20, "per_week": 60, "spacing_seconds": 5}).limits
    assert limits[""] == LimitTerms(per_day=20, per_week=60, spacing_us=5 * SECOND)
    assert limits["send_connection_request"] == LimitTerms(
        per_day=20, per_week=60, spacing_us=5 * SECOND
    )
    assert limits["send_inmail"] == LimitTerms(
        per_day=20, per_week=60, per_month=50, spacing_us=15 * MINUTE
    )


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_account_has_limits_for_all_actions_of_its_channel(channel: str) -> None:
    assert "" in terms(channel).limits
    assert {*terms(channel).limits} - {""} <= {*CHANNELS[channel].actions}


def test_the_hours_of_an_account() -> None:
    window = {"start": "22:00", "end": "06:00"}
    assert terms().window is None
    assert terms(window=window).window == StepWindow(22 * 60, 6 * 60)
    assert terms(window=window, days=["mon", "sun", "mon"]).window == StepWindow(
        22 * 60, 6 * 60, 0b1000001
    )
    assert terms(days=["tue"]).window == StepWindow(0, 0, 0b10)


def test_the_other_fields_of_an_account() -> None:
    changed: dict[str, Any] = {
        "timezone": "Europe/Berlin",
        "first_weekday": "sun",
        "on_gone": "hold",
    }
    more: dict[str, Any] = {
        "paused": True,
        "lag_seconds": 60,
        "max_new_per_day": 4,
        "day_jitter_percent": 10,
    }
    warm_up = {"start": 5, "step": 2, "target": 50}
    assert terms(**changed, **more, warm_up=warm_up) == SenderTerms(
        "account-1",
        {"": EMAIL},
        "Europe/Berlin",
        None,
        (5, 2, 50),
        10,
        True,
        60 * SECOND,
        4,
        6,
        "hold",
    )


def test_a_limit_of_what_is_under_way_is_no_limit_of_an_account() -> None:
    for changed in (
        {"limits": {"concurrent": 3}},
        {"actions": {"send_message": {"concurrent": 3}}},
    ):
        (output,) = outputs_of("sender.upserted", **{**PLAIN, "channel": "email", **changed})
        assert isinstance(output.message, m.UpsertSender)
        assert output.message.ignored == ("concurrent",)


def test_an_account_of_the_first_release() -> None:
    release_1: dict[str, Any] = {
        "limits": {"per_hour": 5, "spacing_seconds": 60},
        "timezone": "America/Chicago",
    }
    assert terms(**release_1).limits[""] == LimitTerms(5, 1_000, spacing_us=MINUTE)


WRONG_SENDERS: list[tuple[dict[str, Any], str]] = [
    *(
        ({"limits": {name: value}}, "FIELD_INVALID")
        for name in ("per_hour", "per_day", "per_week", "per_month", "domain_per_hour")
        for value in (0, -1, 1_000_001, 1.5, "100", True)
    ),
    *(({"limits": {"spacing_seconds": value}}, "FIELD_INVALID") for value in (0, -30, 86_401)),
    ({"limits": {"calendar": ["year"]}}, "FIELD_INVALID"),
    ({"actions": {"send_pigeon": {"per_day": 1}}}, "FIELD_INVALID"),
    ({"actions": {"send_inmail": {"per_day": 1}}}, "FIELD_INVALID"),  # of another channel
    ({"actions": {"send_message": {"per_day": 0}}}, "FIELD_INVALID"),
    ({"window": {"start": "09:00", "end": "09:00"}}, "FIELD_INVALID"),
    ({"window": {"start": "09:00", "end": "24:00"}}, "FIELD_INVALID"),
    ({"days": []}, "FIELD_INVALID"),
    ({"days": ["someday"]}, "FIELD_INVALID"),
    ({"timezone": "Mars/Base"}, "TIMEZONE_UNKNOWN"),
    ({"timezone": "EST"}, "TIMEZONE_UNKNOWN"),
    ({"timezone": "UTC-5"}, "TIMEZONE_UNKNOWN"),
    ({"warm_up": {"start": 0, "step": 2, "target": 50}}, "FIELD_INVALID"),
    ({"warm_up": {"start": 5, "step": 2}}, "FIELD_MISSING"),
    ({"day_jitter_percent": 101}, "FIELD_INVALID"),
    ({"lag_seconds": 0}, "FIELD_INVALID"),
    ({"max_new_per_day": 0}, "FIELD_INVALID"),
    ({"on_gone": "explode"}, "FIELD_INVALID"),
    ({"first_weekday": "monday"}, "FIELD_INVALID"),
    ({"channel": "pigeon"}, "FIELD_INVALID"),
    ({"sender_id": ""}, "FIELD_INVALID"),
]


@pytest.mark.parametrize(("changed", "code"), WRONG_SENDERS, ids=str)
def test_an_account_with_an_impossible_limit_or_window_is_refused(
    changed: dict[str, Any], code: str
) -> None:
    assert code_of("sender.upserted", **{**PLAIN, "channel": "email", **changed}) == code


@pytest.mark.parametrize(
    "changed",
    [
        {"slots": 0},
        {"slots": -1},
        {"slots": 1_001},
        {"slots": "10"},
        {"weights": {"acme": 0}},
        {"weights": {"acme": -1}},
        {"weights": {"acme": 1_001}},
        {"weights": {"acme": 1.5}},
        {"weights": {"a/b": 1}},
        {"reserved": {"acme": 0}},
        {"reserved": {"acme": 6, "best": 5}},
        {"tenant_id": "acme"},
        {"pool_id": "a/b"},
    ],
    ids=str,
)
def test_a_pool_with_an_impossible_number_is_refused(changed: dict[str, Any]) -> None:
    assert code_of("pool.upserted", **changed) == "FIELD_INVALID"


def test_a_pool_belongs_to_the_platform() -> None:
    (output,) = outputs_of("pool.upserted")
    assert (output.topic, output.key) == (Topic.CAMPAIGN_LOG, b"*")
    message = output.message
    assert isinstance(message, m.UpsertPool)
    assert (message.pool_id, message.slots) == ("calls", 10)
    assert (message.weights, message.reserved) == ({"acme": 3}, {"acme": 1})
    assert m.decode_campaign(m.encode(message)) == message


@pytest.mark.parametrize(
    ("ce_type", "changed", "code"),
    [
        ("sender.throttled", {"action": "send_pigeon"}, "FIELD_INVALID"),
        ("sender.throttled", {"until": "2300-01-01T00:00:00Z"}, "TIME_OUT_OF_RANGE"),
        ("sender.throttled", {"until": "soon"}, "FIELD_INVALID"),
        ("sender.usage_reported", {"count": 0}, "FIELD_INVALID"),
        ("sender.usage_reported", {"count": -1}, "FIELD_INVALID"),
        ("sender.usage_reported", {"count": 10_001}, "FIELD_INVALID"),
        ("sender.usage_reported", {"at": "1999-01-01T00:00:00Z"}, "TIME_OUT_OF_RANGE"),
        ("sender.removed", {"sender_id": None}, "FIELD_INVALID"),
    ],
    ids=str,
)
def test_an_order_about_an_account_that_cannot_be_read_is_refused(
    ce_type: str, changed: dict[str, Any], code: str
) -> None:
    assert code_of(ce_type, **changed) == code


def test_the_orders_about_an_account() -> None:
    names = {"tenant_id": "acme", "sender_id": "account-1"}
    messages = [
        outputs_of(name, **changed)[0].message
        for name, changed in (
            ("sender.removed", {}),
            ("sender.throttled", {}),
            ("sender.throttled", {"action": None, "until": None}),
            ("sender.usage_reported", {}),
            ("sender.usage_reported", {"action": None, "at": None}),
            ("sender.complaints_reported", {}),
            ("sender.complaints_reported", {"at": None}),
        )
    ]
    at = parse_rfc3339(TIME)
    fields: dict[str, Any] = {**names, "cause": "/test#e-1", "at": at}
    assert messages == [
        m.RemoveSender(**fields),
        m.ThrottleSender(**fields, action="send_message", until=at),
        m.ThrottleSender(**fields),
        m.ReportUsage(**fields, action="send_message", used_at=at, count=3),
        m.ReportUsage(**fields, action="", used_at=at, count=3),
        m.ReportComplaints(**fields, delivered=4_000, complaints=3),
        m.ReportComplaints(**fields, delivered=4_000, complaints=3),
    ]
    assert at < RECORDED


def tenant_of(**changed: Any) -> m.UpsertTenant:
    (output,) = outputs_of("tenant.upserted", **changed)
    assert isinstance(output.message, m.UpsertTenant), output.message
    return output.message


def test_the_calls_of_a_tenant() -> None:
    calls = {
        "concurrent": 3,
        "pool_concurrent": 8,
        "agents": {"agent-7": None},
        "numbers": {"(212) 555-0100": 1, "+49 171 2345678": None},
        "allow": ["uan", "pager", "uan"],
    }
    assert tenant_of(calls=calls).calls == TenantCallTerms(
        3, 8, {"agent-7": None}, {"+12125550100": 1, "+491712345678": None}, ("pager", "uan")
    )
    assert tenant_of(calls={}).calls == TenantCallTerms()
    assert tenant_of(calls=None).calls is None


def test_the_further_limits_of_a_tenants_channels() -> None:
    limits = {"email": {"per_hour": 9, "per_day": 50, "domain_per_hour": 4}, "sms": {"per_hour": 7}}
    message = tenant_of(limits=limits)
    assert message.limits == {"email": 9, "sms": 7}
    assert message.more_limits == {"email": LimitTerms(per_day=50, domain_per_hour=4)}


@pytest.mark.parametrize(
    "changed",
    [
        *({"calls": {"concurrent": value}} for value in (0, -1, 101, 2.5, "2")),
        *({"calls": {"pool_concurrent": value}} for value in (0, 1_001)),
        {"calls": {"agents": {"agent-7": 0}}},
        {"calls": {"agents": {"": 1}}},
        {"calls": {"numbers": {"+12125550100": -1}}},
        {"calls": {"numbers": {"call me": 1}}},
        {"calls": {"allow": ["emergency"]}},
        {"limits": {"email": {"per_hour": -1}}},
        {"limits": {"email": {"per_day": 0}}},
        {"limits": {"email": {"domain_per_day": 1_000_001}}},
        {"limits": {"pigeon": {"per_hour": 1}}},
    ],
    ids=str,
)
def test_a_tenant_with_an_impossible_limit_is_refused(changed: dict[str, Any]) -> None:
    assert code_of("tenant.upserted", **changed) == "FIELD_INVALID"
