"""A checked campaign definition as it stands inside messages and states: durations in micros,
nothing optional unsaid.

A field is only ever appended, with a default: old logs stay readable.
"""

from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import fields

from schemas.times import HOUR, MINUTE


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One touch. `delay` counts from `anchor`; without a template it is not sent, with that reason
    (S0-17)."""

    id: str
    channel: str
    delay: int
    anchor: str
    template_id: str | None = None
    action: str = "send_message"


class Settings(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a campaign behaves. `quiet` is tenant, none or own; only own has `quiet_start` and
    `quiet_end` (minutes)."""

    cooldown: int = 0
    repeat_job: str = "restart"
    late_policy: str = "shift_by_pause"
    late_skip: int | None = None
    quiet: str = "tenant"
    quiet_start: int | None = None
    quiet_end: int | None = None
    expire_after: int = 168 * HOUR
    answer_timeout: int = 30 * MINUTE
    retry_delays: tuple[int, ...] = (1 * MINUTE, 5 * MINUTE, 15 * MINUTE)
    priority: int = 0


class Definition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A campaign that passed every check. `service_type` None is for every job (S1-3); `status` is
    where it begins."""

    tenant_id: str
    campaign_id: str
    name: str
    steps: tuple[Step, ...]
    settings: Settings = Settings()
    kind: str = "review"
    service_type: str | None = None
    status: str = "active"
    description: str = ""


def content_hash(definition: Definition) -> bytes:
    """The same for the same content: a publisher's repeat is recognised. Fields at their default do
    not count, so that appending one changes no old hash."""
    plain = msgspec.json.encode(_without_defaults(definition), order="deterministic")
    return blake2b(plain, digest_size=16).digest()


def _without_defaults(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        pairs = [(field, getattr(value, field.name)) for field in fields(value)]
        return {f.name: _without_defaults(x) for f, x in pairs if f.required or x != f.default}
    return [_without_defaults(item) for item in value] if isinstance(value, tuple) else value
