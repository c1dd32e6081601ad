"""Parses documents that people write: YAML or JSON of bounded size, without aliases and tags.

Numbers and booleans are those of JSON, not of YAML 1.1: `21:00` and `no` are texts.
"""

import re
from typing import Any

import msgspec
import yaml

from schemas.base.error_codes import CampaignCode, Problem, printable

DOCUMENT_BYTES = 65_536
_DEPTH_MAX = 20
_PLAIN_TAGS = ("null", "bool", "int", "float", "str", "seq", "map")


_PARSE_ERRORS = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)


class DocumentInvalid(ValueError):
    """The text cannot be parsed. `problem` is the reason, with its line if the line is known."""

    def __init__(self, code: CampaignCode, message: str) -> None:
        self.problem = Problem(code, "", printable(message))
        super().__init__(self.problem.message)


class _Loader(yaml.SafeLoader):
    """Loads plain values. An alias is an error, because aliases can make a small text huge."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise _invalid(self._mark(), "aliases are not read")
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise _invalid(self._mark(), "nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _mark(self) -> Any:
        return self.peek_event().start_mark  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for place, (key, _) in enumerate(node.value):
            if not isinstance(key.value, str):
                raise _invalid(key.start_mark, "a name must be a text")
            if key.value in keys[:place]:
                raise _invalid(key.start_mark, f"{key.value} is given twice")
        return dict(super().construct_mapping(node, deep))


_Loader.yaml_implicit_resolvers = {}
_Loader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.rsplit(":", 1)[-1] in _PLAIN_TAGS
}


def _resolve(tag: str, pattern: str, first: str) -> None:
    """Makes every unquoted text that matches `pattern` a value with a tag.

    `first` has the possible first characters, by which the loader looks patterns up.
    """
    regexp = re.compile(f"^(?:{pattern})$")
    _Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, regexp, [*first] or [""])


_WHOLE = "-?(?:0|[1-9][0-9]{0,17})"
_resolve("null", "null|Null|NULL|~", "nN~")
_resolve("null", "", "")
_resolve("bool", "true|True|false|False", "tTfF")
_resolve("int", _WHOLE, "-0123456789")
_resolve(
    "float", _WHOLE + r"(?:\.[0-9]+(?:[eE][-+]?[0-9]{1,3})?|[eE][-+][0-9]{1,3})", "-0123456789"
)


def parse_document(text: str | bytes) -> Any:
    """The value of a YAML or JSON text. Raises DocumentInvalid for any other text."""
    if len(text) > DOCUMENT_BYTES:
        message = f"more than {DOCUMENT_BYTES} bytes"
        raise DocumentInvalid(CampaignCode.DOCUMENT_TOO_LARGE, message)
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return _json(plain) if plain.lstrip().startswith("{") else yaml.load(plain, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _invalid(mark, error.problem or error.context or "not YAML") from None
    except DocumentInvalid:
        raise
    # A value that does not fit its explicit tag fails inside the constructor, with any exception.
    except _PARSE_ERRORS as error:
        message = f"neither YAML nor JSON: {type(error).__name__}"
        raise DocumentInvalid(CampaignCode.DOCUMENT_INVALID, message) from None


def _json(text: str) -> Any:
    """The value of a text in braces: JSON, or else YAML in flow style."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return yaml.load(text, _Loader)


def _invalid(mark: Any, message: str) -> DocumentInvalid:
    line = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    return DocumentInvalid(CampaignCode.DOCUMENT_INVALID, line + message)
