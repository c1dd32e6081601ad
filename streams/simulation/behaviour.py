"""A behaviour model: what senders answer and what people do, as shares and delays for each channel.

It is a YAML or JSON document, checked whole: everything wrong with it is told at once, each with
its place. A share is of those whom the signal before it has reached: opened is a share of the
delivered, clicked one of the opened. A channel has the signals that it can tell
(`schemas/campaigns/campaign_kinds.py`) and no others.
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
from schemas.campaigns.campaign_kinds import SIGNALS
from schemas.campaigns.yaml_document import DocumentInvalid, parse

LONGEST_HOURS = 8_760


class BehaviourInvalid(ValueError):
    """The document is no model; `problems` are all that is wrong with it, each with its place."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


def _span(given: Any) -> Any:
    """One number is a span of nothing."""
    return given if isinstance(given, list) else [given, given]


_Time = Annotated[float, Field(ge=0, le=LONGEST_HOURS * 60)]
Span = Annotated[list[_Time], Field(min_length=2, max_length=2), BeforeValidator(_span)]


def _plain(code: str) -> str:
    if not PLAIN(code):
        raise ValueError("has 1 to 32 of A-Z a-z 0-9 _ . -")
    return code


Word = Annotated[CodeText, AfterValidator(_plain)]
"""What facts can quote: intake makes "other" of anything else."""


