"""Sweeps over the contacts of a campaign while records of other contacts come: how long these wait,
at most."""

import time
from collections.abc import Callable

from bench import engine, people
from bench.harness import InputRecord, broker, fill, topics
from bench.memory import contact_changelog
from bench.other_contacts import PARTITIONS, RATE, WARM_UP_S, Traffic
from bench.report import Figure
from schemas.base.times import HOUR
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import messages as m
from schemas.internal.topics import Layout, Topic
from streams.base.settings import Settings

TARGET_MS = 250
QUIET_S = 3.0
"""A sweep is over when its partitions have asked for no further turn for so long."""

TENANT = people.tenant_of(0)


def run(quick: bool = False) -> Figure:
    """Publishes a version, pauses the campaign and deletes a template, one after the other."""
    contacts = 50_000 if quick else 1_000_000
    with broker(None) as settings, topics(settings, Layout(contact=PARTITIONS)) as named:
        now = time.time_ns() // 1_000
        who = range(0, 50 * contacts, 50)  # all of one tenant
        due = now + 24 * HOUR
        fill(
            named,
            Topic.CONTACT_CHANGELOG,
            contact_changelog(who, now, lambda index: due + index, tuple(range(PARTITIONS))),
        )
        with engine.run_roles(named, ["contact"]), Traffic(named).running() as traffic:
            traffic.wait_for_facts()
            traffic.longest_ms()
            time.sleep(WARM_UP_S)
            calm = traffic.longest_ms()
            spans = {name: _sweep(named, traffic, make) for name, make in ORDERS.items()}
    longest = {name: span[0] for name, span in spans.items()}
    return Figure(
        name="sweep",
        what=f"longest wait of other contacts while sweeps visit {contacts:,} contacts",
        value=round(max(longest.values()), 1),
        unit="ms",
        target=TARGET_MS,
        at_most=True,
        ratio=max(longest.values()) / TARGET_MS,
        of="the time allowed",
        runs=[round(each, 1) for each in longest.values()],
        settings={"contacts": contacts, "partitions": PARTITIONS, "records a second": RATE},
        beside={
            "orders": ", ".join(longest),
            "seconds of each sweep": [round(span[1], 1) for span in spans.values()],
            "longest wait without a sweep, ms": round(calm, 1),
        },
    )


def _publish(number: int) -> m.Message:
    definition = validate_definition(people.document(TENANT, 24))
    assert isinstance(definition, Definition)
    ids = (TENANT, people.CAMPAIGN)
    return m.CampaignAnnounced(*ids, 2, "active", definition, "owner#2", m.SWEEP_RULES)


ORDERS: dict[str, Callable[[int], m.Message]] = {
    "publish": _publish,
    "delete a template": lambda _: m.TemplateGone(TENANT, "t-none", "owner#3", m.SWEEP_RULES),
    "pause": lambda _: m.StatusAnnounced(
        TENANT, people.CAMPAIGN, "paused", "owner#4", m.SWEEP_RULES
    ),
    "resume": lambda _: m.StatusAnnounced(
        TENANT, people.CAMPAIGN, "active", "owner#5", m.SWEEP_RULES
    ),
}


def _sweep(
    settings: Settings, traffic: Traffic, make: Callable[[int], m.Message]
) -> tuple[float, float]:
    """The longest wait in milliseconds during a sweep, and the seconds that the sweep took."""
    value = m.encode(make(0))
    traffic.longest_ms()
    began = time.monotonic()
    fill(
        settings,
        Topic.CONTACT_LOG,
        (InputRecord(TENANT.encode(), value, None, n) for n in range(PARTITIONS)),
    )
    while time.monotonic() < max(began, traffic.swept_at) + QUIET_S:
        time.sleep(0.1)
    longest, seconds = traffic.longest_ms(), traffic.swept_at - began
    print(f"  {longest:.0f} ms, {seconds:.1f} s", flush=True)
    return longest, seconds
