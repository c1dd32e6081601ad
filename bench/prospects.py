"""The records of contact-log for campaigns with four channels, and for both kinds of campaigns."""

from collections.abc import Iterator

from bench import people
from bench.harness import InputRecord
from schemas.base.ids import command_id
from schemas.base.times import SECOND
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import contact_messages as o
from schemas.internal import messages as m

CAMPAIGN = "outreach"


def document(tenant_id: str) -> dict[str, object]:
    """Returns the campaign with the four channels of F-13."""
    steps: list[dict[str, object]] = [
        {
            "id": "request",
            "channel": "linkedin",
            "action": "send_connection_request",
            "wait_for": {"event": "connection_accepted", "max_wait_hours": 72},
        },
        {"id": "mail", "channel": "email", "anchor": "trigger"},
        {"id": "message", "channel": "linkedin", "delay_hours": 48, "skip_when": "already_replied"},
        {
            "id": "whatsapp",
            "channel": "whatsapp",
            "delay_hours": 120,
            "skip_when": "already_replied",
        },
    ]
    return {
        "tenant_id": tenant_id,
        "campaign_id": CAMPAIGN,
        "name": "Outreach",
        "kind": "prospecting",
        "steps": [{**step, "template_id": f"t-{step['id']}"} for step in steps],
    }


def definition(tenant_id: str) -> Definition:
    found = validate_definition(document(tenant_id))
    assert isinstance(found, Definition)
    return found


def announcements(partitions: int) -> Iterator[InputRecord]:
    """Yields the campaigns for every partition; the tenants are announced before."""
    for index in range(50):
        tenant_id = people.tenant_of(index)
        campaign = m.CampaignAnnounced(
            tenant_id, CAMPAIGN, 1, "active", definition(tenant_id), "owner#2"
        )
        for number in range(partitions):
            yield InputRecord(tenant_id.encode(), m.encode(campaign), None, number)


def contact_upserted(index: int, now: int) -> m.Message:
    """Returns the upsert of a prospect."""
    person = people.person(index, f"https://linkedin.com/in/ann-{index}")
    return o.ContactUpserted(*people.event_head(index, "known", now), person)


def contact_enrolled(index: int, now: int) -> m.Message:
    return o.ContactEnrolled(*people.event_head(index, "enrolled", now), CAMPAIGN)


def connection_accepted(index: int, now: int) -> m.Message:
    return o.ConnectionAccepted(*people.event_head(index, "accepted", now))


def _command(index: int, step_id: str) -> str:
    return command_id(people.tenant_of(index), CAMPAIGN, people.contact_of(index), 1, step_id, 1)


def _commanded(index: int, step_id: str) -> m.Message:
    ids = (people.tenant_of(index), people.contact_of(index), _command(index, step_id))
    return m.TouchCommanded(*ids, 1)


def _sent(index: int, step_id: str, now: int) -> m.Message:
    head = people.event_head(index, f"sent-{step_id}", now)
    return o.TouchSent(*head, _command(index, step_id), now, f"provider-{index}")


def _messages_of(index: int, now: int) -> list[m.Message]:
    """Returns the messages of one prospect. Two of three accept at once and get a mail; half of
    these open it, and one in ten replies."""
    messages = [contact_upserted(index, now), contact_enrolled(index, now)]
    messages += [_commanded(index, "request"), _sent(index, "request", now)]
    if index % 3:
        messages += [
            connection_accepted(index, now),
            _commanded(index, "mail"),
            _sent(index, "mail", now),
        ]
        if index % 2:
            head = people.event_head(index, "opened", now + SECOND)
            messages.append(o.TouchSeen(*head, _command(index, "mail"), "opened"))
        if index % 10 == 1:
            messages.append(o.ContactReplied(*people.event_head(index, "replied", now), "email"))
    return messages


def mixed_contact_log(contacts: int, now: int, partitions: int = 4) -> Iterator[InputRecord]:
    """Yields the records of both kinds: half of the contacts are customers whose job is completed,
    half are prospects."""
    yield from people.contact_log_records(contacts // 2, now, partitions)
    yield from announcements(partitions)
    for first in range(contacts // 2, contacts, people.GROUP_SIZE):
        group = range(first, min(first + people.GROUP_SIZE, contacts))
        messages = {index: _messages_of(index, now) for index in group}
        for stage in range(max(map(len, messages.values()))):
            for index in group:
                if stage < len(messages[index]):
                    yield InputRecord(people.key_of(index), m.encode(messages[index][stage]))
