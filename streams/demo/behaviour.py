"""What becomes of a command: what its sender answers, and what its recipient does.

Decided by hashes of ids alone, so the same command meets the same fate in every run, and a retry,
being another command, another one.
"""

from hashlib import blake2b
from typing import Any, NamedTuple

from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.public.command_models import TouchDue
from streams.demo.outreach import CAMPAIGNS, responses


class Said(NamedTuple):
    """An event, `after` micros from when the sender met the command."""

    after: int
    ce_type: str
    fields: dict[str, Any]


def fraction(what: str, about: str) -> float:
    """Evenly spread over [0, 1): a die that shows the same for the same question."""
    digest = blake2b(f"{what}\x1f{about}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def is_lost(command: TouchDue) -> bool:
    """The sender dies with the command in hand: no answer, and the engine repeats it (S0-5)."""
    return command.touch_number == 1 and fraction("lost", command.command_id) < 0.004


def fate(command: TouchDue) -> list[Said]:
    """All that will be heard of the command, in order of time."""
    at = _handled_after(command)
    failure = _failure(command)
    if failure is not None:
        return [Said(at, "touch.failed", {"code": failure})]
    sent = Said(at, "touch.sent", {"provider_message_id": f"m-{command.command_id[:13]}"})
    bounce = _bounce(command)
    if bounce is not None:
        fields = {"bounce_type": bounce, "reason": f"a {bounce} bounce"}
        return [sent, Said(at + 3 * MINUTE, "touch.bounced", fields)]
    delivered = [Said(at + MINUTE, "touch.delivered", {})] if command.channel != "linkedin" else []
    if command.campaign_id in CAMPAIGNS:
        responded = responses(command, fraction)
        said = (Said(at + MINUTE + after, kind, fields) for after, kind, fields in responded)
        return [sent, *delivered, *said]
    return [sent, *delivered, *_reactions(command, at + MINUTE)]


def _handled_after(command: TouchDue) -> int:
    """Minutes; or hours, in a queue where a revocation may still catch it."""
    if fraction("slow", command.command_id) < 0.03:
        return HOUR + int(5 * HOUR * fraction("how slow", command.command_id))
    return 20 * SECOND + int(8 * MINUTE * fraction("handled", command.command_id))


def _failure(command: TouchDue) -> str | None:
    """Some recipients' provider is broken for good; others are unlucky once (F-7)."""
    if fraction("unreachable", f"{command.tenant_id}/{command.contact_id}") < 0.006:
        return "500"
    die = fraction("failure", command.command_id)
    for code, until in (("429", 0.02), ("500", 0.04), ("400", 0.047)):
        if die < until:
            return code
    return None


def _bounce(command: TouchDue) -> str | None:
    if command.channel != "email":
        return None
    if fraction("no mailbox", f"{command.tenant_id}/{command.contact_id}") < 0.02:
        return "hard"
    return "soft" if fraction("full mailbox", command.command_id) < 0.01 else None


def _reactions(command: TouchDue, delivered: int) -> list[Said]:
    """Opened, clicked, reviewed, unsubscribed: each a share of those before."""
    die = fraction("reaction", command.command_id)
    wait = fraction("patience", command.command_id) ** 2
    seen = delivered + 5 * MINUTE + int(7 * HOUR * wait)
    if command.channel == "sms":
        if die < 0.025:
            return [_out(command, seen)]
        return _clicks(command, seen) if die > 0.86 else []
    if die < 0.5:
        return []
    opened = Said(seen, "touch.opened", {})
    if die < 0.52:
        return [opened, _out(command, seen + 4 * MINUTE)]
    return [opened, *(_clicks(command, seen + 2 * MINUTE) if die > 0.87 else [])]


def _clicks(command: TouchDue, at: int) -> list[Said]:
    """A click; every other one leads to a review, some to feedback (F-12)."""
    url = f"https://{command.tenant_id}.example/review"
    clicked = Said(at, "touch.clicked", {"url": url})
    die = fraction("review", command.command_id)
    if die < 0.45:
        return [clicked, Said(at + 10 * MINUTE, "review.clicked", _reviewed(command))]
    if die < 0.55:
        return [clicked, Said(at + 25 * MINUTE, "feedback.submitted", _reviewed(command))]
    return [clicked]


def _reviewed(command: TouchDue) -> dict[str, Any]:
    return {"campaign_id": command.campaign_id}


def _out(command: TouchDue, at: int) -> Said:
    """An opt-out: of the channel, or of everything."""
    every = fraction("all", command.command_id) < 0.2
    channel = "all" if every else command.channel
    return Said(at, "contact.unsubscribed", {"channel": channel, "reason": "asked to stop"})
