"""Settings are read from the environment; an error names the wrong variable, but not its value."""

import pytest

from streams.base.settings import SettingsInvalid, load_settings, require_kafka


def test_options_of_the_kafka_client_are_passed_through() -> None:
    settings = load_settings({"TOUCHSTREAM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"})
    assert settings.kafka == {"security.protocol": "SASL_SSL"}


@pytest.mark.parametrize(
    "dsn", ["postgresqlx://eve:s3cret@host/db", "postgresql://eve:p@s3cret@host/db"]
)
def test_a_dsn_that_cannot_be_parsed_is_refused_and_not_quoted(dsn: str) -> None:
    settings = load_settings({"TOUCHSTREAM_POSTGRES_DSN": dsn})
    with pytest.raises(SettingsInvalid) as raised:
        settings.dsn()
    assert "TOUCHSTREAM_POSTGRES_DSN" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_wrong_value_names_its_variable() -> None:
    with pytest.raises(SettingsInvalid, match="TOUCHSTREAM_SLOT"):
        load_settings({"TOUCHSTREAM_SLOT": "minus one"})


def test_an_unknown_variable_is_refused_by_its_name() -> None:
    with pytest.raises(SettingsInvalid, match="TOUCHSTREAM_SLTO"):
        load_settings({"TOUCHSTREAM_SLTO": "1"})


def test_without_a_broker_the_error_names_the_file_with_its_address() -> None:
    with pytest.raises(SettingsInvalid, match=r"stack\.env"):
        require_kafka(load_settings({}))


def test_the_repr_of_settings_contains_no_secret() -> None:
    settings = load_settings(
        {
            "TOUCHSTREAM_POSTGRES_DSN": "postgresql://eve:s3cret@host/db",
            "TOUCHSTREAM_KAFKA_SASL_PASSWORD": "hush",
        }
    )
    assert "s3cret" not in repr(settings)
    assert "hush" not in repr(settings)
