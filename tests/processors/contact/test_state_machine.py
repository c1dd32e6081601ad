"""The tables of transitions are complete and true: every pair is driven and compared."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import msgspec
import pytest

from processors.contact import ContactProcessor, call_progress, calls
from processors.contact.bounces import touch_bounced
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
from schemas.base.times import DAY, MINUTE
from schemas.campaigns.compiled_definition import (
    CampaignSettings,
    Definition,
    Redial,
    RedialRule,
    Step,
)
from schemas.internal import messages as m
from schemas.internal.enrollment import LIVE, RESOLVED, Enrollment, Phase, Status, Touch
from schemas.internal.messages import Window
from schemas.internal.states import Contact, KnownCampaign, KnownTenant
from tests.testing.world import START

NIGHT = START + DAY // 2  # 21:00 in Chicago


class Case(NamedTuple):
    """One situation of a touch and its enrollment."""

    now: int
    status: Status
    attempt: int
    emission: int
    opted_out: bool
    call: Redial | None = None
    ends: tuple[tuple[int, str], ...] = ()
    wait: str | None = None


CASES = [
    Case(*values) for values in product((START, NIGHT), Status, (1, 4), (0, 1, 2), (False, True))
]
AGAIN = (RedialRule((MINUTE,)), RedialRule((MINUTE,), counts=False))
REDIALS = (
    Redial(max_attempts=2, outcomes={"busy": AGAIN[0], "provider_limit": AGAIN[1]}),
    Redial(max_attempts=2, outcomes={"unknown": AGAIN[0]}),
)
CASES += [
    Case(
        START,
        status,
        2,
        emission,
        opted_out=False,
        call=redial,
        ends=ends,
        wait=call_progress.UNDER_WAY,
    )
    for status in Status
    for emission in (1, 2)
    for redial in REDIALS
    for ends in ((), ((1, "no_answer"),), ((1, "voicemail"),))
]
CASES.append(Case(START, Status.ACTIVE, 1, 1, opted_out=False, wait=calls.HAS_ENDED))


def possible(phase: Phase, case: Case) -> bool:
    """Whether the phase can occur with the status: an ended enrollment has no open touch except a
    withdrawal and a call that was placed, a frozen one has no request."""
    status = case.status
    if case.wait is not None and case.call is None:
        return phase is Phase.COMMANDED
    if case.call is not None and phase is Phase.COMMANDED:
        return status is not Status.COMPLETED
    if phase is Phase.WITHDRAWING:
        return status is not Status.COMPLETED
    if phase in RESOLVED:
        return True
    return status is Status.ACTIVE or (status is Status.FROZEN and phase is not Phase.REQUESTED)


def situation(phase: Phase, case: Case) -> tuple[Context, Enrollment, Touch]:
    """Ann, with one touch of one enrollment in that phase."""
    store = Store(ContactProcessor.decode_state)
    channel = "email" if case.call is None else "voice"
    step = Step("a", channel, DAY, "enrollment", "t", redial=case.call)
    definition = Definition("acme", "c", "C", (step,))
    assert definition.settings == CampaignSettings()
    window = Window("America/Chicago", 21 * 60, 8 * 60, "tenant")
    store.put(
        tenant_key("acme"),
        KnownTenant("acme", "active", "America/Chicago", window, 20 * 60, (), {}, {}),
    )
    known = KnownCampaign("acme", "c", "active", 1, {1: definition})
    store.put(campaign_key("acme", "c"), known)
    touch = Touch("a", 1, channel, START, START, phase, command_id="id", reason="reason")
    touch.attempt, touch.emission, touch.wait = case.attempt, case.emission, case.wait
    if case.call is not None:
        touch.pool_id = "calls"
        touch.log_call().ends = dict(case.ends)
    enrollment = Enrollment("e", "c", 1, 1, None, None, START, START, case.status)
    enrollment.touches, enrollment.frozen_at = [touch], START
    contact = Contact(enrollments=[enrollment])
    contact.profile.addresses = {"email": ("ann@example.com", 0), "phone": ("+12125550123", 0)}
    contact.opted_out = {"email": START} if case.opted_out else {}
    store.put(b"acme/ann", contact)
    outputs: list[Output] = []
    return Context(Turn(case.now, store, outputs, 0), b"acme/ann", contact), enrollment, touch


WHO = ("acme", "ann")
Drive = Callable[[Context, Enrollment, Touch], None]


def _answer(message: m.DispatchAnswer) -> Drive:
    return lambda context, enrollment, touch: dispatch_answered(context, enrollment, touch, message)


def _failed(permanent: bool, code: str = "timeout") -> Drive:
    message = m.TouchFailed(*WHO, "x#1", START, "id", code, permanent)
    return lambda context, enrollment, touch: touch_failed(
        context, CommandMatch(enrollment, touch, touch.attempt, True), message
    )


def _sent(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    message = m.TouchSent(*WHO, "x#1", START, "id")
    touch_sent(context, CommandMatch(enrollment, touch, touch.attempt, True), message)


def _ended(outcome: str) -> Drive:
    message = m.CallEnded(*WHO, "x#1", START, "id", outcome)

    def drive(context: Context, enrollment: Enrollment, touch: Touch) -> None:
        redial = context.step(enrollment, touch).redial
        if redial is not None:
            match = CommandMatch(enrollment, touch, touch.attempt, True)
            calls.call_ended(context, match, message, redial)

    return drive


def _progressed(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    message = m.CallProgressed(*WHO, "x#1", START, "id", "ringing")
    match = CommandMatch(enrollment, touch, touch.attempt, True)
    call_progress.call_progressed(context, match, message)


def _stop(context: Context, enrollment: Enrollment, _: Touch) -> None:
    if enrollment.status in LIVE:  # an ended one is not stopped
        stop(context, enrollment, "reason", "x#1")


def _freeze(context: Context, enrollment: Enrollment, _: Touch) -> None:
    if enrollment.status is Status.ACTIVE:
        freeze(context, enrollment, "campaign", "x#1")


def _bounced(kind: str) -> Drive:
    message = m.TouchBounced(*WHO, "x#1", START, "id", kind, rules=m.BOUNCE_RULES)
    return lambda context, enrollment, touch: touch_bounced(
        context, CommandMatch(enrollment, touch, touch.attempt, True), message
    )


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
    Input.FAILED: (_failed(True), _failed(False), _failed(False, "PLACE_UNKNOWN")),
    Input.PROGRESSED: (_progressed,),
    Input.ENDED: tuple(
        _ended(outcome) for outcome in ("answered", "busy", "rejected", "provider_limit")
    ),
    Input.LOST: (_answer(m.CallLost(*WHO, "id")),),
    Input.STOP: (_stop,),
    Input.FREEZE: (_freeze,),
    Input.BOUNCED: tuple(_bounced(kind) for kind in ("soft", "hard", "content", "block")),
}

# A stop or an opt-out during the withdrawal of a freeze withdraws a second time, at once.
AT_ONCE = {(Phase.WITHDRAWING, Input.REVOKED): {Phase.WITHDRAWING}}
# A bounce shows that its message was sent, and does at once what it does to a sent touch.
UNRESOLVED = [phase for phase in Phase if phase not in RESOLVED]
AT_ONCE |= {(phase, Input.BOUNCED): {Phase.SCHEDULED, Phase.FAILED} for phase in UNRESOLVED}
# The late policy after a pause may skip a touch; that is part of these inputs.


def reached(phase: Phase, received: Input) -> Iterator[Phase]:
    """The phase of a touch after the input, for every case that is possible."""
    for case in [case for case in CASES if possible(phase, case)]:
        for drive in DRIVES[received]:
            context, enrollment, touch = situation(phase, case)
            drive(context, enrollment, touch)
            yield touch.phase


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_answers_every_input(phase: Phase) -> None:
    assert set(TOUCH[phase]) == set(Input)
    assert all(TOUCH[phase][received] for received in Input)


@pytest.mark.parametrize(("phase", "received"), list(product(Phase, Input)))
def test_exactly_the_declared_transitions_occur(phase: Phase, received: Input) -> None:
    found = set(reached(phase, received)) - AT_ONCE.get((phase, received), set())
    declared = set(TOUCH[phase][received])
    idle = {phase}  # in some cases an input has no effect
    assert found - idle == declared - idle
    assert found <= declared | idle


def test_a_command_that_was_not_revoked_can_be_withdrawn_again() -> None:
    """REVOKED leads back to COMMANDED, from where a stop withdraws the touch once more."""
    assert Phase.COMMANDED in TOUCH[Phase.WITHDRAWING][Input.REVOKED]
    assert TOUCH[Phase.COMMANDED][Input.STOP] == (Phase.WITHDRAWING, Phase.COMMANDED)


def test_a_transition_that_the_table_lacks_raises() -> None:
    with pytest.raises(IllegalTransition):
        transition(Phase.SENT, Input.DUE, Phase.REQUESTED)


def test_a_stopped_run_stays_so_and_a_completed_one_can_only_go_on() -> None:
    assert set(ENROLLMENT) == set(Status)
    assert ENROLLMENT[Status.COMPLETED] == (Status.ACTIVE,)
    assert [status for status, row in ENROLLMENT.items() if not row] == [Status.STOPPED]


def test_a_completed_run_goes_on_if_its_last_message_is_sent_again() -> None:
    case = Case(START, Status.COMPLETED, 1, 1, opted_out=False)
    context, enrollment, touch = situation(Phase.SENT, case)
    _bounced("soft")(context, enrollment, touch)
    assert (enrollment.status, touch.phase) == (Status.ACTIVE, Phase.SCHEDULED)


@pytest.mark.parametrize(
    ("status", "how"), list(product(Status, ("stop", "freeze", "thaw", "finish")))
)
def test_a_status_changes_only_as_the_table_allows(status: Status, how: str) -> None:
    becomes = {
        "stop": Status.STOPPED,
        "freeze": Status.FROZEN,
        "thaw": Status.ACTIVE,
        "finish": Status.COMPLETED,
    }[how]
    phase = Phase.COMMANDED if how == "finish" else Phase.SCHEDULED
    context, enrollment, touch = situation(phase, Case(START, status, 1, 1, opted_out=False))
    allowed = becomes in ENROLLMENT[status] and status in LIVE
    try:
        match how:
            case "stop":
                stop(context, enrollment, "reason", "x#1")
            case "freeze":
                freeze(context, enrollment, "campaign", "x#1")
            case "thaw":
                thaw(context, enrollment, ("campaign",), "x#1")
            case _:
                _sent(context, enrollment, touch)
    except IllegalTransition:
        assert not allowed
    assert enrollment.status is (becomes if allowed else status)


def test_an_opt_out_withdraws_a_touch_in_flight_and_leaves_any_other() -> None:
    for phase in Phase:
        context, enrollment, touch = situation(
            phase, Case(START, Status.ACTIVE, 1, 1, opted_out=True)
        )
        definition = context.definition(enrollment)
        more = (*definition.steps, Step("b", "sms", DAY, "previous_scheduled", "t"))
        campaign = context.turn.store.edit(campaign_key("acme", "c"), KnownCampaign)
        assert campaign is not None
        campaign.definitions[1] = msgspec.structs.replace(definition, steps=more)
        stop_without_channels(context, "email", "x#1")
        asked = phase in (Phase.REQUESTED, Phase.COMMANDED)
        repeats = phase is Phase.SCHEDULED and touch.emission  # its first command is out
        expected = Phase.SKIPPED if repeats else phase
        assert touch.phase is (Phase.WITHDRAWING if asked else expected)
        assert enrollment.status is Status.ACTIVE


def test_a_withdrawn_repeat_revokes_its_command_if_the_channel_has_closed_meanwhile() -> None:
    context, enrollment, touch = situation(
        Phase.WITHDRAWING, Case(START, Status.FROZEN, 1, 2, opted_out=True)
    )
    touch.reason = "campaign_paused"
    dispatch_answered(context, enrollment, touch, m.TouchWithdrawn(*WHO, "id"))
    assert touch.phase is Phase.SKIPPED
    messages = [output.message for output in context.turn.outputs]
    assert [order.revoke for order in messages if isinstance(order, m.WithdrawTouch)] == [True]
