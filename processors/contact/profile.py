"""The profile of a person, and the amendment of what waits at dispatch.

Of several reports about one field the latest wins, in whatever order they arrive (X-1).
"""

from operator import attrgetter
from typing import Any

import msgspec

from processors.contact.call_terms import BY_POOL, call_terms, closed_for_call
from processors.contact.closed_addresses import suppress_address
from processors.contact.context import Context
from processors.contact.experiment_templates import (
    experiment_and_variant,
    reason_without_template,
)
from processors.contact.pause_stop import revoke_finishing, stop
from processors.contact.person_fields import erase_fields
from processors.contact.run_queries import live_runs, open_touch
from processors.contact.state_machine import Input
from processors.contact.touch_gates import command_variables
from processors.contact.touch_outcome import withdraw_touch
from processors.contact.touch_times import (
    REDIAL,
    RETRY,
    SOFT_BOUNCE,
    WINDOW_WAITS,
    emit_schedule,
    look_for_opening,
)
from processors.shared.address_keys import other_spelling
from processors.shared.tenant_lookup import ADDRESS_OF
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    AmendTouch,
    ContactErased,
    ContactUpserted,
    Person,
    dispatch_key,
)
from schemas.internal.opt_outs import last_opt_out_at
from schemas.internal.states import NAMES, Profile
from schemas.internal.topics import Topic

_ORDER = ("first_name", "last_name", "email", "phone", "timezone", "region", "linkedin_url")
_UNKNOWN = ("", 0)


class _Ranks(dict[str, tuple[int, str]]):
    """The order in which facts list changed fields: first _ORDER, then other addresses by name."""

    def __missing__(self, name: str) -> tuple[int, str]:
        return len(_ORDER), name


_names_of = attrgetter(*NAMES)

_rank = _Ranks({name: (rank, name) for rank, name in enumerate(_ORDER)}).__getitem__


def merge(profile: Profile, person: Person, at: int) -> list[str]:
    """Takes from `person`, reported at `at`, what is newer than the profile, and returns the names
    of the fields and addresses that changed. Of two reports of one moment the greater text wins."""
    changed = []
    reported_at = profile.reported_at
    pairs = zip(_names_of(person), _names_of(profile), strict=True)
    for index, (value, present) in enumerate(pairs):
        if value is None or at < (since := reported_at[index]):
            continue
        if at > since or value > present:
            reported_at[index] = at
            if value != present:
                setattr(profile, NAMES[index], value)
                changed.append(NAMES[index])
    addresses = profile.addresses
    known = len(addresses)
    for name, value in person.reported_addresses().items():
        present, since = addresses.get(name, _UNKNOWN)
        if at > since or (at == since and value > present):
            addresses[name] = (value, at)
            if value != present:
                changed.append(name)
    if len(addresses) != known:  # the same state has the same bytes, whatever came first
        profile.addresses = dict(sorted(addresses.items()))
    if len(changed) > 1:
        changed.sort(key=_rank)
    return changed


def update(context: Context, person: Person, at: int, cause: str) -> None:
    """Merges a report into the profile, and amends what waits at dispatch (C-36)."""
    context.keep_closed()
    changed = merge(context.contact.profile, person, at)
    if not changed:
        return
    values: dict[str, Any] = {"fields": changed}
    if "region" in changed and context.region_is_unknown():
        values["region_unknown"] = True  # its strict hours hold, and somebody should know
    context.emit_fact(FactKind.CONTACT_UPDATED, cause=cause, values=values)
    if context.contact.opted_out:
        _suppress_addresses(context, changed, cause)
    if context.contact.enrollments:
        amend_requests(context)
        if not _WINDOW_FIELDS.isdisjoint(changed):
            amend_due_times(context, cause)


def _suppress_addresses(context: Context, changed: list[str], cause: str) -> None:
    """Closes the new addresses of the channels that the person has opted out of."""
    for channel, field in ADDRESS_OF.items():
        if field in changed and (scope := context.opt_out_scope(channel)):
            opted_out_at = last_opt_out_at(context.contact, scope)
            suppress_address(context, channel, f"opted_out_{scope}", cause, opted_out_at)


_WINDOW_FIELDS = frozenset(("timezone", "region", *ADDRESS_OF.values()))
"""The fields of a person that may decide when a touch may go out."""


