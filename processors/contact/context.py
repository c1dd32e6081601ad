"""The context of a decision about one contact: its state, its tenant and campaigns, and the facts
that it emits."""

from datetime import datetime
from hashlib import blake2b
from typing import Any

from processors.fold.turn import Output, Turn
from processors.shared.send_windows import widened
from processors.shared.tenant_lookup import ADDRESS_OF, campaign_key, tenant_key
from schemas.campaigns.compiled_definition import Definition, Step
from schemas.channels import CHANNELS
from schemas.internal.enrollment import Enrollment, Touch
from schemas.internal.facts import Fact, FactKind, fact_time
from schemas.internal.messages import Window
from schemas.internal.states import Contact, KnownCampaign, KnownTenant
from schemas.internal.topics import Topic

_FACTS = Topic.FACTS  # looked up once: access to an enum member is slow


class Context:
    """One contact, open for change, while one record or timer is handled."""

    __slots__ = (
        "_last_campaign",
        "contact",
        "contact_id",
        "key",
        "now",
        "tenant",
        "tenant_id",
        "turn",
    )

    def __init__(
        self, turn: Turn, key: bytes, contact: Contact, tenant: KnownTenant | None = None
    ) -> None:
        self.turn = turn
        self.now = turn.now
        self.key = key
        self.contact = contact
        self.tenant_id, _, self.contact_id = key.decode().partition("/")
        self.tenant = tenant or turn.store.read(tenant_key(self.tenant_id), KnownTenant)
        self._last_campaign: KnownCampaign | None = None

    def campaign(self, campaign_id: str) -> KnownCampaign | None:
        """The campaign as it was announced to this partition, None if it was not."""
        known = self._last_campaign
        if known is None or known.campaign_id != campaign_id:
            key = campaign_key(self.tenant_id, campaign_id)
            known = self._last_campaign = self.turn.store.read(key, KnownCampaign)
        return known

    def definition(self, enrollment: Enrollment) -> Definition:
        """The version of its campaign that the enrollment runs on (C-36)."""
        campaign = self.campaign(enrollment.campaign_id)
        assert campaign is not None, "an enrollment's campaign is never forgotten"
        return campaign.definitions[enrollment.version]

    def step(self, enrollment: Enrollment, touch: Touch) -> Step:
        """The step of a touch, in the enrollment's version."""
        steps = self.definition(enrollment).steps
        index = touch.number - 1  # its place unless the enrollment has branched
        if index < len(steps) and steps[index].id == touch.step_id:
            return steps[index]
        return steps[self.definition(enrollment).step_index(touch.step_id)]

    def template_id(self, enrollment: Enrollment, step: Step) -> str | None:
        """The template of a step as of now; None if it has none or its template was deleted
        (S1-42)."""
        newest, _ = self.newest_template(enrollment, step)
        return self.unless_deleted(newest)

    def unless_deleted(self, template_id: str | None) -> str | None:
        """`template_id`, or None if that template was deleted."""
        assert self.tenant is not None
        return None if template_id in self.tenant.templates_gone else template_id

    def newest_template(self, enrollment: Enrollment, step: Step) -> tuple[str | None, int]:
        """The template of a step, deleted or not, and the campaign's newest version.

        Templates are taken from the newest version if that still has the step (S0-3, C-36).
        """
        campaign = self.campaign(enrollment.campaign_id)
        assert campaign is not None
        for newest in campaign.definitions[campaign.version].steps:
            same_means = newest.channel == step.channel and newest.action == step.action
            if newest.id == step.id and same_means:
                step = newest
        return step.template_id, campaign.version

    def address(self, channel: str) -> str:
        """The contact's address on a channel; empty if there is none."""
        known = self.contact.profile.addresses.get(ADDRESS_OF[channel])
        return known[0] if known else ""

    def address_digest(self, channel: str) -> bytes:
        """A digest of the contact's address on a channel, to recognise that address later."""
        return blake2b(self.address(channel).encode(), digest_size=8).digest()

    def bounced_at(self, channel: str) -> int | None:
        """When a hard bounce closed the contact's address on a channel; None if none did."""
        bounced = self.contact.bounced
        return bounced.get(self.address_digest(channel).hex()) if bounced else None

    def opt_out_scope(self, channel: str) -> str | None:
        """The scope of the opt-out that closes a channel: the channel's name, `all`, or None if the
        channel is open."""
        if channel in self.contact.opted_out:
            return channel
        return "all" if "all" in self.contact.opted_out else None

    def window(self, definition: Definition, step: Step) -> Window | None:
        """When a step may reach the contact: outside of quiet hours and within the step's own
        window (F-6, C-33). None if any time is fine.

        Times are by the contact's time zone if it is known, else by the tenant's.
        """
        assert self.tenant is not None
        has_quiet_hours = CHANNELS[step.channel].quiet_hours
        start, end = self._quiet_hours(definition) if has_quiet_hours else (0, 0)
        if start == end and step.window is None:
            return None
        profile = self.contact.profile
        if profile.timezone:
            return Window(profile.timezone, start, end, "contact", step.window)
        return Window(self.tenant.timezone, start, end, "tenant", step.window)

    def _quiet_hours(self, definition: Definition) -> tuple[int, int]:
        """Start and end of the campaign's quiet hours, or else the tenant's, in minutes of the day;
        if both are equal there are none.

        A stricter region widens quiet hours. It adds none where the campaign (`quiet_hours: none`)
        or the tenant has none.
        """
        tenant = self.tenant
        assert tenant is not None
        settings, profile = definition.settings, self.contact.profile
        if settings.quiet == "none" or tenant.quiet is None:
            return 0, 0
        start, end = tenant.quiet.start, tenant.quiet.end
        if settings.quiet_start is not None and settings.quiet_end is not None:
            start, end = settings.quiet_start, settings.quiet_end
        if profile.region and profile.region in tenant.strict_regions:
            start, end = widened(start, end, tenant.strict_start)
        return start, end

    def emit_fact(
        self,
        kind: FactKind,
        enrollment: Enrollment | None = None,
        touch: Touch | None = None,
        *,
        campaign_id: str | None = None,
        job_id: str | None = None,
        channel: str | None = None,
        command_id: str | None = None,
        attempt: int | None = None,
        cause: str | None = None,
        reason: str | None = None,
        until: datetime | None = None,
        values: dict[str, Any] | None = None,
        occurred_at: int | None = None,
    ) -> None:
        """Emits a fact about the contact, with the ids of its enrollment and touch, if given."""
        version = enrollment_id = step_id = number = None
        if enrollment is not None:
            campaign_id = enrollment.campaign_id
            version = enrollment.version
            enrollment_id = enrollment.enrollment_id
            job_id = enrollment.job_id
        if touch is not None:
            step_id = touch.step_id
            number = touch.number
            channel = touch.channel
            command_id = command_id or touch.command_id
            attempt = attempt or touch.attempt
        fact = Fact(
            fact=kind,
            at=fact_time(self.now),
            tenant_id=self.tenant_id,
            contact_id=self.contact_id,
            campaign_id=campaign_id,
            version=version,
            enrollment_id=enrollment_id,
            job_id=job_id,
            step_id=step_id,
            touch_number=number,
            channel=channel,
            command_id=command_id,
            attempt=attempt,
            cause=cause,
            reason=reason,
            until=until,
            values=values,
            occurred_at=None if occurred_at is None else fact_time(occurred_at),
        )
        self.turn.outputs.append(Output(_FACTS, self.key, fact))
