"""Which replies nobody wrote: out-of-office notes and the like, by the headers that mail servers
put on them (S4-54, RFC 3834)."""

from collections.abc import Mapping

_ANY = frozenset({"x-autoreply", "x-autorespond", "x-auto-response-suppress"})
"""Present, whatever they say."""

_SAYING = {
    "precedence": ("auto_reply", "bulk", "junk", "list"),
    "x-precedence": ("auto_reply", "bulk", "junk", "list"),
}


def is_automatic(headers: Mapping[str, str]) -> bool:
    """Whether a message with these headers was made by a machine; names in any case."""
    return any(_tells(name.strip().lower(), said.strip().lower()) for name, said in headers.items())


def _tells(name: str, said: str) -> bool:
    if name == "auto-submitted":
        return said.partition(";")[0].strip() != "no"
    return name in _ANY or said in _SAYING.get(name, ())
