"""The pydantic field types of public events, each with its bounds.

No text may contain NUL, because PostgreSQL cannot store it; every number is finite and fits 64
bits. So every valid value can be written to a log, to a state and to PostgreSQL.
"""

from collections.abc import Callable
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, Field, GetCoreSchemaHandler, StringConstraints, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from schemas.base.regions import is_country
from schemas.base.times import EARLIEST, LATEST, OUT_OF_RANGE, format_rfc3339, parse_moment
from schemas.base.zone_names import NO_SINGLE_ZONE, is_short_iana, single_zone, zone_named
from schemas.base.zones import ZONE_NAMES
from schemas.channels import ADDRESSES, ALL_CHANNELS, CHANNELS, EMAIL, LINKEDIN_URL, PHONE, Address

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$"
UUID_PATTERN = r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
_NO_NUL = r"^[^\x00]*$"
_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
"""Without control characters and without any character that ends a line."""

INT_MAX = 2**63 - 1
_ZONE_TEXT_MAX = 100
DOCUMENT_DEPTH = 16
DOCUMENT_NODES = 5_000


class ServiceType(StrEnum):
    """The service type of a job (F-1)."""

    HVAC = "hvac"
    PLUMBING = "plumbing"
    ELECTRICAL = "electrical"
    CLEANING = "cleaning"
    ROOFING = "roofing"
    PAINTING = "painting"
    HANDYMAN = "handyman"
    OTHER = "other"


class MomentType:
    """A moment: integer microseconds in the model and in Avro, RFC 3339 text in JSON."""

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        micros = core_schema.custom_error_schema(
            core_schema.int_schema(ge=EARLIEST, lt=LATEST, strict=True),
            custom_error_type="time_out_of_range",
            custom_error_message=OUT_OF_RANGE,
        )
        text = core_schema.no_info_after_validator_function(
            parse_moment, core_schema.str_schema(max_length=40, strict=True)
        )
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=micros,
            serialization=core_schema.plain_serializer_function_ser_schema(
                format_rfc3339, when_used="json"
            ),
        )


_NO_ZONE = (
    "not a time zone: an IANA name such as America/New_York, the name that Windows has for it, or a"
    " short name with one meaning"
)


class _ZoneType:
    """The name of a time zone; other names than that of IANA are replaced by it (schemas/base/
    zone_names.py).

    The literal schema compares by hash in compiled code; a Python validator for every event would
    be slower.
    """

    def __init__(
        self,
        exact: frozenset[str],
        find: Callable[[str], str | None] = zone_named,
        message: str = _NO_ZONE,
    ) -> None:
        self.exact, self.find, self.message = sorted(exact), find, message

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        other = core_schema.no_info_after_validator_function(
            self._zone_of_text, core_schema.str_schema(max_length=_ZONE_TEXT_MAX, strict=True)
        )
        return core_schema.custom_error_schema(
            core_schema.union_schema(
                [core_schema.literal_schema(list(self.exact)), other], mode="left_to_right"
            ),
            custom_error_type="timezone_unknown",
            custom_error_message=self.message,
        )

    def _zone_of_text(self, text: str) -> str:
        name = self.find(text)
        if name is None:
            raise ValueError("not a time zone")
        return name


