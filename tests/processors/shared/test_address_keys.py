"""The keys of addresses: equal for all spellings, and those of older versions beside them."""

from hashlib import blake2b

import pytest

from processors.shared.address_keys import address_key, address_keys, other_spelling
from processors.shared.tenant_lookup import country_of
from schemas.internal.states import KnownTenant


def known_tenant(timezone: str = "America/New_York", country: str = "") -> KnownTenant:
    """A tenant in New York, as dispatch knows it."""
    return KnownTenant("acme", "active", timezone, None, 0, (), {}, {}, country=country)


def key_before(text: str) -> str:
    """The key of an address in older versions."""
    return blake2b(text.strip().lower().encode(), digest_size=16).hexdigest()


@pytest.mark.parametrize(
    ("channel", "spellings"),
    [
        ("email", ["mara@example.com", "Mara@Example.com", " mara@example.com. "]),
        ("sms", ["+12125550102", "+1 (212) 555-0102", "212-555-0102", "011 1 212 555 0102"]),
        ("voice", ["+12125550102", "1 212 555 0102 ext. 3"]),
        ("linkedin", ["https://linkedin.com/in/mara", "http://www.linkedin.com/in/Mara/?x=1"]),
    ],
)
def test_all_spellings_of_an_address_have_one_key(channel: str, spellings: list[str]) -> None:
    keys = {address_key(known_tenant(), channel, text) for text in spellings}
    assert len(keys) == 1
    assert {address_keys(known_tenant(), channel, text)[0] for text in spellings} == keys


@pytest.mark.parametrize(
    ("channel", "address"), [("email", "mara@example.com"), ("sms", "+12125550102")]
)
def test_a_plain_address_has_the_key_that_it_had(channel: str, address: str) -> None:
    assert address_keys(known_tenant(), channel, address) == [key_before(address)]
    assert address_key(None, channel, address) == key_before(address)


def test_the_keys_of_older_versions_come_after_the_key_of_today() -> None:
    text, recipient = "(212) 555-0102", "+12125550102"
    keys = address_keys(known_tenant(), "sms", recipient, other_spelling(text, recipient))
    assert keys == [key_before(recipient), key_before("2125550102"), key_before(text)]
    url = "https://linkedin.com/in/mara"
    assert address_keys(None, "linkedin", url) == [key_before("mara"), key_before(url)]


def test_a_spelling_that_differs_by_case_and_blanks_only_needs_no_key_of_its_own() -> None:
    assert other_spelling(" Mara@Example.com ", "Mara@example.com") == ""
    assert other_spelling("ivo@münchen.example", "ivo@xn--mnchen-3ya.example") != ""


@pytest.mark.parametrize(
    ("timezone", "country", "found"),
    [
        ("America/New_York", "", "US"),
        ("US/Pacific", "", "US"),
        ("Europe/Berlin", "", "DE"),
        ("Europe/Vienna", "", "AT"),
        ("Asia/Calcutta", "", "IN"),
        ("UTC", "", ""),
        ("Etc/GMT+5", "", ""),
        ("America/New_York", "CA", "CA"),
    ],
)
def test_the_country_of_a_tenant_is_the_one_that_it_names_else_that_of_its_zone(
    timezone: str, country: str, found: str
) -> None:
    assert country_of(known_tenant(timezone, country)) == found
    assert country_of(None) == ""
