"""`touchstream campaign show` over a whole engine in memory: what keeps a campaign from sending is
shown, whatever it is."""

from typing import Any

import pytest

from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from streams.cli import output
from tests.testing.builders import TENANT, step, tenant
from tests.testing.command_line import Touchstream
from tests.testing.memory_reader import read_states_of
from tests.testing.outreach import OUTREACH, outreach_document
from tests.testing.outreach_orders import changed, published
from tests.testing.world import START, World

HEAD = "What it waits for to send"


def terms(name: str = "ann", *, paused: bool = False) -> SenderTerms:
    return SenderTerms(name, {"": LimitTerms(per_day=1_000)}, "", paused=paused)


class Engine(World):
    """An engine with a campaign of two people, which was activated."""

    def __init__(self) -> None:
        super().__init__()
        self._causes = 0
        self.deliver(tenant(), self.account(terms()))
        settings = {"quiet_hours": "none"}
        self.deliver(published(outreach_document(settings=settings, steps=[step(hours=2)])))
        for name in ("p1", "p2"):
            fields: dict[str, Any] = {"tenant_id": TENANT, "contact_id": name, "at": self.now}
            person = m.Person(name, email=f"{name}@example.com")
            self.deliver(
                m.ContactUpserted(**fields, cause=self.cause(), person=person),
                m.ContactEnrolled(**fields, cause=self.cause(), campaign_id=OUTREACH),
            )
        self.deliver(changed("activated"))

    def cause(self) -> str:
        self._causes += 1
        return f"test#{self._causes}"

    def account(self, of: SenderTerms) -> m.UpsertSender:
        return m.UpsertSender(TENANT, "email", self.cause(), self.now, of)

    def deliver(self, *messages: m.Message) -> None:
        self.append(*messages)
        self.settle()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    read_states_of(engine, monkeypatch)
    return engine


def shown(touchstream: Touchstream) -> list[str]:
    """The lines of what the campaign waits for."""
    result = touchstream("campaign", "show", OUTREACH, "--tenant", "acme")
    assert result.code == 0, result
    lines = result.out.splitlines()
    if HEAD not in lines:
        return []
    rest = lines[lines.index(HEAD) + 1 :]
    return [line.strip() for line in rest[: rest.index("")]]


def test_a_campaign_that_may_send_waits_for_nothing(
    engine: Engine, touchstream: Touchstream
) -> None:
    assert shown(touchstream) == []
    engine.advance_to(START + 3 * HOUR)
    assert len(engine.commanded_touches()) >= 2
    assert shown(touchstream) == []


def test_a_paused_account_is_shown_with_who_waits_for_it(
    engine: Engine, touchstream: Touchstream
) -> None:
    engine.deliver(engine.account(terms(paused=True)))
    assert shown(touchstream) == ["email: no account may send now", "ann: paused"]
    engine.advance_to(START + 3 * HOUR)
    assert engine.commanded_touches() == []
    assert shown(touchstream)[2:] == ["email: 2 wait for sender_paused"]


def test_a_channel_without_an_account_is_shown_with_the_one_that_was_removed(
    engine: Engine, touchstream: Touchstream
) -> None:
    engine.deliver(m.RemoveSender(TENANT, "ann", engine.cause(), engine.now))
    engine.advance_to(START + 3 * HOUR)
    first, second, *waiting = shown(touchstream)
    assert first == "email: no account may send now"
    assert second.startswith("ann: removed 2026-03-02")
    assert waiting[0].startswith("email: 2 wait for no_sender")
    view = touchstream("campaign", "show", OUTREACH, "--tenant", "acme", "--json").json()
    assert [problem["code"] for problem in view["problems"]] == ["CAMPAIGN_NO_SENDER"]


def test_one_of_two_accounts_that_its_provider_slows_down_is_shown_with_its_end(
    engine: Engine, touchstream: Touchstream
) -> None:
    engine.deliver(engine.account(terms("ben")))
    until = engine.now + 5 * HOUR
    engine.deliver(m.ThrottleSender(TENANT, "ann", engine.cause(), engine.now, "", until))
    first, second = shown(touchstream)
    assert first == "email: 1 of 2 accounts may send now"
    assert second == "ann: throttled until 2026-03-02T20:00:00Z"
    engine.advance_to(until + MINUTE)
    assert shown(touchstream) == []


def test_a_step_whose_template_was_deleted_is_a_problem_of_an_active_campaign(
    engine: Engine, touchstream: Touchstream
) -> None:
    engine.deliver(m.DeleteTemplate(TENANT, "t", engine.cause(), engine.now))
    result = touchstream("campaign", "show", OUTREACH, "--tenant", "acme")
    assert "CAMPAIGN_NO_TEMPLATE at steps[0].template_id" in result.out


def test_it_fits_in_a_terminal_of_80_columns(
    engine: Engine, touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.deliver(engine.account(terms(paused=True)))
    monkeypatch.setattr(output, "terminal_width", lambda: 80)
    result = touchstream("campaign", "show", OUTREACH, "--tenant", "acme")
    assert "ann: paused" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_a_campaign_that_is_over_waits_for_nothing(
    engine: Engine, touchstream: Touchstream
) -> None:
    engine.deliver(engine.account(terms(paused=True)), changed("completed"))
    assert shown(touchstream) == []
