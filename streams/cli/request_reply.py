"""One order to the engine and its answer: what `campaign` and `tenant` do."""

from typing import Any
from uuid import uuid4

import msgspec

from schemas.internal.facts import Fact
from streams.base.settings import Settings
from streams.cli.errors import UNREACHABLE, CommandError
from streams.cli.event_publisher import REFUSALS, AnswerReader, Publisher
from streams.cli.output import print_json, print_stderr
from streams.kafka.topics import layout_of

TIMEOUT_S = 30.0


def order(settings: Settings, kind: str, data: Any, *, wait: bool, timeout_s: float) -> Fact | None:
    """The engine's answer; None if nobody waits for one. Raises Halt when none comes, or a
    refusal does."""
    layout_of(settings)
    answers = AnswerReader(settings) if wait else None
    publisher = Publisher(settings)
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
            f"{kind} is published, but nothing answered within {timeout_s:g} s: "
            "is the engine running? touchstream status says",
            UNREACHABLE,
        )
    return fact


def tell(fact: Fact | None, done: str, *, as_json: bool) -> None:
    """Prints the answer. Raises Halt for a refusal."""
    if as_json:
        print_json({"published": True} if fact is None else fields(fact))
    elif fact is None:
        print_stderr("published; nobody waited for the answer")
    elif fact.fact not in REFUSALS:
        print(done)
    if fact is not None and fact.fact in REFUSALS:
        raise CommandError(refusal(fact))


def refusal(fact: Fact) -> str:
    """Why the engine refused, with every problem of a definition."""
    problems = (fact.values or {}).get("problems", [])
    lines = [f"  {p['code']} at {p['place'] or 'the document'}: {p['message']}" for p in problems]
    hint = _HINTS.get(fact.reason or "", "")
    return "\n".join([f"refused: {fact.reason}{hint}", *lines])


_HINTS = {
    "TENANT_UNKNOWN": ": make the tenant known first: touchstream tenant set ID --timezone ZONE",
    "CAMPAIGN_SERVICE_TYPE_TAKEN": ": another campaign serves this service type; pause does not"
    " free it, completing or deleting does",
}


def fields(fact: Fact) -> dict[str, Any]:
    """A fact as it stands on its topic."""
    found: dict[str, Any] = msgspec.to_builtins(fact)
    return found
