"""A behaviour model: what senders answer and what people do, as probabilities and delays for each
channel.

It is a YAML or JSON document. Validation reports all problems at once, each with its place in the
document. A probability applies to the touches that have the signal before it: `opened` is a share
of the delivered touches, `clicked` a share of the opened ones. A channel has only the signals that
`schemas/channels.py` lists for it. The senders of a channel may be `down` for some time.
"""

from collections.abc import Iterator
from typing import Any, Self

from pydantic import ValidationError, create_model

from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.campaigns.yaml_document import DocumentInvalid, parse_document
from schemas.channels import CHANNELS, actions, signals_of_channel
from streams.simulation.behaviour_shares import (
    AutomaticShare,
    BouncedShare,
    ConvertedShare,
    Delay,
    FailedShare,
    Share,
    StrictModel,
    UnsubscribedShare,
)
from streams.simulation.call_behaviour import CALL_FIELDS, CallTraits, call_traits, outcome_rules
from streams.simulation.drawn_signals import DRAW_RANGE, SignalRule, SignalRules
from streams.simulation.sender_outages import OutageList, Outages, outages_of


class BehaviourInvalid(ValueError):
    """The document is not a behaviour model. `problems` lists every problem with its place."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


_SIGNAL_NAMES = {
    "delivered": "delivered",
    "open": "opened",
    "read": "read",
    "click": "clicked",
    "reply": "replied",
    "connection_accepted": "accepted",
}
_MACHINES_GIVE = frozenset(("open", "click", "reply"))
"""The signals that a machine may give in the person's place."""

_ON_EVERY_CHANNEL: dict[str, type[Share]] = {
    "failed": FailedShare,
    "converted": ConvertedShare,
    "unsubscribed": UnsubscribedShare,
    "reviewed": Share,
}


def _fields(channel: str) -> Iterator[tuple[str, Any]]:
    """Yields the fields of a channel's model: the signals of all its actions."""
    yield "sent", (Delay | None, None)
    yield "down", (OutageList, [])
    signals = signals_of_channel(channel)
    for name in sorted(signals & set(_SIGNAL_NAMES)):
        kind = AutomaticShare if name in _MACHINES_GIVE else Share
        yield _SIGNAL_NAMES[name], (kind | None, None)
    if "delivered" in signals:
        yield "bounced", (BouncedShare | None, None)
    if "call_outcome" in signals:
        yield from CALL_FIELDS.items()
    for field, share in _ON_EVERY_CHANNEL.items():
        yield field, (share | None, None)


_CHANNELS: dict[str, Any] = {
    channel: (
        create_model(f"Behaviour_{channel}", __base__=StrictModel, **dict(_fields(channel))) | None,
        None,
    )
    for channel in CHANNELS
}
_BehaviourDocument: Any = create_model("BehaviourDocument", __base__=StrictModel, **_CHANNELS)


class Behaviour:
    """The signal rules by channel and action, and by channel the outages of senders and the traits
    of calls."""

    def __init__(
        self,
        rules: dict[tuple[str, str], SignalRules],
        outages: dict[str, Outages],
        calls: dict[str, CallTraits],
    ) -> None:
        self.rules, self.outages, self.calls = rules, outages, calls

    @classmethod
    def read(cls, text: str | bytes) -> Self:
        """Parses a document of YAML or JSON. Raises BehaviourInvalid."""
        try:
            document = parse_document(text)
        except DocumentInvalid as error:
            raise BehaviourInvalid([error.problem.message]) from None
        return cls.of(document)

    @classmethod
    def of(cls, document: Any) -> Self:
        """Builds the rules of a parsed document. Raises BehaviourInvalid."""
        try:
            whole = _BehaviourDocument.model_validate({} if document is None else document)
        except ValidationError as error:
            raise BehaviourInvalid(_problems(error)) from None
        problems = list(_probability_problems(whole))
        if problems:
            raise BehaviourInvalid(problems)
        rules = {key: _signal_rules(key, getattr(whole, key[0])) for key in actions()}
        models = {name: model for name in CHANNELS if (model := getattr(whole, name))}
        outages = {name: outages_of(model.down) for name, model in models.items()}
        calls = {
            name: call_traits(model)
            for name, model in models.items()
            if "call_outcome" in signals_of_channel(name)
        }
        return cls(rules, outages, calls)


