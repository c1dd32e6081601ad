"""The parts of a behaviour model: how probable a signal of a command is, and when it comes."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from schemas.base.error_codes import is_plain_code
from schemas.base.field_types import CodeText
from schemas.base.times import HOUR, MINUTE

LONGEST_HOURS = 8_760


class StrictModel(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


def as_span(value: Any) -> Any:
    """Makes a span `[number, number]` of a single number."""
    return value if isinstance(value, list) else [value, value]


_Time = Annotated[float, Field(ge=0, le=LONGEST_HOURS * 60)]
Span = Annotated[list[_Time], Field(min_length=2, max_length=2), BeforeValidator(as_span)]


def _check_plain(code: str) -> str:
    if not is_plain_code(code):
        raise ValueError("must be 1 to 32 characters of A-Z a-z 0-9 _ . -")
    return code


PlainCode = Annotated[CodeText, AfterValidator(_check_plain)]
"""A code that facts can hold unchanged; intake replaces every other text by "other"."""


class Delay(StrictModel):
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
    """An opt-out. `every` is the share of people who opt out of all channels, `method` is how they
    do it; without one it is not named."""

    every: Annotated[float, Field(ge=0, le=1)] = 0.0
    method: Literal["one_click", "link", "mailto", "reply", "complaint", "manual"] | None = None


class ConvertedShare(Share):
    """A conversion of one type. `of` is the signal of which the probability is a share: with
    `replied` only who has replied converts."""

    conversion_type: PlainCode = "conversion"
    of: Literal["replied", "clicked"] | None = None


def as_list(value: Any) -> Any:
    """Makes a list of a single entry."""
    return [value] if isinstance(value, dict) else value


def _check_types(shares: list[ConvertedShare]) -> list[ConvertedShare]:
    types = [share.conversion_type for share in shares]
    if len(set(types)) < len(types):
        raise ValueError("each conversion_type may be there once")
    return shares


ConvertedShares = Annotated[
    list[ConvertedShare],
    Field(min_length=1, max_length=32),
    AfterValidator(_check_types),
    BeforeValidator(as_list),
]
"""The conversions that may follow from a touch, each of its own type."""
