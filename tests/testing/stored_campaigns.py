"""States of outreach campaigns made by hand, as the commands that show campaigns read them."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from processors.campaign.broadcast import campaign_key, tenant_key
from processors.campaign.senders import sender_key
from schemas.base.times import HOUR, MomentUs, parse_rfc3339
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import read_definition
from schemas.internal.contact_messages import Window
from schemas.internal.count_names import of_experiment
from schemas.internal.limit_terms import SenderTerms
from schemas.internal.state_bytes import pack
from schemas.internal.states import (
    POSITION_KEY,
    CampaignRecord,
    SenderRecord,
    TaskPosition,
    TenantRecord,
)
from schemas.internal.topics import Layout
from streams.cli.campaign_waits import CampaignWaits

NOW = parse_rfc3339("2026-03-20T15:00:00Z")
TALENT = "java-nyc-q1"

FIXTURE = {
    "A": {"runs": 2250, "reached": 2230, "responses": 338, "conversions": 28, "opt_outs": 4},
    "B": {"runs": 2240, "reached": 2190, "responses": 280, "conversions": 17, "bounces": 6},
}
"""The counts of N-12: 15.2 % and 12.8 % responses, of which 8.3 % and 6.1 % converted."""


def talent_definition(**settings: Any) -> Definition:
    """The campaign of examples/talent.yaml, with other settings."""
    definition = read_definition(Path("examples/talent.yaml").read_bytes())
    assert isinstance(definition, Definition)
    changed = msgspec.structs.replace(definition.settings, **settings)
    return msgspec.structs.replace(definition, settings=changed)


def experiment_counts(
    experiment_id: str = "java-q1",
    split: int = 50,
    counts: dict[str, dict[str, int]] | None = None,
) -> dict[str, int]:
    """The counts of an experiment under their whole names; by default those of N-12."""
    return {
        of_experiment(experiment_id, split, variant, name): count
        for variant, row in (counts or FIXTURE).items()
        for name, count in row.items()
    }


def talent_record(
    status: str = "active",
    counts: dict[str, int] | None = None,
    definition: Definition | None = None,
    **fields: Any,
) -> CampaignRecord:
    """The campaign of examples/talent.yaml as the campaign processor stores it, with counts of one
    partition."""
    definition = definition or talent_definition()
    record = CampaignRecord(
        definition.tenant_id,
        definition.campaign_id,
        status,
        3,
        definition,
        b"",
        [0],
        NOW - 500 * HOUR,
        NOW - HOUR,
        counts={} if counts is None else {0: (9, counts)},
        started_at=0 if status == "draft" else NOW - 400 * HOUR,
    )
    for name, value in fields.items():
        setattr(record, name, value)
    return record


def tenant_record(**fields: Any) -> TenantRecord:
    """The tenant acme in Chicago."""
    quiet = Window("America/Chicago", 21 * 60, 8 * 60)
    record = TenantRecord("acme", "active", "America/Chicago", quiet, 0, (), {}, {})
    for name, value in fields.items():
        setattr(record, name, value)
    return record


def store_campaigns(
    monkeypatch: pytest.MonkeyPatch,
    *campaigns: CampaignRecord,
    tenant: TenantRecord | None = None,
    as_of: MomentUs = NOW,
    speed: float = 1.0,
) -> None:
    """Has the commands read these campaigns of acme, at NOW. If one is no draft, acme has an
    account."""
    owner = tenant or tenant_record()
    states: dict[bytes, Any] = {
        tenant_key(owner.tenant_id): owner,
        POSITION_KEY: TaskPosition(7, as_of, 0, None),
        **{campaign_key(each.tenant_id, each.campaign_id): each for each in campaigns},
    }
    if any(each.status != "draft" for each in campaigns):
        terms = SenderTerms("ann", {}, "")
        account = SenderRecord(owner.tenant_id, "email", terms, NOW, NOW, NOW)
        states[sender_key(owner.tenant_id, "ann")] = account
    values = {key: pack(None, 0, msgspec.msgpack.encode(state)) for key, state in states.items()}

    def stored_values(_: object, __: object, is_wanted: Any, ___: int) -> dict[bytes, bytes]:
        return {key: value for key, value in values.items() if is_wanted(key, value)}

    settings = Mock(topic_prefix="")
    settings.scaled_clock = lambda: Mock(now=lambda: NOW, scaled=speed != 1.0, speed=speed)
    monkeypatch.setattr("streams.cli.stored_campaigns.stored_values", stored_values)
    monkeypatch.setattr("streams.cli.campaign_show.read_waits", lambda *_: CampaignWaits())
    for module in ("campaign_list", "campaign_show", "campaign_report", "experiment"):
        monkeypatch.setattr(f"streams.cli.{module}.connected_settings", lambda: settings)
        monkeypatch.setattr(f"streams.cli.{module}.layout_of", lambda _: Layout())