class _RowOf:
    """A name out of a table, validated like a `Literal` of all its names."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(self.names)


class _AddressOf:
    """An address by the rule of its row: trimmed, and refused if it is not exactly one. The empty
    text stays, because it clears the address."""

    def __init__(self, row: Address) -> None:
        self.row = row

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return _address_schema(self.row)


def _address_schema(row: Address) -> CoreSchema:
    clean = row.clean

    def cleaned(text: str) -> str:  # of every event: no call more than needed
        try:
            return clean(text)
        except ValueError as error:
            raise _address_invalid(str(error)) from None

    return core_schema.no_info_after_validator_function(
        cleaned, core_schema.str_schema(max_length=row.characters_max, strict=True)
    )


def required_address(row: Address, text: str) -> str:
    """The address as it is stored; an empty text is none. Raises the pydantic error
    `address_invalid`, which has the reason and not the text."""
    if not text:
        raise _address_invalid("empty")
    try:
        return row.clean(text)
    except ValueError as error:
        raise _address_invalid(str(error)) from None


def _address_invalid(reason: str) -> PydanticCustomError:
    return PydanticCustomError("address_invalid", "not an address: {reason}", {"reason": reason})


class AddressesType:
    """Addresses by their names, each by the rule of its row."""

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        fields = {
            name: core_schema.typed_dict_field(_address_schema(row), required=False)
            for name, row in ADDRESSES.items()
        }
        return core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True)


class ProviderCodeType:
    """A provider's code: text, or a number that becomes text."""

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(max_length=100, pattern=_NO_CONTROL, strict=True)
        number = core_schema.int_schema(ge=-INT_MAX, le=INT_MAX, strict=True)
        return core_schema.union_schema(
            [text, core_schema.no_info_after_validator_function(str, number)], mode="left_to_right"
        )


Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""The id of a tenant, campaign or step. It is a part of keys, so it has no slash and no space."""

EntityId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_CONTROL)]
"""An id of another system."""

CommandId = Annotated[str, StringConstraints(pattern=UUID_PATTERN, to_lower=True)]
"""A UUID in lower case; capitals are converted, because some libraries write them."""

Line = Annotated[str, StringConstraints(max_length=320, pattern=_ONE_LINE)]
"""One line of text, such as a name, without characters that could forge a header. An empty text
clears the field."""

Evidence = Annotated[str, StringConstraints(min_length=1, max_length=320, pattern=_ONE_LINE)]


def _country(code: str) -> str:
    if not is_country(code):
        raise ValueError("no country has this code: give one of ISO 3166-1, such as US")
    return code


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_country)]
"""ISO 3166-1 alpha-2."""

Url = Annotated[str, StringConstraints(max_length=2000, pattern=_NO_CONTROL)]
Text = Annotated[str, StringConstraints(max_length=20_000, pattern=_NO_NUL)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]

Moment = Annotated[int, MomentType(), WithJsonSchema({"type": "string", "format": "date-time"})]

_ZONE_JSON = {"type": "string", "description": "an IANA time zone such as America/New_York"}
ZoneOrEmpty = Annotated[str, _ZoneType(ZONE_NAMES | {""}), WithJsonSchema(_ZONE_JSON)]

SingleZone = Annotated[
    str,
    _ZoneType(
        frozenset(name for name in ZONE_NAMES if not is_short_iana(name)),
        single_zone,
        NO_SINGLE_ZONE,
    ),
    WithJsonSchema(_ZONE_JSON),
]
"""The zone of a business. Names such as EST, which mean the local time of a country, are none."""

ChannelName = Annotated[str, _RowOf([*CHANNELS])]
"""The name of a row of the table of channels (X-6)."""

ChannelOrAll = Annotated[str, _RowOf([*CHANNELS, ALL_CHANNELS])]
AddressName = Annotated[str, _RowOf([*ADDRESSES])]
ActionName = Annotated[str, _RowOf(sorted({a for row in CHANNELS.values() for a in row.actions}))]
"""The name of an address in the table of channels (C-19)."""

AddressText = Annotated[
    str,
    StringConstraints(
        max_length=max(row.characters_max for row in ADDRESSES.values()), pattern=_NO_CONTROL
    ),
]
"""An address of any kind, as a command's recipient: one line."""

Email = Annotated[str, _AddressOf(EMAIL)]
Phone = Annotated[str, _AddressOf(PHONE)]
LinkedInUrl = Annotated[str, _AddressOf(LINKEDIN_URL)]
Addresses = Annotated[dict[AddressName, AddressText], AddressesType()]
"""Addresses by name, each by the rule of its row (schemas/channels.py); an empty text clears the
address."""

