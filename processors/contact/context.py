"""The context of a decision about one contact: its state, its tenant and campaigns, and the facts
that it emits."""

from datetime import datetime
from typing import Any

import msgspec

from processors.contact.contact_lists import with_bounced
from processors.contact.direct_campaign import direct_calls
from processors.fold.turn import Output, Turn
from processors.shared import region_rules
from processors.shared.address_keys import digest_of, known_digest, known_digest_before
from processors.shared.send_windows import widened
from processors.shared.tenant_lookup import ADDRESS_OF, campaign_key, country_of, tenant_key
from schemas.addresses.places import Place
from schemas.base.zone_names import is_short_iana
from schemas.base.zone_repair import zones_meant
from schemas.base.zones import zone_country
from schemas.campaigns.call_settings import CONTACT_HOURS
from schemas.campaigns.compiled_definition import DIRECT_CALLS, Definition, Step, StepWindow
from schemas.channels import ADDRESSES, CHANNELS, PHONE, Channel
from schemas.internal.enrollment import Assignment, Enrollment, Touch
from schemas.internal.facts import Fact, FactKind, fact_time
from schemas.internal.messages import Window
from schemas.internal.opt_outs import opt_out_scope
from schemas.internal.states import Contact, KnownCampaign, KnownTenant
from schemas.internal.topics import Topic

_FACTS = Topic.FACTS  # looked up once: access to an enum member is slow


class StepTemplate(msgspec.Struct, frozen=True, gc=False):
    """The template of a step for one person; None if it has none. `version` is the campaign's
    newest version, which names the template, and `assignment` the person's variant in the
    experiment of the step, if it has one."""

    template_id: str | None
    version: int
    assignment: Assignment | None = None


def _newest_step(campaign: KnownCampaign, step: Step) -> Step:
    """The step in the campaign's newest version, if that still has it with the same means."""
    for newest in campaign.definitions[campaign.version].steps:
        same_means = newest.channel == step.channel and newest.action == step.action
        if newest.id == step.id and same_means:
            return newest
    return step


