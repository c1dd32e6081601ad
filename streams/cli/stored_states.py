"""The states that processors have committed, as their changelogs have them."""

from collections.abc import Callable, Collection, Iterator
from contextlib import closing

import msgspec

from processors.campaign.broadcast import campaign_key, tenant_key
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import (
    CampaignRecord,
    CampaignState,
    Contact,
    ContactState,
    State,
    TenantRecord,
)
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.cli.errors import CommandError
from streams.kafka.reader import TopicReader

IsWanted = Callable[[bytes, bytes], bool]
"""Whether a state is wanted, by its key and its bytes."""

_HEAD_BYTES = 40
"""The beginning of a stored state, in which its tag is."""

_decode_campaign_state = msgspec.msgpack.Decoder(CampaignState).decode
_decode_contact_state = msgspec.msgpack.Decoder(ContactState).decode


def stored_states(
    settings: Settings, changelog: Topic, is_wanted: IsWanted, partition: int | None = None
) -> dict[bytes, bytes]:
    """The encoded states that are wanted, by key, of one partition of a changelog or of all."""
    values = stored_values(settings, changelog, is_wanted, partition)
    return {key: payload_of(value) for key, value in values.items()}


def stored_values(
    settings: Settings, changelog: Topic, is_wanted: IsWanted, partition: int | None = None
) -> dict[bytes, bytes]:
    """As `stored_states`, with the bytes before the state. The whole changelog is read, but only
    the wanted states are held."""
    values: dict[bytes, bytes] = {}
    with closing(TopicReader(settings, changelog, partition)) as reader:
        for _, lines in reader.read():
            for line in lines:
                key, value = line.record.key, line.value
                if value is not None and is_wanted(key, value):
                    values[key] = value
                else:
                    values.pop(key, None)
    return values


def is_tagged(value: bytes, kind: type[State]) -> bool:
    """Whether the bytes of a state may be one of a kind: a quick look, which the decoded state must
    confirm."""
    return kind.__name__.encode() in value[:_HEAD_BYTES]


def contacts_of(settings: Settings, tenant_id: str) -> Iterator[tuple[str, Contact | None]]:
    """The ids and states of the contacts of a tenant, as their changelog has them: of several
    states of a contact the last counts, and None is a contact that is gone.

    The whole changelog is read. Contacts come one by one: all their states at once would take too
    much memory.
    """
    prefix = f"{tenant_id}/".encode()
    with closing(TopicReader(settings, Topic.CONTACT_CHANGELOG)) as reader:
        for _, entries in reader.read():
            for entry in entries:
                if entry.record.key.startswith(prefix):
                    value = entry.value
                    state = None if value is None else _decode_contact_state(payload_of(value))
                    contact_id = entry.record.key[len(prefix) :].decode()
                    yield contact_id, state if isinstance(state, Contact) else None


class AdminStates:
    """The tenants and campaigns that the campaign processor has stored under some keys."""

    def __init__(self, settings: Settings, keys: Collection[bytes]) -> None:
        self._states = stored_states(settings, Topic.CAMPAIGN_CHANGELOG, lambda key, _: key in keys)

    def tenant(self, tenant_id: str) -> TenantRecord | None:
        """None if the tenant was never created."""
        state = self._state(tenant_key(tenant_id))
        assert state is None or isinstance(state, TenantRecord)
        return state

    def campaign(self, tenant_id: str, campaign_id: str) -> CampaignRecord | None:
        """None if the campaign was never published."""
        state = self._state(campaign_key(tenant_id, campaign_id))
        assert state is None or isinstance(state, CampaignRecord)
        return state

    def _state(self, key: bytes) -> CampaignState | None:
        value = self._states.get(key)
        return None if value is None else _decode_campaign_state(value)


def existing_tenant(states: AdminStates, tenant_id: str) -> TenantRecord:
    """A tenant that is there. Raises CommandError for one that was never created, or was deleted:
    the engine would decline everything about its people."""
    tenant = states.tenant(tenant_id)
    if tenant is None:
        command = f"touchstream tenant set {tenant_id} --timezone ZONE"
        raise CommandError(f"there is no tenant {tenant_id}; to create it: {command}")
    if tenant.status != "active":
        raise CommandError(f"the tenant {tenant_id} is {tenant.status}")
    return tenant
