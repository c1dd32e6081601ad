"""Phone numbers: one line, however its number is written; E.164 by the `phonenumbers` library where
the number has the length of one, else its digits.

A number without a country code is one of the tenant's country. What no network can reach, such as a
number that is too short, is still accepted as it is written: only the sender's provider knows.
"""

import re
from functools import lru_cache
from unicodedata import digit

from schemas.addresses.texts import (
    CACHED,
    AddressInvalid,
    Forms,
    no_address,
    one_line,
    refusal,
)

PLAIN = re.compile(
    r"\+(?:1[2-9][0-9]{9}"
    r"|(?:3[1-49]|35[13]|4[13-9]|420|64|8[12]|91)[1-9][0-9]{5,9})"
)
"""Numbers that are in all forms already: in these countries a number has nothing to remove behind
its country code but a 0."""

_is_plain = PLAIN.fullmatch
_is_international = re.compile(r"\+[1-9][0-9]{4,14}").fullmatch
_is_american = re.compile(
    r"(?:1[ .-]?)?\(?[2-9][0-9]{2}\)?[ .-]{0,2}[0-9]{3}[ .-]?[0-9]{4}"
).fullmatch
_AMERICAN = frozenset(("US", "CA"))

_SEPARATORS = "-‐‑‒–—―−－ \u00a0\u2009\u202f\u3000()（）[]./／·~"
_number = re.compile(
    rf"[(\[（]*([+＋]?)[ \u00a0(（]*((?:\d[{re.escape(_SEPARATORS)}]*)+)"
).fullmatch
_extension = re.compile(
    r"[\s,;(\[]*(?:;ext=|extension|extn?(?![a-z])|durchwahl|poste|ramal|anexo|interno|доб|x|#)"
    r"[\s.:]*\d{1,7}[\s)\]]*$",
    re.IGNORECASE,
)
_decimals = re.compile(r"(?<=[0-9]{7})\.0{1,2}$")  # a number cell of a spreadsheet: 2125550102.0
_is_american_and_more = re.compile(
    r"(?:\+?1[ .-]?)?\(?[2-9][0-9]{2}\)?[ .-]{0,2}[0-9]{3}[ .-]?[0-9]{4}[\s(\[]+[0-9]{1,5}[)\]]?"
).fullmatch
_has_second_end = re.compile(r"(?:\d[^\d/／]?){7,}\s?[/／]\s?\d{1,4}$").search
_DIGITS_MIN, _DIGITS_MAX = 5, 17  # E.164 has 15 at most; people add a 0 that is not dialled
_PREFIXES = ("00", "011")
"""What people dial before a country code, in most countries and in North America."""

_formerly = re.compile(r"\+(?:(52)1|(1)0)([0-9]{10})").fullmatch
"""Numbers with a digit behind the country code that is no part of them: the 1 of mobile numbers in
Mexico, which WhatsApp still writes, and the 0 of other countries in North America."""


def clean(text: str) -> str:
    """The number as it is stored, and the empty text for itself. Raises AddressInvalid."""
    if _is_international(text) or _is_american(text) or not text:
        return text
    line = _line(text)
    _dialled(line)
    return line


def forms(text: str, country: str = "") -> Forms:
    """One form for all spellings of one line, which is E.164 or else the digits; and the number in
    E.164, or as it is written where it has no such form, empty if the text is no number.

    Extensions are left out: a text or an opt-out is for the line.
    """
    return (text, text) if _is_plain(text) else _forms(text, country)


@lru_cache(maxsize=CACHED)
def _forms(text: str, country: str) -> Forms:
    try:
        line = _line(text)
        dialled = _dialled(line)
    except AddressInvalid:
        return no_address(text)
    number = _e164(dialled, country)
    return number or dialled, number or line


def _line(text: str) -> str:
    """The text of a number, trimmed. Raises AddressInvalid."""
    return _decimals.sub("", one_line(text))


