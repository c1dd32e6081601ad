"""Sweeps that go on between the records of other contacts: the same states and outputs of each
contact as if they were over before the next record, and nothing that a pause forbids."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.contact import ContactProcessor, paced_sweeps
from processors.contact.contact_lists import in_campaign, lists_of_contact
from processors.fold.task import Record, Task
from processors.fold.turn import Output
from schemas.base.ids import command_id
from schemas.base.times import HOUR, SECOND
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import messages as m
from schemas.internal.enrollment import LIVE, Phase, Status
from schemas.internal.known_states import Sweeps
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import Contact
from tests.testing.builders import TENANT, campaign_document, step
from tests.testing.world import START

PEOPLE = [f"p{number}" for number in range(5)]
CAMPAIGNS = ("reviews", "roofs")
STATUSES = ("paused", "active", "deleted")


def definition_of(campaign_id: str, version: int, on_edit: str = "stay") -> Definition:
    """Two e-mails; each version has templates of its own."""
    steps = [step("a", hours=5, template_id=f"t{version}"), step("b", hours=20, template_id="t0")]
    service = None if campaign_id == CAMPAIGNS[0] else "roofing"
    document = campaign_document(
        campaign_id=campaign_id,
        steps=steps,
        service_type=service,
        settings={"on_edit": on_edit, "late_policy": "shift_by_pause"},
    )
    definition = validate_definition(document)
    assert isinstance(definition, Definition), definition
    return definition


class Move(NamedTuple):
    """Something that happens: what, to which person or campaign, and how often the sweeps have
    their turn afterwards."""

    kind: int
    subject: int
    detail: int
    turns: int


class Log:
    """A partition of contact-log and its task. The turns of sweeps come when the test wants."""

    def __init__(self, size: int | None) -> None:
        self.task = Task(ContactProcessor(), 0)
        self.now = START
        self.size = size
        self.outputs: dict[str, list[object]] = defaultdict(list)
        self.waiting: deque[m.SweepTurn] = deque()
        self.counted: list[int] = []
        """The requests for counts that were answered."""
        self.paused: set[str] = set()
        self.versions = dict.fromkeys(CAMPAIGNS, 1)
        self._offset = self._moves = 0
        tenant = m.TenantAnnounced(TENANT, "active", "UTC", None, 0, (), {}, {"email": None})
        self.append(tenant)
        for name in CAMPAIGNS:
            self.append(self._version(name))

    def _version(self, name: str, on_edit: str = "stay", status: str = "active") -> m.Message:
        version = self.versions[name]
        definition = definition_of(name, version, on_edit)
        return m.CampaignAnnounced(TENANT, name, version, status, definition, f"v{version}", 1)

    def append(self, message: m.Message) -> None:
        """Folds a message, after the timers that are due."""
        record = Record(self._offset, self.now, b"", m.encode(message))
        self._offset += 1
        self.task.feed([record])
        with patch.object(paced_sweeps, "turn_size", lambda *_: self.size or 1_000):
            while self.task.advance(1):
                self._collect()
        if self.size is None and not isinstance(message, m.SweepTurn):
            self.drain()

    def _collect(self) -> None:
        for output in self.task.outputs:
            message = output.message
            if isinstance(message, m.SweepTurn):
                self.waiting.append(message)
            elif isinstance(message, m.RunsCounted):
                self.counted.append(message.answers)
            elif contact_id := getattr(message, "contact_id", None):
                self.outputs[contact_id].append(message)
                self._check(output)
        self.task.outputs.clear()

    def _check(self, output: Output) -> None:
        """No touch of a campaign that is known to be paused is requested."""
        message = output.message
        if isinstance(message, m.RequestTouch):
            assert message.campaign_id not in self.paused

    def have_turns(self, most: int) -> None:
        """So many of the turns that wait, with their checks."""
        for _ in range(2 * most):
            if self.waiting:
                self.append(self.waiting.popleft())

    def drain(self) -> None:
        """All turns, until no sweep is left."""
        while self.waiting:
            self.have_turns(1)

    def contact(self, contact_id: str) -> Contact | None:
        return self.task.store.read(m.contact_key(TENANT, contact_id), Contact)

    def states(self) -> dict[str, bytes]:
        """The states of all contacts, apart from the number of a sweep."""
        known = {name: self.contact(name) for name in PEOPLE}
        return {
            name: msgspec.msgpack.encode(msgspec.structs.replace(state, swept=0))
            for name, state in known.items()
            if state is not None
        }

    def play(self, move: Move, *, quietly: bool) -> None:
        """Plays a move. `quietly` leaves out what changes versions and templates."""
        contact_id = PEOPLE[move.subject % len(PEOPLE)]
        name = CAMPAIGNS[move.subject % 2]
        self._moves += 1
        self.now += SECOND
        cause = f"web#{self._moves}"
        head = (TENANT, contact_id, cause, self.now)
        match move.kind if not quietly or move.kind < 6 else 5:
            case 0:
                service = ("hvac", "roofing")[move.detail % 2]
                person = m.Person(email=f"{contact_id}@example.com", first_name="Ann")
                job = f"j{self._moves}"
                self.append(m.JobCompleted(*head, job, service, self.now, person))
            case 1:
                touched = command_id(TENANT, name, contact_id, 1, "a", 1)
                self.append(m.TouchCommanded(TENANT, contact_id, touched, 1))
                self.append(m.TouchSent(*head, touched, self.now, "x"))
            case 2:
                self.append(m.ContactReplied(*head, "email"))
            case 3:
                events: tuple[Any, ...] = (m.ContactPaused, m.ContactResumed, m.ContactStopped)
                self.append(events[move.detail % 3](*head, None))
            case 4:
                status = STATUSES[move.detail % 3]
                if status != "active":
                    self.paused.add(name)
                self.append(m.StatusAnnounced(TENANT, name, status, cause, 1))
                if status == "active":
                    self.paused.discard(name)
            case 5:
                person = m.Person(email=f"new{move.detail}.{contact_id}@example.com")
                self.append(m.ContactUpserted(*head, person))
            case 6:
                self.versions[name] += 1
                status = "paused" if name in self.paused else "active"
                self.append(self._version(name, ("stay", "follow")[move.detail % 2], status))
            case 7:
                self.append(m.TemplateGone(TENANT, f"t{move.detail % 3}", cause, 1))
            case _:
                version = self.versions[name]
                self.append(m.RunsMoved(TENANT, name, version, None, {}, cause, 1))
        self.have_turns(move.turns)

    def wait(self, hours: int) -> None:
        """Lets time pass, after all sweeps."""
        self.drain()
        for _ in range(hours):
            self.now += HOUR
            self.append(m.Tick())


kinds = st.sampled_from((0, 1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 8))
details = st.integers(0, 5)
moves = st.lists(st.builds(Move, kinds, details, details, st.integers(0, 2)), max_size=12)
histories = st.lists(st.tuples(moves, st.integers(0, 9)), max_size=4)
examples = settings(max_examples=200, deadline=None)


def played(history: Sequence[tuple[Sequence[Move], int]], size: int | None, quietly: bool) -> Log:
    log = Log(size)
    for number, _ in enumerate(PEOPLE):
        log.play(Move(0, number, number, 0), quietly=quietly)
    for happened, hours in history:
        for move in happened:
            log.play(move, quietly=quietly)
        log.wait(hours)
    log.drain()
    return log


@examples
@given(histories, st.integers(1, 3))
def test_a_paced_sweep_leads_to_the_states_and_outputs_of_one_at_once(
    history: Sequence[tuple[Sequence[Move], int]], size: int
) -> None:
    paced = played(history, size, True)
    at_once = played(history, None, True)
    assert paced.states() == at_once.states()
    assert paced.outputs == at_once.outputs


@examples
@given(histories, st.integers(1, 3), st.booleans())
def test_nothing_of_a_paused_campaign_is_requested_however_late_it_is_swept(
    history: Sequence[tuple[Sequence[Move], int]], size: int, again: bool
) -> None:
    log = played(history, size, False)
    for name in PEOPLE:
        contact = log.contact(name)
        for run in contact.enrollments if contact is not None else ():
            if run.campaign_id in log.paused:
                assert run.status is not Status.ACTIVE
                assert all(touch.phase is not Phase.REQUESTED for touch in run.touches)
            elif run.status in LIVE:
                assert "campaign" not in run.holds


@examples
@given(histories, st.integers(1, 3))
def test_the_lists_have_every_contact_of_a_campaign(
    history: Sequence[tuple[Sequence[Move], int]], size: int
) -> None:
    log = played(history, size, False)
    task = log.task
    task.commit(task.changes())
    restored = Task(ContactProcessor(), 0)
    for key, value in task.store.items():
        restored.restore(key, value)
    restored.restored()
    for name in CAMPAIGNS:
        listed = in_campaign(TENANT, name)
        scanned = sorted(
            key
            for key, value in task.store.items()
            if not key.startswith(b"\0") and listed in lists_of_contact(key, payload_of(value))
        )
        assert list(task.store.listed(listed)) == scanned
        assert list(restored.store.listed(listed)) == scanned


def test_a_request_for_the_counts_is_answered_once_also_in_turns_of_one_contact() -> None:
    log = Log(1)
    for number, _ in enumerate(PEOPLE):
        log.play(Move(0, number, number, 0), quietly=True)
    log.append(m.StatusAnnounced(TENANT, CAMPAIGNS[0], "paused", "test#1", 1))
    log.append(m.CountsRequested(TENANT, CAMPAIGNS[0], 1))
    log.have_turns(2 * len(PEOPLE))
    assert not log.waiting
    assert log.counted == [1]


def test_a_sweep_takes_turns_of_a_size_by_the_time_between_them() -> None:
    sweeps = Sweeps(size=100, turned_at=START)
    ms = SECOND // 1_000
    sizes = [paced_sweeps.turn_size(sweeps, START + after * ms) for after in (0, 20, 40, 50, 600)]
    assert sizes == [150, 150, 100, 80, 120]
    assert paced_sweeps.turn_size(sweeps, START + 60 * SECOND) == paced_sweeps.SIZE_MAX
