"""No part of a password reaches a message or a log, whatever characters it has."""

import logging

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from streams.base.log_format import JsonFormatter
from streams.base.redaction import redact
from streams.base.settings import Settings, SettingsInvalid, load_settings
from streams.cli.errors import command_error_of

PARTS = st.lists(st.text("ghjkqvwxyz", min_size=6, max_size=9), min_size=1, max_size=4)
"""Parts of a password that no message contains by chance."""

BETWEEN = st.lists(st.sampled_from("@/#?:%&=+,;!$~'\\"), min_size=4, max_size=4)


def dsn_of(password: str) -> str:
    return f"postgresql://eve:{password}@127.0.0.1:1/db"


def password_of(parts: list[str], between: list[str]) -> str:
    return "".join(part + mark for part, mark in zip(parts, between, strict=False))


@settings(max_examples=150)
@given(PARTS, BETWEEN)
def test_a_dsn_leads_to_no_message_with_a_part_of_its_password(
    parts: list[str], between: list[str]
) -> None:
    dsn = dsn_of(password_of(parts, between))
    try:
        checked = Settings(postgres_dsn=SecretStr(dsn)).dsn()
        psycopg.connect(checked, connect_timeout=2)
    except (SettingsInvalid, psycopg.Error) as error:
        failure = command_error_of(error)
        assert failure is not None
        assert not [part for part in parts if part in failure.message]
    else:
        raise AssertionError("nothing listens there")


@given(PARTS, BETWEEN)
def test_a_dsn_in_a_text_or_a_log_line_shows_no_part_of_its_password(
    parts: list[str], between: list[str]
) -> None:
    password = password_of(parts, between)
    error = psycopg.OperationalError(f'cannot connect to "{dsn_of(password)}": try again')
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), None)
    record.error = error
    for text in (redact(str(error), {}), JsonFormatter().format(record)):
        assert not [part for part in parts if part in text]
        assert "127.0.0.1:1/db" in text


@given(PARTS, BETWEEN)
def test_the_value_of_a_secret_variable_is_found_in_any_text(
    parts: list[str], between: list[str]
) -> None:
    password = password_of(parts, between)
    for name, value in (
        ("TOUCHSTREAM_KAFKA_SASL_PASSWORD", password),
        ("TOUCHSTREAM_REGISTRY_TOKEN", password),
        ("TOUCHSTREAM_POSTGRES_DSN", dsn_of(password)),
        ("TOUCHSTREAM_POSTGRES_DSN", f"host=db password={password} user=eve"),
    ):
        assert password not in redact(f"wrong: {password} (refused)", {name: value})


def test_a_dsn_that_can_be_read_in_two_ways_is_refused() -> None:
    """libpq would connect to the host `ss`."""
    for password in ("p@ss/w", "p/ss", "p?ss", "p@ss"):
        dsn = load_settings({"TOUCHSTREAM_POSTGRES_DSN": dsn_of(password)})
        try:
            dsn.dsn()
        except SettingsInvalid as error:
            assert "%40" in str(error)
        else:
            raise AssertionError(password)


def test_a_dsn_with_an_escaped_password_is_accepted() -> None:
    for dsn in (dsn_of("p%40ss%2Fw%23"), dsn_of("p#ss"), "host=a,b password='p@s s/w' user=eve"):
        assert load_settings({"TOUCHSTREAM_POSTGRES_DSN": dsn}).dsn() == dsn
