"""The demo from start to end: a stack, a clock that runs fast, the roles, the traffic, the recount.

Set-up happens on the days before the lapse's first midnight, which moves on by whole days where a
machine is slow; so the story is the same on all of them.
"""

import time
from pathlib import Path

from rich.console import Console

from schemas.base.times import DAY, SECOND, parse_rfc3339
from schemas.internal.topics import ONE_MACHINE
from sinks.demo_queries import DemoQueries
from sinks.migrate import migrate
from streams.base.clock import ScaledClock
from streams.base.settings import Settings, load_settings
from streams.demo.businesses import BUSINESSES, definition, tenant_event
from streams.demo.final_check import close
from streams.demo.interrupts import Interrupts, at_last, start
from streams.demo.lag import Lag
from streams.demo.outreach import OUTREACHES, document
from streams.demo.population import people
from streams.demo.screen import Screen
from streams.demo.supervise import Watch
from streams.demo.traffic import Traffic
from streams.demo.upstream_events import Event, story
from streams.embedded.stack import Stack
from streams.kafka.topics import create_topics
from streams.runtime.role_process import ROLES
from streams.runtime.supervisor import Supervisor

SEED = 20260302
FIRST_MIDNIGHT = parse_rfc3339("2026-03-02T00:00:00Z")
"""A Monday; behind it America's clocks change and Europe's do not."""

LAPSE = 15 * DAY
"""What passes in the seconds asked for: jobs of three days, eleven days of touches, answers."""

START_S = 6.0
"""Wall seconds that set-up takes on an ordinary machine."""

PATIENCE_S = 8.0
"""Wall seconds that an answer may take, in the campaigns' settings: hours of the lapse."""

COMMIT_MS, PROJECTION_MS = 30, 200
POLITE_S = 3.0
"""How long roles may take to stop before they are killed, which harms nothing but takes no time."""


class Lapse:
    """One run in one directory."""

    def __init__(
        self,
        directory: Path,
        console: Console,
        interrupts: Interrupts,
        *,
        customers: int,
        seconds: int,
        as_json: bool,
    ) -> None:
        self.directory = directory
        self.console = console
        self._interrupts = interrupts
        self.customers = customers
        self.seconds = seconds
        self._as_json = as_json

    def run(self) -> int:
        """Everything; 0 if the recount agrees. Raises Failed, StartFailed, KeyboardInterrupt."""
        self.console.print("starting Kafka and PostgreSQL (the first time also fetches Kafka)")
        stack = Stack(self.directory)
        with at_last(stack.stop):
            start(stack)
            self._interrupts.check()
            settings, environment = self._settings(stack)
            topics, migrations = create_topics(settings, ONE_MACHINE, 1), migrate(settings.dsn())
            self.console.print(
                f"made {len(topics)} topics, applied {len(migrations)} migrations; "
                f"starting {len(ROLES)} roles"
            )
            supervisor = Supervisor(ROLES, environment, log_dir=self.directory / "logs")
            with at_last(lambda: supervisor.stop(POLITE_S)):
                supervisor.start()
                return self._with_roles(settings, supervisor)

    def _settings(self, stack: Stack) -> tuple[Settings, dict[str, str]]:
        """The clock starts here: it shows the first midnight when set-up should be over."""
        speed = LAPSE / SECOND / self.seconds
        real = time.time_ns() // 1_000
        clock = ScaledClock(real, FIRST_MIDNIGHT - int(START_S * SECOND * speed), speed)
        environment = stack.environment() | {
            "TOUCHSTREAM_CLOCK": clock.text(),
            "TOUCHSTREAM_COMMIT_INTERVAL_MS": str(COMMIT_MS),
            "TOUCHSTREAM_PROJECTION_INTERVAL_MS": str(PROJECTION_MS),
        }
        quiet = {"log_level": "2"}  # what a client tells of a broker that just started is no news
        return load_settings(environment).model_copy(update={"kafka": quiet}), environment

    def _with_roles(self, settings: Settings, supervisor: Supervisor) -> int:
        traffic = Traffic(settings)
        with DemoQueries(settings.dsn()) as queries, at_last(traffic.stop):
            traffic.start()
            lag = Lag(settings, ONE_MACHINE)
            watch = Watch(settings, supervisor, traffic, queries, lag, self._interrupts)
            self._set_up(settings, traffic, queries, watch)
            midnight = _next_midnight(settings)
            customers = people(SEED, self.customers, midnight)
            traffic.plan(story(customers, midnight, SEED), midnight)
            began = time.monotonic()
            with Screen(self.console) as screen:
                watch.until_over(screen, midnight, LAPSE)
            took = time.monotonic() - began
            return close(
                settings, self.console, traffic, queries, watch, took, as_json=self._as_json
            )

    def _set_up(
        self, settings: Settings, traffic: Traffic, queries: DemoQueries, watch: Watch
    ) -> None:
        """Businesses first, then their campaigns; then until every partition knows them."""
        clock = settings.scaled_clock()
        now = clock.now()
        tenants = [tenant_event(business, self.customers) for business in BUSINESSES]
        traffic.plan(
            Event(now, f"tenant-{data['tenant_id']}", "tenant.upserted", data) for data in tenants
        )
        watch.wait(lambda: queries.tenants() == len(tenants), "the businesses to be known")
        patience = int(PATIENCE_S * SECOND * clock.speed)
        documents = [definition(b, c, patience) for b in BUSINESSES for c in b.campaigns]
        documents += [document(outreach, patience) for outreach in OUTREACHES]
        traffic.plan(_published(each, clock.now()) for each in documents)
        wanted = {(d["tenant_id"], d["campaign_id"]) for d in documents}
        watch.wait(lambda: queries.ready() == wanted, "every partition to know the campaigns")
        self.console.print(
            f"{len(tenants)} businesses and {len(documents)} campaigns are known to every partition"
        )


def _published(document: dict[str, object], now: int) -> Event:
    tenant_id, campaign_id = document["tenant_id"], document["campaign_id"]
    data = {"tenant_id": tenant_id, "campaign_id": campaign_id, "definition": document}
    return Event(now, f"publish-{tenant_id}-{campaign_id}", "campaign.published", data)


def _next_midnight(settings: Settings) -> int:
    start, now = FIRST_MIDNIGHT, settings.scaled_clock().now()
    while start < now:
        start += DAY
    return start
