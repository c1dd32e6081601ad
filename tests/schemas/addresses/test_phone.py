"""Which texts are phone numbers, and which of them are one line."""

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.addresses import phone
from schemas.channels import PHONE
from tests.schemas.addresses.laws import (
    assert_forms_are_final,
    assert_only_what_is_accepted_can_be_written_to,
)

COUNTRIES = ["US", "DE", "GB", "FR", "IT", "BR", "MX", "AR", "RU", "JP", "KZ", "", "ZZ"]


canonical, recipient = PHONE.canonical, PHONE.recipient


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("", ""),
        ("+12125550102", "+12125550102"),
        (" +1 (212) 555-0102. ", "+1 (212) 555-0102"),
        ("\u202a+1 212 555 0102\u202c", "+1 212 555 0102"),
        ("\u2028+1 212 555 0102\u200b", "+1 212 555 0102"),
        ("212\u00a0555\u00a00102", "212\u00a0555\u00a00102"),
        ("+15550100", "+15550100"),
        ("+15550", "+15550"),
        ("030/1234567", "030/1234567"),
        ("0043 5522/1234567", "0043 5522/1234567"),
        ("+44 (0)20 7946 0958 ext. 5", "+44 (0)20 7946 0958 ext. 5"),
        ("＋１２１２５５５０１０２", "＋１２１２５５５０１０２"),
    ],
)
def test_a_number_is_stored_without_what_surrounds_it(text: str, stored: str) -> None:
    assert phone.clean(text) == stored


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("  ", "only blanks"),
        ("n/a", "placeholder"),
        ("None", "placeholder"),
        ("-", "placeholder"),
        ("unknown", "placeholder"),
        ("0000000000", "placeholder"),
        ("000-000-0000", "placeholder"),
        ("call me", "letters"),
        ("1.21E+11", "letters"),
        ("1-800-FLOWERS", "letters"),
        ("ann@example.com", "letters"),
        ("tel:+12125550102", "link"),
        ("+1212\u200b5550102", "invisible"),
        ("+12125550102\r\n+12125550103", "invisible"),
        ("+12125550102\u2028", ""),
        ("+1 212 555 0102 +1 212 555 0103", "more than one"),
        ("212-555-0102, 212-555-0103", "more than one"),
        ("212-555-0102;212-555-0103", "more than one"),
        ("555-0102/555-0103", "more than one"),
        ("212 555 0102 [12]", "more than one"),
        ("212-555-0102 0103", "more than one"),
        ("2125550102.5e3", "letters"),
        ("5550102 5550103", "more than one"),
        ("212-555-0102 / 03", "more than one"),
        ("+49 89 1234567/8", "more than one"),
        ("212 555 0102 / 212 555 0103", "digits"),
        ("1234", "digits"),
        ("123456789012345678", "digits"),
    ],
)
def test_a_text_that_is_not_exactly_one_number_is_refused(text: str, reason: str) -> None:
    if not reason:
        assert phone.clean(text)
        return
    with pytest.raises(ValueError, match=reason) as caught:
        phone.clean(text)
    assert len(text) < 4 or text not in str(caught.value)
    assert recipient(text, "US") == ""


@pytest.mark.parametrize(
    ("country", "number", "spellings"),
    [
        (
            "US",
            "+12125550102",
            [
                *("+1 (212) 555-0102", "+12125550102", "(212) 555-0102", "212.555.0102"),
                *("1-212-555-0102", "12125550102", "2125550102", "001 212 555 0102"),
                *("011 1 212 555 0102", "＋１ ２１２ ５５５ ０１０２", "٢١٢٥٥٥٠١٠٢"),
                *("+1 212 555 0102 x5", "212-555-0102 ext. 12", "+12125550102;ext=7"),
                *("212-555-0102 #5", "212\u00a0555\u20110102", "+1 212 555 0102."),
                *("212-555-0102 ext12", "212-555-0102 extn12", "2125550102ext5"),
                *("212-555-0102 (ext 12)", "212-555-0102 poste 12", "212-555-0102 доб. 12"),
                *("2125550102.0", "12125550102.00", "+12125550102.0"),
                *("+1/212/555/0102", "+1 (0)212 555-0102", "+ 1 212 555 0102", "+(1) 212 555 0102"),
            ],
        ),
        (
            "DE",
            "+493012345678",
            [
                *("030 12345678", "030/12345678", "+49 (0)30 12345678", "0049 30 12345678"),
                *("+49 030 12345678", "493012345678", "(030) 1234-5678"),
            ],
        ),
        ("DE", "+491701234567", ["491701234567", "01701234567", "1701234567", "49 170 1234567"]),
        ("DE", "+4917612345678", ["4917612345678", "0176 12345678", "4917612345678.0"]),
        ("DE", "+494921891234", ["04921 891234", "4921891234", "494921891234"]),
        ("AT", "+4366412345678", ["4366412345678", "0664 12345678"]),
        ("IN", "+919812345678", ["919812345678", "9812345678", "098123 45678"]),
        ("BR", "+5555991234567", ["55991234567", "5555991234567"]),
        (
            "MX",
            "+525512345678",
            ["+52 1 55 1234 5678", "5215512345678", "525512345678", "55 1234 5678"],
        ),
        ("US", "+525512345678", ["+52 1 55 1234 5678", "5215512345678", "011 52 55 1234 5678"]),
        ("", "+525512345678", ["+52 1 55 1234 5678", "+525512345678"]),
        ("", "+5491123456789", ["+54 9 11 2345 6789", "+54 11 15 2345 6789"]),
        ("GB", "+442079460958", ["020 7946 0958", "+44 (0)20 7946 0958", "442079460958"]),
        ("US", "+442079460958", ["011 44 20 7946 0958", "0044 20 7946 0958", "442079460958"]),
        ("IT", "+390612345678", ["06 12345678", "0039 06 12345678"]),
        ("AR", "+5491123456789", ["011 15-2345-6789", "+54 9 11 2345 6789"]),
        ("RU", "+79123456789", ["8 (912) 345-67-89", "+7 912 345 67 89"]),
    ],
)
def test_spellings_of_one_line_have_one_form_and_one_recipient(
    country: str, number: str, spellings: list[str]
) -> None:
    for text in spellings:
        assert phone.clean(text)
        assert canonical(text, country) == recipient(text, country) == number, text


