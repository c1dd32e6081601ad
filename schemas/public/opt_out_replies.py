"""Which replies are opt-outs (S4-112)."""

from collections.abc import Mapping

from schemas.base.opt_out_words import OPT_OUTS, word_of
from schemas.channels import CHANNELS
from schemas.public.auto_reply import is_opt_out

BY_REPLY, BY_TEXT = "reply", "text"


def word_of_reply(channel: str, text: str | None) -> str:
    """A whole text message in the form of a word; empty if it is none, or if the channel has no
    opt-outs by text."""
    return word_of(text) if text and CHANNELS[channel].opt_out_by_text else ""


def opt_out_method(kind: str | None, word: str, headers: Mapping[str, str] | None) -> str | None:
    """How a reply opts out, None if it does not.

    An opt-out that the sender has recognised is one, and a word of the carriers, whatever the
    sender takes the message for. The header of the mail program counts where the sender states no
    `kind`.
    """
    if kind == "unsubscribe":
        return BY_REPLY
    if word in OPT_OUTS:
        return BY_TEXT
    return BY_REPLY if kind is None and headers is not None and is_opt_out(headers) else None
