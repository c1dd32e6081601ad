"""The tables are complete and true: every pair is driven, and nothing else comes of it."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import msgspec
import pytest

from processors.contact import ContactProcessor
from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.dispatch_answers import dispatch_answered
from processors.contact.pause_stop import freeze, stop, stop_without_channels, thaw
from processors.contact.sender_answers import touch_failed, touch_sent
from processors.contact.state_machine import ENROLLMENT, TOUCH, IllegalTransition, Input, transition
from processors.contact.touch_gates import fire
from processors.fold.store import Store
from processors.fold.turn import Output, Turn
from processors.shared.tenant_lookup import campaign_key, tenant_key
from schemas.base.times import DAY
from schemas.campaigns.compiled_definition import CampaignSettings, Definition, Step
from schemas.internal import messages as m
from schemas.internal.enrollment import RESOLVED, Enrollment, Phase, Status, Touch
from schemas.internal.messages import Window
from schemas.internal.states import Contact, KnownCampaign, KnownTenant
from tests.testing.world import START

NIGHT = START + DAY // 2  # 21:00 in Chicago


class Case(NamedTuple):
    """One situation that a touch may be in."""

    now: int
    status: Status
    attempt: int
    emission: int
    opted_out: bool


CASES = [
    Case(*values) for values in product((START, NIGHT), Status, (1, 4), (0, 1, 2), (False, True))
]


def possible(phase: Phase, status: Status) -> bool:
    """An ended enrollment has nothing open but what it takes back; a frozen one asks nothing."""
    if phase is Phase.WITHDRAWING:
        return status is not Status.COMPLETED
    if phase in RESOLVED:
        return True
    return status is Status.ACTIVE or (status is Status.FROZEN and phase is not Phase.REQUESTED)


def context(phase: Phase, case: Case) -> tuple[Context, Enrollment, Touch]:
    """Ann, with one touch of one enrollment in that phase."""
    store = Store(ContactProcessor.decode_state)
    definition = Definition("acme", "c", "C", (Step("a", "email", DAY, "enrollment", "t"),))
    assert definition.settings == CampaignSettings()
    window = Window("America/Chicago", 21 * 60, 8 * 60, "tenant")
    store.put(
        tenant_key("acme"),
        KnownTenant("acme", "active", "America/Chicago", window, 20 * 60, (), {}, {}),
    )
    known = KnownCampaign("acme", "c", "active", 1, {1: definition})
    store.put(campaign_key("acme", "c"), known)
    touch = Touch("a", 1, "email", START, START, phase, command_id="id", reason="reason")
    touch.attempt, touch.emission = case.attempt, case.emission
    enrollment = Enrollment("e", "c", 1, 1, None, None, START, START, case.status)
    enrollment.touches, enrollment.frozen_at = [touch], START
    contact = Contact(enrollments=[enrollment])
    contact.profile.addresses = {"email": ("ann@example.com", 0)}
    contact.opted_out = {"email": START} if case.opted_out else {}
    store.put(b"acme/ann", contact)
    outputs: list[Output] = []
    return Context(Turn(case.now, store, outputs, 0), b"acme/ann", contact), enrollment, touch


WHO = ("acme", "ann")
Drive = Callable[[Context, Enrollment, Touch], None]


def _answer(message: m.DispatchAnswer) -> Drive:
    return lambda context, enrollment, touch: dispatch_answered(context, enrollment, touch, message)


def _failed(permanent: bool) -> Drive:
    message = m.TouchFailed(*WHO, "x#1", START, "id", "timeout", permanent)
    return lambda context, enrollment, touch: touch_failed(
        context, CommandMatch(enrollment, touch, touch.attempt, True), message
    )


def _sent(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    message = m.TouchSent(*WHO, "x#1", START, "id")
    touch_sent(context, CommandMatch(enrollment, touch, touch.attempt, True), message)


def _stop(context: Context, enrollment: Enrollment, _: Touch) -> None:
    if ENROLLMENT[enrollment.status]:  # an ended one is not stopped
        stop(context, enrollment, "reason", "x#1")


def _freeze(context: Context, enrollment: Enrollment, _: Touch) -> None:
    if enrollment.status is Status.ACTIVE:
        freeze(context, enrollment, "campaign", "x#1")


def _due(context: Context, enrollment: Enrollment, _: Touch) -> None:
    if enrollment.due() is not None:
        fire(context, enrollment)


DRIVES: dict[Input, tuple[Drive, ...]] = {
    Input.DUE: (_due,),
    Input.DEFERRED: (_answer(m.TouchDeferred(*WHO, "id", "throttled", NIGHT)),),
    Input.COMMANDED: (_answer(m.TouchCommanded(*WHO, "id", 1)),),
    Input.REFUSED: (_answer(m.TouchRefused(*WHO, "id", "expired")),),
    Input.WITHDRAWN: (_answer(m.TouchWithdrawn(*WHO, "id")),),
    Input.REVOKED: tuple(_answer(m.TouchRevoked(*WHO, "id", how)) for how in (True, False)),
    Input.SENT: (_sent,),
    Input.FAILED: (_failed(True), _failed(False)),
    Input.STOP: (_stop,),
    Input.FREEZE: (_freeze,),
}

# A stop or an opt-out that was overtaken by a freeze asks dispatch a second time, at once.
AT_ONCE = {(Phase.WITHDRAWING, Input.REVOKED): {Phase.WITHDRAWING}}
# The late policy, once a pause is over, may skip a touch or leave it: not an input of its own.


def reached(phase: Phase, given: Input) -> Iterator[Phase]:
    """Where a touch stands after the input, in every situation there is."""
    for case in [case for case in CASES if possible(phase, case.status)]:
        for drive in DRIVES[given]:
            it, enrollment, touch = context(phase, case)
            drive(it, enrollment, touch)
            yield touch.phase


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_answers_every_input(phase: Phase) -> None:
    assert set(TOUCH[phase]) == set(Input)
    assert all(TOUCH[phase][given] for given in Input)


@pytest.mark.parametrize(("phase", "given"), list(product(Phase, Input)))
def test_what_the_table_declares_happens_and_nothing_else(phase: Phase, given: Input) -> None:
    found = set(reached(phase, given)) - AT_ONCE.get((phase, given), set())
    declared = set(TOUCH[phase][given])
    idle = {phase}  # in some situations an input says nothing
    assert found - idle == declared - idle
    assert found <= declared | idle


def test_the_way_back_of_a_command_that_a_stop_could_not_reach_is_in_the_table() -> None:
    """REVOKED leads to COMMANDED, and the stop that is owed leads from there on."""
    assert Phase.COMMANDED in TOUCH[Phase.WITHDRAWING][Input.REVOKED]
    assert TOUCH[Phase.COMMANDED][Input.STOP] == (Phase.WITHDRAWING,)


def test_a_transition_that_the_table_lacks_is_impossible() -> None:
    with pytest.raises(IllegalTransition):
        transition(Phase.SENT, Input.DUE, Phase.REQUESTED)


def test_every_status_names_what_it_may_become() -> None:
    assert set(ENROLLMENT) == set(Status)
    live = {Status.ACTIVE, Status.FROZEN}
    assert {status for status, row in ENROLLMENT.items() if row} == live


@pytest.mark.parametrize(
    ("status", "how"), list(product(Status, ("stop", "freeze", "thaw", "finish")))
)
def test_a_status_changes_as_the_table_says_and_no_other_way(status: Status, how: str) -> None:
    becomes = {
        "stop": Status.STOPPED,
        "freeze": Status.FROZEN,
        "thaw": Status.ACTIVE,
        "finish": Status.COMPLETED,
    }[how]
    phase = Phase.COMMANDED if how == "finish" else Phase.SCHEDULED
    it, enrollment, touch = context(phase, Case(START, status, 1, 1, opted_out=False))
    allowed = becomes in ENROLLMENT[status]
    try:
        match how:
            case "stop":
                stop(it, enrollment, "reason", "x#1")
            case "freeze":
                freeze(it, enrollment, "campaign", "x#1")
            case "thaw":
                thaw(it, enrollment, ("campaign",), "x#1")
            case _:
                _sent(it, enrollment, touch)
    except IllegalTransition:
        assert not allowed
    assert enrollment.status is (becomes if allowed else status)


def test_an_opt_out_withdraws_what_is_under_way_and_leaves_the_rest() -> None:
    for phase in Phase:
        it, enrollment, touch = context(phase, Case(START, Status.ACTIVE, 1, 1, opted_out=True))
        definition = it.definition(enrollment)
        more = (*definition.steps, Step("b", "sms", DAY, "previous_scheduled", "t"))
        campaign = it.turn.store.edit(campaign_key("acme", "c"), KnownCampaign)
        assert campaign is not None
        campaign.definitions[1] = msgspec.structs.replace(definition, steps=more)
        stop_without_channels(it, "email", "x#1")
        asked = phase in (Phase.REQUESTED, Phase.COMMANDED)
        repeats = phase is Phase.SCHEDULED and touch.emission  # its first command is out
        expected = Phase.SKIPPED if repeats else phase
        assert touch.phase is (Phase.WITHDRAWING if asked else expected)
        assert enrollment.status is Status.ACTIVE


def test_a_withdrawn_repeat_takes_its_command_back_if_the_channel_has_closed_meanwhile() -> None:
    it, enrollment, touch = context(
        Phase.WITHDRAWING, Case(START, Status.FROZEN, 1, 2, opted_out=True)
    )
    touch.reason = "campaign_paused"
    dispatch_answered(it, enrollment, touch, m.TouchWithdrawn(*WHO, "id"))
    assert touch.phase is Phase.SKIPPED
    said = [output.message for output in it.turn.outputs]
    assert [order.revoke for order in said if isinstance(order, m.WithdrawTouch)] == [True]
