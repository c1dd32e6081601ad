"""`touchstream call`: asks for one call to a person, and reports what becomes of it."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import uuid4

import typer

from processors.contact.call_terms import AGENT_UNKNOWN, NUMBER_NOT_ALLOWED, NUMBER_UNKNOWN
from schemas.base.times import from_datetime
from schemas.internal.call_states import SUPPRESSIONS_PENDING
from schemas.internal.facts import Fact, FactKind
from schemas.public.inbound_events import CallRequested
from streams.cli.answer_reader import REFUSALS, AnswerReader
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_UNREACHABLE, EXIT_USAGE, CommandError
from streams.cli.event_publisher import EventPublisher, build_event
from streams.cli.option_values import named_values, parse_time
from streams.cli.options import Json, Tenant, Wait
from streams.cli.output import format_time, print_json, print_stderr
from streams.cli.request_reply import fields, refusal
from streams.kafka.topics import layout_of

CALL_TIMEOUT_S = 15.0

_phone = re.compile(r"\+[0-9 ().\-/]{5,}").fullmatch

_OPTIONS = {
    "contact_id": "CONTACT",
    "phone": "--phone",
    "agent_id": "--agent",
    "from_number": "--from",
    "template_id": "--template",
    "scheduled_for": "--at",
    "variables": "--variable",
}

_SOON = timedelta(seconds=1)
"""A wait that is shorter has an end that the command can report."""

_NOT_PLACED = (
    FactKind.ENROLLMENT_DECLINED,
    FactKind.ENROLLMENT_STOPPED,
    FactKind.TOUCH_SKIPPED,
    FactKind.TOUCH_FAILED,
)


_REFUSED = {"CONTACT_UNKNOWN": "; a number to call begins with + and its country code"}

_UNCALLED = {
    "ENROLLMENT_ALREADY_ACTIVE": ": a direct call to this person waits or is under way already",
    AGENT_UNKNOWN: ": the tenant's list has no such agent; touchstream tenant set --agent",
    NUMBER_NOT_ALLOWED: ": the tenant does not call numbers of this kind, such as emergency numbers"
    " and those that cost extra",
    NUMBER_UNKNOWN: ": the tenant's list has no such caller number; touchstream tenant set"
    " --caller-number",
}
"""What the reason of a call that is not placed means, where its name does not show it."""


def call(
    person: Annotated[
        str,
        typer.Argument(
            metavar="CONTACT|PHONE", help="A contact's id, or a number that begins with +."
        ),
    ],
    tenant: Tenant,
    phone: Annotated[
        str | None, typer.Option("--phone", help="The number of a contact that has none yet.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The name of the person.")] = None,
    agent: Annotated[str | None, typer.Option("--agent", help="The agent who calls.")] = None,
    from_number: Annotated[
        str | None, typer.Option("--from", metavar="NUMBER", help="The number to call from.")
    ] = None,
    template: Annotated[str | None, typer.Option("--template", help="What the call is by.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="A time: not before it.")] = None,
    priority: Annotated[
        int | None, typer.Option("--priority", help="Before other direct calls, -1000 to 1000.")
    ] = None,
    variable: Annotated[
        list[str] | None,
        typer.Option("--variable", metavar="NAME=VALUE", help="For the template. Repeatable."),
    ] = None,
    wait: Wait = True,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds to follow the call at most.")
    ] = CALL_TIMEOUT_S,
    json: Json = False,
) -> None:
    """Ask for one call to a person, before all calls of campaigns, and report what becomes of it.

    The command ends when the call is commanded to a dialler, or is not placed (exit 1), or waits:
    then it prints for what, and until when. `touchstream contacts stop` takes it back with
    --campaign direct-calls.

    Example: touchstream call "+1 212 555 0101" --tenant acme --name "Ann Lee" --agent agent-7
    """
    given = (tenant, phone, name, agent, from_number, template, at, priority, variable)
    event = call_event(person, *given)
    settings = connected_settings()
    layout_of(settings)
    answers = AnswerReader(settings) if wait else None
    publisher = EventPublisher(settings)
    cause = publisher.send("call.requested", event, str(uuid4()), at=publisher.now())
    publisher.flush()
    if answers is None:
        print_stderr("published, without waiting for the engine's answer")
        return
    follower = CallFollower(cause)
    try:
        any(map(follower.add, answers.facts(timeout)))
    finally:
        answers.close()
    _report(follower.last, timeout, as_json=json)


def call_event(
    person: str,
    tenant: str,
    phone: str | None = None,
    name: str | None = None,
    agent: str | None = None,
    from_number: str | None = None,
    template: str | None = None,
    at: str | None = None,
    priority: int | None = None,
    variable: Sequence[str] | None = None,
) -> CallRequested:
    """The event call.requested with the values of the options. Raises CommandError."""
    is_phone = _phone(person) is not None
    if is_phone and phone is not None:
        raise CommandError("give one number: PHONE or --phone", EXIT_USAGE)
    values: dict[str, Any] = {
        "tenant_id": tenant,
        "contact_id": None if is_phone else person,
        "phone": person if is_phone else phone,
        "name": name,
        "agent_id": agent,
        "from_number": from_number,
        "template_id": template,
        "scheduled_for": None if at is None else parse_time(at, "--at"),
        "priority": priority,
        "variables": dict(named_values("--variable", variable)) or None,
    }
    event = build_event("call.requested", _OPTIONS, **values)
    assert isinstance(event, CallRequested)
    return event


class CallFollower:
    """Follows a requested call through the facts, up to the first that decides what becomes of it.
    `last` is that fact, or the latest about the call."""

    def __init__(self, cause: str) -> None:
        self.last: Fact | None = None
        self._cause = cause
        self._enrollment_id: str | None = None

    def add(self, fact: Fact) -> bool:
        """Takes a fact of any contact into account. Returns whether it decides."""
        if fact.cause == self._cause and fact.fact is FactKind.ENROLLMENT_STARTED:
            self._enrollment_id = fact.enrollment_id
        elif fact.cause == self._cause and fact.fact in (*REFUSALS, FactKind.ENROLLMENT_DECLINED):
            self.last = fact
            return True
        if self._enrollment_id is None or fact.enrollment_id != self._enrollment_id:
            return False
        self.last = fact
        if fact.fact in (FactKind.TOUCH_SCHEDULED, FactKind.TOUCH_DEFERRED):
            return fact.reason != SUPPRESSIONS_PENDING and (
                fact.until is None or fact.until - fact.at > _SOON
            )
        return fact.fact in (FactKind.TOUCH_COMMANDED, *_NOT_PLACED)


def _report(last: Fact | None, timeout_s: float, *, as_json: bool) -> None:
    """Prints what has become of a call. Raises CommandError if it is not placed, and if nothing is
    known of it."""
    if last is None:
        raise CommandError(
            f"the call is requested, but the engine did not answer within {timeout_s:g} s. "
            "Check with touchstream status that it is running",
            EXIT_UNREACHABLE,
        )
    if as_json:
        print_json(fields(last))
    if last.fact in REFUSALS:
        raise CommandError(f"{refusal(last)}{_REFUSED.get(last.reason or '', '')}")
    if last.fact in _NOT_PLACED:
        raise CommandError(f"no call: {last.reason}{_UNCALLED.get(last.reason or '', '')}")
    if not as_json:
        print(_outcome(last))


def _outcome(last: Fact) -> str:
    until = None if last.until is None else format_time(from_datetime(last.until))
    match last.fact:
        case FactKind.TOUCH_COMMANDED:
            number = f"command {last.command_id}, enrollment {last.enrollment_id}"
            return f"the call is commanded: {number}"
        case FactKind.TOUCH_DEFERRED:
            return f"the call waits: {last.reason}{f' until {until}' if until else ''}"
        case FactKind.TOUCH_SCHEDULED:
            return f"the call is planned for {until or 'now'}"
    return f"the call is in the queue: touchstream why {last.enrollment_id}"
