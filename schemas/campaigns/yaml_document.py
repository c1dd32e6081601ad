"""Text that a person wrote, as plain values: YAML or JSON, bounded in size, without aliases, tags
or surprises.

Numbers and booleans follow JSON, not YAML 1.1: `21:00` stays the text that it looks like, and so
does `no`.
"""

import re
from typing import Any

import msgspec
import yaml

from schemas.base.error_codes import CampaignCode, Problem, printable

DOCUMENT_BYTES = 65_536
_DEPTH = 20
_PLAIN = ("null", "bool", "int", "float", "str", "seq", "map")


_ANY_FAULT = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)


class DocumentInvalid(ValueError):
    """The text cannot be read at all; `problem` says why, with its line where it is known."""

    def __init__(self, code: CampaignCode, message: str) -> None:
        self.problem = Problem(code, "", printable(message))
        super().__init__(self.problem.message)


class _Loader(yaml.SafeLoader):
    """Plain values only. An alias could make a small text huge, so there are none."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise _at(self._mark(), "aliases are not read")
        self.depth += 1
        if self.depth > _DEPTH:
            raise _at(self._mark(), "nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _mark(self) -> Any:
        return self.peek_event().start_mark  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for place, (key, _) in enumerate(node.value):
            if not isinstance(key.value, str):
                raise _at(key.start_mark, "a name must be a text")
            if key.value in keys[:place]:
                raise _at(key.start_mark, f"{key.value} is given twice")
        return dict(super().construct_mapping(node, deep))


_Loader.yaml_implicit_resolvers = {}
_Loader.yaml_constructors = {
    tag: maker
    for tag, maker in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.rsplit(":", 1)[-1] in _PLAIN
}


def _resolve(tag: str, pattern: str, first: str) -> None:
    """A bare word that matches, and begins with one of `first`, is of this type; any other is a
    text."""
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
    """The values that a YAML or JSON text holds. A text that is neither raises DocumentInvalid,
    nothing else."""
    if len(text) > DOCUMENT_BYTES:
        message = f"more than {DOCUMENT_BYTES} bytes"
        raise DocumentInvalid(CampaignCode.DOCUMENT_TOO_LARGE, message)
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return _json(plain) if plain.lstrip().startswith("{") else yaml.load(plain, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _at(mark, error.problem or error.context or "not YAML") from None
    except DocumentInvalid:
        raise
    # A value that a tag forced into the wrong type fails inside the constructor, in whatever way it
    # likes.
    except _ANY_FAULT as error:
        message = f"neither YAML nor JSON: {type(error).__name__}"
        raise DocumentInvalid(CampaignCode.DOCUMENT_INVALID, message) from None


def _json(text: str) -> Any:
    """JSON; a text in braces that is not JSON may still be YAML's inline form."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return yaml.load(text, _Loader)


def _at(mark: Any, message: str) -> DocumentInvalid:
    line = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    return DocumentInvalid(CampaignCode.DOCUMENT_INVALID, line + message)
