"""The topics, their groups, and the number of partitions of each."""

from enum import StrEnum

import msgspec

from schemas.channels import CHANNELS


class Topic(StrEnum):
    """The logical name of a topic; its name on the broker begins with the deployment's prefix."""

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

    __hash__ = str.__hash__  # the hash of Enum is Python code, too slow for every record


PUBLIC_IN = (Topic.JOBS, Topic.CONTACTS, Topic.ENGAGEMENT, Topic.CAMPAIGNS, Topic.SENDERS)
LOGS = (Topic.CONTACT_LOG, Topic.DISPATCH_LOG, Topic.CAMPAIGN_LOG)
CHANGELOGS = (Topic.CONTACT_CHANGELOG, Topic.DISPATCH_CHANGELOG, Topic.CAMPAIGN_CHANGELOG)
COMMAND_TOPICS = {name: Topic(f"commands.{name}") for name in CHANNELS}
"""The topic that the senders of a channel consume."""

COMMANDS = tuple(COMMAND_TOPICS.values())

CHANGELOG_OF = dict(zip(LOGS, CHANGELOGS, strict=True))
POSITION_TOPICS = CHANGELOG_OF | dict.fromkeys(PUBLIC_IN, Topic.INTAKE_CHANGELOG)
"""The topic with the position of the task of each log or public topic. Intake has no states, but it
has positions: the offsets of its group can be lost, and some events must not be read twice."""

PARTITION_GROUPS = {
    "public": (*PUBLIC_IN, Topic.INTAKE_CHANGELOG),
    "contact": (Topic.CONTACT_LOG, Topic.CONTACT_CHANGELOG),
    "dispatch": (Topic.DISPATCH_LOG, Topic.DISPATCH_CHANGELOG),
    "campaign": (Topic.CAMPAIGN_LOG, Topic.CAMPAIGN_CHANGELOG),
    "commands": COMMANDS,
    "facts": (Topic.FACTS,),
}
"""The groups of topics with the same number of partitions, by field of Layout."""

_GROUP_OF = {topic: name for name, topics in PARTITION_GROUPS.items() for topic in topics}


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The number of partitions of each group of topics. It is fixed when a topic is created: a
    topic with keys cannot get more partitions later."""

    public: int = 4
    contact: int = 4
    dispatch: int = 4
    campaign: int = 1
    commands: int = 4
    facts: int = 4

    def partitions(self, topic: Topic) -> int:
        """The number of partitions of a topic."""
        if topic is Topic.DEAD_LETTERS:
            return 1
        number: int = getattr(self, _GROUP_OF[topic])
        return number


ONE_MACHINE = Layout(public=1, contact=1, dispatch=1, commands=1, facts=1)
"""The layout for one machine: a commit has a request for each partition, and one process of a role
folds them all, so that more partitions would only cost time."""
