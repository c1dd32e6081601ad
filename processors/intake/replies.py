"""Converts what a person wrote back: a reply, or an opt-out in the form of one (S4-54, S4-112).

The text and the headers of a reply stay out of the internal logs: only what they mean goes on.
"""

from schemas.base.opt_out_words import digest_of
from schemas.internal import messages as m
from schemas.public import inbound_events
from schemas.public.auto_reply import is_automatic
from schemas.public.opt_out_replies import opt_out_method, word_of_reply


def contact_replied(data: inbound_events.ContactReplied, cause: str, at: int, _: str) -> m.Message:
    """The message of contact.replied.

    An opt-out is looked for first. Then the `kind` of the sender decides who has written, else
    `automatic`, else the headers.
    """
    ids = (data.tenant_id, data.contact_id, cause, at)
    word = word_of_reply(data.channel, data.text)
    if (method := opt_out_method(data.kind, word, data.headers)) is not None:
        return m.ContactUnsubscribed(*ids, data.channel, method=method)
    return m.ContactReplied(
        *ids,
        data.channel,
        _is_automatic(data),
        data.command_id,
        data.kind == "gone",
        digest_of(word) if word else None,
        m.RESPONSE_RULES,
    )


def _is_automatic(data: inbound_events.ContactReplied) -> bool:
    if data.kind is not None:
        return data.kind == "automatic"
    if data.automatic is not None:
        return data.automatic
    return data.headers is not None and is_automatic(data.headers)