def step_of(definition: Definition, touch: Touch) -> Step:
    """The step of a touch in a version of its campaign."""
    steps, index = definition.steps, touch.number - 1
    if index < len(steps):
        step = steps[index]
        if step.id == touch.step_id:
            return step  # its place unless the enrollment has branched
    return steps[definition.step_index(touch.step_id)]


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
        tenant_id, _, self.contact_id = key.decode().partition("/")
        self.tenant_id = tenant_id
        if tenant is None:
            tenant = turn.store.read(tenant_key(tenant_id), KnownTenant)
        self.tenant = tenant
        self._last_campaign: KnownCampaign | None = None

    def campaign(self, campaign_id: str) -> KnownCampaign | None:
        """The campaign as it was announced to this partition, None if it was not."""
        known = self._last_campaign
        if known is None or known.campaign_id != campaign_id:
            key = campaign_key(self.tenant_id, campaign_id)
            known = self.turn.store.read(key, KnownCampaign)
            if known is None and campaign_id == DIRECT_CALLS:
                known = direct_calls(self.tenant_id)
            self._last_campaign = known
        return known

    def definition(self, enrollment: Enrollment) -> Definition:
        """The version of its campaign that the enrollment runs on (C-36)."""
        campaign = self._last_campaign  # nearly always this one, so it is looked at first
        campaign_id = enrollment.campaign_id
        if campaign is None or campaign.campaign_id != campaign_id:
            campaign = self.campaign(campaign_id)
        assert campaign is not None, "an enrollment's campaign is never forgotten"
        return campaign.definitions[enrollment.version]

    def step(self, enrollment: Enrollment, touch: Touch) -> Step:
        """The step of a touch, in the enrollment's version."""
        return step_of(self.definition(enrollment), touch)

    def unless_deleted(self, template_id: str | None) -> str | None:
        """`template_id`, or None if that template was deleted (S1-42)."""
        assert self.tenant is not None
        return None if template_id in self.tenant.templates_gone else template_id

    def newest_template(self, enrollment: Enrollment, step: Step) -> StepTemplate:
        """The template of a step, deleted or not.

        Templates are taken from the newest version if that still has the step (S0-3, C-36): of a
        step with an experiment, that of the person's variant. A direct call may have one of its
        own.
        """
        campaign = self.campaign(enrollment.campaign_id)
        assert campaign is not None
        if enrollment.call is not None and enrollment.call.template_id is not None:
            return StepTemplate(enrollment.call.template_id, campaign.version)
        before = step.template_id
        if enrollment.version != campaign.version:
            step = _newest_step(campaign, step)
        experiment, results = step.experiment, enrollment.results
        if experiment is None or results is None:
            return StepTemplate(step.template_id, campaign.version)
        assignment = results.assignment(experiment.id)
        if assignment is None:  # its command had gone out already when the experiment came
            return StepTemplate(step.template_id or before, campaign.version)
        if not assignment.variant:
            return StepTemplate(step.template_id, campaign.version, assignment)
        template_id = experiment.template_of(assignment.variant)
        return StepTemplate(template_id, campaign.version, assignment)

    def address_text(self, channel: str) -> str:
        """The contact's address on a channel, as it was reported; empty if there is none."""
        known = self.contact.profile.addresses.get(ADDRESS_OF[channel])
        return known[0] if known else ""

    def address(self, channel: str) -> str:
        """The contact's address on a channel, as a command carries it; empty if there is none that
        can be written to."""
        return self.address_forms(channel)[1]

    def address_forms(self, channel: str) -> tuple[str, str]:
        """The canonical form of the contact's address on a channel, and the address as a command
        carries it; both are empty if there is none."""
        name = ADDRESS_OF[channel]
        known = self.contact.profile.addresses.get(name)
        return ADDRESSES[name].forms(known[0], country_of(self.tenant)) if known else ("", "")

    def address_digest(self, channel: str) -> bytes:
        """A digest of the contact's address on a channel, to recognise that address later in any
        spelling."""
        return digest_of(self.address_forms(channel)[0])

    def has_address(self, channel: str, digest: bytes) -> bool:
        """Whether a digest, also one that an older version has recorded, is of the contact's
        address on a channel."""
        if digest == self.address_digest(channel):
            return True
        return digest == known_digest_before(self.address_text(channel))

    def bounced_at(self, channel: str) -> int | None:
        """When a hard bounce closed the contact's address on a channel; None if none did."""
        bounced = self.contact.bounced
        if not bounced:
            return None
        at = bounced.get(self.address_digest(channel).hex())
        if at is None:
            at = bounced.get(known_digest_before(self.address_text(channel)).hex())
        return at

    def keep_closed(self) -> None:
        """Records the bounces of the contact's addresses by their canonical forms, before a text is
        replaced by which an older version has recorded one."""
        bounced = self.contact.bounced
        if not bounced:
            return
        country = country_of(self.tenant)
        for name, (text, _) in self.contact.profile.addresses.items():
            before = known_digest_before(text).hex()
            digest = known_digest(name, text, country).hex()
            if before in bounced and before != digest:
                bounced.setdefault(digest, bounced.pop(before))
                self.turn.store.enter(with_bounced(self.tenant_id, digest), self.key)

    def opt_out_scope(self, channel: str) -> str | None:
        """The scope of the opt-out that closes a channel: the channel's name, `all`, or None if the
        channel is open."""
        return opt_out_scope(self.contact, channel) if self.contact.opted_out else None

    def window(self, definition: Definition, step: Step) -> Window | None:
        """When a step may reach the contact: outside of quiet hours and within the step's own
        window, and inside the hours of the law if the tenant asks for them (F-6, C-33). None if any
        time is fine.

        Times are by the contact's time zone if it is known, else by all zones that the address may
        be in, else by the tenant's; a short name such as EST is the zone that the person's place or
        the tenant's country has for it.
        """
        tenant, channel = self.tenant, CHANNELS[step.channel]
        assert tenant is not None
        start, end, region = 0, 0, ""
        if channel.quiet_hours:
            start, end, region = self._quiet_hours(definition, channel)
        allowed: tuple[StepWindow, ...] = ()
        if tenant.calling_hours and channel.calling_hours:
            countries = (*self._countries(), self._place(channel).country)
            allowed = region_rules.calling_hours(self.contact.profile.region, countries)
        if start == end and step.window is None and not allowed:
            return None
        profile = self.contact.profile
        zones: tuple[str, ...]
        if timezone := profile.timezone:
            source = "contact"
            if is_short_iana(timezone):
                phone, _ = profile.addresses.get(PHONE.name, ("", 0))
                zones = zones_meant(timezone, profile.region, phone, country_of(tenant))
            else:
                zones = (timezone,)
        elif zones := self._place(channel).zones:
            source = "phone"
        else:
            zones, source = self.zones_of_tenant(), "tenant"
        return Window(zones[0], start, end, source, step.window, zones[1:], allowed, region)

    def call_hours(self, definition: Definition, step: Step) -> Window | None:
        """When the calls of a campaign begin, by the clock of the campaign or else of the tenant;
        None if any time is fine. At the last moment a call still begins (F-16)."""
        calls = definition.settings.calls
        if calls is None or calls.hours is None or not CHANNELS[step.channel].by_pool:
            return None
        zones = self.zones_of(definition)
        source = "campaign" if definition.settings.timezone else "tenant"
        more = zones[1:]
        return Window(zones[0], 0, 0, source, calls.hours, more, end_is_open=True)

    def zones_of(self, definition: Definition) -> tuple[str, ...]:
        """The zones by whose clocks a campaign goes: its own, else the tenant's."""
        if definition.settings.timezone:
            return (definition.settings.timezone,)
        return self.zones_of_tenant()

    def zones_of_tenant(self) -> tuple[str, ...]:
        """The zones that the tenant's zone may mean: several, if it is a short name."""
        assert self.tenant is not None
        return zones_meant(self.tenant.timezone, "", "", country_of(self.tenant))

    def _quiet_hours(self, definition: Definition, channel: Channel) -> tuple[int, int, str]:
        """Start and end of the campaign's quiet hours, or else the tenant's, in minutes of the day,
        and the label of the strict region that has widened them; if both are equal there are none.

        A stricter region adds no quiet hours where the campaign (`quiet_hours: none`) or the tenant
        has none.
        """
        tenant = self.tenant
        assert tenant is not None
        settings, profile = definition.settings, self.contact.profile
        if settings.calls is not None and settings.calls.also_contact_hours and channel.by_pool:
            opens, closes = CONTACT_HOURS
            return closes, opens, ""
        if settings.quiet == "none" or tenant.quiet is None:
            return 0, 0, ""
        start, end = tenant.quiet.start, tenant.quiet.end
        if settings.quiet_start is not None and settings.quiet_end is not None:
            start, end = settings.quiet_start, settings.quiet_end
        region, strict = profile.region, tenant.strict_regions
        if not region or not strict or start == end:
            return start, end, ""
        label = region_rules.strict_label(region, strict, self._countries())
        if label == region_rules.UNKNOWN_REGION:
            label = region_rules.strict_label(region, strict, self._all_countries())
        return (*widened(start, end, tenant.strict_start), label) if label else (start, end, "")

    def _countries(self) -> tuple[str, str]:
        """The countries in which a region of the contact is looked up: the tenant's, and that of
        the contact's zone; empty where one is not known."""
        return country_of(self.tenant), zone_country(self.contact.profile.timezone)

    def _all_countries(self) -> tuple[str, ...]:
        """The countries above and those of the contact's addresses. Reading an address is
        slow, so they are for a region that is unknown in the others."""
        country, known = country_of(self.tenant), self.contact.profile.addresses.items()
        places = (region_rules.place_of_address(name, text, country) for name, (text, _) in known)
        return (*self._countries(), *(place.country for place in places if place.country))

    def _place(self, channel: Channel) -> Place:
        """Where the contact's address on a channel is."""
        name, text = channel.address.name, self.address_text(channel.name)
        return region_rules.place_of_address(name, text, country_of(self.tenant))

    def region_is_unknown(self) -> bool:
        """Whether the contact's region is a text that names no region, while regions matter."""
        tenant = self.tenant
        if tenant is None or not (tenant.strict_regions or tenant.calling_hours):
            return False
        region = self.contact.profile.region
        return region_rules.is_unknown(region, tenant.strict_regions, self._all_countries())

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
        fact = Fact(  # by position, in the order of its fields: names would take six times as long
            kind,
            fact_time(self.now),
            self.tenant_id,
            self.contact_id,
            campaign_id,
            version,
            enrollment_id,
            job_id,
            step_id,
            number,
            channel,
            command_id,
            attempt,
            cause,
            reason,
            until,
            values,
            None if occurred_at is None else fact_time(occurred_at),
        )
        self.turn.outputs.append(Output(_FACTS, self.key, fact))
