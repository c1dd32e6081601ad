"""`touchstream contacts`: what an import reports of its columns, and the orders that lift opt-outs
and bounces."""

from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from schemas.internal.facts import Fact, FactKind
from streams.cli import input_lines
from tests.testing.command_line import CommandResult, Touchstream

SALESFORCE = """First Name,Last Name,Email,Phone,Mobile,Mailing State/Province,,Account Name
Mara,Olsen,mara@example.com,(212) 555-0101,(212) 555-0102,NY,,-
"""
FORMULAS = """first_name,email,company,twitter,note
Mara,mara@example.com,-,@mara,ok
Ivo,ivo@example.com,Elbwerk,,- met at fair
Lea,lea@example.com,-,,
Tom,tom@example.com,Elbwerk,@tom,
"""
APOSTROPHE = "email,phone\nmara@example.com,'+1 212-555-0101\n"
SHORT = """email,first_name,company,city
mara@example.com,Mara,Nordlys,Oslo
ivo@example.com,Ivo
lea@example.com,Lea,Elbwerk,Berlin,
"""


def check(touchstream: Touchstream, file: Path, *options: object) -> CommandResult:
    """Validates a file."""
    command = ("contacts", "import", file, "--tenant", "acme", "--dry-run")
    return touchstream(*command, *options)


def written(directory: Path, text: str, encoding: str = "utf-8") -> Path:
    file = directory / "people.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_the_use_of_each_column_is_printed(touchstream: Touchstream, tmp_path: Path) -> None:
    result = check(touchstream, written(tmp_path, SALESFORCE))
    assert (result.code, result.out) == (0, "1 valid, 0 bad\n")
    assert result.err.splitlines() == [
        "columns, as named in line 1:",
        "  First Name: first_name",
        "  Last Name: last_name",
        "  Email: email",
        "  Phone: phone, unless Mobile is filled",
        "  Mobile: phone",
        "  Mailing State/Province: region",
        "  (column 7): ignored, it has no heading",
        "  Account Name: attribute account_name",
    ]


@pytest.mark.parametrize("tenant", ["a/b", "", "acme\n", "x" * 65])
def test_a_bad_tenant_is_one_error_of_an_option(
    touchstream: Touchstream, tmp_path: Path, tenant: str
) -> None:
    command = ("contacts", "import", written(tmp_path, FORMULAS), "--dry-run", "--tenant", tenant)
    result = touchstream(*command)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("must have up to 64 letters") == 1 and "line" not in result.err


@pytest.mark.parametrize("name", ["tenant_id", "addresses", "Attributes", "tenant id"])
def test_a_field_that_is_no_column_is_refused(
    touchstream: Touchstream, tmp_path: Path, name: str
) -> None:
    result = check(touchstream, written(tmp_path, FORMULAS), "--column", f"Email={name}")
    assert (result.code, result.out) == (2, "")
    assert f"no column becomes {name}: a column becomes contact_id, " in result.err


def test_a_field_may_be_named_in_any_spelling(touchstream: Touchstream, tmp_path: Path) -> None:
    file = written(tmp_path, "email,who\nmara@example.com,Mara\n")
    result = check(touchstream, file, "--column", "who=First Name")
    assert "  who: first_name" in result.err.splitlines()