def test_without_a_country_a_national_number_is_its_digits() -> None:
    assert canonical("(212) 555-0102", "") == "2125550102"
    assert recipient("(212) 555-0102", "") == "(212) 555-0102"
    assert canonical("+1 (212) 555-0102", "") == "+12125550102"
    assert canonical("00 49 30 1234567", "") == "+49301234567"


def test_a_number_that_no_network_has_is_sent_as_it_is_written() -> None:
    assert recipient(" 555-0102 ", "US") == "555-0102"
    assert canonical(" 555-0102 ", "US") == canonical("5550102", "US") == "5550102"
    assert recipient("+15550100", "US") == canonical("+1 555 0100", "US") == "+15550100"


def test_ids_derive_from_the_digits_as_before() -> None:
    assert PHONE.identity("+1 (212) 555-0102", "") == "12125550102"
    assert PHONE.identity("+15550100", "US") == "15550100"
    assert PHONE.identity("(212) 555-0102", "") == "2125550102"
    assert PHONE.identity("(212) 555-0102", "US") == "12125550102"


_CHARACTERS = st.text(
    st.one_of(
        st.sampled_from("+0123456789 -()/.x#,;\u00a0\u200b"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=24,
)
_DIALLED = st.from_regex(r"(\+|00|011)?[0-9]{4,16}(x[0-9]{1,3})?", fullmatch=True)


@given(st.one_of(_DIALLED, _CHARACTERS), st.sampled_from(COUNTRIES))
def test_the_form_of_a_form_is_the_form(text: str, country: str) -> None:
    assert_forms_are_final(PHONE, text, country)


@given(st.one_of(_DIALLED, _CHARACTERS), st.sampled_from(COUNTRIES))
def test_what_is_accepted_can_be_written_to_and_nothing_else_can(text: str, country: str) -> None:
    assert_only_what_is_accepted_can_be_written_to(PHONE, text, country)


@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from([0, 1, 2]),
    st.data(),
)
def test_every_format_of_the_library_has_the_same_form(
    region: str, style: int, data: st.DataObject
) -> None:
    number = phonenumbers.example_number(region)
    assume(number is not None)
    assert number is not None
    written = phonenumbers.format_number(number, style)
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    separator = data.draw(st.sampled_from(["-", " ", ".", "\u2011", ""]))
    text = written.replace(" ", separator)
    assume(sum(map(str.isdecimal, text)) >= 5)  # some islands have numbers of four digits
    assert phone.clean(text)
    assert canonical(text, region) == recipient(text, region) == expected


@given(st.from_regex(r"(\+?1)?[2-9][0-9]{9}", fullmatch=True), st.sampled_from(["US", "CA"]))
def test_american_numbers_need_no_library(text: str, country: str) -> None:
    number = phonenumbers.parse(text, country)
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert phone.forms(text, country) == (expected, expected)


@given(st.from_regex(phone.PLAIN, fullmatch=True), st.sampled_from(COUNTRIES))
def test_a_plain_number_is_in_all_forms_already(text: str, country: str) -> None:
    assert phone._forms(text, country) == (text, text)
    assert canonical(text, country) == recipient(text, country) == text
    assert phone.clean(text) == text
