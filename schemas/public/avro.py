"""Avro: two framings, one reader. Which schema wrote a value is in its first bytes (design 3).

Confluent framing: 0, then the schema's number in a registry (4 bytes, big-endian). Single-object
encoding: C3 01, then the CRC-64-AVRO of the schema's canonical form (8 bytes, little-endian); it
needs no registry, because every released schema is known here. A value is read by the schema that
wrote it and resolved to the newest release. Times stay integers of microseconds.
"""

import json
from collections.abc import Callable
from io import BytesIO
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, fingerprint, to_parsing_canonical_form

from schemas.base.error_codes import RefusalCode, Refused
from schemas.public.avro_decoder import DecodeValue, compile_decoder
from schemas.public.released import RELEASED, newest, record_name

Resolve = Callable[[int], str | None]
"""The schema of a number as JSON text; None where the registry knows no such number. When the
registry cannot be asked it raises SchemaUnavailable, and nobody may conclude anything about the
record."""

_CONFLUENT = Struct(">BI")
_SINGLE = b"\xc3\x01"
_CUT_SHORT = (IndexError, EOFError, StructError)
_DEEPEST_SCHEMA = 32


class SchemaReader(NamedTuple):
    """How to read what one schema wrote, and which event that is."""

    record: str
    read: DecodeValue


def read_frame(
    value: bytes, resolve: Resolve | None, known: dict[int, SchemaReader]
) -> tuple[SchemaReader, int]:
    """The reader of a framed value, and where its body begins. `known` keeps what `resolve` said:
    a registry never gives a number twice."""
    if value[:2] == _SINGLE:
        reader = BY_FINGERPRINT.get(value[2:10])
        if reader is None:
            raise _no_schema(value, 10, f"fingerprint {value[2:10].hex()}")
        return reader, 10
    if value[:1] != b"\x00":
        raise Refused(RefusalCode.NOT_AVRO, "it begins with neither 00 nor C3 01")
    if len(value) < _CONFLUENT.size:
        raise Refused(RefusalCode.AVRO_TRUNCATED, "the value ends within its frame")
    number: int = _CONFLUENT.unpack_from(value)[1]
    reader = known.get(number)
    if reader is None:
        text = resolve(number) if resolve is not None else None
        if text is None:
            raise _no_schema(value, 5, f"schema id {number}")
        reader = known[number] = reader_of(text)
    return reader, 5


def read_body(reader: SchemaReader, body: bytes) -> Any:
    """Plain values of the newest release; Refused where the bytes are not what their schema
    says."""
    try:
        return reader.read(body)
    except _CUT_SHORT:
        raise Refused(RefusalCode.AVRO_TRUNCATED, "the value ends before its last field") from None
    except SchemaResolutionError:
        detail = "its schema cannot be read as the newest release"
        raise Refused(RefusalCode.AVRO_SCHEMA_MISMATCH, detail) from None
    # The general reader has no error of its own for bytes that mean nothing.
    except Exception as error:
        raise Refused(RefusalCode.NOT_AVRO, f"{type(error).__name__} while reading") from None


def reader_of(text: str) -> SchemaReader:
    """The reader for a schema from a registry; Refused where it cannot be one of an event."""
    try:
        schema = json.loads(text)
        fastavro.parse_schema(schema)
        record = str(schema["name"]).rpartition(".")[2]
    except (SchemaParseException, ValueError, TypeError, LookupError, RecursionError) as error:
        detail = f"the registry's schema is no Avro record: {type(error).__name__}"
        raise Refused(RefusalCode.AVRO_SCHEMA_UNKNOWN, detail) from None
    ce_type = _CE_TYPE.get(record)
    if ce_type is None:
        raise Refused(RefusalCode.AVRO_SCHEMA_MISMATCH, f"{record} is no event of ours")
    return _reader(record, schema, newest(ce_type))


def frame_single(ce_type: str, datum: dict[str, Any]) -> bytes:
    """The newest release in single-object encoding."""
    return _SINGLE + _FINGERPRINT[ce_type] + _body(ce_type, datum)


def frame_confluent(ce_type: str, datum: dict[str, Any], schema_id: int) -> bytes:
    """The newest release, under the number that a registry gave it."""
    return _CONFLUENT.pack(0, schema_id) + _body(ce_type, datum)


def without_logical_types(schema: Any) -> Any:
    """The same schema with plain integers for times: no datetime is built to be taken apart
    again."""
    match schema:
        case dict():
            pairs = schema.items()
            return {k: without_logical_types(v) for k, v in pairs if k != "logicalType"}
        case list():
            return [without_logical_types(item) for item in schema]
    return schema


class _Exact(BytesIO):
    """The general reader takes a text cut short for a shorter text; here it ends in an EOFError."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if len(data) != size:
            raise EOFError
        return data


def _reader(record: str, writer: Any, latest: Any) -> SchemaReader:
    if to_parsing_canonical_form(writer) == to_parsing_canonical_form(latest):
        return SchemaReader(record, compile_decoder(latest))
    old = without_logical_types(writer)
    new: Any = fastavro.parse_schema(without_logical_types(latest))
    # A record's namespace may differ from ours; what it is called within it may not.
    old = fastavro.parse_schema(old | {"name": new["name"], "namespace": ""})

    def read(body: bytes) -> Any:
        stream = _Exact(body)
        datum = fastavro.schemaless_reader(stream, old, new)
        if stream.tell() != len(body):
            raise ValueError("the value has another length")
        return datum

    return SchemaReader(record, read)


def _rabin(schema: Any) -> bytes:
    """The fingerprint that single-object encoding carries, in its byte order."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def _body(ce_type: str, datum: dict[str, Any]) -> bytes:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, _WRITER[ce_type], datum)
    return stream.getvalue()


def _no_schema(value: bytes, frame: int, which: str) -> Refused:
    if len(value) < frame:
        return Refused(RefusalCode.AVRO_TRUNCATED, "the value ends within its frame")
    return Refused(RefusalCode.AVRO_SCHEMA_UNKNOWN, f"{which} is not known")


_CE_TYPE = {record_name(name): name for name in RELEASED}
_FINGERPRINT = {name: _rabin(newest(name)) for name in RELEASED}
_WRITER = {name: fastavro.parse_schema(without_logical_types(newest(name))) for name in RELEASED}

BY_FINGERPRINT: dict[bytes, SchemaReader] = {
    _rabin(schema): _reader(record_name(name), schema, releases[-1])
    for name, releases in RELEASED.items()
    for schema in releases
}
