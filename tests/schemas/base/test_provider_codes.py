"""What the codes of providers mean: by family, with the enhanced codes of RFC 3463 first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.code_classes import CodeClass
from schemas.base.error_codes import is_plain_code
from schemas.base.provider_codes import (
    NO_CODE,
    WINDOW_CLOSED,
    bounce_type,
    meaning_of,
    plain_code,
)
from schemas.channels import EMAIL, LINKEDIN_URL, PHONE


def meanings(address: str, *codes: object) -> set[tuple[str, bool]]:
    found = (meaning_of(plain_code(str(code)), address) for code in codes)
    return {(meaning.code_class.value, meaning.final) for meaning in found}


def test_smtp_is_tried_later_for_4xx_and_final_for_5xx() -> None:
    temporary = (421, 450, 451, 452, 454, 455, 459, "SMTP 450", "smtp_450", "450-greylisted")
    assert meanings(EMAIL.name, *temporary) == {("temporary", False)}
    final = (501, 550, 551, 553, 554, "smtp 500", "SMTP; 503", "550 mailbox unavailable")
    assert meanings(EMAIL.name, *final, "SMTP 503") == {("final", True)}


def test_http_is_final_for_4xx_except_four_and_temporary_for_5xx() -> None:
    for address in (EMAIL.name, PHONE.name, LINKEDIN_URL.name):
        final = (400, 401, 403, 404, 410, 422, "HTTP 404", "http_403", "HTTP/1.1 404 Not Found")
        assert meanings(address, *final) == {("final", True)}
        temporary = (408, 409, 425, 429, "HTTP 429", 500, 502, 503, 504, "http 501", "https-550")
        assert meanings(address, *temporary) == {("temporary", False)}
    assert meanings(PHONE.name, 501, 507) == {("temporary", False)}


@pytest.mark.parametrize(
    ("code_class", "final", "codes"),
    [
        ("address", True, ("5.1.1", "550 5.1.1", "550-5.1.2", "550_5.1.3", "5.1.6", "5.1.10")),
        ("address", True, ("550 #5.2.1", "smtp; 550 5.1.1 <x> unknown", "450 5.1.1")),
        ("mailbox", False, ("4.0.0", "4.2.2", "450 4.1.1", "421 4.4.2", "550 4.3.1", "4.5.3")),
        ("mailbox", True, ("5.2.2", "552 5.2.2", "5.3.1", "5.4.1", "5.4.4", "552")),
        ("block", False, ("4.7.0", "421 4.7.28")),
        ("block", True, ("5.7.1", "550 5.7.1", "554-5.7.1", "5.7.606")),
        ("content", True, ("5.2.3", "552 5.3.4", "5.6.0")),
        ("ours", True, ("5.1.7", "5.1.8", "5.5.1", "500 5.5.2", "535")),
        ("final", True, ("5.0.0", "550 5.0.0", "5.1.0", "5.2.0")),
    ],
)
def test_an_enhanced_code_decides_by_its_class(
    code_class: str, final: bool, codes: tuple[str, ...]
) -> None:
    assert meanings(EMAIL.name, *codes) == {(code_class, final)}


@pytest.mark.parametrize(
    ("code_class", "final", "codes"),
    [
        ("address", True, (21211, 21217, 30005, "Error 21211", "sip 404", "SIP_604", 604, 484)),
        ("unreachable", True, (21614, 30006, 63024)),
        ("opted_out", True, (21610, "twilio 21610", 63014, 131050)),
        ("block", True, (30004, 30007, 607, 608)),
        ("content", True, (21617, 63005, 132001)),
        ("ours", True, (30034, 21408, 20003, 133010)),
        ("final", True, (21619 + 1, 63016, "sip 603", 603, "sip 488", 20404)),
        ("temporary", False, (30001, 30003, 30008, 30022, 63018, 20429, 20503, 130429, 30999)),
        ("temporary", False, ("SIP 486", 480, 486, "SIP/2.0 486 Busy Here", "sip 503", 600)),
    ],
)
def test_telephony_is_by_family(code_class: str, final: bool, codes: tuple[object, ...]) -> None:
    assert meanings(PHONE.name, *codes) == {(code_class, final)}


def test_a_telephony_code_means_nothing_for_another_address() -> None:
    assert meanings(EMAIL.name, 21610, 21211) == {("unknown", False)}


@pytest.mark.parametrize(
    "code", ["4040", "999", "weird", "NO_CODE", "", "100", "limit_400", "2.1.5"]
)
def test_a_code_that_nobody_knows_is_temporary(code: str) -> None:
    for address in (EMAIL.name, PHONE.name, LINKEDIN_URL.name):
        assert meanings(address, code) == {("unknown", False)}


def test_codes_in_words_are_few() -> None:
    for address in (EMAIL.name, PHONE.name):
        assert meanings(address, "opted_out", "unsubscribed", "opted-out") == {("opted_out", True)}
        assert meanings(address, "no_such_address") == {("address", True)}
        assert meanings(address, "timeout") == {("temporary", False)}


@pytest.mark.parametrize(
    ("code", "detail", "plain"),
    [
        ("550", None, "550"),
        ("550 5.1.1", None, "550_5.1.1"),
        ("550-5.1.1", None, "550-5.1.1"),
        (" HTTP 404 ", None, "http_404"),
        ("SIP/2.0 486 Busy Here", None, "sip_486"),
        ("550 5.1.1 <ann@example.com> unknown", None, "550_5.1.1"),
        ("User ann@example.com unknown (#5.1.1)", None, "5.1.1"),
        ("ann@example.com unknown", None, NO_CODE),
        ("+12125550101 invalid", None, NO_CODE),
        ("12125550101 invalid", None, NO_CODE),
        ("", None, NO_CODE),
        ("550", "550 5.7.1 blocked, see https://example.com/5.1.1", "550_5.7.1"),
        ("550", "no such user ann@example.com", "550"),
        ("rejected", "450 greylisted", "450_rejected"),
        ("rejected", "at port 450", "rejected"),
        ("smtp_error", "mx[5.7.1.2] answered: 550 5.1.1 unknown", "smtp_error_5.1.1"),
        ("550 5.1.1", "5.7.1", "550_5.1.1"),
        ("21610", "version 5.1.1", "21610"),
        ("x" * 30, "5.1.1", "x" * 30),
        ("Mailbox is full!", "552 5.2.2", "552_5.2.2"),
    ],
)
def test_a_code_becomes_one_word_without_other_text(
    code: str, detail: str | None, plain: str
) -> None:
    assert plain_code(code, detail) == plain


@pytest.mark.parametrize(
    ("code", "detail", "plain"),
    [
        ("ErrorCode: 21610", None, "21610"),
        ("ERRORCODE=21610", None, "21610"),
        ("statusCode: 429", None, "429"),
        ('{"statusCode": 429, "message": "slow down"}', None, "429"),
        ('{"message": "no", "code": 21610, "status": 400}', None, "21610"),
        ("HTTP/2 429", None, "http_429"),
        ("HTTP/1.1 429", None, "http_429"),
        ("Request failed with status code 429", None, "429"),
        ("failed", "Error 21610", "21610_failed"),
        ("undelivered", "Message was not sent (Error 21610)", "21610_undelivered"),
        ("400", "Error 21610: the recipient has sent STOP", "21610_400"),
        ("opted_out", "Error 30007", "opted_out"),
        ("failed", "Error 99999", "failed"),
        ("failed", "the parcel 21610 is lost, error at 21610", "failed"),
    ],
)
def test_a_known_code_is_found_in_a_text_that_announces_it(
    code: str, detail: str | None, plain: str
) -> None:
    assert plain_code(code, detail) == plain


def test_a_code_within_a_word_means_the_same() -> None:
    assert meanings(PHONE.name, "unable_error_21610", "ErrorCode-21610") == {("opted_out", True)}
    assert meanings(EMAIL.name, "NoSuchAddress") == {("address", True)}


@pytest.mark.parametrize(
    "code", ["WINDOW_CLOSED", "window-closed", "Window closed.", " windowClosed\n", "window_closed"]
)
def test_a_closed_window_has_one_code(code: str) -> None:
    assert plain_code(code) == WINDOW_CLOSED
    assert plain_code(code, "450 too late") == WINDOW_CLOSED


@pytest.mark.parametrize("code", ["2125550102", "212-555-0102", "555.0102", "550-5550102"])
def test_a_phone_number_is_no_code(code: str) -> None:
    assert plain_code(code) == NO_CODE
    assert plain_code(code, "Error 21610") == "21610"


@pytest.mark.parametrize("code", ["131050", "131050_400", "smtp_550_5.1.10", "21610_550_5.1.10"])
def test_codes_with_many_digits_stay(code: str) -> None:
    assert plain_code(code) == code


@given(st.text(max_size=100), st.none() | st.text(max_size=100))
def test_any_text_becomes_a_plain_code_with_a_meaning(code: str, detail: str | None) -> None:
    plain = plain_code(code, detail)
    assert is_plain_code(plain)
    for address in (EMAIL.name, PHONE.name, LINKEDIN_URL.name):
        assert meaning_of(plain, address).code_class in CodeClass
    assert bounce_type(None, code, detail, None)


@pytest.mark.parametrize(
    ("explicit", "enhanced", "smtp", "reason", "expected"),
    [
        ("hard", None, None, None, "hard"),
        ("soft", "5.1.1", None, None, "soft"),
        ("hard", "5.2.2", None, None, "hard"),
        (None, "5.1.1", "550", None, "hard"),
        (None, "5.2.1", None, None, "hard"),
        (None, "4.2.2", None, None, "soft"),
        (None, "5.2.2", None, None, "soft"),
        (None, "5.6.1", None, None, "content"),
        (None, "5.5.2", None, None, "ours"),
        (None, "5.1.8", None, None, "ours"),
        (None, "5.0.0", "550", None, "soft"),
        (None, None, "550", None, "soft"),
        (None, None, "550 5.1.1", None, "hard"),
        (None, None, "556", None, "hard"),
        (None, None, "450", "450 4.2.1 try later", "soft"),
        (None, None, None, "550 5.1.1 no such user", "hard"),
        (None, None, None, "smtp; 550 5.1.10 null MX", "hard"),
        (None, None, None, "mailbox is gone", "soft"),
        (None, None, None, None, "soft"),
        # a block is never the address
        ("hard", None, None, "550 5.7.1 blocked, our IP is on a list", "block"),
        ("hard", "5.7.26", None, None, "block"),
        ("hard", None, "554 5.7.1", None, "block"),
        ("hard", None, None, "mx.example.com[192.0.2.1] answered: 421 4.7.0 later", "block"),
        ("hard", None, None, "rejected (#5.7.1)", "block"),
        ("soft", "4.7.0", None, None, "block"),
        (None, "5.7.1", None, None, "block"),
        # the field for the code counts before a text
        ("hard", "5.1.1", None, "see 5.7.1", "hard"),
        # reports of telephony
        (None, None, None, "30005", "hard"),
        (None, None, "30006", None, "unreachable"),
        (None, None, None, "Error 21610", "opted_out"),
        ("hard", None, "21610", None, "opted_out"),
    ],
)
def test_the_type_of_a_bounce(
    explicit: str | None, enhanced: str | None, smtp: str | None, reason: str | None, expected: str
) -> None:
    assert bounce_type(explicit, enhanced, smtp, reason) == expected
