"""A behaviour model: what senders answer and what people do, as shares and delays for each channel.

It is a YAML or JSON document, checked whole: everything wrong with it is told at once, each with
its place. A share is of those whom the signal before it has reached: opened is a share of the
delivered, clicked one of the opened. A channel has the signals that it can tell
(`schemas/channels.py`) and no others.
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

from schemas.base.error_codes import PLAIN
from schemas.base.field_types import CodeText
from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.campaigns.yaml_document import DocumentInvalid, parse_document
from schemas.channels import CHANNELS, actions, signals_of_channel

LONGEST_HOURS = 8_760


class BehaviourInvalid(ValueError):
    """The document is no model; `problems` are all that is wrong with it, each with its place."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class _StrictModel(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


def _as_span(given: Any) -> Any:
    """One number is a span of nothing."""
    return given if isinstance(given, list) else [given, given]


_Time = Annotated[float, Field(ge=0, le=LONGEST_HOURS * 60)]
Span = Annotated[list[_Time], Field(min_length=2, max_length=2), BeforeValidator(_as_span)]


def _check_plain(code: str) -> str:
    if not PLAIN(code):
        raise ValueError("has 1 to 32 of A-Z a-z 0-9 _ . -")
    return code


PlainCode = Annotated[CodeText, AfterValidator(_check_plain)]
"""What facts can quote: intake makes "other" of anything else."""


