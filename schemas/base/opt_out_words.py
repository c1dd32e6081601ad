"""Opt-outs by text: words that, as a whole message, end writing on a channel, and those that lift
that again.

The words are compared in a form without case, accents, blanks, punctuation and invisible
characters: `Stop!` and ` "STOP" ` are one word, and so are `ARRÊT` and `arret`. No text of a
message is kept; the tenant's own words, which intake does not know, are compared by digests.
"""

import unicodedata
from functools import lru_cache
from hashlib import blake2b

from schemas.addresses.texts import trimmed

_TEXT_MAX = 100
_WORD_MAX = 80
"""Characters of the longest word: one of a tenant has up to 40, accents count separately."""

_CARRIERS = ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE")
"""The words that carriers take as an opt-out."""

_CARRIERS_AGAIN = ("START", "UNSTOP")
"""The words with which a person agrees again."""

_DROPPED = frozenset("PSZC")
"""The groups of Unicode characters that are no part of a word: punctuation, symbols, separators,
and control or invisible characters."""

_LETTERS = dict.fromkeys(range(0x300, 0x370)) | {ord("ı"): "i", ord("ł"): "l", ord("ø"): "o"}
"""What becomes of accents, which people leave out, and of letters that are not composed of a letter
and an accent. Marks of other scripts are vowels, and stay."""


def word_of(text: str) -> str:
    """The form in which a whole message is compared; empty if it is too long for a word."""
    if len(text) > _TEXT_MAX and len(text := trimmed(text)) > _TEXT_MAX:
        return ""
    plain = unicodedata.normalize("NFKD", text).casefold()
    word = "".join(char for char in plain if unicodedata.category(char)[0] not in _DROPPED)
    if len(word) > _WORD_MAX:
        return ""
    return word if word.isascii() else unicodedata.normalize("NFKD", word).translate(_LETTERS)


def digest_of(word: str) -> bytes:
    """The digest of a word in the form of `word_of`."""
    return blake2b(word.encode(), digest_size=8).digest()


OPT_OUTS = frozenset(word_of(word) for word in _CARRIERS)
"""The carriers' words for an opt-out, in the form of `word_of`."""

_AGREEMENTS = frozenset(digest_of(word_of(word)) for word in _CARRIERS_AGAIN)


@lru_cache(maxsize=1024)
def _digests(words: tuple[str, ...]) -> frozenset[bytes]:
    return frozenset(digest_of(word) for text in words if (word := word_of(text)))


def is_opt_out(keyword: bytes, words: tuple[str, ...]) -> bool:
    """Whether the digest of a message is that of one of the tenant's words."""
    return bool(words) and keyword in _digests(words)


def is_agreement(keyword: bytes) -> bool:
    """Whether the digest of a message is that of a word which lifts an opt-out."""
    return keyword in _AGREEMENTS


def problem_of(text: str) -> str | None:
    """Why a text cannot be a tenant's word for an opt-out, and what to do; None if it can."""
    word = word_of(text)
    if not word:
        return "without a letter or digit, or too long: no message is equal to it; give a word"
    if is_agreement(digest_of(word)):
        return "this word lifts an opt-out: give another one"
    return None
