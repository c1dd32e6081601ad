"""Contact-log of businesses that reach prospects on four channels, and of both kinds side by
side."""

from collections.abc import Iterator

from bench import people
from bench.harness import Line
from schemas.base.ids import command_id
from schemas.base.times import SECOND
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import contact_messages as o
from schemas.internal import messages as m

CAMPAIGN = "outreach"


def document(tenant_id: str) -> dict[str, object]:
    """The four channels of F-13, the first at once."""
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


def announcements(partitions: int) -> Iterator[Line]:
    """The campaigns; their tenants are announced before."""
    for index in range(50):
        tenant_id = people.tenant_of(index)
        campaign = m.CampaignAnnounced(
            tenant_id, CAMPAIGN, 1, "active", definition(tenant_id), "owner#2"
        )
        for number in range(partitions):
            yield Line(tenant_id.encode(), m.encode(campaign), None, number)


def known(index: int, now: int) -> m.Message:
    """Upstream tells who it is."""
    person = people.person(index, f"https://linkedin.com/in/ann-{index}")
    return o.ContactUpserted(*people.who(index, "known", now), person)


def enrolled(index: int, now: int) -> m.Message:
    return o.ContactEnrolled(*people.who(index, "enrolled", now), CAMPAIGN)


def accepted(index: int, now: int) -> m.Message:
    return o.ConnectionAccepted(*people.who(index, "accepted", now))


def _command(index: int, step_id: str) -> str:
    return command_id(people.tenant_of(index), CAMPAIGN, people.contact_of(index), 1, step_id, 1)


def _commanded(index: int, step_id: str) -> m.Message:
    ids = (people.tenant_of(index), people.contact_of(index), _command(index, step_id))
    return m.TouchCommanded(*ids, 1)


def _sent(index: int, step_id: str, now: int) -> m.Message:
    who = people.who(index, f"sent-{step_id}", now)
    return o.TouchSent(*who, _command(index, step_id), now, f"provider-{index}")


def _life(index: int, now: int) -> list[m.Message]:
    """Two of three accept at once and get a mail; half of those open it, one in ten replies."""
    told = [known(index, now), enrolled(index, now)]
    told += [_commanded(index, "request"), _sent(index, "request", now)]
    if index % 3:
        told += [accepted(index, now), _commanded(index, "mail"), _sent(index, "mail", now)]
        if index % 2:
            who = people.who(index, "opened", now + SECOND)
            told.append(o.TouchSeen(*who, _command(index, "mail"), "opened"))
        if index % 10 == 1:
            told.append(o.ContactReplied(*people.who(index, "replied", now), "email"))
    return told


def mixed(contacts: int, now: int, partitions: int = 4) -> Iterator[Line]:
    """Half of them customers whose job is done, half prospects; stage by stage as in `people`."""
    yield from people.lives(contacts // 2, now, partitions)
    yield from announcements(partitions)
    for first in range(contacts // 2, contacts, people.GROUP):
        group = range(first, min(first + people.GROUP, contacts))
        lives = {index: _life(index, now) for index in group}
        for stage in range(max(map(len, lives.values()))):
            for index in group:
                if stage < len(lives[index]):
                    yield Line(people.key_of(index), m.encode(lives[index][stage]))
