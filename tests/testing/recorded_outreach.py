"""States and facts of outreach campaigns and of their people, as changelogs and facts have them.
Builders take changes."""

from typing import Any

import msgspec

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.campaigns.compiled_definition import (
    CampaignSettings,
    Definition,
    Experiment,
    OutreachTerms,
    Step,
)
from schemas.internal import count_names as names
from schemas.internal import facts
from schemas.internal.campaign_states import Decision, ExperimentRecord
from schemas.internal.enrollment import Assignment, Enrollment, Phase, RunResults, Touch
from schemas.internal.states import CampaignRecord

WRITTEN_AT = 1_790_000_000_000_000
FIRST_DAY = WRITTEN_AT // DAY
JAVA = "java-q1"
NAME = "Q1 2024 Senior Java Developer Sourcing - NYC"
COMMAND = "command-{}-{}-{}"

TERMS = OutreachTerms(
    "owner-1",
    created_by="owner-1",
    target_audience="Senior Java developers with 5-10 years experience in financial services",
    target_locations=("New York, NY", "Jersey City, NJ", "Remote - US"),
    target_skills=("Java", "Spring Boot", "Microservices", "AWS", "Kubernetes"),
    target_contacts=500,
    target_response_rate=1_500,
)
TEST = Experiment("intro", "template-a", "template-b")


def outreach_definition(
    tenant_id: str,
    campaign_id: str = JAVA,
    *,
    terms: OutreachTerms = TERMS,
    experiment: Experiment | None = TEST,
    channels: tuple[str, ...] = ("email",),
    **settings: Any,
) -> Definition:
    """The sample of S4: one e-mail with an experiment. Further channels are further steps."""
    steps = tuple(
        Step(
            f"s{number}",
            channel,
            number * HOUR,
            "previous_executed",
            f"template-{number}",
            experiment=experiment if number == 1 else None,
        )
        for number, channel in enumerate(channels, 1)
    )
    chosen = CampaignSettings(**{"timezone": "America/New_York", **settings})
    return Definition(
        *(tenant_id, campaign_id, NAME, steps, chosen, "outreach"),
        status="draft",
        outreach=terms,
    )


def outreach_campaign(
    tenant_id: str,
    status: str = "active",
    campaign_id: str = JAVA,
    *,
    counts: dict[str, int] | None = None,
    **changes: Any,
) -> CampaignRecord:
    """A campaign; `counts` are those of the first partition. Other changes are fields of the
    record, or parameters of its definition."""
    fields = {name: changes.pop(name) for name in list(changes) if name in _FIELDS}
    definition = outreach_definition(tenant_id, campaign_id, **changes)
    times = (WRITTEN_AT, WRITTEN_AT)
    record = CampaignRecord(
        *(tenant_id, campaign_id, status, 1, definition, b"", [0], *times),
        counts={0: (1, counts or {})},
        started_at=WRITTEN_AT,
        first_day=FIRST_DAY,
        experiments={TEST.id: ExperimentRecord(TEST.id)},
    )
    return msgspec.structs.replace(record, **fields)


_FIELDS = frozenset(CampaignRecord.__struct_fields__)


def decided(winner: str, **changes: Any) -> dict[str, ExperimentRecord]:
    """The experiment of the sample, decided."""
    record = ExperimentRecord(
        TEST.id, 25_000_000, decision=Decision(winner, WRITTEN_AT + DAY, {"intro/50/A/reached": 1})
    )
    return {TEST.id: msgspec.structs.replace(record, **changes)}


def counted(variant: str, split: int = 50, **numbers: int) -> dict[str, int]:
    """The counts of a variant in a stratum of the experiment of the sample."""
    return {
        names.of_experiment(TEST.id, split, variant, name): number
        for name, number in numbers.items()
    }


def message(number: int = 1, channel: str = "email", **changes: Any) -> Touch:
    """A touch that was sent `number` hours after the campaign began."""
    at = WRITTEN_AT + number * HOUR
    touch = Touch(f"s{number}", number, channel, at, at, template_id=f"template-{number}")
    known = {"phase": Phase.SENT, "sent_at": at, "resolved_at": at, "commanded_at": at - MINUTE}
    return msgspec.structs.replace(touch, **{**known, **changes})


def outreach_run(
    tenant_id: str,
    *touches: Touch,
    name: str = "ada",
    variant: str | None = "A",
    campaign_id: str = JAVA,
    results: dict[str, Any] | None = None,
    **changes: Any,
) -> Enrollment:
    """The run of a person; `variant` None is a run without an experiment. The touches get the ids
    of their commands. Without touches nothing was sent yet."""
    for touch in touches:
        touch.command_id = touch.command_id or outreach_command(tenant_id, name, touch.number)
    sent_at = min((touch.sent_at for touch in touches if touch.sent_at is not None), default=None)
    test = [] if variant is None else [Assignment(TEST.id, variant, 6_180, 50, reached_at=sent_at)]
    known = RunResults(test, is_reached=sent_at is not None)
    run = Enrollment(
        *(f"run-{tenant_id}-{name}-{campaign_id}", campaign_id, 1, 1, None, None),
        *(WRITTEN_AT, WRITTEN_AT),
        touches=list(touches),
        variables={"contact_type": "candidate", "company_name": "TechCorp", "title": "Engineer"},
        results=msgspec.structs.replace(known, **(results or {})),
    )
    return msgspec.structs.replace(run, **changes)


def outreach_command(tenant_id: str, name: str = "ada", number: int = 1) -> str:
    return COMMAND.format(tenant_id, name, number)


def outreach_fact(
    tenant_id: str, kind: facts.FactKind, name: str = "ada", number: int = 1, **changes: Any
) -> facts.Fact:
    """A fact about a touch of the sample."""
    made = facts.Fact(
        fact=kind,
        at=facts.fact_time(WRITTEN_AT + number * HOUR),
        tenant_id=tenant_id,
        contact_id=name,
        campaign_id=JAVA,
        version=1,
        enrollment_id=f"run-{tenant_id}-{name}-{JAVA}",
        step_id=f"s{number}",
        touch_number=number,
        channel="email",
        command_id=outreach_command(tenant_id, name, number),
        attempt=1,
    )
    return msgspec.structs.replace(made, **changes)