def test_the_use_of_each_column_is_in_the_document(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    result = check(touchstream, written(tmp_path, SALESFORCE), "--json")
    assert (result.code, result.err) == (0, "")
    columns = result.json()["columns"]
    assert [(column["heading"], column["becomes"], column["choice"]) for column in columns[3:]] == [
        ("Phone", "phone", 2),
        ("Mobile", "phone", 1),
        ("Mailing State/Province", "region", 1),
        ("", None, 1),
        ("Account Name", "account_name", 1),
    ]
    assert [column["attribute"] for column in columns] == [False] * 7 + [True]
    assert columns[6]["reason"] == "it has no heading"


@pytest.mark.parametrize(
    ("text", "lines"), [(FORMULAS, 4), (APOSTROPHE, 1), (SHORT, 3)], ids=["=", "'", "short"]
)
def test_formulas_forced_texts_and_short_lines_are_accepted(
    touchstream: Touchstream, tmp_path: Path, text: str, lines: int
) -> None:
    result = check(touchstream, written(tmp_path, text), "--json")
    found = result.json()
    assert (result.code, found["valid"], found["bad"], found["left_out"]) == (0, lines, [], [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_file_with_a_byte_order_mark_is_read(
    touchstream: Touchstream, tmp_path: Path, encoding: str
) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    text = f"{mark}contact_id\tfirst_name\tnotes\r\nann\tÄnne\t\u0a0a \u010a\r\nben\tBen\tx\r\n"
    result = check(touchstream, written(tmp_path, text, encoding), "--json")
    assert (result.code, result.json()["valid"]) == (0, 2), result


def test_what_is_no_utf_16_in_such_a_file_costs_its_line(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    lines = ("\ufeffcontact_id,notes\n", "ann,\ud800\n", "ben,x\n")
    file.write_bytes(b"".join(t.encode("utf-16-le", "surrogatepass") for t in lines) + b"c")
    result = check(touchstream, file, "--json")
    assert (result.code, result.json()["valid"]) == (1, 1), result
    assert [(bad["line"], bad["code"]) for bad in result.json()["bad"]] == [
        (2, "CSV_NOT_UTF8"),
        (4, "CSV_NOT_UTF8"),
    ]


def test_columns_are_given_by_their_headings(touchstream: Touchstream, tmp_path: Path) -> None:
    file = written(tmp_path, SALESFORCE)
    given = ("--column", "Phone=Phone", "--column", "Account Name=", "--country", "us")
    result = check(touchstream, file, *given)
    assert result.code == 0, result
    assert "  Phone: phone\n" in result.err
    assert "  Mobile: ignored, phone is another column, as asked for\n" in result.err
    assert "  Account Name: ignored, as asked for\n" in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--column", "Fax=phone"), "no column is named Fax; the columns are First Name, Last Nam"),
        (("--column", "Fax"), "must be HEADING=NAME"),
        (("--column", "=phone"), "must be HEADING=NAME"),
        (("--country", "USA"), "two letters"),
        (("--country", "XX"), "two letters"),
    ],
)
def test_a_wrong_option_is_an_error(
    touchstream: Touchstream, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    result = check(touchstream, written(tmp_path, SALESFORCE), *options)
    assert (result.code, message in result.err) == (2, True), result


def test_a_long_line_is_cut_in_either_encoding(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-16"):
        file = written(tmp_path, "a" * 100 + "\nb\n", encoding)
        with file.open("rb") as stream:
            lines = list(input_lines.text_lines(stream, 10))
        assert [len(line) for line in lines] == [10, 2]


def fact(kind: FactKind, **fields: object) -> Fact:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return Fact(fact=kind, at=at, tenant_id="acme", **fields)  # type: ignore[arg-type]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """The publisher of an engine that answers with `sent.answer`."""
    sent = Mock()
    for name in ("connected_settings", "layout_of", "has_bounced"):
        monkeypatch.setattr(f"streams.cli.contact_orders.{name}", Mock())
    monkeypatch.setattr("streams.cli.request_reply.layout_of", Mock())
    monkeypatch.setattr("streams.cli.request_reply.EventPublisher", lambda _: sent)
    reader = Mock(return_value=Mock(wait=lambda *_: sent.answer))
    monkeypatch.setattr("streams.cli.request_reply.AnswerReader", reader)
    return sent


RESUBSCRIBE = ("contacts", "resubscribe", "--tenant", "acme", "--contact", "ann")
REOPEN = ("contacts", "reopen", "--tenant", "acme")


def test_an_opt_out_is_lifted_with_its_evidence(touchstream: Touchstream, sent: Mock) -> None:
    sent.answer = fact(FactKind.CONTACT_RESUBSCRIBED, channel="sms")
    result = touchstream(*RESUBSCRIBE, "--channel", "sms", "--evidence", "web form 17")
    assert (result.code, result.out) == (0, "ann of acme: may be reached by sms again\n"), result
    kind, event = sent.send.call_args.args[:2]
    assert (kind, event.contact_id, event.channel) == ("contact.resubscribed", "ann", "sms")
    assert event.evidence == "web form 17"
    result = touchstream(*RESUBSCRIBE, "--channel", "all", "--evidence", "call", "--json")
    assert result.json()["fact"] == "contact.resubscribed"


def test_an_address_is_reopened(touchstream: Touchstream, sent: Mock) -> None:
    sent.answer = fact(FactKind.ADDRESS_REOPENED, channel="email")
    order = (*REOPEN, "--channel", "email", "--address", " Ann@Example.com", "--reason", "our DNS")
    result = touchstream(*order)
    assert (result.code, "is open again" in result.out) == (0, True), result
    kind, event = sent.send.call_args.args[:2]
    assert (kind, event.address, event.reason) == ("address.reopened", "Ann@Example.com", "our DNS")
    sent.answer = fact(FactKind.ADDRESS_REOPENED, channel="email", reason="opted_out")
    assert touchstream(*order).out.endswith("any more, but opted_out\n")


def test_the_refusal_names_the_tenant(touchstream: Touchstream, sent: Mock) -> None:
    sent.answer = fact(FactKind.EVENT_REFUSED, reason="TENANT_UNKNOWN")
    result = touchstream(*REOPEN, "--channel", "sms", "--address", "+1 212 555 0101")
    assert (result.code, "tenant set acme --timezone" in result.err) == (1, True), result


STOP = ("contacts", "stop", "--tenant", "acme", "--contact", "ann")


def test_the_run_of_a_person_is_stopped(touchstream: Touchstream, sent: Mock) -> None:
    sent.answer = fact(FactKind.ENROLLMENT_STOPPED, campaign_id="calls")
    result = touchstream(*STOP, "--campaign", "calls", "--reason", "asked by phone")
    assert (result.code, result.out) == (0, "ann of acme: nothing runs in calls any more\n")
    kind, event = sent.send.call_args.args[:2]
    assert (kind, event.campaign_id, event.reason) == ("contact.stopped", "calls", "asked by phone")
    assert touchstream(*STOP).out == "ann of acme: nothing runs any more\n"


@pytest.mark.parametrize(
    ("reason", "hint"), [("ENROLLMENT_NONE", "nothing to stop"), ("CONTACT_UNKNOWN", "no such")]
)
def test_where_nothing_runs_the_refusal_states_it(
    touchstream: Touchstream, sent: Mock, reason: str, hint: str
) -> None:
    sent.answer = fact(FactKind.EVENT_REFUSED, reason=reason)
    result = touchstream(*STOP)
    assert (result.code, reason in result.err, hint in result.err) == (1, True, True), result


@pytest.mark.live
def test_the_engine_answers_the_orders(
    engine: dict[str, str], touchstream: Touchstream, tmp_path: Path
) -> None:
    assert engine
    assert touchstream("tenant", "set", "acme", "--timezone", "UTC").code == 0
    file = written(tmp_path, "contact_id,email\nann,ann@example.com\n")
    assert touchstream("contacts", "import", file, "--tenant", "acme").code == 0
    lifted = touchstream(*RESUBSCRIBE, "--channel", "email", "--evidence", "web form 17")
    assert (lifted.code, "by email again" in lifted.out) == (0, True), lifted
    order = ("--channel", "email", "--address", "ann@example.com", "--timeout", 2)
    nothing = touchstream(*REOPEN, *order)
    assert (nothing.code, "no bounce closes this address" in nothing.out) == (0, True), nothing
    unknown = touchstream("contacts", "reopen", "--tenant", "bolt", *order)
    assert (unknown.code, "there is no tenant bolt" in unknown.err) == (1, True), unknown


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ((*RESUBSCRIBE, "--channel", "fax", "--evidence", "x"), "channel"),
        ((*RESUBSCRIBE, "--channel", "sms", "--evidence", ""), "evidence"),
        ((*REOPEN, "--channel", "all", "--address", "a@example.com"), "channel"),
        ((*REOPEN, "--channel", "email", "--address", "+1 212 555 0101"), "address"),
        ((*REOPEN, "--channel", "email", "--address", ""), "address"),
    ],
)
def test_a_wrong_order_is_refused_before_kafka_is_needed(
    touchstream: Touchstream, order: tuple[str, ...], place: str
) -> None:
    result = touchstream(*order)
    assert (result.code, result.err.startswith(f"--{place}: ")) == (2, True), result
