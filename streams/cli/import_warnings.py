"""Warnings of an import: lines that are imported, but lead to no call or message as the tenant is
set up now. Nothing is refused, because the tenant may be changed before a person's turn comes."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from processors.contact.call_terms import AGENT_UNKNOWN, NUMBER_NOT_ALLOWED
from processors.shared.caller_lists import has_agent
from processors.shared.tenant_lookup import country_of
from schemas.addresses.number_kinds import ALLOWABLE, number_kind
from schemas.channels import PHONE
from schemas.csv_import import ContactLine, CsvCode, CsvColumn
from schemas.csv_import.call_columns import AGENT, CALL_FIELDS, ITEM_VARIABLES
from schemas.csv_import.headings import heading_key
from schemas.internal.states import TenantRecord
from streams.cli.import_target import ReadOptions

_HEADINGS = {heading_key(text) for name in ITEM_VARIABLES for text in CALL_FIELDS[name]}


class ImportWarning(NamedTuple):
    """A line whose person will not be reached. The code is the reason with which the call would be
    skipped, or the enrollment declined. The detail does not repeat an address."""

    line: int
    code: str
    detail: str


class WarningRule(NamedTuple):
    """What is looked for in each line, and what does not become of a person for whom it is
    found."""

    warnings: Callable[[ContactLine], Iterator[ImportWarning]]
    never: str


def warning_rule(options: ReadOptions, tenant: TenantRecord) -> WarningRule | None:
    """The rule for a kind of file; None for a file of contacts."""
    if options.calls_zone is not None:
        return WarningRule(lambda line: call_warnings(line, tenant), "called")
    addresses = options.outreach
    if addresses is not None:
        return WarningRule(lambda line: outreach_warnings(line, addresses), "written to")
    return None


def outreach_warnings(line: ContactLine, addresses: Sequence[str]) -> Iterator[ImportWarning]:
    """What keeps the person of a line from being written to: the line names the person by an id
    only, and the engine may not know an address of the campaign's channels."""
    event = line.event
    found = {name for name in addresses if getattr(event, name, None)} | {*(event.addresses or ())}
    if found.isdisjoint(addresses):
        needed = " or ".join(addresses)
        detail = f"no {needed}, unless one is known of {event.contact_id}"
        yield ImportWarning(line.line, CsvCode.NO_ADDRESS, detail)


def call_warnings(line: ContactLine, tenant: TenantRecord) -> Iterator[ImportWarning]:
    """What keeps the person of a line from being called: an agent that the list of the tenant does
    not have, and a kind of number that the tenant does not call."""
    agent_id = (line.item or {}).get(AGENT)
    if not has_agent(tenant.calls, agent_id):
        detail = f"{AGENT}: the list of {tenant.tenant_id} has no agent {agent_id}"
        yield ImportWarning(line.line, AGENT_UNKNOWN, detail)
    phone = (line.event.addresses or {}).get(PHONE.name) or line.event.phone
    if not phone:
        return
    kind = number_kind(phone, country_of(tenant))
    allowed = () if tenant.calls is None else tenant.calls.allow
    if kind and not (kind in ALLOWABLE and kind in allowed):
        name = kind.replace("_", " ")
        detail = f"{PHONE.name}: {tenant.tenant_id} does not call {name} numbers"
        yield ImportWarning(line.line, NUMBER_NOT_ALLOWED, detail)


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
