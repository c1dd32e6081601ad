"""A person as last told: the latest account of each field wins, in whatever order the accounts
arrive (X-1)."""

import msgspec

from processors.contact.context import Scene
from processors.contact.pause_stop import live, stop
from processors.contact.sender_answers import Found
from processors.contact.state_machine import Input
from processors.contact.touch_gates import variables_of, withdraw
from processors.shared.tenant_lookup import ADDRESS
from schemas.internal.facts import Kind
from schemas.internal.messages import (
    AmendTouch,
    ContactErased,
    ContactUpserted,
    Person,
    SuppressAddress,
    TouchBounced,
    account_key,
)
from schemas.internal.states import Phase, Profile
from schemas.internal.topics import Topic

FIELDS = Person.__struct_fields__


def tell(profile: Profile, person: Person, at: int) -> list[str]:
    """The fields that `person` changes. Of two accounts of one moment the greater text wins."""
    changed = []
    told_at = profile.told_at
    for index, name in enumerate(FIELDS):
        value = getattr(person, name)
        if value is None or at < told_at[index]:
            continue
        present = getattr(profile, name)
        if at > told_at[index] or value > present:
            told_at[index] = at
            if value != present:
                setattr(profile, name, value)
                changed.append(name)
    return changed


def update(scene: Scene, person: Person, at: int, cause: str) -> None:
    """The profile takes what is newer; a touch that waits at dispatch is amended (C-36)."""
    changed = tell(scene.contact.profile, person, at)
    if not changed:
        return
    scene.say(Kind.CONTACT_UPDATED, cause=cause, values={"fields": changed})
    for channel, field in ADDRESS.items():
        if field in changed and scene.opted_out(channel):
            suppress(scene, channel, f"opted_out_{scene.opted_out(channel)}", cause)
    amend(scene)


def amend(scene: Scene, campaign_id: str | None = None) -> None:
    """What waits at dispatch is told what its command would say now, or taken back (C-36)."""
    for enrollment in live(scene, campaign_id):
        touch = enrollment.touches[-1]
        if touch.phase is not Phase.REQUESTED:
            continue
        definition = scene.definition(enrollment)
        step = scene.step(enrollment, touch)
        template_id = scene.template(enrollment, step)
        address = scene.address(touch.channel)
        if not address or template_id is None:
            reason = "no_template" if address else "no_address"
            withdraw(scene, enrollment, touch, Input.STOP, reason, revoke=False)
            continue
        assert touch.command_id is not None
        touch.template_id = template_id
        touch.recipient = scene.recipient(touch.channel)
        order = AmendTouch(
            touch.command_id,
            scene.tenant_id,
            touch.channel,
            address,
            scene.window(definition, step),
            template_id,
            variables_of(scene, enrollment),
        )
        scene.turn.send(Topic.DISPATCH_LOG, account_key(scene.tenant_id, touch.channel), order)


def upserted(scene: Scene, message: ContactUpserted) -> None:
    """What upstream says of the person; attributes are replaced as a whole by the latest
    account; of two of one moment the greater text wins."""
    profile = scene.contact.profile
    if message.attributes is not None and _is_later(message, profile):
        profile.attributes, profile.attributes_at = message.attributes, message.at
        amend(scene)
    update(scene, message.person, message.at, message.cause)


def _is_later(message: ContactUpserted, profile: Profile) -> bool:
    if message.at != profile.attributes_at:
        return message.at > profile.attributes_at
    encode = msgspec.json.encode
    return encode(message.attributes, order="sorted") > encode(profile.attributes, order="sorted")


def suppress(scene: Scene, channel: str, reason: str, cause: str) -> None:
    """The address gets nothing more, whichever contact it belongs to: dispatch is the last gate
    (S4-85)."""
    address = scene.address(channel)
    if address:
        scene.turn.send(
            Topic.DISPATCH_LOG,
            account_key(scene.tenant_id, channel),
            SuppressAddress(scene.tenant_id, channel, address, reason, cause),
        )


def bounced(scene: Scene, found: Found, message: TouchBounced) -> None:
    """A hard bounce closes the address that was written to, not the person: another address opens
    the channel again (S4-81). It is closed for others of the tenant while its text is known."""
    touch, contact = found.touch, scene.contact
    first = touch.bounced_at is None
    touch.bounced_at = message.at if first else min(message.at, touch.bounced_at or message.at)
    if first:
        scene.say(
            Kind.TOUCH_BOUNCED,
            found.enrollment,
            touch,
            command_id=message.command_id,
            attempt=found.attempt,
            cause=message.cause,
            reason=message.bounce_type,  # its text may quote the address, and facts hold none
            occurred_at=message.at,
        )
    if message.bounce_type == "hard" and touch.recipient is not None:
        contact.bounced.setdefault(touch.recipient.hex(), message.at)
        if touch.recipient == scene.recipient(touch.channel):
            suppress(scene, touch.channel, "address_bounced", message.cause)


def erased(scene: Scene, message: ContactErased) -> None:
    """The person is forgotten: enrollments stop, names and addresses go; ids and times stay
    (C-32)."""
    contact = scene.contact
    for enrollment in live(scene):
        stop(scene, enrollment, "contact_erased", message.cause)
    for enrollment in contact.enrollments:
        enrollment.variables = None
    contact.profile = Profile()
    contact.bounced = {}
    contact.erased_at = scene.now
    scene.say(Kind.CONTACT_ERASED, cause=message.cause)
