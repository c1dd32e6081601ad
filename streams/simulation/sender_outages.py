"""The outages of simulated senders: spans of time in which the senders of a channel are down.

A sender that is down keeps its commands, and goes on with them when it is up again. So it may come
to a command after the command's `send_before`, and must not send it then.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.base.field_types import Moment
from schemas.base.times import MomentUs, parse_rfc3339

Outages = tuple[tuple[MomentUs, MomentUs], ...]
"""The beginning and the end of each outage, in order of time."""


def _as_moment(value: Any) -> Any:
    """Makes a moment of an RFC 3339 text; every other value is left to the validation."""
    return parse_rfc3339(value) if isinstance(value, str) else value


_TypedMoment = Annotated[Moment, BeforeValidator(_as_moment)]


class Outage(BaseModel):
    """An outage from one moment up to, but without, another one; both are RFC 3339 times."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )

    since: Annotated[_TypedMoment, Field(alias="from")]
    until: _TypedMoment

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.since >= self.until:
            raise ValueError("`from` must be before `until`")
        return self


def _as_list(value: Any) -> Any:
    """Makes a list of a single outage."""
    return value if isinstance(value, list) else [value]


OutageList = Annotated[list[Outage], BeforeValidator(_as_list)]


def outages_of(listed: Iterable[Outage]) -> Outages:
    """The outages as pairs of moments, in order of time."""
    return tuple(sorted((outage.since, outage.until) for outage in listed))


def up_again(outages: Outages, at: MomentUs) -> MomentUs:
    """The first moment from `at` on at which the senders are up."""
    for since, until in outages:
        if since <= at < until:
            at = until
    return at
