"""What a provider's code means: the one place that decides it, for failed sends and for bounces.

A code has up to three parts, as in `SMTP 550 5.1.1`: a family, a number and an enhanced code
(RFC 3463). The enhanced code decides where there is one. A number is of the family that is written
beside it, or of the family that is usual for the kind of address:

| address | number | family |
|---|---|---|
| e-mail | 421, 430-499, 5xx other than 500, 502, 503, 504 | SMTP |
| e-mail | other 4xx, and 500, 502, 503, 504, with which mail services report an outage | HTTP |
| phone | 480-499, 6xx | SIP |
| phone | five digits and more | providers of telephony |
| phone and others | 450, 452-459, 550-559 | SMTP |
| phone and others | other 4xx and 5xx | HTTP |

SMTP: 4xx is temporary, 5xx is final. HTTP: 4xx is final except 408, 409, 425 and 429; 5xx is
temporary. A code that nobody knows is temporary. So a plain 503 on e-mail is an outage, and tried
again; `SMTP 503` and `503 5.5.1` are answers of a mail server, and final.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from schemas.base.code_classes import CodeClass, Meaning
from schemas.base.error_codes import is_plain_code
from schemas.base.telephony_codes import SIP_ONLY, TWILIO_HTTP, provider_meaning, sip_meaning
from schemas.channels import EMAIL, PHONE

HARD, SOFT = "hard", "soft"
_STRONGER = (CodeClass.BLOCK, CodeClass.OPTED_OUT)
_RECORDED = (CodeClass.UNREACHABLE, CodeClass.CONTENT, CodeClass.OURS)

NO_CODE = "other"
"""A code of which nothing may be kept: facts hold codes and no free text."""

UNKNOWN = Meaning(CodeClass.UNKNOWN, False)
_TEMPORARY = Meaning(CodeClass.TEMPORARY, False)
_FINAL = Meaning(CodeClass.FINAL, True)

_ENHANCED_ROWS: dict[CodeClass, tuple[str, ...]] = {
    CodeClass.ADDRESS: ("1.1", "1.2", "1.3", "1.6", "1.10", "2.1"),
    CodeClass.MAILBOX: ("2.2", "3.1", "4"),
    CodeClass.BLOCK: ("7",),
    CodeClass.CONTENT: ("2.3", "3.4", "6"),
    CodeClass.OURS: ("1.7", "1.8", "5"),
}
"""The classes of permanent enhanced codes, as subject.detail or as a whole subject."""

_ENHANCED = {name: each for each, names in _ENHANCED_ROWS.items() for name in names}

_SMTP = {
    530: Meaning(CodeClass.OURS, True),  # authentication
    535: Meaning(CodeClass.OURS, True),
    538: Meaning(CodeClass.OURS, True),
    552: Meaning(CodeClass.MAILBOX, True),  # its storage is full
    556: Meaning(CodeClass.ADDRESS, True),  # the domain takes no mail (RFC 7504)
    605: Meaning(CodeClass.ADDRESS, True),  # on the bounce list of the service (Mailgun)
    606: Meaning(CodeClass.OPTED_OUT, True),  # on its list of opt-outs
    607: Meaning(CodeClass.OPTED_OUT, True),  # on its list of complaints
}
"""Numbers of mail that mean more than their first digit."""

_HTTP_TEMPORARY = frozenset((408, 409, 425, 429))
_HTTP_ON_MAIL = frozenset((*range(400, 421), *range(422, 430), 500, 502, 503, 504))
_REPLIES = range(400, 600)
"""The numbers of failures, in SMTP and in HTTP."""

_SMTP_ONLY = frozenset((450, *range(452, 460), *range(550, 560)))
"""Numbers that mean something in SMTP and nothing in HTTP."""

_WORDS = {
    "opted_out": CodeClass.OPTED_OUT,
    "recipient_opted_out": CodeClass.OPTED_OUT,
    "unsubscribed": CodeClass.OPTED_OUT,
    "no_such_address": CodeClass.ADDRESS,
    "timeout": CodeClass.TEMPORARY,
}
"""Codes in words."""

WINDOW_CLOSED = "window_closed"
"""The code with which a sender gives back a command after its send window."""

_FAMILIES = {"smtp": "smtp", "esmtp": "smtp", "http": "http", "https": "http", "sip": "sip"}
_BEFORE_A_NUMBER = frozenset(
    (
        *(*_FAMILIES, "twilio", "error", "err", "code", "status", "reply", "response", "rc"),
        *("errorcode", "errcode", "statuscode", "replycode", "responsecode"),
    )
)
"""Words that may stand before the number of a code."""

_find_tokens = re.compile(  # `ErrorCode` is two words; the version of `HTTP/2` belongs to its word
    r"([A-Z]?[a-z]+|[A-Z]+(?![a-z]))(?:/[0-9](?:\.[0-9])?(?![0-9.]))?|[0-9]+(?:\.[0-9]+)*"
).finditer
_find_announced = re.compile(
    r"(?<![a-z])(?:(?:error|status)(?:[ _-]?code)?[\"']?[ _:=#(\"'-]{1,4}|code[\"']? ?[:=] ?[\"']?)"
    r"([0-9]{3,6})(?![0-9])",
    re.IGNORECASE,
).finditer
_is_version = re.compile(r"[0-9]\.[0-9]").fullmatch
_is_number = re.compile(r"[0-9]{3,6}").fullmatch
_find_enhanced = re.compile(r"(?<![A-Za-z0-9.])[245]\.[0-7]\.[0-9]{1,3}(?!\.?[0-9])").search
_WORDS_MAX = 6
_CODE_DIGITS = 6
_TEXT_MAX = 1_000
"""Characters at the beginning of a text in which codes are sought."""


class _Code(NamedTuple):
    """The parts of a code; `words` are those before its number, joined."""

    family: str = ""
    number: int | None = None
    enhanced: str = ""
    words: str = ""


@lru_cache(maxsize=4096)
def meaning_of(code: str, address: str) -> Meaning:
    """What the code of a failed send means. `address` is the name of the kind of address to which
    the channel sends (schemas/channels.py)."""
    parts = _parts(code)
    if parts.enhanced and address == EMAIL.name:
        return _enhanced_meaning(parts.enhanced)
    if parts.number is not None:
        return _number_meaning(parts.number, parts.family, address) or UNKNOWN
    code_class = _WORDS.get(parts.words)
    if code_class is None:
        return UNKNOWN
    return Meaning(code_class, code_class is not CodeClass.TEMPORARY)


def bounce_type(
    explicit: str | None, enhanced_code: str | None, smtp_code: str | None, reason: str | None
) -> str:
    """The type of a bounce: `hard` or `soft`, or another class of codes.

    What the sender states explicitly counts, except that a block is no fault of the address, and an
    opt-out is one. Else the first enhanced code of the three texts decides, else the first number
    at the beginning of one of them, else the bounce is soft.
    """
    found = _class_of((enhanced_code, smtp_code, reason))
    if found in _STRONGER:
        return found.value
    if explicit is not None:
        return explicit
    if found is CodeClass.ADDRESS:
        return HARD
    return found.value if found in _RECORDED else SOFT


def plain_code(code: str, detail: str | None = None) -> str:
    """The code as one word for facts and states, such as `550_5.1.1`; NO_CODE where the text holds
    no code.

    `detail` is the provider's answer in full: it adds the enhanced code of mail, and the number at
    its beginning where the code has none.
    """
    text = code.strip()
    parts = _parts(text)
    if parts.words == WINDOW_CLOSED and parts.number is None:
        return WINDOW_CLOSED
    plain = text if is_plain_code(text) else _word_of(parts)
    if _is_like_a_phone_number(plain):
        plain = ""
    if detail:
        plain = _with_detail(plain, detail.strip()[:_TEXT_MAX])
    return plain or NO_CODE


def _is_like_a_phone_number(plain: str) -> bool:
    """Whether a word has more digits than a code, beside an enhanced code and the number of a
    provider."""
    if len(plain) <= _CODE_DIGITS:
        return False
    parts = _parts(plain)
    rest = plain.replace(parts.enhanced, "", 1)
    if parts.number is not None and provider_meaning(parts.number) is not None:
        rest = rest.replace(str(parts.number), "", 1)
    return sum(map(str.isdigit, rest)) > _CODE_DIGITS


def _word_of(parts: _Code) -> str:
    family = parts.family if parts.number is not None else ""
    number = "" if parts.number is None else str(parts.number)
    return "_".join(part for part in (family, number, parts.enhanced) if part)


def _with_detail(plain: str, detail: str) -> str:
    own, more = _parts(plain), _parts(detail)
    if own.enhanced or (own.number is not None and own.number >= 1_000):
        return plain
    number = "" if more.number is None or not _adds(more.number, own) else str(more.number)
    joined = "_".join(part for part in (number, plain, more.enhanced) if part)
    return joined if is_plain_code(joined) else plain


def _adds(number: int, own: _Code) -> bool:
    """Whether the number of an answer means more than the code beside it."""
    if number < 1_000:
        return own.number is None and number in _REPLIES
    return _is_known(number) and own.words not in _WORDS


def _is_known(number: int) -> bool:
    return number in _REPLIES or _provider_meaning(number) is not None


def _parts(text: str) -> _Code:
    """The parts of a code.

    A number counts at the beginning, or after words that announce one, so that no number of an
    ordinary text becomes a code. Behind other words it must be known, and announced as an error.
    """
    family, number = "", None
    words: list[str] = []
    for found in _find_tokens(text, 0, _TEXT_MAX):
        token = (found[1] or found[0]).lower()
        if _is_number(token) and _BEFORE_A_NUMBER.issuperset(words):
            number = int(token)
            break
        if not (words and _is_version(token)):  # as in SIP/2.0
            words.append(token)
        family = family or _FAMILIES.get(token, "")
        if len(words) > _WORDS_MAX:
            break
    if number is None:
        announced = (int(each[1]) for each in _find_announced(text, 0, _TEXT_MAX))
        number = next(filter(_is_known, announced), None)
    enhanced = _find_enhanced(text, 0, _TEXT_MAX)
    words = [word for word in words if word.isalpha()]
    return _Code(family, number, enhanced[0] if enhanced else "", "_".join(words))


def _enhanced_meaning(enhanced: str) -> Meaning:
    status, _, rest = enhanced.partition(".")
    subject = rest.partition(".")[0]
    found = _ENHANCED.get(rest) or _ENHANCED.get(subject)
    if status == "4":
        return Meaning(found if found is CodeClass.BLOCK else CodeClass.MAILBOX, False)
    if status != "5":
        return UNKNOWN
    return Meaning(found, True) if found else _FINAL


def _number_meaning(number: int, family: str, address: str) -> Meaning | None:
    if number >= 1_000:
        return _provider_meaning(number) if address == PHONE.name else None
    if not family:
        family = _usual_family(number, address)
    if family == "sip":
        return sip_meaning(number)
    return _smtp_meaning(number) if family == "smtp" else _http_meaning(number)


def _provider_meaning(number: int) -> Meaning | None:
    in_http = number in TWILIO_HTTP
    return _http_meaning(number - 20_000) if in_http else provider_meaning(number)


def _usual_family(number: int, address: str) -> str:
    if address == EMAIL.name:
        return "http" if number in _HTTP_ON_MAIL else "smtp"
    if number in SIP_ONLY and address == PHONE.name:
        return "sip"
    return "smtp" if number in _SMTP_ONLY else "http"


def _smtp_meaning(number: int) -> Meaning | None:
    if number in _SMTP:
        return _SMTP[number]
    if number // 100 == 4:
        return _TEMPORARY
    return _FINAL if number // 100 == 5 else None


def _http_meaning(number: int) -> Meaning | None:
    if number // 100 == 4:
        return _TEMPORARY if number in _HTTP_TEMPORARY else _FINAL
    return _TEMPORARY if number // 100 == 5 else None


def _class_of(texts: tuple[str | None, ...]) -> CodeClass | None:
    """The class of the first enhanced code of these texts about a bounce, or else of the first
    number: of SMTP, or of a provider of telephony."""
    parts = [_parts(text) for text in texts if text]
    for each in parts:
        if each.enhanced:
            return _enhanced_meaning(each.enhanced).code_class
    for each in parts:
        if each.number is not None:
            long = each.number >= 1_000
            meaning = _provider_meaning(each.number) if long else _smtp_meaning(each.number)
            return meaning.code_class if meaning else None
    return None
