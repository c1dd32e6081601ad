"""One admin event published, and the engine's answer to it: the core of `campaign` and `tenant`."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import msgspec

from schemas.internal.facts import Fact
from streams.base.settings import Settings
from streams.cli.answer_reader import REFUSALS, AnswerReader
from streams.cli.errors import EXIT_UNREACHABLE, CommandError
from streams.cli.event_publisher import EventPublisher
from streams.cli.output import print_indented, print_json, print_stderr
from streams.kafka.topics import layout_of

TIMEOUT_S = 30.0


def publish_and_wait(
    settings: Settings, kind: str, data: Any, *, wait: bool, timeout_s: float
) -> Fact | None:
    """Publishes an event of ce_type `kind` and returns the fact that answers it; None with
    `wait=False`. Raises CommandError when no answer arrives in time; a refusal is an answer.
    """
    layout_of(settings)
    answers = AnswerReader(settings) if wait else None
    publisher = EventPublisher(settings)
    cause = publisher.send(kind, data, str(uuid4()), at=publisher.now())
    publisher.flush()
    if answers is None:
        return None
    try:
        fact = answers.wait(kind, cause, timeout_s)
    finally:
        answers.close()
    if fact is None:
        raise CommandError(
            f"{kind} is published, but the engine did not answer within {timeout_s:g} s. "
            "Check with touchstream status that it is running",
            EXIT_UNREACHABLE,
        )
    return fact


def print_answer(fact: Fact | None, done: str, *, as_json: bool) -> None:
    """Prints the answer: `done`, or the fact as JSON. Raises CommandError for a refusal."""
    if as_json:
        print_json({"published": True} if fact is None else fields(fact))
    elif fact is None:
        print_stderr("published, without waiting for the engine's answer")
    elif fact.fact not in REFUSALS:
        print_indented(done.split("\n"))
    raise_refusal(fact)


def raise_refusal(fact: Fact | None) -> None:
    """Raises CommandError if the answer is a refusal."""
    if fact is not None and fact.fact in REFUSALS:
        raise CommandError(refusal(fact))


def refusal(fact: Fact) -> str:
    """The reason of a refusal, with a hint where there is one and every problem of a definition."""
    return f"refused: {reason_text(fact, _HINTS)}"


def reason_text(fact: Fact, hints: Mapping[str, str]) -> str:
    """The reason of a refusal, the hint for it, and every problem of a definition on a line of its
    own. `{tenant}` in a hint becomes the tenant's id."""
    problems = (fact.values or {}).get("problems", [])
    lines = [f"  {p['code']} at {p['place'] or 'the document'}: {p['message']}" for p in problems]
    hint = hints.get(fact.reason or "", "").replace("{tenant}", fact.tenant_id or "ID")
    return "\n".join([f"{fact.reason}{hint}", *lines])


_HINTS = {
    "CAMPAIGN_ALREADY_ACTIVE": ": the campaign is active",
    "CAMPAIGN_AGENT_UNKNOWN": ": settings.calls.agent is not in the list of {tenant}; touchstream"
    " tenant set {tenant} --agent",
    "CAMPAIGN_NUMBER_UNKNOWN": ": settings.calls.from_number is not in the list of {tenant};"
    " touchstream tenant set {tenant} --caller-number",
    "CAMPAIGN_EXPERIMENT_FIXED": ": people take part in the experiment, so its templates and how it"
    " is decided stay; a test of other templates gets another id",
    "CAMPAIGN_EXPERIMENT_SPLITS": ": the experiment has had as many splits as it may have; one of"
    " them may come back, or a test with another id has further ones",
    "CAMPAIGN_EXPERIMENT_TAKEN": ": another campaign of {tenant} has the id of this experiment",
    "CAMPAIGN_KIND_CHANGED": ": a campaign that has begun keeps its kind; give this one another id",
    "CAMPAIGN_LAYER_TAKEN": ": another experiment has a part of this range of the layer",
    "CAMPAIGN_NO_CONTACTS": ": touchstream contacts import FILE --tenant {tenant} --campaign ID",
    "CAMPAIGN_NO_SENDER": ": touchstream sender set ID --tenant {tenant} --channel CHANNEL",
    "CAMPAIGN_STATUS_INVALID": ": the status of the campaign does not allow it: only an active one"
    " is paused, only a paused one resumed, and one that is completed or cancelled remains so",
    "CAMPAIGN_UNKNOWN": ": {tenant} has no such campaign; touchstream campaign publish FILE",
    "CONTACT_UNKNOWN": ": {tenant} has no such contact",
    "ENROLLMENT_NONE": ": nothing of the person runs there, so that there is nothing to stop",
    "SENDER_UNKNOWN": ": {tenant} has no such account; touchstream sender list --tenant {tenant}",
    "SENDER_CHANNEL_BY_POOL": ": calls take slots of a pool and have no accounts: touchstream pool",
    "SENDER_CHANNEL_CHANGED": ": the account is one of another channel; give this one another id",
    "TENANT_UNKNOWN": ": there is no tenant {tenant}; to create it: touchstream tenant set {tenant}"
    " --timezone ZONE",
    "CAMPAIGN_SERVICE_TYPE_TAKEN": ": another campaign has this service type; complete or delete"
    " that campaign (a paused campaign keeps its service type)",
}


def fields(fact: Fact) -> dict[str, Any]:
    """A fact as a dictionary, with the keys and values that it has on its topic."""
    found: dict[str, Any] = msgspec.to_builtins(fact)
    return found
