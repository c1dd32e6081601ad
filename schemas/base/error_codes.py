"""Stable error codes of refused records and invalid definitions, and the errors that carry them.

Programs use the code; the detail or message beside it is for people.
"""

import re
from enum import StrEnum
from typing import NamedTuple

import msgspec

DETAIL_CHARACTERS = 300


class RefusalCode(StrEnum):
    """Why a record of a public topic is not a valid event: the reason of its dead letter
    (promise 10)."""

    NOT_CLOUDEVENT = "NOT_CLOUDEVENT"
    CE_HEADER_MISSING = "CE_HEADER_MISSING"
    CE_HEADER_INVALID = "CE_HEADER_INVALID"
    CE_VERSION_UNKNOWN = "CE_VERSION_UNKNOWN"
    CONTENT_TYPE_UNKNOWN = "CONTENT_TYPE_UNKNOWN"
    EVENT_TYPE_UNKNOWN = "EVENT_TYPE_UNKNOWN"
    EVENT_VERSION_UNKNOWN = "EVENT_VERSION_UNKNOWN"
    VALUE_EMPTY = "VALUE_EMPTY"
    NOT_JSON = "NOT_JSON"
    NOT_AVRO = "NOT_AVRO"
    AVRO_SCHEMA_UNKNOWN = "AVRO_SCHEMA_UNKNOWN"
    AVRO_SCHEMA_MISMATCH = "AVRO_SCHEMA_MISMATCH"
    AVRO_TRUNCATED = "AVRO_TRUNCATED"
    FIELD_MISSING = "FIELD_MISSING"
    FIELD_INVALID = "FIELD_INVALID"
    TIMEZONE_UNKNOWN = "TIMEZONE_UNKNOWN"
    PHONE_WITHOUT_COUNTRY = "PHONE_WITHOUT_COUNTRY"
    TIME_OUT_OF_RANGE = "TIME_OUT_OF_RANGE"
    TOO_LARGE = "TOO_LARGE"
    TOO_DEEP = "TOO_DEEP"


class CampaignCode(StrEnum):
    """The kinds of problems of a campaign definition (S4-92 …, X-10)."""

    DOCUMENT_INVALID = "CAMPAIGN_DOCUMENT_INVALID"
    DOCUMENT_TOO_LARGE = "CAMPAIGN_DOCUMENT_TOO_LARGE"
    FIELD_UNKNOWN = "CAMPAIGN_FIELD_UNKNOWN"
    FIELD_INVALID = "CAMPAIGN_FIELD_INVALID"
    TENANT_INVALID = "CAMPAIGN_TENANT_INVALID"
    TENANT_MISMATCH = "CAMPAIGN_TENANT_MISMATCH"
    ID_INVALID = "CAMPAIGN_ID_INVALID"
    ID_MISMATCH = "CAMPAIGN_ID_MISMATCH"
    NAME_REQUIRED = "CAMPAIGN_NAME_REQUIRED"
    NAME_INVALID = "CAMPAIGN_NAME_INVALID"
    DESCRIPTION_INVALID = "CAMPAIGN_DESCRIPTION_INVALID"
    KIND_UNKNOWN = "CAMPAIGN_KIND_UNKNOWN"
    STATUS_INVALID = "CAMPAIGN_STATUS_INVALID"
    SERVICE_TYPE_UNKNOWN = "CAMPAIGN_SERVICE_TYPE_UNKNOWN"
    SETTING_INVALID = "CAMPAIGN_SETTING_INVALID"
    QUIET_HOURS_INVALID = "CAMPAIGN_QUIET_HOURS_INVALID"
    TIMEZONE_UNKNOWN = "CAMPAIGN_TIMEZONE_UNKNOWN"
    CALLS_INVALID = "CAMPAIGN_CALLS_INVALID"
    CALL_HOURS_INVALID = "CAMPAIGN_CALL_HOURS_INVALID"
    STEPS_REQUIRED = "CAMPAIGN_STEPS_REQUIRED"
    TOO_MANY_STEPS = "CAMPAIGN_TOO_MANY_STEPS"
    STEP_INVALID = "CAMPAIGN_STEP_INVALID"
    STEP_ID_REQUIRED = "CAMPAIGN_STEP_ID_REQUIRED"
    STEP_ID_INVALID = "CAMPAIGN_STEP_ID_INVALID"
    STEP_ID_DUPLICATE = "CAMPAIGN_STEP_ID_DUPLICATE"
    CHANNEL_REQUIRED = "CAMPAIGN_CHANNEL_REQUIRED"
    CHANNEL_UNKNOWN = "CAMPAIGN_CHANNEL_UNKNOWN"
    CHANNEL_NOT_SUPPORTED = "CAMPAIGN_CHANNEL_NOT_SUPPORTED"
    ACTION_NOT_SUPPORTED = "CAMPAIGN_ACTION_NOT_SUPPORTED"
    TEMPLATE_INVALID = "CAMPAIGN_TEMPLATE_INVALID"
    DELAY_INVALID = "CAMPAIGN_DELAY_INVALID"
    ANCHOR_UNKNOWN = "CAMPAIGN_ANCHOR_UNKNOWN"
    ANCHOR_NOT_SUPPORTED = "CAMPAIGN_ANCHOR_NOT_SUPPORTED"
    WAIT_INVALID = "CAMPAIGN_WAIT_INVALID"
    SIGNAL_NOT_SUPPORTED = "CAMPAIGN_SIGNAL_NOT_SUPPORTED"
    CONDITION_UNKNOWN = "CAMPAIGN_CONDITION_UNKNOWN"
    WINDOW_INVALID = "CAMPAIGN_WINDOW_INVALID"
    REDIAL_INVALID = "CAMPAIGN_REDIAL_INVALID"
    OUTCOME_UNKNOWN = "CAMPAIGN_OUTCOME_UNKNOWN"
    BRANCH_INVALID = "CAMPAIGN_BRANCH_INVALID"
    BRANCH_UNKNOWN = "CAMPAIGN_BRANCH_UNKNOWN"
    STEP_UNREACHABLE = "CAMPAIGN_STEP_UNREACHABLE"
    LOOP_WITHOUT_WAIT = "CAMPAIGN_LOOP_WITHOUT_WAIT"
    PRESET_READ_ONLY = "CAMPAIGN_PRESET_READ_ONLY"
    OUTREACH_INVALID = "CAMPAIGN_OUTREACH_INVALID"
    OWNER_REQUIRED = "CAMPAIGN_OWNER_REQUIRED"
    TARGET_INVALID = "CAMPAIGN_TARGET_INVALID"
    INVALID_DATES = "CAMPAIGN_INVALID_DATES"
    EXPERIMENT_INVALID = "CAMPAIGN_EXPERIMENT_INVALID"
    AB_MISSING_TEMPLATES = "CAMPAIGN_AB_MISSING_TEMPLATES"
    AB_SAME_TEMPLATES = "CAMPAIGN_AB_SAME_TEMPLATES"
    ALREADY_ACTIVE = "CAMPAIGN_ALREADY_ACTIVE"
    NO_CONTACTS = "CAMPAIGN_NO_CONTACTS"
    NO_SENDER = "CAMPAIGN_NO_SENDER"
    NO_TEMPLATE = "CAMPAIGN_NO_TEMPLATE"
    NO_WINDOW = "CAMPAIGN_NO_WINDOW"
    EXPERIMENT_TAKEN = "CAMPAIGN_EXPERIMENT_TAKEN"
    EXPERIMENT_FIXED = "CAMPAIGN_EXPERIMENT_FIXED"
    EXPERIMENT_SPLITS = "CAMPAIGN_EXPERIMENT_SPLITS"
    LAYER_TAKEN = "CAMPAIGN_LAYER_TAKEN"
    RECOMMENDED = "CAMPAIGN_RECOMMENDED"


