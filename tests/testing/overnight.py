"""An evening and a night in a time lapse, with a sender that is down from before the send window
closes until before it opens.

The engine's clock starts at any time of day: the people live where it is evening then.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.base.times import DAY, HOUR, MINUTE, format_rfc3339, parse_rfc3339, to_datetime
from schemas.internal.facts import FactKind
from schemas.internal.topics import COMMANDS
from streams.base.clock import ScaledClock
from streams.base.settings import Settings
from streams.kafka.reader import TopicReader
from tests.testing.live_engine import LiveEngine
from tests.testing.live_senders import may_be_sent
from tests.testing.publishing import EventSource
from tests.testing.topic_readers import FactReader

SPEED = 600.0
"""Ten minutes pass in a second."""

BEGIN = parse_rfc3339("2026-03-02T15:00:00Z")
OPENS, CLOSES = "08:00", "21:00"
TENANT, CAMPAIGN, STEPS = "acme", "reviews", ("first", "second")
SECOND_STEP_HOURS = 0.5
ANSWER_MINUTES = 240
"""How long the engine waits for an answer: in each zone the window closes within this time, so no
touch is given up while the sender is down."""

LAPSE_TIMEOUT_S = 240.0
"""How long a test waits at most for an hour of the lapse, or for what happens in it."""

ZONES = (
    "Pacific/Pago_Pago", "Pacific/Honolulu", "Pacific/Gambier", "Pacific/Pitcairn",
    "America/Phoenix", "America/Costa_Rica", "America/Bogota", "America/Puerto_Rico",
    "America/Sao_Paulo", "America/Noronha", "Atlantic/Cape_Verde", "Africa/Abidjan",
    "Africa/Lagos", "Africa/Maputo", "Africa/Nairobi", "Asia/Dubai", "Asia/Karachi",
    "Asia/Dhaka", "Asia/Bangkok", "Asia/Singapore", "Asia/Tokyo", "Australia/Brisbane",
    "Pacific/Guadalcanal", "Pacific/Tarawa",
)  # fmt: skip
"""From west to east a zone for each hour, none of which changes its clocks."""


def lapse_environment() -> dict[str, str]:
    """The setting of a time lapse that begins now."""
    return {"TOUCHSTREAM_CLOCK": ScaledClock(time.time_ns() // 1_000, BEGIN, SPEED).text()}


def local_time(zone: str, at: int) -> datetime:
    """What the clocks of a zone show at a moment."""
    return to_datetime(at).astimezone(ZoneInfo(zone))


def evening_zones(at: int, number: int) -> list[str]:
    """The zone where it is between 19 and 20 o'clock at a moment, and those west of it, where it is
    one hour earlier each."""
    home = next(place for place, zone in enumerate(ZONES) if local_time(zone, at).hour == 19)
    return [ZONES[home - west] for west in range(number)]


class Send(NamedTuple):
    """A send as its sender made it."""

    contact_id: str
    step_id: str
    command_id: str
    at: int


class OvernightSender:
    """The sender of all channels: while it is down, it reads no command. It answers at once, and
    never sends a command twice. `answered` counts its answers by the id of the event of each
    command: sent, dropped, window_closed."""

    def __init__(self, settings: Settings, publisher: EventSource) -> None:
        self._clock = settings.scaled_clock()
        self._publisher = publisher
        self._readers = [TopicReader(settings, topic) for topic in COMMANDS]
        self._sent_ids: set[str] = set()
        self.down = False
        self.sends: list[Send] = []
        self.answered: dict[str, str] = {}
        self.revoked: set[str] = set()
        self.revocations: set[str] = set()
        """The ids of the events of the revocations."""

    def work(self) -> None:
        """Acts on the new commands, unless the sender is down."""
        for data, event_id in () if self.down else self._new_commands():
            if "due_at" not in data:
                self.revoked.add(data["command_id"])
                self.revocations.add(event_id)
            else:
                self.answered[event_id] = self._act(data, event_id)

    def _new_commands(self) -> Iterator[tuple[dict[str, Any], str]]:
        for reader in self._readers:
            for _, entries in reader.read():
                for entry in entries:
                    event_id = dict(entry.record.headers() or ())["ce_id"]
                    assert isinstance(event_id, bytes)
                    yield msgspec.json.decode(entry.value or b"{}"), event_id.decode()

    def _act(self, data: dict[str, Any], event_id: str) -> str:
        command_id, at = data["command_id"], self._clock.now()
        if command_id in self._sent_ids or command_id in self.revoked:
            return "dropped"
        ids = {name: data[name] for name in ("tenant_id", "contact_id", "command_id")}
        if not may_be_sent(data, at):
            self._publisher.event("touch.failed", **ids, code=WINDOW_CLOSED, permanent=False)
            return WINDOW_CLOSED
        self._sent_ids.add(command_id)
        self.sends.append(Send(data["contact_id"], data["step_id"], command_id, at))
        self._publisher.event("touch.sent", **ids, sent_at=format_rfc3339(at))
        return "sent"

    def outcomes(self) -> Counter[str]:
        """The number of commands by what became of them."""
        return Counter(self.answered.values())

    def close(self) -> None:
        for reader in self._readers:
            reader.close()


class Overnight:
    """An engine in a time lapse, its people by their zones, and their sender.

    Times are hours of the clock of `home`, the zone of the first people, since the midnight before
    the evening: 27 is three o'clock in the night.
    """

    def __init__(self, engine: LiveEngine) -> None:
        self.engine = engine
        self.clock = engine.settings.scaled_clock()
        self.facts, self.publisher = FactReader(engine.settings), EventSource(engine.settings)
        self.sender = OvernightSender(engine.settings, self.publisher)
        self.zones: dict[str, str] = {}
        self.home, self._midnight = "UTC", 0

    def set_up(self) -> None:
        """Publishes the tenant and its campaign, and waits until every partition knows both."""
        cause = self.publisher.event(
            "tenant.upserted",
            tenant_id=TENANT,
            timezone="UTC",
            quiet_hours={"start": CLOSES, "end": OPENS},
            calling_hours=False,
            limits={"email": {"per_hour": None}},
            delay_hours_by_service={},
        )
        self._wait("the tenant", lambda: self.facts.matching(FactKind.TENANT_UPDATED, cause=cause))
        delays = zip(STEPS, (24, SECOND_STEP_HOURS), strict=True)
        steps = [
            {"id": name, "channel": "email", "template_id": "t", "delay_hours": hours}
            for name, hours in delays
        ]
        document = {"tenant_id": TENANT, "campaign_id": CAMPAIGN, "name": "Reviews"}
        cause = self.publisher.event(
            "campaign.published",
            tenant_id=TENANT,
            campaign_id=CAMPAIGN,
            definition={
                **document,
                "kind": "review",
                "settings": {"answer_timeout_minutes": ANSWER_MINUTES},
                "steps": steps,
            },
        )
        self._wait(
            "the campaign", lambda: self.facts.matching(FactKind.CAMPAIGN_READY, cause=cause)
        )

    def enroll(self, people: int, zones: int, random: Random) -> None:
        """Enrolls people of these zones, whose first touches are due between 20:15 and 20:58."""
        now = self.clock.now()
        places = evening_zones(now, zones)
        self.home = places[0]
        local = local_time(self.home, now)
        self._midnight = now - int(local.hour * HOUR + local.minute * MINUTE)
        for number in range(people):
            contact_id, zone = f"c-{number}", places[number % zones]
            due_at = self.at(20.25) + random.randrange(43) * MINUTE
            self.zones[contact_id] = zone
            self.publisher.event(
                "job.completed",
                tenant_id=TENANT,
                job_id=f"job-{number}",
                service_type="hvac",
                completed_at=format_rfc3339(due_at - DAY),
                customer={
                    "contact_id": contact_id,
                    "email": f"{contact_id}@example.com",
                    "timezone": zone,
                },
            )

    def at(self, hours: float) -> int:
        """The moment of an hour of the home's clock."""
        return self._midnight + int(hours * HOUR)

    def work_until(self, hours: float) -> None:
        """Lets the sender work until this hour."""
        self._wait(f"{hours} o'clock", lambda: self.clock.now() >= self.at(hours))

    def work_until_all_ended(self) -> None:
        """Lets the sender work until every run has ended."""
        ends = (FactKind.ENROLLMENT_COMPLETED, FactKind.ENROLLMENT_STOPPED)
        self._wait(
            "the end of all runs",
            lambda: sum(len(self.facts.matching(kind)) for kind in ends) == len(self.zones),
        )

    def problems(self) -> list[str]:
        """What a person or the owner would complain about, in words."""
        return [*outside_of_windows(self.sender.sends, self.zones), *self._not_once()]

    def _not_once(self) -> Iterator[str]:
        made = Counter((send.contact_id, send.step_id) for send in self.sender.sends)
        for contact_id in self.zones:
            for step_id in STEPS:
                if made[contact_id, step_id] != 1:
                    yield f"{contact_id}: {step_id} was sent {made[contact_id, step_id]} times"

    def _wait(self, description: str, reached: Callable[[], object]) -> None:
        def work_and_check() -> bool:
            self.sender.work()
            return bool(reached())

        self.engine.wait_until(description, work_and_check, LAPSE_TIMEOUT_S)

    def close(self) -> None:
        self.sender.close()


def outside_of_windows(sends: list[Send], zones: Mapping[str, str]) -> Iterator[str]:
    """The sends in quiet hours by the clock of the person, in words."""
    for send in sends:
        local = local_time(zones[send.contact_id], send.at)
        if not OPENS <= local.strftime("%H:%M") < CLOSES:
            place = f"{local:%H:%M} in {zones[send.contact_id]}"
            yield f"{send.contact_id}: {send.step_id} was sent at {place}"
