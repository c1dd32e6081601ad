"""The topics: their names, who may write them, and how Kafka must keep them."""

from enum import StrEnum

import msgspec

from schemas.channels import CHANNELS


class Topic(StrEnum):
    """A logical name; the name on the broker has the deployment's prefix in front."""

    JOBS = "jobs"
    CONTACTS = "contacts"
    ENGAGEMENT = "engagement"
    CAMPAIGNS = "campaigns"
    SENDERS = "senders"
    CONTACT_LOG = "contact-log"
    DISPATCH_LOG = "dispatch-log"
    CAMPAIGN_LOG = "campaign-log"
    CONTACT_CHANGELOG = "contact-changelog"
    DISPATCH_CHANGELOG = "dispatch-changelog"
    CAMPAIGN_CHANGELOG = "campaign-changelog"
    INTAKE_CHANGELOG = "intake-changelog"
    vars().update({f"COMMANDS_{name.upper()}": f"commands.{name}" for name in CHANNELS})
    FACTS = "facts"
    DEAD_LETTERS = "dead-letters"

    __hash__ = str.__hash__  # Enum's own is Python, and every record is looked up by its topic


PUBLIC_IN = (Topic.JOBS, Topic.CONTACTS, Topic.ENGAGEMENT, Topic.CAMPAIGNS, Topic.SENDERS)
LOGS = (Topic.CONTACT_LOG, Topic.DISPATCH_LOG, Topic.CAMPAIGN_LOG)
CHANGELOGS = (Topic.CONTACT_CHANGELOG, Topic.DISPATCH_CHANGELOG, Topic.CAMPAIGN_CHANGELOG)
COMMAND_TOPICS = {name: Topic(f"commands.{name}") for name in CHANNELS}
"""The topic that the senders of a channel consume."""

COMMANDS = tuple(COMMAND_TOPICS.values())

CHANGELOG_OF = dict(zip(LOGS, CHANGELOGS, strict=True))
POSITION_TOPICS = CHANGELOG_OF | dict.fromkeys(PUBLIC_IN, Topic.INTAKE_CHANGELOG)
"""Where a task's place stands with its states. Intake has no states, but a place: the group's own
offsets can be lost, and public events read twice are not all harmless."""


NUMBERED = {
    "public": (*PUBLIC_IN, Topic.INTAKE_CHANGELOG),
    "contact": (Topic.CONTACT_LOG, Topic.CONTACT_CHANGELOG),
    "dispatch": (Topic.DISPATCH_LOG, Topic.DISPATCH_CHANGELOG),
    "campaign": (Topic.CAMPAIGN_LOG, Topic.CAMPAIGN_CHANGELOG),
    "commands": COMMANDS,
    "facts": (Topic.FACTS,),
}
"""The topics that must have as many partitions as one another, by the name of their number."""

_NUMBER_OF = {topic: name for name, topics in NUMBERED.items() for topic in topics}


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How many partitions each keyed log has. Fixed at creation: a keyed log cannot be
    re-partitioned in place."""

    public: int = 4
    contact: int = 4
    dispatch: int = 4
    campaign: int = 1
    commands: int = 4
    facts: int = 4

    def partitions(self, topic: Topic) -> int:
        """How many partitions `topic` has; a changelog has as many as its log."""
        if topic is Topic.DEAD_LETTERS:
            return 1
        number: int = getattr(self, _NUMBER_OF[topic])
        return number


ONE_MACHINE = Layout(public=1, contact=1, dispatch=1, commands=1, facts=1)
"""Where everything runs on one machine: a commit asks the broker once for each partition, and one
process of a role folds them all, so more would only cost."""
