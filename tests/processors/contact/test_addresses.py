"""One address in several spellings, and texts that are no address: who is written to (S4-85,
S4-99)."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest

from processors.fold.store import Store
from schemas.internal.facts import FactKind
from schemas.internal.messages import Person, TouchBounced, contact_key
from schemas.internal.states import Contact, Suppression
from tests.testing.builders import CAMPAIGN, TENANT, answer_fields, step
from tests.testing.publisher import Publisher
from tests.testing.story import (
    START,
    World,
    bounced,
    contact_of,
    deliver,
    enrolled,
    job,
    tenant,
    upserted,
    working_senders,
    world_with_campaign,
)

EMAILS = ("mara@example.com", "Mara@Example.com", " MARA@example.com. ")
PHONES = ("+1 (212) 555-0102", "+12125550102", "212.555.0102", "0012125550102")
URLS = (
    "https://linkedin.com/in/mara-m%C3%BCller",
    "http://de.linkedin.com/in/Mara-Müller/?locale=de_DE",
)
SPELLINGS = [
    *(("email", "email", EMAILS[0], other) for other in EMAILS[1:]),
    *(("sms", "phone", PHONES[0], other) for other in PHONES[1:]),
    ("sms", "phone", PHONES[1], PHONES[0]),
    ("linkedin", "linkedin_url", *URLS),
]


def two_people(channel: str, field: str, one: str, other: str) -> tuple[World, Publisher]:
    """A world in which two people, whose one address is reported in two spellings, have got the
    first of three touches."""
    steps = [step("s1", channel), step("s2", channel, hours=24), step("s3", channel, hours=24)]
    world = world_with_campaign(kind="prospecting", steps=steps, settings={"quiet_hours": "none"})
    publish = Publisher(world)
    for contact_id, text in (("a", one), ("b", other)):
        ids = {"tenant_id": TENANT, "contact_id": contact_id}
        publish("contact.upserted", **ids, **{field: text})
        publish("contact.enrolled", **ids, campaign_id=CAMPAIGN)
    world.advance_hours(1, working_senders())
    assert steps_sent(world, "a") == steps_sent(world, "b") == ["s1"]
    return world, publish


def steps_sent(world: World, contact_id: str) -> list[str]:
    return [t.step_id for t in world.commanded_touches() if t.contact_id == contact_id]


def skip_reasons(world: World, contact_id: str) -> set[str | None]:
    facts = world.facts(FactKind.TOUCH_SKIPPED)
    return {fact.reason for fact in facts if fact.contact_id == contact_id}


@pytest.mark.parametrize(("channel", "field", "one", "other"), SPELLINGS)
def test_an_opt_out_holds_for_every_spelling_of_the_address(
    channel: str, field: str, one: str, other: str
) -> None:
    world, publish = two_people(channel, field, one, other)
    publish("contact.unsubscribed", tenant_id=TENANT, contact_id="a", channel=channel)
    world.advance_hours(100, working_senders(world))
    assert steps_sent(world, "a") == steps_sent(world, "b") == ["s1"]
    assert skip_reasons(world, "b") == {f"opted_out_{channel}"}


@pytest.mark.parametrize(("channel", "field", "one", "other"), SPELLINGS)
def test_a_bounce_closes_every_spelling_of_the_address(
    channel: str, field: str, one: str, other: str
) -> None:
    world, _ = two_people(channel, field, one, other)
    touch = next(t for t in world.commanded_touches() if t.contact_id == "a")
    deliver(world, bounced(world, touch))
    deliver(world, upserted(world, "a", **{field: other}))
    world.advance_hours(100, working_senders(world))
    assert steps_sent(world, "a") == steps_sent(world, "b") == ["s1"]
    assert skip_reasons(world, "a") == skip_reasons(world, "b") == {"address_bounced"}


def test_a_command_carries_the_form_that_a_sender_can_use() -> None:
    world, _ = two_people("sms", "phone", "(212) 555-0102", "+44 (0)20 7946 0958")
    assert {t.recipient for t in world.commanded_touches()} == {"+12125550102", "+442079460958"}
    assert contact_of(world, "a").profile.address("phone") == "(212) 555-0102"
    world, _ = two_people("email", "email", " Ivo@MÜNCHEN.example. ", "ivo@example.com")
    touches = {t.contact_id: t for t in world.commanded_touches()}
    assert touches["a"].recipient == "Ivo@xn--mnchen-3ya.example"
    assert contact_of(world, "a").profile.address("email") == "Ivo@MÜNCHEN.example"


def test_a_request_that_waits_is_amended_to_the_form_that_a_sender_can_use() -> None:
    steps = [step("s1", "sms", hours=1)]
    world = world_with_campaign(steps=steps, settings={"quiet_hours": "none"})
    deliver(world, tenant(at=START + 1, limits={"sms": 1}))
    deliver(world, job("j1", contact_id="first"), job("j2"))
    world.advance_hours(1.5, working_senders())
    (touch,) = world.commanded_touches()
    waiting = "ann" if touch.contact_id == "first" else "first"
    deliver(world, upserted(world, waiting, phone="(212) 555-0102"))
    world.advance_hours(2, working_senders(world))
    assert [t.recipient for t in world.commanded_touches()] == ["+15550100", "+12125550102"]


# texts that are no address

PEOPLE = {
    "plain": ("mara@example.com", "mara@example.com"),
    "capitals": ("Mara@Example.com", "Mara@example.com"),
    "slash": ("n/a", None),
    "spaces": ("  ", None),
    "padded": (" ivo@example.com ", "ivo@example.com"),
    "two": ("a@example.com;b@example.com", None),
    "named": ("Ivo Brandt <ivo@example.com>", None),
    "dot": ("ivo@example.com.", "ivo@example.com"),
    "header": ("ivo@example.com Bcc: x@example.com", None),
    "separator": ("ivo@example.com\u2028Bcc: x@example.com", None),
    "next-line": ("ivo@example.com\u0085Bcc: x@example.com", None),
    "zero-width": ("ivo\u200b@example.com", None),
    "mailto": ("mailto:ivo@example.com", None),
    "none": ("None", None),
    "null": ("null", None),
}


def test_who_has_no_usable_address_gets_nothing_and_padding_is_removed() -> None:
    steps = [step("m1")]
    world = world_with_campaign(kind="prospecting", steps=steps, settings={"quiet_hours": "none"})
    publish = Publisher(world)
    for contact_id, (text, _) in PEOPLE.items():
        ids = {"tenant_id": TENANT, "contact_id": contact_id}
        publish("contact.upserted", **ids, email=text)
        publish("contact.enrolled", **ids, campaign_id=CAMPAIGN)
    world.advance_hours(1, working_senders())
    commanded = {t.contact_id: t.recipient for t in world.commanded_touches()}
    assert commanded == {who: address for who, (_, address) in PEOPLE.items() if address}
    for contact_id, (_, address) in PEOPLE.items():
        assert skip_reasons(world, contact_id) == (set() if address else {"no_address"})


@pytest.mark.parametrize("text", ["n/a", "  ", "ivo", "a@example.com b@example.com", "null"])
def test_what_is_no_address_clears_none(text: str) -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(1)
    Publisher(world)("contact.upserted", tenant_id=TENANT, contact_id="ann", email=text)
    world.advance_hours(25, working_senders())
    assert [t.recipient for t in world.commanded_touches()] == ["ann@example.com"]


def test_an_empty_text_clears_an_address() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(1)
    Publisher(world)("contact.upserted", tenant_id=TENANT, contact_id="ann", email="")
    world.advance_hours(25, working_senders())
    assert skip_reasons(world, "ann") == {"no_address"}


# what older versions have recorded


def test_what_an_older_version_stored_is_checked_when_it_is_used() -> None:
    """The messages in a log of an older version have every text that an event had."""
    texts = ("n/a", "a@example.com;b@example.com", "ivo@example.com\u2028Bcc: x@example.com")
    world = world_with_campaign(steps=[step("a", hours=24)])
    for number, text in enumerate((*texts, " ivo@example.com ")):
        deliver(world, job(f"j{number}", contact_id=f"p{number}", person=Person(email=text)))
    world.advance_hours(25, working_senders())
    assert [t.recipient for t in world.commanded_touches()] == ["ivo@example.com"]
    assert [skip_reasons(world, who) for who in ("p0", "p1", "p2")] == [{"no_address"}] * 3


@pytest.mark.parametrize(
    ("channel", "field", "text"),
    [
        ("email", "email", "Mara@Example.com"),
        ("email", "email", "Mara@MÜNCHEN.example"),
        ("sms", "phone", "+1 (212) 555-0102"),
        ("linkedin", "linkedin_url", URLS[1]),
    ],
)
def test_an_address_that_an_older_version_closed_by_its_text_stays_closed(
    channel: str, field: str, text: str
) -> None:
    world, _ = two_people(channel, field, text, text)
    digest = blake2b(text.strip().lower().encode(), digest_size=16).hexdigest()
    key = f"\x02{TENANT}/{channel}/{digest}".encode()
    closed = Suppression("address_bounced", "old#1", START)
    change_stores(world, "dispatch", lambda store: store.put(key, closed))
    world.advance_hours(100, working_senders(world))
    assert steps_sent(world, "a") == steps_sent(world, "b") == ["s1"]
    assert skip_reasons(world, "b") == {"address_bounced"}


@pytest.mark.parametrize("other", ["", *PHONES[1:]])
def test_a_bounce_that_an_older_version_recorded_by_the_text_still_closes(other: str) -> None:
    """Also after another spelling of the number has replaced the text."""
    world, _ = two_people("sms", "phone", PHONES[0], "+12125550199")
    digest = blake2b(PHONES[0].encode(), digest_size=8).digest().hex()
    change_contact(world, "a", lambda contact: contact.bounced.update({digest: START}))
    if other:
        deliver(world, upserted(world, "a", phone=other))
    world.advance_hours(100, working_senders(world))
    assert (steps_sent(world, "a"), steps_sent(world, "b")) == (["s1"], ["s1", "s2", "s3"])
    assert skip_reasons(world, "a") == {"address_bounced"}


def test_a_bounce_of_a_touch_that_an_older_version_requested_closes_its_address() -> None:
    world, _ = two_people("sms", "phone", *PHONES[:2])
    touch = next(t for t in world.commanded_touches() if t.contact_id == "a")
    digest = blake2b(PHONES[0].encode(), digest_size=8).digest()

    def as_before(contact: Contact) -> None:
        contact.enrollments[-1].touches[0].recipient = digest

    change_contact(world, "a", as_before)
    deliver(world, TouchBounced(**answer_fields(touch, world, "b"), bounce_type="hard"))
    world.advance_hours(100, working_senders(world))
    assert steps_sent(world, "a") == steps_sent(world, "b") == ["s1"]


def test_a_number_that_was_closed_before_the_country_was_known_stays_closed() -> None:
    world, publish = two_people("sms", "phone", "212 555 0102", "(212) 555-0102")
    nowhere: dict[str, Any] = {"tenant_id": TENANT, "timezone": "UTC"}
    publish("tenant.upserted", **nowhere)
    publish("contact.unsubscribed", tenant_id=TENANT, contact_id="a", channel="sms")
    publish("tenant.upserted", **nowhere, country="US")
    world.advance_hours(100, working_senders(world))
    assert steps_sent(world, "b") == ["s1"]
    assert skip_reasons(world, "b") == {"opted_out_sms"}


def change_contact(world: World, contact_id: str, change: Callable[[Contact], None]) -> None:
    """Changes the stored state of a contact to what an older version has stored."""

    def change_state(store: Store) -> None:
        contact = store.edit(contact_key(TENANT, contact_id), Contact)
        if contact is not None:
            change(contact)

    change_stores(world, "contact", change_state)


def change_stores(world: World, role: str, change: Callable[[Store], None]) -> None:
    """Changes the states of all tasks of a role."""
    for owned in world.workers[role].owned.values():
        change(owned.task.store)
        owned.task.store.settle()
