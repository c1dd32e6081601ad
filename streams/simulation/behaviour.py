"""A behaviour model: what senders answer and what people do, as probabilities and delays for each
channel.

It is a YAML or JSON document. Validation reports all problems at once, each with its place in the
document. A probability applies to the touches that have the signal before it: `opened` is a share
of the delivered touches, `clicked` a share of the opened ones. A channel has only the signals that
`schemas/channels.py` lists for it. The senders of a channel may be `down` for some time.
"""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)

from schemas.base.error_codes import is_plain_code
from schemas.base.field_types import CodeText
from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.campaigns.yaml_document import DocumentInvalid, parse_document
from schemas.channels import CHANNELS, actions, signals_of_channel
from streams.simulation.sender_outages import OutageList, Outages, outages_of

LONGEST_HOURS = 8_760


class BehaviourInvalid(ValueError):
    """The document is not a behaviour model. `problems` lists every problem with its place."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class _StrictModel(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


def _as_span(value: Any) -> Any:
    """Makes a span `[number, number]` of a single number."""
    return value if isinstance(value, list) else [value, value]


_Time = Annotated[float, Field(ge=0, le=LONGEST_HOURS * 60)]
Span = Annotated[list[_Time], Field(min_length=2, max_length=2), BeforeValidator(_as_span)]


def _check_plain(code: str) -> str:
    if not is_plain_code(code):
        raise ValueError("must be 1 to 32 characters of A-Z a-z 0-9 _ . -")
    return code


PlainCode = Annotated[CodeText, AfterValidator(_check_plain)]
"""A code that facts can hold unchanged; intake replaces every other text by "other"."""


class Delay(_StrictModel):
    """The time since the signal before: a number, or `[least, most]` for an even distribution."""

    after_minutes: Span | None = None
    after_hours: Span | None = None

    @model_validator(mode="after")
    def _one_delay(self) -> Self:
        if self.after_minutes is not None and self.after_hours is not None:
            raise ValueError("set after_minutes or after_hours, not both")
        for span in (self.after_minutes, self.after_hours):
            if span is not None and span[0] > span[1]:
                raise ValueError("the first number of a span must not exceed the second")
        return self

    def delay_range_us(self, default_us: tuple[int, int]) -> tuple[int, int]:
        """Returns the least and the greatest delay, in microseconds rounded down to whole
        milliseconds; at least one millisecond, because a signal comes after its cause."""
        least_us, most_us = default_us
        if self.after_minutes is not None:
            least_us, most_us = (int(value * MINUTE) for value in self.after_minutes)
        elif self.after_hours is not None:
            least_us, most_us = (int(value * HOUR) for value in self.after_hours)
        return max(least_us // 1_000 * 1_000, 1_000), max(most_us // 1_000 * 1_000, 1_000)


class Share(Delay):
    """How probable a signal is, and when it comes."""

    probability: Annotated[float, Field(ge=0, le=1)]


class FailedShare(Share):
    """A send that fails. If `permanent` is set it is not retried; otherwise the code decides
    (F-7)."""

    code: PlainCode = "500"
    permanent: bool = False


class AutomaticShare(Share):
    """A signal of a person, or of a machine in the person's place: `automatic` is the share of
    machines, such as link scanners, mail proxies and out-of-office notes."""

    automatic: Annotated[float, Field(ge=0, le=1)] = 0.0


class BouncedShare(Share):
    """A bounce. `hard` is the share of hard bounces among all bounces."""

    hard: Annotated[float, Field(ge=0, le=1)] = 1.0


class UnsubscribedShare(Share):
    """An opt-out. `every` is the share of people who opt out of all channels."""

    every: Annotated[float, Field(ge=0, le=1)] = 0.0


class ConvertedShare(Share):
    """A conversion of one type."""

    conversion_type: PlainCode = "conversion"


class CallOutcomeShare(Share):
    """One outcome of a call, and how long such a call lasts."""

    seconds: Annotated[int, Field(ge=0, le=86_400)] = 0


CallOutcomeShares = dict[PlainCode, CallOutcomeShare]

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
        yield "outcomes", (CallOutcomeShares, {})
    for field, share in _ON_EVERY_CHANNEL.items():
        yield field, (share | None, None)


_CHANNELS: dict[str, Any] = {
    channel: (
        create_model(f"Behaviour_{channel}", __base__=_StrictModel, **dict(_fields(channel)))
        | None,
        None,
    )
    for channel in CHANNELS
}
_BehaviourDocument: Any = create_model("BehaviourDocument", __base__=_StrictModel, **_CHANNELS)


class SignalRule(NamedTuple):
    """When one signal happens: after the signal `follows` (None: after the command), unless the
    signal `unless` has happened, if a drawn number is below `threshold`."""

    name: str
    follows: str | None
    unless: str | None
    threshold: int
    """The probability as an integer of 0 to `DRAW_RANGE`."""

    delay_us: int
    """The least delay after the signal `follows`."""

    spread_us: int
    """The greatest delay is `delay_us` plus this; the delay is distributed evenly between them."""

    variant_threshold: int = 0
    """The probability (as an integer) of the variant of the signal: a hard bounce, an opt-out of
    all channels, a signal of a machine."""

    code: str = ""
    """The failure code, the conversion type, or the outcome of a call."""

    number: int = 0
    """1 for a permanent failure; the seconds of a call."""


SignalRules = tuple[SignalRule, ...]
"""The rules of one channel and action. A rule stands after the rule that it follows."""

DRAW_RANGE = 2**64
"""Drawn numbers are below this."""


class Behaviour:
    """The signal rules by channel and action, and the outages of senders by channel."""

    def __init__(
        self, rules: dict[tuple[str, str], SignalRules], outages: dict[str, Outages]
    ) -> None:
        self.rules, self.outages = rules, outages

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
        return cls(rules, outages)


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
    return (*rules, *_outcome_rules(getattr(model, "outcomes", {})))


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


def _outcome_rules(outcomes: CallOutcomeShares) -> Iterator[SignalRule]:
    """Yields one rule for each outcome of a call. All of them have the same signal name and so use
    the same drawn number; each threshold adds to the one before, so at most one outcome happens."""
    probability = 0.0
    for name, outcome in outcomes.items():
        least_us, most_us = outcome.delay_range_us((10 * SECOND, 5 * MINUTE))
        probability += outcome.probability
        threshold = min(int(probability * DRAW_RANGE), DRAW_RANGE)
        spread_us, seconds = most_us - least_us, outcome.seconds
        yield SignalRule(
            "called", "sent", "called", threshold, least_us, spread_us, 0, name, seconds
        )
