"""A channel that the table does not have, from a CSV line to a row.

    python -m tests.testing.push_channel DSN DIRECTORY

adds the channel `push` to schemas/channels.py in this process, before anything else is imported,
and prints as JSON what becomes of it. DSN names an empty, migrated database.
"""

import json
import sys
from pathlib import Path
from typing import Any

from schemas import channels


def clean_token(text: str) -> str:
    """A device token, trimmed. Raises ValueError if it is none."""
    token = text.strip()
    if token and not token.startswith("tok-"):
        raise ValueError("not a device token")
    return token


def add_channel() -> None:
    """Adds the rows that a developer would write for `push`."""
    token = channels.Address(
        name="device_token",
        example="tok-1",
        made_up=lambda number: f"tok-{number}",
        headings=("token",),
        characters_max=200,
        clean=clean_token,
        forms=lambda text, country: (text.strip().lower(), text.strip()),
        error_code="CONTACT_DEVICE_TOKEN_INVALID",
    )
    channels.ADDRESSES[token.name] = token
    channels.CHANNELS["push"] = channels.Channel(
        name="push",
        address=token,
        actions={"send_message": ("delivered", "open", "click")},
        quiet_hours=True,
        kinds=("prospecting",),
        color="#f0e442",
    )


PEOPLE = (
    b"contact_id,first_name,device_token,email,timezone\n"
    b"ann,Ann,tok-1,ann@example.com,America/Chicago\n"
)
BAD = b"first_name,token\nBob,elsewhere\n"
STEPS = [
    {"id": "note", "channel": "push", "template_id": "t1", "delay_hours": 0, "wait_for": "open"},
    {"id": "later", "channel": "push", "template_id": "t2", "delay_hours": 24},
]
BEHAVIOUR = """push: {delivered: {probability: 1}, opened: {probability: 1, after_minutes: 5}}"""


def main(dsn: str, directory: Path) -> dict[str, Any]:
    """Runs the whole path and returns what a test asserts."""
    from schemas.base.times import HOUR
    from schemas.csv_import import ContactLine, read_contacts
    from schemas.internal import messages as m
    from schemas.internal.facts import FactKind
    from schemas.internal.topics import COMMAND_TOPICS
    from tests.testing.builders import answer_fields, sent
    from tests.testing.publisher import Publisher
    from tests.testing.story import deliver, make_sender
    from tests.testing.world import World

    (line,) = read_contacts(PEOPLE.splitlines(keepends=True), "acme")
    (bad,) = read_contacts(BAD.splitlines(keepends=True), "acme")
    assert isinstance(line, ContactLine)
    person = json.loads(line.event.model_dump_json(exclude_none=True))

    campaign = {
        "tenant_id": "acme",
        "campaign_id": "notes",
        "name": "Notes",
        "kind": "prospecting",
        "steps": STEPS,
        "settings": {"quiet_hours": {"start": "21:00", "end": "08:00"}},
    }
    world = World()
    publish = Publisher(world)
    tenant = {"tenant_id": "acme", "timezone": "America/Chicago", "limits": {"push": {}}}
    publish("tenant.upserted", **tenant)
    publish("campaign.published", tenant_id="acme", campaign_id="notes", definition=campaign)
    publish("contact.upserted", **person)
    world.now += 14 * HOUR  # 23:00 in Chicago
    publish("contact.enrolled", tenant_id="acme", contact_id="ann", campaign_id="notes")
    at_night = len(world.commanded_touches())
    senders = [make_sender(sent)]
    world.advance_hours(10, senders)
    (touch,) = world.commanded_touches()
    opened = m.TouchSeen(**answer_fields(touch, world, "o"), signal="opened")
    deliver(world, opened)
    publish("contact.unsubscribed", tenant_id="acme", contact_id="ann", channel="push")
    world.advance_hours(48, senders)
    return {
        "bad": [bad.line, bad.code],  # type: ignore[union-attr]
        "at_night": at_night,
        "topic": COMMAND_TOPICS["push"].value,
        "on_topic": len(list(world.broker.topic(COMMAND_TOPICS["push"]))),
        "recipient": touch.recipient,
        "facts": sorted({(f.fact.value, f.reason or "") for f in world.facts()}),
        "opted_out": [f.channel for f in world.facts(FactKind.CONTACT_OPTED_OUT)],
        "rows": rows_of(world, dsn),
        "simulated": simulate(directory, campaign),
    }


def rows_of(world: Any, dsn: str) -> dict[str, Any]:
    """What PostgreSQL shows of the world."""
    import psycopg

    from tests.testing.projected import project

    project(world, dsn)
    with psycopg.connect(dsn) as connection:
        addresses = connection.execute(
            "SELECT name, address FROM touchstream.contact_addresses ORDER BY name"
        ).fetchall()
        state = connection.execute(
            "SELECT channel, touches, sent, skipped, opened, opted_out_at IS NOT NULL"
            " FROM touchstream.channel_state"
        ).fetchall()
    return {"addresses": addresses, "channel_state": state}


def simulate(directory: Path, campaign: dict[str, Any]) -> dict[str, Any]:
    """Simulates the campaign with `touchstream simulate`, and returns its summary."""
    from streams import cli

    files = {"campaign.json": json.dumps(campaign), "behaviour.yaml": BEHAVIOUR}
    files["people.csv"] = PEOPLE.decode()
    for name, text in files.items():
        (directory / name).write_text(text)
    common = [
        *("simulate", str(directory / "campaign.json")),
        *("--behaviour", str(directory / "behaviour.yaml")),
    ]
    made_up = directory / "made_up"
    population = ["--population", str(directory / "people.csv")]
    for people, out in ((population, directory / "out"), (["--people", "3"], made_up)):
        code = cli.execute([*common, *people, "--out", str(out)])
        assert code == 0, code
    summaries = [json.loads((d / "summary.json").read_text()) for d in (directory / "out", made_up)]
    return {"file": summaries[0]["touches"], "made_up": summaries[1]["touches"]}


if __name__ == "__main__":
    add_channel()
    print("\n" + json.dumps(main(sys.argv[1], Path(sys.argv[2])), default=str))
