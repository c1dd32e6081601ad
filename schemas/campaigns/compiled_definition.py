"""A checked campaign definition as it stands inside messages and states: durations in micros,
nothing optional unsaid.

A field is only ever appended, with a default: old logs stay readable.
"""

from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import fields

from schemas.base.times import HOUR, MINUTE


class Way(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a run goes from a step: advance, skip, complete, stop, fail; or branch, `to` another
    step (S2-20)."""

    outcome: str = "advance"
    to: str | None = None


class Wait(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a run waits for once a step is done: any of `events`, for at most `max_wait`; and the
    ways out (S2-8, S2-19)."""

    events: tuple[str, ...]
    max_wait: int
    on_event: Way = Way()
    on_timeout: Way = Way()
    outcomes: tuple[str, ...] = ()
    """Of a call, those that count; empty: any."""


class SendWindow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When a step may go out by the recipient's clock: minutes of the day, over midnight where
    `start` is not before `end`; `days` has a bit for each weekday on which it may begin, Monday
    lowest (C-33)."""

    start: int
    end: int
    days: int = 127


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One touch. `delay` counts from `anchor`; without a template it is not sent, with that reason
    (S0-17). What is None here is the campaign's own setting."""

    id: str
    channel: str
    delay: int
    anchor: str
    template_id: str | None = None
    action: str = "send_message"
    wait_for: Wait | None = None
    skip_when: tuple[str, ...] = ()
    then: Way = Way()
    window: SendWindow | None = None
    retry_delays: tuple[int, ...] | None = None
    expire_after: int | None = None


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
    on_reply: str = "continue"
    """pause, until a person decides (F-14); stop; or continue."""

    max_errors: int | None = None
    """Failed attempts after which a run has failed (S2-11); None: never."""

    reentry: str = "after_end"
    """Who may enter by hand again: once, after_end of the run before, or restart, which ends it
    (C-18)."""

    on_edit: str = "stay"
    """What a run does when a new version is published: stay on its own, or follow (C-36)."""

    exclusive: str | None = None
    """Of all campaigns that name the same group a person is in one at a time."""

    min_gap: int = 0
    """Since the person's last touch of any campaign."""

    jobs: str = "rest"
    """Which jobs a campaign for all service types takes: the rest, that no campaign of their own
    takes, or all (C-4)."""


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

    def index(self, step_id: str) -> int:
        """Where a step stands, counted from 0. Raises LookupError where there is none."""
        for index, step in enumerate(self.steps):
            if step.id == step_id:
                return index
        raise LookupError(step_id)


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