def _problems(error: ValidationError) -> list[str]:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        f"{'.'.join(map(str, problem['loc'])) or 'the document'}: "
        + problem["msg"].removeprefix("Value error, ")
        for problem in problems
    ]


def _probability_problems(model: Any) -> Iterator[str]:
    """Outcomes are exclusive: their probabilities may sum to 1 at most."""
    for name in CHANNELS:
        outcomes = getattr(getattr(model, name), "outcomes", {})
        total = sum(outcome.probability for outcome in outcomes.values())
        if total > 1 + 1e-9:
            message = f"the probabilities add up to {total:g}, but may add up to 1 at most"
            yield f"{name}.outcomes: {message}"


_FAILED = _SENT = (1 * SECOND, 60 * SECOND)
_DEFAULT_DELAYS = {
    "delivered": (1 * SECOND, 60 * SECOND),
    "bounced": (1 * SECOND, 5 * MINUTE),
    "opened": (5 * MINUTE, 8 * HOUR),
    "read": (5 * MINUTE, 8 * HOUR),
    "clicked": (10 * SECOND, 10 * MINUTE),
    "replied": (10 * MINUTE, 24 * HOUR),
    "accepted": (1 * HOUR, 48 * HOUR),
    "unsubscribed": (1 * MINUTE, 12 * HOUR),
    "converted": (1 * HOUR, 48 * HOUR),
    "reviewed": (5 * MINUTE, 24 * HOUR),
}
"""The least and the greatest delay of each signal, where a model names none."""

_PARENTS = {
    "delivered": ("sent",),
    "bounced": ("sent",),
    "opened": ("delivered", "sent"),
    "read": ("delivered", "sent"),
    "clicked": ("opened", "read", "delivered", "sent"),
    "replied": ("delivered", "sent"),
    "accepted": ("sent",),
    "unsubscribed": ("delivered", "sent"),
    "converted": ("delivered", "sent"),
    "reviewed": ("clicked", "opened", "delivered", "sent"),
}
"""The signals that a signal can follow. It follows the first one that the model has."""


def _signal_rules(key: tuple[str, str], model: Any) -> SignalRules:
    """Builds the rules of a channel and action. `model` is None for a channel that the document
    does not name: everything is sent, and no other signal happens."""
    failed = getattr(model, "failed", None)
    sent = getattr(model, "sent", None) or Delay()
    rules = [] if failed is None else [_signal_rule("failed", None, None, failed, _FAILED)]
    least_us, most_us = sent.delay_range_us(_SENT)
    unless = "failed" if rules else None
    rules.append(SignalRule("sent", None, unless, DRAW_RANGE, least_us, most_us - least_us))
    allowed = {_SIGNAL_NAMES.get(name, name) for name in actions()[key]}
    allowed |= {*_ON_EVERY_CHANNEL, "bounced"}
    for name in ("bounced", *_DEFAULT_DELAYS):
        share = getattr(model, name, None)
        if share is None or name not in allowed or any(rule.name == name for rule in rules):
            continue
        present = {rule.name for rule in rules}
        follows = next(parent for parent in _PARENTS[name] if parent in present)
        unless = "bounced" if follows == "sent" and "bounced" in present else None
        rules.append(_signal_rule(name, follows, unless, share, _DEFAULT_DELAYS[name]))
    return (*rules, *outcome_rules(getattr(model, "outcomes", {})))


def _signal_rule(
    name: str, follows: str | None, unless: str | None, share: Any, default_us: tuple[int, int]
) -> SignalRule:
    least_us, most_us = share.delay_range_us(default_us)
    # A signal has one variant at most.
    variant = getattr(share, "hard", getattr(share, "every", getattr(share, "automatic", 0.0)))
    return SignalRule(
        name,
        follows,
        unless,
        int(share.probability * DRAW_RANGE),
        least_us,
        most_us - least_us,
        int(variant * DRAW_RANGE),
        getattr(share, "conversion_type", getattr(share, "code", "")),
        int(getattr(share, "permanent", False)),
    )