MESSAGES: dict[str, str] = {
    "CAMPAIGN_NAME_REQUIRED": "Campaign name is required",
    "CAMPAIGN_OWNER_REQUIRED": "Campaign owner is required",
    "CAMPAIGN_NO_CONTACTS": "Cannot activate campaign with 0 contacts",
    "CAMPAIGN_AB_MISSING_TEMPLATES": "A/B test requires both variant templates",
    "CAMPAIGN_AB_SAME_TEMPLATES": "Variant A and B must use different templates",
    "CAMPAIGN_INVALID_DATES": "End date must be after start date",
    "CAMPAIGN_ALREADY_ACTIVE": "Campaign is already active",
    "CAMPAIGN_SEND_LIMIT_EXCEEDED": "Daily send limit exceeded (1000)",
    "CONTACT_EMAIL_INVALID": "Invalid email address format",
    "CONTACT_UNSUBSCRIBED": "Contact has unsubscribed",
    "CONTACT_BOUNCED": "Email previously bounced",
}
"""The text for people of each code that has one of its own (S4-92…S4-101)."""


class Refused(Exception):
    """A record is not a valid event, and will never be one: it becomes a dead letter."""

    def __init__(self, code: RefusalCode, detail: str = "") -> None:
        self.code = code
        self.detail = printable(detail)
        super().__init__(f"{code}: {self.detail}")


class SchemaUnavailable(Exception):
    """The schema registry does not answer. The record may be good: the caller waits and tries
    again."""


class NotReadable(msgspec.ValidationError):
    """A message of a log, or a stored state, that this version cannot read: a later version has
    written it, or its bytes are damaged. A task stops at it, because the rest would be wrong."""


class Problem(NamedTuple):
    """One problem of a definition. `place` is a path like `steps[2].delay_hours`."""

    code: str
    place: str
    message: str


is_plain_code = re.compile(r"[A-Za-z0-9_.-]{1,32}", re.ASCII).fullmatch
"""Whether a provider's code or outcome can be part of a fact: facts contain no addresses or
names."""


def printable(text: str) -> str:
    """A text for logs, terminals and tables: of bounded size, and without control characters."""
    cut = text if len(text) <= DETAIL_CHARACTERS else text[: DETAIL_CHARACTERS - 1] + "…"
    return "".join([char if char.isprintable() else "·" for char in cut])