def amend_due_times(context: Context, cause: str, campaign_id: str | None = None) -> None:
    """Has the touches that wait for a time or for their send window wait for the window of now:
    longer, shorter or no more. One of a paused enrollment does so when that goes on (F-6)."""
    for enrollment in live_runs(context, campaign_id):
        touch = open_touch(enrollment)
        if touch is None or enrollment.status is not Status.ACTIVE:
            continue
        if touch.wait not in _WAITS_FOR_TIME.get(touch.phase, ()):
            continue
        before, wait = touch.due_at, touch.wait
        window = look_for_opening(context, enrollment, touch)
        if touch.due_at == before:
            touch.wait = wait
        else:
            emit_schedule(context, enrollment, touch, window, cause=cause)


_WAITS_FOR_TIME = {
    Phase.SCHEDULED: ("delay", RETRY, REDIAL, SOFT_BOUNCE, *WINDOW_WAITS),
    Phase.COMMANDED: WINDOW_WAITS,  # a repeat of its command waits for the window
}
"""The waits of a touch that a send window may shorten or extend."""


def amend_requests(context: Context, campaign_id: str | None = None) -> None:
    """Amends the touches that wait at dispatch to the address, window, template and variables of
    now, or withdraws those that can no longer be sent (C-36)."""
    for enrollment in live_runs(context, campaign_id):
        touch = open_touch(enrollment)
        if touch is None or touch.phase is not Phase.REQUESTED:
            continue
        definition = context.definition(enrollment)
        step = context.step(enrollment, touch)
        template = context.newest_template(enrollment, step)
        template_id = context.unless_deleted(template.template_id)
        recipient = context.address(touch.channel)
        is_call = touch.channel in BY_POOL
        reason = closed_for_call(context, enrollment, definition, step) if is_call else None
        if reason is None and not (recipient and template_id):
            reason = reason_without_template(template) if recipient else "no_address"
        if reason is not None or template_id is None:
            assert reason is not None
            withdraw_touch(context, enrollment, touch, Input.STOP, reason, revoke=False)
            continue
        assert touch.command_id is not None
        touch.template_id, pool_id = template_id, touch.pool_id
        experiment_id, variant = experiment_and_variant(template)
        if template.assignment is not None:
            template.assignment.touch_number = touch.number
        touch.recipient = context.address_digest(touch.channel)
        amendment = AmendTouch(
            touch.command_id,
            context.tenant_id,
            touch.channel,
            recipient,
            context.window(definition, step),
            template_id,
            command_variables(context, enrollment),
            other_spelling(context.address_text(touch.channel), recipient),
            pool_id,
            call_terms(context, enrollment, definition, step, pool_id) if pool_id else None,
            variant,
            experiment_id,
        )
        key = dispatch_key(context.tenant_id, touch.channel, pool_id)
        context.turn.send(Topic.DISPATCH_LOG, key, amendment)


def contact_upserted(context: Context, message: ContactUpserted) -> None:
    """Merges upstream's report about the person. The latest attributes replace all earlier ones; of
    two of one moment the greater JSON text wins."""
    profile = context.contact.profile
    if message.attributes is not None and _is_later(message, profile):
        profile.attributes, profile.attributes_at = message.attributes, message.at
        amend_requests(context)
    update(context, message.person, message.at, message.cause)


def _is_later(message: ContactUpserted, profile: Profile) -> bool:
    if message.at != profile.attributes_at:
        return message.at > profile.attributes_at
    encode = msgspec.json.encode
    return encode(message.attributes, order="sorted") > encode(profile.attributes, order="sorted")


def contact_erased(context: Context, message: ContactErased) -> None:
    """Stops the person's enrollments and deletes names and addresses; ids and times stay (C-32)."""
    contact = context.contact
    for enrollment in live_runs(context):
        stop(context, enrollment, "contact_erased", message.cause)
    revoke_finishing(context, "contact_erased", every=True)
    for enrollment in contact.enrollments:
        enrollment.variables = None
        erase_fields(enrollment)
    contact.profile = Profile()
    contact.bounced, contact.soft_bounces = {}, {}
    contact.erased_at = context.now
    context.emit_fact(FactKind.CONTACT_ERASED, cause=message.cause)
