"""The demo from start to end: the stack, a fast clock, the roles, the traffic and the recount.

The set-up takes place before the first midnight of the demo period. On a slow machine the first
midnight is some whole days later, so the events are the same on all machines.
"""

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from schemas.base.times import DAY, SECOND, MomentUs, parse_rfc3339
from schemas.internal.facts import FactKind
from schemas.internal.topics import ONE_MACHINE
from sinks.demo_queries import DemoQueries
from sinks.migrate import migrate
from streams.base.clock import ScaledClock
from streams.base.settings import Settings, load_settings
from streams.demo.accounts import ACCOUNTS, account_name
from streams.demo.businesses import BUSINESSES, campaign_document, tenant_event
from streams.demo.calls import CALL_CAMPAIGNS, calls_document, pool_event, tenant_calls
from streams.demo.final_check import finish
from streams.demo.interrupts import Interrupts, cleanup_on_exit, start_stack
from streams.demo.lag import RoleLag
from streams.demo.outreach import OUTREACH_CAMPAIGNS, outreach_document
from streams.demo.population import make_customers
from streams.demo.screen import Screen
from streams.demo.supervise import DemoMonitor
from streams.demo.talent import (
    people_count,
    talent_account,
    talent_document,
    talent_entries,
    talent_people,
    talent_tenant,
)
from streams.demo.traffic import Traffic
from streams.demo.upstream_events import UpstreamEvent, upstream_events
from streams.embedded.stack import Stack
from streams.kafka.topics import create_topics
from streams.runtime.role_process import ROLES
from streams.runtime.supervisor import Supervisor

SEED = 20260302
FIRST_MIDNIGHT = parse_rfc3339("2026-03-02T00:00:00Z")
"""A Monday. In the two weeks after it, daylight saving time begins in America and not in Europe."""

PERIOD = 15 * DAY
"""The time that passes on the demo's clock: three days of jobs, eleven days of touches, and time
for the last answers."""

SETUP_S = 6.0
"""Wall seconds that the set-up takes on an ordinary machine."""

ANSWER_TIMEOUT_S = 8.0
"""Wall seconds that an answer may take; they are hours on the demo's clock."""

COMMIT_INTERVAL_MS, PROJECTION_INTERVAL_MS = 30, 200
STOP_TIMEOUT_S = 3.0
"""Seconds that roles may take to stop before they are killed, which loses nothing."""


