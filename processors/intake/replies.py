"""Converts what a person wrote back: a reply, or an opt-out in the form of one (S4-54, S4-112).

The text and the headers of a reply stay out of the internal logs: only what they mean goes on.
"""

from schemas.base.opt_out_words import OPT_OUTS, digest_of, word_of
from schemas.channels import CHANNELS
from schemas.internal import messages as m
from schemas.public import inbound_events
from schemas.public.auto_reply import is_automatic, is_opt_out

BY_REPLY, BY_TEXT = "reply", "text"


def contact_replied(data: inbound_events.ContactReplied, cause: str, at: int, _: str) -> m.Message:
    """The message of contact.replied.

    An opt-out is looked for first: one that the sender has recognised, a word of the carriers,
    whatever the sender takes the message for, and a header of the mail program. Then the `kind` of
    the sender decides who has written, else `automatic`, else the headers.
    """
    ids = (data.tenant_id, data.contact_id, cause, at)
    by_text = data.text is not None and CHANNELS[data.channel].opt_out_by_text
    word = word_of(data.text) if by_text and data.text else ""
    if (method := _opt_out_method(data, word)) is not None:
        return m.ContactUnsubscribed(*ids, data.channel, method=method)
    return m.ContactReplied(
        *ids,
        data.channel,
        _is_automatic(data),
        data.command_id,
        data.kind == "gone",
        digest_of(word) if word else None,
    )


def _opt_out_method(data: inbound_events.ContactReplied, word: str) -> str | None:
    if data.kind == "unsubscribe":
        return BY_REPLY
    if word in OPT_OUTS:
        return BY_TEXT
    by_program = data.kind is None and data.headers is not None and is_opt_out(data.headers)
    return BY_REPLY if by_program else None


def _is_automatic(data: inbound_events.ContactReplied) -> bool:
    if data.kind is not None:
        return data.kind == "automatic"
    if data.automatic is not None:
        return data.automatic
    return data.headers is not None and is_automatic(data.headers)