def _dialled(line: str) -> str:
    """The ASCII digits of a number, with `+` before them if the text has it. Raises
    AddressInvalid."""
    if line[:4].lower() == "tel:":
        raise refusal(line, "a link in place of a number")
    number = _extension.sub("", line)
    if number.count("+") + number.count("＋") > 1 or re.search(r"[,;]", number):
        raise refusal(line, "more than one number")
    found = _number(number)
    if found is None:
        raise refusal(line, "letters or signs that are no part of a number")
    digits = "".join(str(digit(char)) for char in found[2] if char.isdecimal())
    prefixes = [prefix for prefix in _PREFIXES if digits.startswith(prefix)]
    if not _DIGITS_MIN <= len(digits) - len("".join(prefixes)) <= _DIGITS_MAX:
        raise AddressInvalid(f"not {_DIGITS_MIN} to {_DIGITS_MAX} digits")
    if not digits.strip("0"):
        raise AddressInvalid("a placeholder for a number that is not known")
    if _is_two(number):
        raise refusal(line, "more than one number")
    return ("+" if found[1] else "") + digits


def _is_two(number: str) -> bool:
    """Whether a slash or a space separates two numbers, or the last digits of a second one: an area
    code before a slash is shorter than a number."""
    parts = [len(re.sub(r"\D", "", part)) for part in re.split(r"[/／]|\s+", number)]
    if sum(length >= 7 for length in parts) > 1:
        return True
    return (_has_second_end(number) or _is_american_and_more(number)) is not None


def _e164(dialled: str, country: str) -> str:
    """The E.164 form of digits, with or without `+`, as they are dialled in a country (ISO 3166-1
    alpha-2, empty if unknown); empty if they have none.

    Digits without `+` are read in the order: an international number of the country without any
    prefix, as WhatsApp and spreadsheets have it, if it is a mobile number or a long one; a valid
    number of the country; an international number with the prefix of another country; any other
    international number without a prefix; a number of the country that is not assigned.
    """
    if country in _AMERICAN and _is_american(dialled):
        return f"+1{dialled[-10:]}"
    if dialled.startswith("+"):
        return _formatted(dialled, "", valid=False)
    if len(dialled) > 10 and (form := _without_plus(dialled, country)):
        return form
    readings = [(dialled, country, True)]
    readings += [
        ("+" + dialled.removeprefix(prefix), "", True)
        for prefix in _PREFIXES
        if dialled.startswith(prefix)
    ]
    if country and len(dialled) > 10:
        readings.append((f"+{dialled}", "", True))
    readings.append((dialled, country, False))
    for text, region, valid in readings:
        if form := _formatted(text, region, valid=valid):
            return form
    return ""


def _without_plus(digits: str, country: str) -> str:
    """The E.164 form of digits that are the country's own code and a valid number behind it, empty
    if they are not. A short landline number may as well be one that begins with these digits."""
    import phonenumbers

    if not digits.startswith(str(phonenumbers.country_code_for_region(country) or "+")):
        return ""
    form = _formatted(f"+{digits}", "", valid=True)
    if not form or len(digits) > 11:
        return form
    kind = phonenumbers.number_type(phonenumbers.parse(form))
    return form if kind == phonenumbers.PhoneNumberType.MOBILE else ""


def _formatted(dialled: str, country: str, *, valid: bool) -> str:
    """The E.164 form of a number that is possible, or with `valid` an assigned one; empty if it is
    not."""
    import phonenumbers  # 25 ms, and most processes read no such number

    if found := _formerly(dialled):
        dialled = f"+{found[1] or found[2]}{found[3]}"
    try:
        number = phonenumbers.parse(dialled, country or None)
    except phonenumbers.NumberParseException:
        return ""
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    if valid and not phonenumbers.is_valid_number(number):
        return ""
    form = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if _is_international(form) is None:  # the library knows numbers of more than 15 digits
        return ""
    # A second 0 that is not dialled is dropped by the next reading only.
    return form if form == dialled else _formatted(form, "", valid=False) or form