ServiceTypeName = Literal[
    "hvac", "plumbing", "electrical", "cleaning", "roofing", "painting", "handyman", "other"
]

CodeText = Annotated[str, ProviderCodeType(), WithJsonSchema({"type": ["string", "integer"]})]

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Quota = Annotated[int, Field(ge=1, le=1_000_000)]
"""How many commands a limit allows: a limit of 0 would stop everything, which is a pause."""

Seconds = Annotated[int, Field(ge=1, le=86_400)]
CallSeconds = Annotated[int, Field(ge=0, le=86_400)]
"""How long a call has lasted."""

Priority = Annotated[int, Field(ge=-1_000, le=1_000)]
Percent = Annotated[int, Field(ge=0, le=100)]
Slots = Annotated[int, Field(ge=1, le=1_000)]
"""How many calls may be under way at a time (F-15)."""

Weight = Annotated[int, Field(ge=1, le=1_000)]
NumberKind = Literal["premium_rate", "shared_cost", "uan", "pager"]
"""Kinds of phone numbers that are not called unless a tenant allows it."""

WeekdayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hours = Annotated[float, Field(gt=0, le=43_800)]  # five years
Key = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_NO_CONTROL)]
Whole = Annotated[int, Field(ge=-INT_MAX, le=INT_MAX)]
# Within 64 bits too: otherwise a larger whole number would become a decimal without an error.
Decimal = Annotated[float, Field(gt=-(2.0**63), lt=2.0**63)]
Value = Annotated[str, StringConstraints(max_length=2000, pattern=_NO_NUL)] | bool | Whole | Decimal

Attributes = Annotated[dict[Key, Value], Field(max_length=100)]
_Texts = dict[Key, Annotated[str, StringConstraints(max_length=2000, pattern=_NO_NUL)]]
Variables = Annotated[_Texts, Field(max_length=100)]
AllVariables = Annotated[_Texts, Field(max_length=250)]
"""The variables of a command: attributes, name and job of the person, variables of the
enrollment."""


class DocumentType:
    """Any JSON object of bounded depth and size, without NUL and with finite numbers of 64 bits.

    In Avro it is JSON text.
    """

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        anything = core_schema.dict_schema(core_schema.str_schema(strict=True), strict=True)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(check_document, anything),
            python_schema=core_schema.no_info_before_validator_function(
                _from_text, core_schema.no_info_after_validator_function(check_document, anything)
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(_to_text, info_arg=True),
        )


Document = Annotated[dict[str, Any], DocumentType(), WithJsonSchema({"type": "object"})]


def check_document(document: dict[str, Any]) -> dict[str, Any]:
    """The document itself. Raises ValueError if it is too deep or too large, or contains a value
    that cannot be stored."""
    remaining = [(document, 1)]
    nodes = 0
    while remaining:
        value, depth = remaining.pop()
        nodes += 1
        if depth > DOCUMENT_DEPTH or nodes > DOCUMENT_NODES:
            raise ValueError("nested too deeply, or too many parts")
        remaining += [(child, depth + 1) for child in _children(value)]
    return document


def _children(value: Any) -> list[Any]:
    """The keys and values inside a value. Raises ValueError for a scalar that cannot be stored."""
    match value:
        case dict():
            return [*value, *value.values()]
        case list():
            return value
        case str():
            if "\x00" in value or (not value.isascii() and _has_surrogate(value)):
                raise ValueError("a text holds a character that cannot be stored")
        case bool() | None:
            pass
        case int():
            if abs(value) > INT_MAX:
                raise ValueError("a number is beyond 64 bits")
        case float():
            if not isfinite(value):
                raise ValueError("a number is not finite")
        case _:
            raise ValueError(f"a {type(value).__name__} is no JSON value")
    return []


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _from_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("not a JSON text") from None


def _to_text(value: dict[str, Any], info: core_schema.SerializationInfo) -> Any:
    return value if info.mode == "json" else msgspec.json.encode(value).decode()
