"""Names: one class name for one thing, no riddles about speech, and channels only in their table.

The lists and numbers of this file are ratchets. A test fails for a new exception, and also for an
exception that is not needed any more, so the lists get shorter over time.
"""

import ast
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from io import StringIO

import pytest

from schemas.channels import CHANNELS
from tests.testing.repository_files import MEASUREMENTS, PRODUCT, product_modules, text_of, tracked

SHARED_CLASS_NAMES = {
    # A message of contact-log has the name of the public event from which intake makes it.
    ("schemas/internal/contact_messages.py", "schemas/public/inbound_events.py"): {
        *("JobCompleted", "JobDeleted", "ReviewReceived", "ConversionRecorded", "CallEnded"),
        *("ContactUpserted", "ContactEnrolled", "ContactErased", "ContactUnsubscribed"),
        *("ContactReplied", "ContactResubscribed", "ConnectionAccepted"),
        *("TouchSent", "TouchFailed", "TouchSeen", "TouchBounced"),
        *("CallRequested", "CallProgressed", "CallReviewed"),
    },
    # What the campaign processor announces of the public event of that name.
    ("schemas/internal/announcements.py", "schemas/public/inbound_events.py"): {"AddressReopened"},
    ("schemas/internal/announcements.py", "schemas/public/sender_events.py"): {"SenderThrottled"},
    # The output of dispatch, and the model of the record that it becomes.
    ("schemas/internal/outputs.py", "schemas/public/command_models.py"): {"CommandRevoked"},
}
"""Class names that stand for several classes, by the files of the classes."""

SPEECH = frozenset(
    ("tell", "tells", "told", "telling", "say", "says", "said", "saying", "hear", "hears", "heard")
)
"""Log records, documents, counts and times do not speak: code emits, publishes, reports, reads."""

SPEECH_MAX = {"schemas": 1, "processors": 0, "streams": 1, "sinks": 0, "*.md": 0}
"""How often words of SPEECH stand in identifiers, docstrings and comments of a folder, and in the
Markdown pages. The numbers may only go down. What is left is `tell` of Python's files."""

SPEECH_SLACK = 10
"""How far a number of SPEECH_MAX may lie above the count before it must be lowered."""

CHANNEL_NAMES_ALLOWED = {
    "schemas/channels.py": "the table itself",
    "schemas/internal/contact_messages.py": "`email` is an address here: the field of old events",
    "processors/contact/profile.py": "`email` is an address here: the order of fields in a fact",
    "sinks/state_rows.py": "`email` is an address here: a column of the table `contacts`",
    "schemas/public/example_events.py": "examples",
    "streams/demo/accounts.py": "content of the demo: the accounts of two businesses",
    "streams/demo/behaviour.py": "content of the demo: how often people open, click and opt out",
    "streams/demo/businesses.py": "content of the demo: limits of three businesses",
    "streams/demo/outreach.py": "content of the demo: two campaigns and their prospects",
    "streams/demo/talent.py": "content of the demo: an outreach campaign and its people",
    "streams/demo/upstream_events.py": "content of the demo: fields of a customer",
    "sinks/outreach_rows.py": "the columns of S4 count two channels by name",
}
"""The files that name a channel, with the reason."""


def class_names() -> dict[str, list[str]]:
    """The names of all classes of the product, each with the files of its classes."""
    files: dict[str, list[str]] = defaultdict(list)
    for name in product_modules():
        for node in ast.walk(ast.parse(text_of(name))):
            if isinstance(node, ast.ClassDef):
                files[node.name].append(name)
    return files


def words(text: str) -> list[str]:
    """The words of a text or of an identifier, in lower case: `_tellTale` has two."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)]


def vocabulary(source: str) -> Iterator[str]:
    """The words of identifiers, docstrings and comments of Python source."""
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type in (tokenize.NAME, tokenize.COMMENT):
            yield from words(token.string)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield from words(text)


def speech_in(folder: str) -> int:
    """How many words of SPEECH a folder of the product has, or with "*.md" the Markdown pages."""
    if folder == "*.md":
        pages = [name for name in tracked() if name.endswith(".md") and name != MEASUREMENTS]
        texts = [words(text_of(name)) for name in pages]
    else:
        modules = [name for name in product_modules() if name.startswith(f"{folder}/")]
        texts = [list(vocabulary(text_of(name))) for name in modules]
    return sum(word in SPEECH for text in texts for word in text)


def channel_names_in(source: str) -> int:
    """How many string literals of Python source are the name of a channel."""
    values = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)]
    return sum(isinstance(value, str) and value in CHANNELS for value in values)


def test_a_class_name_stands_for_one_thing() -> None:
    shared: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for name, files in class_names().items():
        if len(files) > 1:
            shared[tuple(files)].add(name)
    assert shared == SHARED_CLASS_NAMES


@pytest.mark.parametrize("folder", [*PRODUCT, "*.md"])
def test_names_and_prose_use_terms_of_the_field_instead_of_words_of_speech(folder: str) -> None:
    count = speech_in(folder)
    assert count <= SPEECH_MAX[folder], f"{folder}: {count} words of {sorted(SPEECH)}"
    assert count >= SPEECH_MAX[folder] - SPEECH_SLACK, f"lower SPEECH_MAX[{folder!r}] to {count}"


def test_words_of_speech_are_counted_in_names_docstrings_and_comments_only() -> None:
    source = '''
def _tell_all(said: int) -> str:  # what was told
    """Says it."""
    return "told"
'''
    assert Counter(word for word in vocabulary(source) if word in SPEECH) == Counter(
        ["tell", "said", "told", "says"]
    )
    assert words("HeardSomething sayable foretold TOLD") == [
        "heard", "something", "sayable", "foretold", "told",
    ]  # fmt: skip


def test_a_channel_is_named_in_the_table_of_channels_only() -> None:
    """Code that names a channel would be wrong, without an error, for a channel that is added."""
    naming = {name for name in product_modules() if channel_names_in(text_of(name))}
    assert naming == CHANNEL_NAMES_ALLOWED.keys()


def test_a_literal_that_names_a_channel_is_found() -> None:
    assert channel_names_in('if channel == "sms":\n    topic = "commands.sms"') == 1
