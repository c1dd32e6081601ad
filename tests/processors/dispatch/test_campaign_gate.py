"""Nothing of a campaign that is paused or over is sent from the moment at which dispatch knows it,
however late the pause comes to its contacts (S4-22, C-8)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.dispatch import campaign_gate
from processors.dispatch.waits import PACE_US
from processors.shared.campaign_gate import HOLDS
from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.states import Request
from tests.processors.dispatch.calls_log import CallsLog, call, pool, reported, tenant_calls
from tests.processors.dispatch.dispatch_log import DispatchLog, announced, request
from tests.processors.dispatch.sender_log import account, announced_limits
from tests.testing.builders import TENANT, job, publish, step
from tests.testing.story import change_campaign, deliver, tenant, world_with_campaign
from tests.testing.world import START, World

PEOPLE = 300
OTHER = "roofs"


def gate(status: str, campaign_id: str = "reviews") -> m.CampaignGateAnnounced:
    return m.CampaignGateAnnounced(TENANT, campaign_id, status)


def waits(log: DispatchLog) -> dict[str, str]:
    return {each.touch.command_id: each.wait for each in log.states(Request)}


def world_with_people_at_dispatch() -> World:
    """A world in which many people wait for the limit of ten e-mails an hour."""
    world = world_with_campaign(
        steps=[step("a", hours=1, template_id="t")], settings={"quiet_hours": "none"}
    )
    deliver(world, tenant(limits={"email": 10}))
    deliver(world, *(job(contact_id=f"p{n}", cause=f"j#{n}") for n in range(PEOPLE)))
    world.advance_hours(1.1)
    assert len(world.commanded_touches()) == 10
    return world


def dispatch_goes_on(world: World, hours: int) -> None:
    """Time passes at dispatch only: no contact has the pause yet."""
    for _ in range(hours * 6):
        world.now += 10 * MINUTE
        for _ in range(5):
            world.run_worker("dispatch")


@pytest.mark.parametrize("action", ["paused", "cancelled", "deleted"])
def test_no_command_follows_a_pause_or_an_end_that_has_reached_no_contact_yet(action: str) -> None:
    world = world_with_people_at_dispatch()
    world.append(change_campaign(world, action))
    world.run_worker("campaign")
    dispatch_goes_on(world, 5)
    assert len(world.commanded_touches()) == 10
    world.settle()
    world.advance_hours(24)
    assert len(world.commanded_touches()) == 10
    assert not [key for _, key in world.states("dispatch") if key.startswith(b"\x01")]


def test_requests_that_no_contact_took_back_go_on_when_the_campaign_does() -> None:
    world = world_with_people_at_dispatch()
    world.append(change_campaign(world, "paused"))
    world.run_worker("campaign")
    dispatch_goes_on(world, 2)
    world.append(change_campaign(world, "resumed"))
    world.run_worker("campaign")
    dispatch_goes_on(world, 2)
    out = [touch.command_id for touch in world.commanded_touches()]
    assert 20 < len(out) <= 40
    world.settle()
    world.advance_hours(40)
    commanded = [touch.command_id for touch in world.commanded_touches()]
    assert len({*commanded}) == PEOPLE
    firsts = [t.command_id for t in world.commanded_touches() if t.emission == 1]
    assert sorted(firsts) == sorted({*firsts})


def test_a_request_that_comes_after_the_pause_waits_with_its_reason() -> None:
    log = DispatchLog(announced(None), gate("paused"), request(1), request(2, campaign_id=OTHER))
    assert log.commanded() == ["c002"]
    assert waits(log) == {"c001": "campaign_paused"}
    (deferred,) = log.sent(m.TouchDeferred)
    assert (deferred.command_id, deferred.reason) == ("c001", "campaign_paused")
    log.append(gate("active"))
    assert log.commanded() == ["c002", "c001"]


def test_a_request_that_waits_for_its_campaign_expires() -> None:
    log = DispatchLog(announced(None), gate("paused"), request(1, expires_at=START + HOUR))
    log.pass_time(START + 2 * HOUR)
    assert [each.reason for each in log.sent(m.TouchRefused)] == ["expired"]
    log.append(gate("active"), at=START + 2 * HOUR)
    assert log.commanded() == []


def test_a_status_that_changes_nothing_leaves_no_state() -> None:
    log = DispatchLog(announced(None))
    before = len(log.task.store)
    log.append(gate("active"))
    assert len(log.task.store) == before


def test_limits_that_are_announced_during_a_pause_leave_it_as_it_is() -> None:
    log = DispatchLog(announced(None), gate("paused"), announced_limits("reviews", per_day=5))
    log.append(request(1))
    log.pass_time(START + HOUR)
    assert waits(log) == {"c001": "campaign_paused"}
    log.append(gate("active"), at=START + HOUR)
    log.pass_time(START + 2 * HOUR)
    assert log.commanded() == ["c001"]


def test_the_repeat_of_a_command_waits_for_its_campaign_too() -> None:
    log = DispatchLog(announced(None), account(), gate("paused"), request(1, emission=2))
    log.pass_time(START + HOUR)
    assert log.commanded() == []
    log.append(gate("active"), at=START + HOUR)
    assert log.commanded() == ["c001"]


@pytest.mark.parametrize("limits", [(), (account(per_hour=1_000_000),)])
def test_many_requests_of_a_paused_campaign_are_handled_in_bursts_with_time_between(
    limits: tuple[m.Message, ...],
) -> None:
    number = 4 * campaign_gate.BURST
    log = DispatchLog(announced(0), *limits, restarts=False)
    log.append(gate("paused", OTHER), *(request(n) for n in range(number)))
    log.append(gate("paused"), request(9_999, campaign_id=OTHER), announced(None))
    begins = log.task.stream_time
    while log.task.next_due() < START + 6 * DAY:
        log.pass_time(log.task.next_due())
    assert log.commanded() == []
    assert log.task.stream_time >= begins + 3 * PACE_US
    assert set(waits(log).values()) == {"campaign_paused"}
    log.append(gate("active"), at=log.task.stream_time)
    assert 0 <= len(log.commanded()) <= campaign_gate.BURST
    log.pass_time(log.task.stream_time + HOUR)
    assert len(log.commanded()) == number


# calls


def test_calls_of_a_paused_campaign_stay_in_their_queues_and_others_go_on() -> None:
    calls = [call(n) for n in range(3)]
    log = CallsLog(pool(1), tenant_calls(slots=1), *calls)
    assert log.under_way() == ["c000"]
    log.append(gate("paused", "offers"))
    log.append(call(5, campaign_id="direct-calls", direct=True), call(6, campaign_id=OTHER))
    log.append(reported(calls[0]))
    assert log.under_way() == ["c005"]
    log.append(reported(log.leases()[0].touch))
    assert log.under_way() == ["c006"]
    log.append(reported(log.leases()[0].touch))
    assert log.under_way() == []
    assert log.waits()["c001"] == "campaign_paused"
    log.append(call(7))
    assert log.under_way() == [] and log.waits()["c007"] == "campaign_paused"
    log.append(gate("active", "offers"))
    log.append(m.Tick())
    assert log.under_way() == ["c001"]


def test_the_command_of_a_call_that_is_out_is_not_repeated_during_a_pause() -> None:
    first = call(1)
    log = CallsLog(pool(1), first)
    assert log.commanded() == ["c001"]
    log.append(gate("paused", "offers"), call(1, emission=2))
    assert log.commanded() == ["c001"] and log.under_way() == ["c001"]
    log.append(gate("active", "offers"))
    log.append(m.Tick())
    assert log.commanded() == ["c001", "c001"] and log.under_way() == ["c001"]


# any history

campaigns = st.sampled_from(("reviews", OTHER))
steps = st.one_of(
    st.tuples(st.just("request"), campaigns, st.integers(0, 40)),
    st.tuples(st.just("gate"), campaigns, st.sampled_from(("paused", "active", "active"))),
    st.tuples(st.just("withdraw"), campaigns, st.integers(0, 40)),
    st.tuples(st.just("amend"), campaigns, st.integers(0, 40)),
    st.tuples(st.just("limit"), campaigns, st.sampled_from((0, 1, 5, None))),
    st.tuples(st.just("account"), campaigns, st.sampled_from((1, 4, 100))),
    st.tuples(st.just("remove"), campaigns, st.just(0)),
    st.tuples(st.just("day"), campaigns, st.sampled_from((1, 3, None))),
    st.tuples(st.just("wait"), campaigns, st.integers(0, 100)),
)


class GateLog(DispatchLog):
    """A log in which a command of a held campaign is an error."""

    held: set[str]

    def __init__(self, batch: int) -> None:
        self.held, self.withdrawn, self.now = set(), set[str](), START
        super().__init__(announced(5), batch=batch)

    def _keep_outputs(self) -> None:
        for output in self.task.outputs:
            if isinstance(output.message, m.CommandDue):
                assert output.message.touch.campaign_id not in self.held
        super()._keep_outputs()

    def play(self, kind: str, campaign_id: str, detail: Any, number: int) -> None:
        """Plays one step of a history."""
        command_id = f"c{detail or 0:03}"
        match kind:
            case "request":
                late = {"expires_at": START + 900 * DAY, "campaign_id": campaign_id}
                self.append(request(number, emission=1 + number % 2, **late), at=self.now)
            case "gate":
                if detail == "active":
                    self.held.discard(campaign_id)
                self.append(gate(detail, campaign_id), at=self.now)
                if detail == "paused":
                    self.held.add(campaign_id)
            case "withdraw":
                ids = (command_id, TENANT, f"p{detail}", "email")
                self.append(m.WithdrawTouch(*ids, "stopped", False), at=self.now)
            case "amend":
                ids = (command_id, TENANT, "email", "x@example.com")
                self.append(m.AmendTouch(*ids, None, "t2", {}), at=self.now)
            case "limit":
                self.append(announced(detail), at=self.now)
            case "account":
                self.append(account(per_hour=detail, on_gone="rotate"), at=self.now)
            case "remove":
                self.append(account(removed_at=self.now), at=self.now)
            case "day":
                self.append(announced_limits(campaign_id, per_day=detail), at=self.now)
            case _:
                self.now += detail * MINUTE
                self.pass_time(self.now)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=30), st.sampled_from((1, 7)))
def test_no_command_of_a_held_campaign_goes_out_and_no_request_is_lost(
    history: list[tuple[str, str, Any]], batch: int
) -> None:
    logs = [GateLog(1_000_000), GateLog(batch)]
    for log in logs:
        for number, step_ in enumerate(history):
            log.play(*step_, number)
        for campaign_id in ("reviews", OTHER):
            log.play("gate", campaign_id, "active", 0)
            log.play("day", campaign_id, None, 0)
        log.append(announced(1_000), account(per_hour=1_000), at=log.now)
        log.pass_time(log.now + 2 * DAY)
        requested = sum(kind == "request" for kind, _, _ in history)
        assert log.states(Request) == []
        withdrawn = len(log.sent(m.TouchWithdrawn))
        assert len(log.commanded()) + len(log.sent(m.TouchRefused)) + withdrawn == requested
    assert logs[0].outputs == logs[1].outputs


def test_every_status_in_which_a_campaign_does_not_send_has_its_reason() -> None:
    for status, reason in HOLDS.items():
        log = DispatchLog(announced(None), gate(status), request(1))
        (deferred,) = log.facts(FactKind.TOUCH_DEFERRED)
        assert (log.commanded(), deferred.reason) == ([], reason)


def test_a_version_that_is_published_during_a_pause_does_not_open_the_gate() -> None:
    world = world_with_people_at_dispatch()
    deliver(world, change_campaign(world, "paused"))
    deliver(world, publish(steps=[step("a", hours=2, template_id="new")]))
    world.advance_hours(30)
    assert len(world.commanded_touches()) == 10
