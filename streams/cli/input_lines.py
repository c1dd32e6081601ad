"""Input files and stdin, read line by line: lines of bounded length, and one CloudEvent a line."""

import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, TextIOWrapper
from typing import AnyStr, BinaryIO

from schemas.base.error_codes import Refused
from schemas.public.codec import VALUE_BYTES, Decoder, PublicEvent
from schemas.public.events import EVENTS
from streams.cli.errors import EXIT_USAGE, CommandError

LINE_BYTES = VALUE_BYTES + 2
STRUCTURED = (("content-type", b"application/cloudevents+json"),)


@contextmanager
def open_input(name: str) -> Iterator[BinaryIO]:
    """Yields a file, or stdin where the name is `-`. Raises CommandError."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = open(name, "rb")  # noqa: PTH123, SIM115 (a person's argument, closed below)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}", EXIT_USAGE) from None
    with file:
        yield file


def bounded_lines(stream: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """The lines of a stream, each cut to `max_bytes`: the rest of a longer line is skipped."""
    return _cut_lines(stream.readline, max_bytes, b"\n")


def _cut_lines(readline: Callable[[int], AnyStr], most: int, end: AnyStr) -> Iterator[AnyStr]:
    while line := readline(most):
        cut = len(line) == most and not line.endswith(end)
        while cut and (rest := readline(most)):
            cut = not rest.endswith(end)
        yield line


def text_lines(stream: BufferedReader, max_bytes: int) -> Iterator[bytes]:
    """The lines of a text file as `bounded_lines`, in UTF-8. A file that begins with a byte order
    mark of UTF-16, as spreadsheets write it, is recoded; a line that cannot be is not UTF-8."""
    if stream.peek(2)[:2] not in (BOM_UTF16_LE, BOM_UTF16_BE):
        yield from bounded_lines(stream, max_bytes)
        return
    text = TextIOWrapper(stream, "utf-16", errors="surrogatepass", newline="\n")
    try:
        for line in _cut_lines(text.readline, max_bytes, "\n"):
            yield line.encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # the file ends inside a character
        yield b"\xff"
    finally:
        text.detach()


def read_events(
    stream: BinaryIO, reject: Callable[[int, str, str], None]
) -> Iterator[tuple[int, PublicEvent]]:
    """Every valid event with its line number. `reject` is called for each other line, with the line
    number, an error code and a detail; empty lines are skipped."""
    decode = Decoder().decode
    for number, line in enumerate(bounded_lines(stream, LINE_BYTES), 1):
        if not line.strip():
            continue
        try:
            event = decode(STRUCTURED, line.strip())
        except Refused as refused:
            reject(number, refused.code, refused.detail)
            continue
        if EVENTS[event.type].topic is None:
            detail = f"{event.type} is a command: only the engine publishes it"
            reject(number, "EVENT_WRONG_TOPIC", detail)
        else:
            yield number, event
