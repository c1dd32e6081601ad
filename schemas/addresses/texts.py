"""What all kinds of address share: what is trimmed, what no address contains, and how letters are
compared."""

import re
from unicodedata import category, normalize


class AddressInvalid(ValueError):
    """A text is not exactly one address. The message is a reason in plain words, without the
    text."""


class AddressMissing(AddressInvalid):
    """A text stands for an address that is not known: only blanks, or a placeholder."""


Forms = tuple[str, str]
"""The canonical form of a text, and the form that a command has: empty if it is no address."""

CACHED = 4_096
"""How many texts keep their forms, for each kind of address."""

_SPACES = frozenset({"Zs", "Zl", "Zp"})
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Cn", "Co"})
_is_filler = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]"
).match
"""Letters and marks that show nothing; Unicode has them in categories of visible characters."""

_PLACEHOLDERS = frozenset(
    (
        *("na", "none", "null", "nil", "nan", "undefined", "unknown", "missing", "empty", "blank"),
        *("notavailable", "notapplicable", "notprovided", "notset", "novalue", "nodata"),
        *("noemail", "nomail", "noaddress", "nophone", "nonumber", "nolinkedin"),
        *("tbd", "tba", "tbc", "todo", "test", "x", "xx", "xxx"),
        *("ref", "value", "name"),
    )
)
"""What people and programs write where they know no address, in letters only. The last ones are
errors of spreadsheets: `#REF!`, `#VALUE!` and `#NAME?`."""


def trimmed(text: str) -> str:
    """The text without white space, control, zero-width and other invisible characters at both
    ends, and without dots at its end."""
    begin, end = 0, len(text)
    while begin < end and _is_blank(text[begin]):
        begin += 1
    while begin < end and (text[end - 1] == "." or _is_blank(text[end - 1])):
        end -= 1
    return text[begin:end]


def one_line(text: str) -> str:
    """The text, trimmed, and without the apostrophe that spreadsheets write before a text. Raises
    AddressInvalid if nothing is left, or if there is an invisible character inside."""
    line = trimmed(text)
    if line[:1] == "'":
        line = _without_apostrophes(line)
    if not line:
        raise AddressMissing("only blanks")
    if not (line.isascii() and line.isprintable()) and any(map(is_invisible, line)):
        raise AddressInvalid("a control or invisible character inside")
    return line


def _without_apostrophes(line: str) -> str:
    while line[:1] == "'":
        line = trimmed(line[1:])
    while line[-1:] == "'":  # of a pair
        line = trimmed(line[:-1])
    return line


def refusal(line: str, reason: str) -> AddressInvalid:
    """The error of a text that is no address, with the reason; of a placeholder, that it is one."""
    letters = re.sub(r"[\W_]+", "", line.casefold())
    if not letters or letters in _PLACEHOLDERS:
        return AddressMissing("a placeholder for an address that is not known")
    return AddressInvalid(reason)


def no_address(text: str) -> Forms:
    """The forms of a text that is no address: nothing is sent to it."""
    return folded(trimmed(text)), ""


def is_invisible(char: str) -> bool:
    """Whether a character is a control, a line separator, or shows nothing; spaces are visible."""
    return category(char) in _INVISIBLE or _is_filler(char) is not None


def _is_blank(char: str) -> bool:
    return category(char) in _SPACES or is_invisible(char)


def folded(text: str) -> str:
    """The text in one form for all cases and compositions of its letters; the form of a form is the
    form itself."""
    form = normalize("NFC", text.casefold())
    while form != text:
        text, form = form, normalize("NFC", form.casefold())
    return form