class Delay(_StrictModel):
    """How long after the signal before it: a number, or `[least, most]` to be spread evenly."""

    after_minutes: Span | None = None
    after_hours: Span | None = None

    @model_validator(mode="after")
    def _one_delay(self) -> Self:
        if self.after_minutes is not None and self.after_hours is not None:
            raise ValueError("after_minutes or after_hours, not both")
        for span in (self.after_minutes, self.after_hours):
            if span is not None and span[0] > span[1]:
                raise ValueError("a span goes from the least to the most")
        return self

    def delay_range_us(self, default_us: tuple[int, int]) -> tuple[int, int]:
        """The least and the most, in whole milliseconds; never nothing: an answer comes later."""
        delay_us, most = default_us
        if self.after_minutes is not None:
            delay_us, most = (int(value * MINUTE) for value in self.after_minutes)
        elif self.after_hours is not None:
            delay_us, most = (int(value * HOUR) for value in self.after_hours)
        return max(delay_us // 1_000 * 1_000, 1_000), max(most // 1_000 * 1_000, 1_000)


class Share(Delay):
    probability: Annotated[float, Field(ge=0, le=1)]


class FailedShare(Share):
    """`permanent` says that no retry helps; else the code does (F-7)."""

    code: PlainCode = "500"
    permanent: bool = False


class BouncedShare(Share):
    """`hard` is the share of hard ones among them."""

    hard: Annotated[float, Field(ge=0, le=1)] = 1.0


class UnsubscribedShare(Share):
    """`every` is the share of those who want nothing on any channel."""

    every: Annotated[float, Field(ge=0, le=1)] = 0.0


class ConvertedShare(Share):
    conversion_type: PlainCode = "conversion"


class CallOutcomeShare(Share):
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
_ON_EVERY_CHANNEL: dict[str, type[Share]] = {
    "failed": FailedShare,
    "converted": ConvertedShare,
    "unsubscribed": UnsubscribedShare,
    "reviewed": Share,
}


def _fields(channel: str) -> Iterator[tuple[str, Any]]:
    """The signals of a channel, whichever of its actions they are of."""
    yield "sent", (Delay | None, None)
    told = signals_of_channel(channel)
    for name in sorted(told & set(_SIGNAL_NAMES)):
        yield _SIGNAL_NAMES[name], (Share | None, None)
    if "delivered" in told:
        yield "bounced", (BouncedShare | None, None)
    if "call_outcome" in told:
        yield "outcomes", (CallOutcomeShares, {})
    for field, kind in _ON_EVERY_CHANNEL.items():
        yield field, (kind | None, None)


_CHANNELS: dict[str, Any] = {
    channel: (
        create_model(f"Behaviour_{channel}", __base__=_StrictModel, **dict(_fields(channel))) | None,
        None,
    )
    for channel in CHANNELS
}
_BehaviourDocument: Any = create_model("Channels", __base__=_StrictModel, **_CHANNELS)


class SignalRule(NamedTuple):
    """One signal that may be heard: of those whom `follows` has reached and `unless` has not, this
    share, so much later. `variant_threshold` is what share of them is of the other sort."""

    name: str
    follows: str | None
    unless: str | None
    threshold: int
    """Of 2**64."""

    delay_us: int
    spread_us: int
    variant_threshold: int = 0
    code: str = ""
    number: int = 0


SignalRules = tuple[SignalRule, ...]
"""The signals of one channel and action, each after the one that it follows."""

DRAW_RANGE = 2**64


class Behaviour:
    """What is heard of a command, by its channel and action."""

    def __init__(self, rules: dict[tuple[str, str], SignalRules]) -> None:
        self.rules = rules

    @classmethod
    def read(cls, text: str | bytes) -> Self:
        """Raises BehaviourInvalid."""
        try:
            document = parse_document(text)
        except DocumentInvalid as error:
            raise BehaviourInvalid([error.problem.message]) from None
        return cls.of(document)

    @classmethod
    def of(cls, document: Any) -> Self:
        """A document that is read already. Raises BehaviourInvalid."""
        try:
            told = _BehaviourDocument.model_validate({} if document is None else document)
        except ValidationError as error:
            raise BehaviourInvalid(_problems(error)) from None
        problems = list(_probability_problems(told))
        if problems:
            raise BehaviourInvalid(problems)
        return cls({key: _signal_rules(key, getattr(told, key[0])) for key in actions()})


def _problems(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        f"{'.'.join(map(str, one['loc'])) or 'the document'}: "
        + one["msg"].removeprefix("Value error, ")
        for one in found
    ]


def _probability_problems(told: Any) -> Iterator[str]:
    """Of several outcomes one comes true, so together they are no more than certain."""
    outcomes = told.voice.outcomes if told.voice is not None else {}
    whole = sum(outcome.probability for outcome in outcomes.values())
    if whole > 1 + 1e-9:
        yield f"voice.outcomes: the probabilities add up to {whole:g}, and one outcome comes true"


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
"""Where a model names no delay."""

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
"""What a signal follows: the first of these that the model speaks of."""


def _signal_rules(key: tuple[str, str], told: Any) -> SignalRules:
    """A channel that the model does not speak of sends, and hears nothing."""
    failed = getattr(told, "failed", None)
    sent = getattr(told, "sent", None) or Delay()
    rows = [] if failed is None else [_signal_rule("failed", None, None, failed, _FAILED)]
    delay_us, most = sent.delay_range_us(_SENT)
    rows.append(
        SignalRule("sent", None, "failed" if rows else None, DRAW_RANGE, delay_us, most - delay_us)
    )
    tells = {_SIGNAL_NAMES.get(name, name) for name in actions()[key]} | {*_ON_EVERY_CHANNEL, "bounced"}
    for name in ("bounced", *_DEFAULT_DELAYS):
        share = getattr(told, name, None)
        if share is None or name not in tells or any(row.name == name for row in rows):
            continue
        known = {row.name for row in rows}
        follows = next(parent for parent in _PARENTS[name] if parent in known)
        unless = "bounced" if follows == "sent" and "bounced" in known else None
        rows.append(_signal_rule(name, follows, unless, share, _DEFAULT_DELAYS[name]))
    return (*rows, *_outcomes(getattr(told, "outcomes", {})))


def _signal_rule(
    name: str, follows: str | None, unless: str | None, share: Any, default_us: tuple[int, int]
) -> SignalRule:
    delay_us, most = share.delay_range_us(default_us)
    variant_threshold = getattr(share, "hard", getattr(share, "every", 0.0))
    code = getattr(share, "conversion_type", getattr(share, "code", ""))
    threshold, permanent = int(share.probability * DRAW_RANGE), int(getattr(share, "permanent", False))
    return SignalRule(
        name, follows, unless, threshold, delay_us, most - delay_us, int(variant_threshold * DRAW_RANGE), code, permanent
    )


def _outcomes(told: CallOutcomeShares) -> Iterator[SignalRule]:
    """They share one draw, so that one of them comes true at most."""
    threshold = 0.0
    for name, outcome in told.items():
        delay_us, most = outcome.delay_range_us((10 * SECOND, 5 * MINUTE))
        threshold += outcome.probability
        share = min(int(threshold * DRAW_RANGE), DRAW_RANGE)
        yield SignalRule(
            "called", "sent", "called", share, delay_us, most - delay_us, 0, name, outcome.seconds
        )
