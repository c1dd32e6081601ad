"""A behaviour model: what senders answer and what people do, as probabilities and delays for each
channel.

It is a YAML or JSON document. Validation reports all problems at once, each with its place in the
document. A probability applies to the touches that have the signal before it: `opened` is a share
of the delivered touches, `clicked` a share of the opened ones. A channel has only the signals that
`schemas/channels.py` lists for it. The senders of a channel may be `down` for some time. Under
`templates` a channel has other shares for the messages of some templates, such as the variants of
an experiment.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, create_model

from schemas.base.field_types import EntityId
from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.campaigns.yaml_document import DocumentInvalid, parse_document
from schemas.channels import CHANNELS, actions, signals_of_channel
from streams.simulation.behaviour_shares import (
    AutomaticShare,
    BouncedShare,
    ConvertedShare,
    ConvertedShares,
    Delay,
    FailedShare,
    Share,
    StrictModel,
    UnsubscribedShare,
)
from streams.simulation.call_behaviour import CALL_FIELDS, CallTraits, call_traits, outcome_rules
from streams.simulation.drawn_signals import DRAW_RANGE, SignalRule, SignalRules
from streams.simulation.sender_outages import OutageList, Outages, outages_of

TEMPLATES_MAX = 1_000
"""Templates of a channel that may have their own shares."""


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

_ON_EVERY_CHANNEL: dict[str, Any] = {
    "failed": FailedShare,
    "converted": ConvertedShares,
    "unsubscribed": UnsubscribedShare,
    "reviewed": Share,
}


def _fields(channel: str) -> Iterator[tuple[str, Any]]:
    """Yields the fields of the model of a channel's messages: the signals of all its actions."""
    yield "sent", (Delay | None, None)
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


def _channel_model(channel: str) -> Any:
    """The model of a channel: what follows from its messages, what follows from those of some
    templates instead, and when its senders are down."""
    messages: Any = create_model(
        f"Behaviour_{channel}_messages", __base__=StrictModel, **dict(_fields(channel))
    )
    of_templates = Annotated[dict[EntityId, messages], Field(max_length=TEMPLATES_MAX)]
    fields: dict[str, Any] = {"down": (OutageList, []), "templates": (of_templates, {})}
    return create_model(f"Behaviour_{channel}", __base__=messages, **fields)


_CHANNELS: dict[str, Any] = {
    channel: (_channel_model(channel) | None, None) for channel in CHANNELS
}
_BehaviourDocument: Any = create_model("BehaviourDocument", __base__=StrictModel, **_CHANNELS)


class Behaviour:
    """The signal rules by channel and action, and by channel the outages of senders and the traits
    of calls. `of_templates` has the rules and traits of the templates that have their own, by
    channel and template."""

    def __init__(
        self,
        rules: dict[tuple[str, str], SignalRules],
        outages: dict[str, Outages],
        calls: dict[str, CallTraits],
        of_templates: dict[tuple[str, str], "Behaviour"],
    ) -> None:
        self.rules, self.outages, self.calls = rules, outages, calls
        self.of_templates = of_templates

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
        models = {name: model for name in CHANNELS if (model := getattr(whole, name))}
        of_templates = {
            (name, template): _with_changes(model, changes)
            for name, model in models.items()
            for template, changes in model.templates.items()
        }
        problems = [
            *_model_problems(models),
            *_model_problems({".templates.".join(key): m for key, m in of_templates.items()}),
        ]
        if problems:
            raise BehaviourInvalid(problems)
        behaviour = cls._of_models(models)
        for (name, template), model in of_templates.items():
            behaviour.of_templates[name, template] = cls._of_models({name: model})
        return behaviour

    @classmethod
    def _of_models(cls, models: dict[str, Any]) -> Self:
        rules = {key: _signal_rules(key, models.get(key[0])) for key in actions()}
        outages = {name: outages_of(model.down) for name, model in models.items()}
        calls = {
            name: call_traits(model)
            for name, model in models.items()
            if "call_outcome" in signals_of_channel(name)
        }
        return cls(rules, outages, calls, {})

    def of_message(self, channel: str, template_id: str) -> "Behaviour":
        """The behaviour towards the messages of a template."""
        if not self.of_templates:
            return self
        return self.of_templates.get((channel, template_id), self)


def _with_changes(model: Any, changes: Any) -> Any:
    """The model of a channel with the shares that a template has instead."""
    return model.model_copy(
        update={name: getattr(changes, name) for name in changes.model_fields_set}
    )


def _problems(error: ValidationError) -> list[str]:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        f"{'.'.join(map(str, problem['loc'])) or 'the document'}: "
        + problem["msg"].removeprefix("Value error, ")
        for problem in problems
    ]


def _model_problems(models: dict[str, Any]) -> Iterator[str]:
    """Outcomes are exclusive: their probabilities may sum to 1 at most. A conversion is a share of
    a signal that the model has."""
    for place, model in models.items():
        outcomes = getattr(model, "outcomes", {})
        total = sum(outcome.probability for outcome in outcomes.values())
        if total > 1 + 1e-9:
            message = f"the probabilities add up to {total:g}, but may add up to 1 at most"
            yield f"{place}.outcomes: {message}"
        for number, share in enumerate(model.converted or ()):
            if share.of is not None and getattr(model, share.of, None) is None:
                yield f"{place}.converted.{number}.of: the model has no {share.of}"


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
        if name == "converted":
            rules.extend(_conversion_rules(share, follows, unless))
        else:
            rules.append(_signal_rule(name, follows, unless, share, _DEFAULT_DELAYS[name]))
    return (*rules, *outcome_rules(getattr(model, "outcomes", {})))


def _conversion_rules(
    shares: list[ConvertedShare], follows: str, unless: str | None
) -> Iterator[SignalRule]:
    """Yields a rule for each type of conversion, each with a name of its own if there are several.
    A type may be a share of the replies."""
    for share in shares:
        name = f"converted:{share.conversion_type}" if len(shares) > 1 else "converted"
        after, but = (follows, unless) if share.of is None else (share.of, None)
        yield _signal_rule(name, after, but, share, _DEFAULT_DELAYS["converted"])


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
        getattr(share, "conversion_type", getattr(share, "method", getattr(share, "code", "")))
        or "",
        int(getattr(share, "permanent", False)),
    )
