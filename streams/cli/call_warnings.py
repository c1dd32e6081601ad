"""Warnings of an import of calls: lines that are imported, but lead to no call as the tenant is set
up now. Nothing is refused, because the tenant may be changed before a person's turn comes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from processors.contact.call_terms import AGENT_UNKNOWN, NUMBER_NOT_ALLOWED
from processors.shared.caller_lists import has_agent
from schemas.addresses.number_kinds import ALLOWABLE, number_kind
from schemas.base.zones import zone_country
from schemas.channels import PHONE
from schemas.csv_import import ContactLine, CsvColumn
from schemas.csv_import.call_columns import AGENT, CALL_FIELDS, ITEM_VARIABLES
from schemas.csv_import.headings import heading_key
from schemas.internal.states import TenantRecord

_HEADINGS = {heading_key(text) for name in ITEM_VARIABLES for text in CALL_FIELDS[name]}


class CallWarning(NamedTuple):
    """A line whose person will not be called. The code is the reason with which the call would be
    skipped. The detail does not repeat the number."""

    line: int
    code: str
    detail: str


def call_warnings(line: ContactLine, tenant: TenantRecord) -> Iterator[CallWarning]:
    """What keeps the person of a line from being called: an agent that the list of the tenant does
    not have, and a kind of number that the tenant does not call."""
    agent_id = (line.item or {}).get(AGENT)
    if not has_agent(tenant.calls, agent_id):
        detail = f"{AGENT}: the list of {tenant.tenant_id} has no agent {agent_id}"
        yield CallWarning(line.line, AGENT_UNKNOWN, detail)
    phone = (line.event.addresses or {}).get(PHONE.name) or line.event.phone
    if not phone:
        return
    kind = number_kind(phone, tenant.country or zone_country(tenant.timezone))
    allowed = () if tenant.calls is None else tenant.calls.allow
    if kind and not (kind in ALLOWABLE and kind in allowed):
        name = kind.replace("_", " ")
        detail = f"{PHONE.name}: {tenant.tenant_id} does not call {name} numbers"
        yield CallWarning(line.line, NUMBER_NOT_ALLOWED, detail)


def call_columns_hint(columns: Sequence[CsvColumn]) -> str | None:
    """The hint that a file which was read as one of contacts looks like a file of calls: its
    columns about calls are attributes, beside one of phone numbers. None for another file."""
    if not any(column.becomes == PHONE.name and not column.attribute for column in columns):
        return None
    found = [
        " ".join(column.heading.split())
        for column in columns
        if column.attribute and heading_key(column.heading) in _HEADINGS
    ]
    if not found:
        return None
    verb = "is an attribute" if len(found) == 1 else "are attributes"
    return f"{', '.join(found)} {verb} here; for a campaign of calls add --calls"
