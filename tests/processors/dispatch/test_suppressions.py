"""What closes an address, and what opens it again (S4-85)."""

from typing import Any

import pytest

from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.states import Suppression
from tests.processors.dispatch.dispatch_log import DispatchLog, announced, request
from tests.testing.builders import TENANT
from tests.testing.story import START

ANN = "ann@example.com"


def closed(reason: str, at: int = START, recipient: str = ANN) -> m.SuppressAddress:
    """An order to close Ann's address, for something that happened at `at`."""
    return m.SuppressAddress(TENANT, "email", recipient, reason, f"e#{reason}", at)


def agreed(at: int = START + HOUR, recipient: str = ANN) -> m.LiftSuppression:
    """Ann has agreed again at `at`."""
    return m.LiftSuppression(TENANT, "email", recipient, "e#agreed", at)


def reopened(address: str = ANN, **changes: Any) -> m.AddressReopened:
    """The bounces of Ann's address were no fault of hers."""
    fields: dict[str, Any] = {"tenant_id": TENANT, "channel": "email", "address": address}
    return m.AddressReopened(**(fields | {"reason": "our fault", "cause": "e#open"} | changes))


def refusal(*messages: m.Message) -> str | None:
    """Why a touch to Ann is refused after these messages; None if it is commanded."""
    log = DispatchLog(announced(None), *messages, request(1, recipient=ANN))
    refused = log.sent(m.TouchRefused)
    assert len(log.commanded()) + len(refused) == 1
    return refused[0].reason if refused else None


@pytest.mark.parametrize("reason", ["opted_out_email", "opted_out_all", "complained"])
def test_a_new_agreement_lifts_an_opt_out(reason: str) -> None:
    assert refusal(closed(reason)) == reason
    assert refusal(closed(reason), agreed()) is None
    assert refusal(closed(reason), agreed(at=0)) is None


def test_a_new_agreement_does_not_lift_an_opt_out_after_it() -> None:
    """Two people share the address: the one who agreed first did not agree for the other."""
    later = closed("opted_out_email", START + 2 * HOUR)
    assert refusal(later, agreed()) == "opted_out_email"
    assert refusal(closed("opted_out_email"), later, agreed()) == "opted_out_email"
    assert refusal(closed("opted_out_email"), later, agreed(START + 3 * HOUR)) is None


def test_a_new_agreement_leaves_a_bounce() -> None:
    bounce, opt_out = closed("address_bounced"), closed("opted_out_email", START + 1)
    assert refusal(bounce, agreed()) == "address_bounced"
    assert refusal(bounce, opt_out, agreed()) == "address_bounced"
    assert refusal(opt_out, bounce, agreed()) == "address_bounced"


def test_a_reopened_address_leaves_an_opt_out() -> None:
    bounce, opt_out = closed("address_bounced"), closed("opted_out_email", START + 1)
    assert refusal(bounce, reopened()) is None
    assert refusal(opt_out, reopened()) == "opted_out_email"
    assert refusal(opt_out, bounce, reopened()) == "opted_out_email"
    assert refusal(bounce, opt_out, reopened()) == "opted_out_email"
    assert refusal(bounce, opt_out, reopened(), agreed()) is None
    assert refusal(bounce, opt_out, agreed(), reopened()) is None


def test_what_is_lifted_is_told_once_and_says_what_is_left() -> None:
    log = DispatchLog(announced(None), closed("address_bounced"), reopened(), reopened())
    (fact,) = log.facts(FactKind.ADDRESS_REOPENED)
    assert (fact.channel, fact.cause, fact.reason) == ("email", "e#open", None)
    assert log.states(Suppression) == []
    both = closed("address_bounced"), closed("opted_out_email", START + 1)
    (fact,) = DispatchLog(announced(None), *both, reopened()).facts(FactKind.ADDRESS_REOPENED)
    assert fact.reason == "opted_out_email"


@pytest.mark.parametrize(
    "other", [{"channel": "sms"}, {"tenant_id": "other"}, {"address": "b@x.y"}]
)
def test_an_order_for_something_else_lifts_nothing(other: dict[str, str]) -> None:
    assert refusal(closed("address_bounced"), reopened(**other)) == "address_bounced"


def test_all_spellings_are_one_address() -> None:
    spelled = "Ann@EXAMPLE.com "
    assert refusal(closed("opted_out_email", recipient=spelled)) == "opted_out_email"
    assert refusal(closed("opted_out_email"), agreed(recipient=spelled)) is None
    assert refusal(closed("address_bounced"), reopened(spelled)) is None


def test_the_first_reason_is_the_one_that_is_told() -> None:
    log = DispatchLog(announced(None), closed("complained"), closed("opted_out_email", START + 1))
    log.append(request(1, recipient=ANN))
    (answer,) = log.sent(m.TouchRefused)
    assert answer.reason == "complained"
    assert answer.values is not None and answer.values["cause"] == "e#complained"


def test_an_order_without_a_time_adds_no_reason_as_before() -> None:
    log = DispatchLog(announced(None), closed("opted_out_email", 0), closed("address_bounced", 0))
    (state,) = log.states(Suppression)
    assert (state.reason, state.at, state.further) == ("opted_out_email", START, {})


def test_a_request_that_waits_goes_out_after_the_address_was_opened_in_time() -> None:
    log = DispatchLog(announced(0), request(1, recipient=ANN), closed("address_bounced"))
    log.append(reopened(), announced(None), at=START + MINUTE)
    assert log.commanded() == ["c001"]


def test_an_order_of_an_older_version_closes_the_spelling_that_it_names() -> None:
    order = closed("opted_out_email", 0, "Ann@Example.com")
    log = DispatchLog(announced(None), order, request(1, recipient=ANN))
    assert log.commanded() == []


def test_an_opt_out_from_before_an_agreement_closes_nothing_however_late_it_is_reported() -> None:
    """Two contacts have the address: one opted out, then the other agreed, then the first one is
    reported again."""
    bounce = closed("address_bounced", START + 2 * HOUR)
    assert refusal(agreed(), closed("opted_out_email")) is None
    assert refusal(closed("opted_out_email"), agreed(), closed("opted_out_email")) is None
    assert refusal(agreed(), bounce, reopened(), closed("opted_out_email")) is None
    assert refusal(agreed(), bounce, closed("opted_out_email")) == "address_bounced"
    assert refusal(agreed(), closed("opted_out_email", START + HOUR)) == "opted_out_email"