class DemoRun:
    """One run of the demo in one directory."""

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
        """Runs the demo. Returns 0 if the recount agrees, otherwise 1. Raises DemoFailed,
        StartFailed, KeyboardInterrupt."""
        self.console.print("starting Kafka and PostgreSQL (the first time also fetches Kafka)")
        stack = Stack(self.directory)
        with cleanup_on_exit(stack.stop):
            start_stack(stack)
            self._interrupts.check()
            settings, environment = self._settings(stack)
            topics, migrations = create_topics(settings, ONE_MACHINE, 1), migrate(settings.dsn())
            self.console.print(
                f"made {len(topics)} topics, applied {len(migrations)} migrations; "
                f"starting {len(ROLES)} roles"
            )
            supervisor = Supervisor(ROLES, environment, log_dir=self.directory / "logs")
            with cleanup_on_exit(lambda: supervisor.stop(STOP_TIMEOUT_S)):
                supervisor.start()
                return self._with_roles(settings, supervisor)

    def _settings(self, stack: Stack) -> tuple[Settings, dict[str, str]]:
        """Returns the settings with the fast clock, which starts now and shows the first midnight
        when the set-up should be over; and the same settings as environment variables."""
        speed = PERIOD / SECOND / self.seconds
        real = time.time_ns() // 1_000
        clock = ScaledClock(real, FIRST_MIDNIGHT - int(SETUP_S * SECOND * speed), speed)
        environment = stack.environment() | {
            "TOUCHSTREAM_CLOCK": clock.text(),
            "TOUCHSTREAM_COMMIT_INTERVAL_MS": str(COMMIT_INTERVAL_MS),
            "TOUCHSTREAM_PROJECTION_INTERVAL_MS": str(PROJECTION_INTERVAL_MS),
        }
        # The messages of a client about a broker that has just started are of no use.
        settings = load_settings(environment)
        quiet = {**settings.kafka, "log_level": "2"}
        return settings.model_copy(update={"kafka": quiet}), environment

    def _with_roles(self, settings: Settings, supervisor: Supervisor) -> int:
        traffic = Traffic(settings)
        with DemoQueries(settings.dsn()) as queries, cleanup_on_exit(traffic.stop):
            traffic.start()
            lag = RoleLag(settings, ONE_MACHINE)
            monitor = DemoMonitor(settings, supervisor, traffic, queries, lag, self._interrupts)
            self._set_up(settings, traffic, queries, monitor)
            midnight = _next_midnight(settings)
            customers = make_customers(SEED, self.customers, midnight)
            traffic.schedule(upstream_events(customers, midnight, SEED), midnight)
            began = time.monotonic()
            with Screen(self.console) as screen:
                monitor.run_until_over(screen, midnight, PERIOD)
            wall_seconds = time.monotonic() - began
            return finish(
                settings,
                self.console,
                traffic,
                queries,
                monitor,
                wall_seconds,
                as_json=self._as_json,
            )

    def _set_up(
        self, settings: Settings, traffic: Traffic, queries: DemoQueries, monitor: DemoMonitor
    ) -> None:
        """Publishes the businesses, the call pool and the sender accounts, then the campaigns, and
        waits until every partition knows them."""
        clock = settings.scaled_clock()
        now = clock.now()
        tenants = [
            {**tenant_event(business, self.customers), **tenant_calls(business.tenant_id)}
            for business in BUSINESSES
        ]
        tenants.append(talent_tenant())
        accounts = [*ACCOUNTS, talent_account(self.customers)]
        traffic.schedule([UpstreamEvent(now, "pool", "pool.upserted", pool_event())])
        traffic.schedule(
            UpstreamEvent(now, f"tenant-{data['tenant_id']}", "tenant.upserted", data)
            for data in tenants
        )
        monitor.wait_until(lambda: queries.tenants() == len(tenants), "the businesses to be known")
        traffic.schedule(
            UpstreamEvent(clock.now(), account_name(account), "sender.upserted", account)
            for account in accounts
        )
        monitor.wait_until(
            lambda: queries.senders() == len(accounts), "the sender accounts to be known"
        )
        answer_timeout_us = int(ANSWER_TIMEOUT_S * SECOND * clock.speed)
        documents = [
            campaign_document(b, c, answer_timeout_us) for b in BUSINESSES for c in b.campaigns
        ]
        documents += [
            outreach_document(outreach, answer_timeout_us) for outreach in OUTREACH_CAMPAIGNS
        ]
        documents += [calls_document(calls, answer_timeout_us) for calls in CALL_CAMPAIGNS]
        documents.append(talent_document(self.customers, answer_timeout_us))
        traffic.schedule(_campaign_published(each, clock.now()) for each in documents)
        traffic.schedule(UpstreamEvent(*e) for e in talent_people(self.customers, clock.now()))
        published = {(d["tenant_id"], d["campaign_id"]) for d in documents}
        monitor.wait_until(
            lambda: queries.ready() == published, "every partition to know the campaigns"
        )
        self._fill_draft(traffic, queries, monitor, clock.now)
        self.console.print(
            f"{len(tenants)} businesses with {len(accounts)} sender accounts and {len(documents)} "
            "campaigns are known to every partition"
        )

    def _fill_draft(
        self,
        traffic: Traffic,
        queries: DemoQueries,
        monitor: DemoMonitor,
        now: Callable[[], MomentUs],
    ) -> None:
        """Adds the people to the draft of the outreach campaign, once all of them are known."""
        people = people_count(self.customers)

        def counted(kind: FactKind) -> bool:
            return queries.totals().get(kind, 0) >= people

        monitor.wait_until(lambda: counted(FactKind.CONTACT_UPDATED), "people to be known")
        traffic.schedule(UpstreamEvent(*e) for e in talent_entries(self.customers, now()))
        monitor.wait_until(lambda: counted(FactKind.ENROLLMENT_STARTED), "the draft to be filled")


def _campaign_published(outreach_document: dict[str, object], now: int) -> UpstreamEvent:
    tenant_id, campaign_id = outreach_document["tenant_id"], outreach_document["campaign_id"]
    data = {"tenant_id": tenant_id, "campaign_id": campaign_id, "definition": outreach_document}
    return UpstreamEvent(now, f"publish-{tenant_id}-{campaign_id}", "campaign.published", data)


def _next_midnight(settings: Settings) -> int:
    start, now = FIRST_MIDNIGHT, settings.scaled_clock().now()
    while start < now:
        start += DAY
    return start
