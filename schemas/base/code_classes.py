"""The classes of the codes with which providers report that something was not delivered."""

from enum import StrEnum
from typing import NamedTuple


class CodeClass(StrEnum):
    """What a provider's code means, by what follows from it."""

    ADDRESS = "address"
    """There is no such address: it is closed."""

    UNREACHABLE = "unreachable"
    """The address exists, but not on this channel: a landline, a number without WhatsApp. It is
    closed on this channel only."""

    OPTED_OUT = "opted_out"
    """The person wants nothing on this channel: an opt-out."""

    MAILBOX = "mailbox"
    """The mailbox or its system cannot take the message, for example because it is full."""

    BLOCK = "block"
    """The message was refused because of its sender. It never closes the address of a person."""

    CONTENT = "content"
    """The message itself was refused."""

    OURS = "ours"
    """A fault of the sender account or of its requests."""

    TEMPORARY = "temporary"
    FINAL = "final"
    """The touch fails, and nothing is known about the address."""

    UNKNOWN = "unknown"
    """A code that no table has. Another attempt is made."""

    __hash__ = str.__hash__  # the hash of Enum is Python code, and slow


class Meaning(NamedTuple):
    """The class of a code, and whether another attempt is useless."""

    code_class: CodeClass
    final: bool