class Delay(_Part):
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

    def micros(self, usual: tuple[int, int]) -> tuple[int, int]:
        """The least and the most, in whole milliseconds; never nothing: an answer comes later."""
        least, most = usual
        if self.after_minutes is not None:
            least, most = (int(value * MINUTE) for value in self.after_minutes)
        elif self.after_hours is not None:
            least, most = (int(value * HOUR) for value in self.after_hours)
        return max(least // 1_000 * 1_000, 1_000), max(most // 1_000 * 1_000, 1_000)


class Share(Delay):
    probability: Annotated[float, Field(ge=0, le=1)]


class Failed(Share):
    """`permanent` says that no retry helps; else the code does (F-7)."""

    code: Word = "500"
    permanent: bool = False


class Bounced(Share):
    """`hard` is the share of hard ones among them."""

    hard: Annotated[float, Field(ge=0, le=1)] = 1.0


class Unsubscribed(Share):
    """`every` is the share of those who want nothing on any channel."""

    every: Annotated[float, Field(ge=0, le=1)] = 0.0


class Converted(Share):
    conversion_type: Word = "conversion"


class Outcome(Share):
    seconds: Annotated[int, Field(ge=0, le=86_400)] = 0


Outcomes = dict[Word, Outcome]

_NAMED = {
    "delivered": "delivered",
    "open": "opened",
    "read": "read",
    "click": "clicked",
    "reply": "replied",
    "connection_accepted": "accepted",
}
_ANYWHERE: dict[str, type[Share]] = {
    "failed": Failed,
    "converted": Converted,
    "unsubscribed": Unsubscribed,
    "reviewed": Share,
}


def _fields(channel: str) -> Iterator[tuple[str, Any]]:
    """The signals of a channel, whichever of its actions they are of."""
    yield "sent", (Delay | None, None)
    told = {name for (on, _), names in SIGNALS.items() if on == channel for name in names}
    for name in sorted(told & set(_NAMED)):
        yield _NAMED[name], (Share | None, None)
    if "delivered" in told:
        yield "bounced", (Bounced | None, None)
    if "call_outcome" in told:
        yield "outcomes", (Outcomes, {})
    for field, kind in _ANYWHERE.items():
        yield field, (kind | None, None)


_CHANNELS: dict[str, Any] = {
    channel: (
        create_model(f"Behaviour_{channel}", __base__=_Part, **dict(_fields(channel))) | None,
        None,
    )
    for channel in dict.fromkeys(channel for channel, _ in SIGNALS)
}
_Channels: Any = create_model("Channels", __base__=_Part, **_CHANNELS)


class SignalRule(NamedTuple):
    """One signal that may be heard: of those whom `before` has reached and `unless` has not, this
    share, so much later. `part` is what share of them is of the other sort."""

    name: str
    before: str | None
    unless: str | None
    below: int
    """Of 2**64."""

    least: int
    spread: int
    part: int = 0
    more: str = ""
    number: int = 0


Plan = tuple[SignalRule, ...]
"""The signals of one channel and action, each after the one that it follows."""

DRAW_RANGE = 2**64


class Behaviour:
    """What is heard of a command, by its channel and action."""

    def __init__(self, plans: dict[tuple[str, str], Plan]) -> None:
        self.plans = plans

    @classmethod
    def read(cls, text: str | bytes) -> Self:
        """Raises BehaviourInvalid."""
        try:
            document = parse(text)
        except DocumentInvalid as error:
            raise BehaviourInvalid([error.problem.message]) from None
        return cls.of(document)

    @classmethod
    def of(cls, document: Any) -> Self:
        """A document that is read already. Raises BehaviourInvalid."""
        try:
            told = _Channels.model_validate({} if document is None else document)
        except ValidationError as error:
            raise BehaviourInvalid(_problems(error)) from None
        problems = list(_certainties(told))
        if problems:
            raise BehaviourInvalid(problems)
        return cls({key: _plan(key, getattr(told, key[0])) for key in SIGNALS})


def _problems(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        f"{'.'.join(map(str, one['loc'])) or 'the document'}: "
        + one["msg"].removeprefix("Value error, ")
        for one in found
    ]


def _certainties(told: Any) -> Iterator[str]:
    """Of several outcomes one comes true, so together they are no more than certain."""
    outcomes = told.voice.outcomes if told.voice is not None else {}
    whole = sum(outcome.probability for outcome in outcomes.values())
    if whole > 1 + 1e-9:
        yield f"voice.outcomes: the probabilities add up to {whole:g}, and one outcome comes true"


_FAILED = _SENT = (1 * SECOND, 60 * SECOND)
_USUAL = {
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

_AFTER = {
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


def _plan(key: tuple[str, str], told: Any) -> Plan:
    """A channel that the model does not speak of sends, and hears nothing."""
    failed = getattr(told, "failed", None)
    sent = getattr(told, "sent", None) or Delay()
    rows = [] if failed is None else [_row("failed", None, None, failed, _FAILED)]
    least, most = sent.micros(_SENT)
    rows.append(
        SignalRule("sent", None, "failed" if rows else None, DRAW_RANGE, least, most - least)
    )
    tells = {_NAMED.get(name, name) for name in SIGNALS[key]} | {*_ANYWHERE, "bounced"}
    for name in ("bounced", *_USUAL):
        share = getattr(told, name, None)
        if share is None or name not in tells or any(row.name == name for row in rows):
            continue
        known = {row.name for row in rows}
        before = next(parent for parent in _AFTER[name] if parent in known)
        unless = "bounced" if before == "sent" and "bounced" in known else None
        rows.append(_row(name, before, unless, share, _USUAL[name]))
    return (*rows, *_outcomes(getattr(told, "outcomes", {})))


def _row(
    name: str, before: str | None, unless: str | None, share: Any, usual: tuple[int, int]
) -> SignalRule:
    least, most = share.micros(usual)
    part = getattr(share, "hard", getattr(share, "every", 0.0))
    more = getattr(share, "conversion_type", getattr(share, "code", ""))
    below, permanent = int(share.probability * DRAW_RANGE), int(getattr(share, "permanent", False))
    return SignalRule(
        name, before, unless, below, least, most - least, int(part * DRAW_RANGE), more, permanent
    )


def _outcomes(told: Outcomes) -> Iterator[SignalRule]:
    """They share one draw, so that one of them comes true at most."""
    below = 0.0
    for name, outcome in told.items():
        least, most = outcome.micros((10 * SECOND, 5 * MINUTE))
        below += outcome.probability
        share = min(int(below * DRAW_RANGE), DRAW_RANGE)
        yield SignalRule(
            "called", "sent", "called", share, least, most - least, 0, name, outcome.seconds
        )
