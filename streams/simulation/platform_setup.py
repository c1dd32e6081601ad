"""The tenants, call pools and sender accounts of a simulation, read from one file.

The file is YAML or JSON. Each entry is the data of its public event (tenant.upserted,
pool.upserted, sender.upserted) without the ids, which are the keys. Validation reports all problems
at once, each with its place in the file.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError

from processors.intake import internal_message
from schemas.base.error_codes import Refused
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.yaml_document import DocumentInvalid, parse_document
from schemas.channels import CHANNELS
from schemas.internal.messages import PLATFORM, UpsertPool, UpsertSender, UpsertTenant
from schemas.public.codec import PublicEvent
from schemas.public.events import EVENTS
from streams.simulation.simulated_events import SOURCE

SenderKey = tuple[str, str]
"""Tenant id and sender id."""

Upsert = UpsertTenant | UpsertPool | UpsertSender

USUAL = "usual"
"""The beginning of the ids of accounts that a simulation adds by itself."""

_DEPTHS = {"tenants": 1, "pools": 1, "senders": 2}
"""The parts of a file, with how many ids lead to an entry."""

_DEFAULTS: dict[str, dict[str, Any]] = {
    "tenants": {"timezone": "UTC"},
    "pools": {"tenant_id": PLATFORM},
    "senders": {},
}
_EVENT_TYPES = {
    "tenants": ("tenant.upserted", ("tenant_id",)),
    "pools": ("pool.upserted", ("pool_id",)),
    "senders": ("sender.upserted", ("tenant_id", "sender_id")),
}


class SetupInvalid(ValueError):
    """The document is not a set-up. `problems` lists every problem with its place."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class PlatformSetup(NamedTuple):
    """The orders that create tenants, pools and sender accounts, by their ids."""

    tenants: dict[str, UpsertTenant]
    pools: dict[str, UpsertPool]
    senders: dict[SenderKey, UpsertSender]

    @classmethod
    def read(cls, text: str | bytes) -> "PlatformSetup":
        """Parses a file. Raises SetupInvalid."""
        try:
            document = parse_document(text)
        except DocumentInvalid as error:
            raise SetupInvalid([error.problem.message]) from None
        return cls.of(document)

    @classmethod
    def of(cls, document: Any) -> "PlatformSetup":
        """Builds the orders of a parsed document. Raises SetupInvalid."""
        problems: list[str] = []
        setup = cls({}, {}, {})
        for part, ids, entry in _entries({} if document is None else document, problems):
            message = _order(part, ids, entry, problems)
            if isinstance(message, UpsertTenant):
                setup.tenants[message.tenant_id] = message
            elif isinstance(message, UpsertPool):
                setup.pools[message.pool_id] = message
            elif message is not None:
                setup.senders[message.tenant_id, message.sender.sender_id] = message
        if problems:
            raise SetupInvalid(problems)
        return setup

    def with_usual_accounts(self, definitions: Iterable[Definition]) -> "PlatformSetup":
        """Adds an account with the limits of its channel for every channel of a prepared campaign:
        without an account such a campaign cannot be activated."""
        senders = {**self.senders}
        for definition in definitions:
            if KINDS[definition.kind].prepared:
                for channel in dict.fromkeys(step.channel for step in definition.steps):
                    ids = (definition.tenant_id, f"{USUAL}-{channel}")
                    if not CHANNELS[channel].by_pool:
                        order = _order("senders", ids, {"channel": channel}, [])
                        assert isinstance(order, UpsertSender), "the entry is valid"
                        senders[ids] = order
        return self._replace(senders=senders)

    def without_tenants(self) -> Iterator[UpsertPool | UpsertSender]:
        """Yields the orders about pools and sender accounts."""
        yield from self.pools.values()
        yield from self.senders.values()

    def unknown_tenants(self, known: Mapping[str, UpsertTenant]) -> list[str]:
        """The tenants of sender accounts that nothing else creates."""
        return sorted({tenant_id for tenant_id, _ in self.senders} - set(known))


NO_SETUP = PlatformSetup({}, {}, {})


def _entries(document: Any, problems: list[str]) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Yields every entry with its part and its ids; notes what is no such entry."""
    if not isinstance(document, dict):
        problems.append("the document: must be a mapping with tenants, pools and senders")
        return
    for part, entries in document.items():
        if part not in _DEPTHS:
            problems.append(f"{part}: unknown; a set-up has {', '.join(_DEPTHS)}")
            continue
        for ids, entry in _at_depth(entries, _DEPTHS[part], (), part, problems):
            yield part, ids, entry


def _at_depth(
    node: Any, depth: int, ids: tuple[str, ...], part: str, problems: list[str]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(node, dict):
        problems.append(f"{'.'.join((part, *ids))}: must be a mapping")
    elif depth == 0:
        yield ids, node
    else:
        for key, value in node.items():
            yield from _at_depth(value, depth - 1, (*ids, str(key)), part, problems)


def _order(part: str, ids: tuple[str, ...], entry: Any, problems: list[str]) -> Upsert | None:
    """The order of an entry; None if it is invalid, with its problems noted."""
    event_type, names = _EVENT_TYPES[part]
    place = ".".join((part, *ids))
    fields = {**_DEFAULTS[part], **entry, **dict(zip(names, ids, strict=True))}
    try:
        data = EVENTS[event_type].model.model_validate_json(msgspec.json.encode(fields))
        event = PublicEvent(event_type, ".".join(ids), SOURCE, None, data)
        message = internal_message(event, 0)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_context=False, include_input=False):
            field = ".".join(map(str, (place, *problem["loc"])))
            problems.append(f"{field}: {problem['msg'].removeprefix('Value error, ')}")
        return None
    except Refused as refused:
        problems.append(f"{place}: {refused}")
        return None
    except TypeError:
        problems.append(f"{place}: a value is neither text, number, list nor mapping")
        return None
    assert isinstance(message, Upsert)
    return message
