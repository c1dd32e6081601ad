"""Values of options that a person has typed: numbers, times, and pairs of a name and a value."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

from schemas.base.times import MomentUs, parse_moment
from streams.cli.errors import EXIT_USAGE, CommandError

WAITING = ("wait", "timeout", "json")
"""The options of every order that are about its answer."""

NONE = "none"
"""What a person types for no limit."""


def parse_time(text: str, option: str = "") -> MomentUs:
    """The moment that a person has typed, as the value of `option` if it has one. Raises
    CommandError."""
    try:
        return parse_moment(text)
    except ValueError as error:
        place = f"{option} {text}" if option else text
        raise CommandError(f"{place}: {error}", EXIT_USAGE) from None


def named_values(option: str, texts: Sequence[str] | None) -> list[tuple[str, str]]:
    """The names and values of an option of the form NAME=VALUE. Raises CommandError."""
    pairs = [text.partition("=") for text in texts or ()]
    for text, (_, equals, value) in zip(texts or (), pairs, strict=True):
        if not equals or not value:
            raise CommandError(f"{option} {text}: must be NAME=VALUE", EXIT_USAGE)
    return [(name, value) for name, _, value in pairs]


def number(option: str, kind: type[int] | type[float], text: str) -> float:
    """The number that a person has typed. Raises CommandError."""
    try:
        return kind(text)
    except ValueError:
        raise CommandError(f"{option}: {text} is not a number", EXIT_USAGE) from None


def named_numbers(option: str, texts: Sequence[str] | None) -> dict[str, float | None]:
    """The numbers of an option of the form NAME=NUMBER; `none` becomes None. Raises
    CommandError."""
    return {
        name: None if value == NONE else number(option, int, value)
        for name, value in named_values(option, texts)
    }


def names_with_numbers(option: str, texts: Sequence[str] | None) -> dict[str, float | None]:
    """The names of an option of the form NAME or NAME=NUMBER, each with its number or None. Raises
    CommandError."""
    found: dict[str, float | None] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        found[name] = number(option, int, value) if equals else None
    return found


def options_by_name(command: Callable[..., object], given: Sequence[Any]) -> dict[str, Any]:
    """The values of the options of a command, in the order of its parameters; without those about
    its answer."""
    names = [name for name in signature(command).parameters if name not in WAITING]
    return dict(zip(names, given, strict=True))


def clock_span(option: str, text: str) -> dict[str, str]:
    """The start and the end of the form HH:MM-HH:MM. Raises CommandError."""
    start, dash, end = text.partition("-")
    if not dash:
        raise CommandError(f"{option} {text}: must be HH:MM-HH:MM", EXIT_USAGE)
    return {"start": start.strip(), "end": end.strip()}
