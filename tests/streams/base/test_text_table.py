"""A text table shows every value whole, whatever the width."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from streams.base.text_table import EMPTY, INDENT, text_table

WORDS = st.text("abcdefghij-:[]", min_size=1, max_size=12)
LONG_WORDS = st.text("abcdefghij", min_size=1, max_size=200)
VALUES = st.none() | st.integers() | LONG_WORDS | st.lists(WORDS, max_size=30).map(" ".join)
TABLES = st.integers(1, 9).flatmap(
    lambda columns: st.tuples(
        st.lists(
            st.tuples(WORDS, st.sampled_from(("", "#"))).map("".join),
            min_size=columns,
            max_size=columns,
        ),
        st.lists(st.lists(VALUES, min_size=columns, max_size=columns), min_size=1, max_size=4),
    )
)


def without_spaces(text: str) -> str:
    return "".join(text.split())


@given(TABLES, st.sampled_from((20, 80, 132)))
def test_no_value_is_cut_at_any_width(
    table: tuple[list[str], list[list[object]]], width: int
) -> None:
    heads, rows = table
    shown = text_table(heads, rows, width)
    lines = [*shown.header, *shown.rows]
    assert max(map(len, lines)) <= width
    text = without_spaces("\n".join(lines))
    for value in [*(head.removesuffix("#") for head in heads), *(v for row in rows for v in row)]:
        if value is None:
            continue
        assert without_spaces(str(value)) in text
        if len(str(value)) <= width - len(INDENT):
            assert any(str(value) in line for line in lines)


@given(TABLES)
def test_without_a_width_every_row_is_one_line(table: tuple[list[str], list[list[object]]]) -> None:
    heads, rows = table
    shown = text_table(heads, rows, None)
    assert (len(shown.header), len(shown.rows)) == (1, len(rows))


def test_a_table_that_fits_has_aligned_columns() -> None:
    shown = text_table(("name", "size#"), [("a", 5), ("long name", 1_000)], 80)
    assert shown.header == ["name       size"]
    assert shown.rows == ["a             5", "long name  1000"]


def test_columns_that_do_not_fit_are_on_an_indented_line() -> None:
    rows = [("contact", "first", "second"), ("intake", "third", None)]
    shown = text_table(("role", "left", "right"), rows, 16)
    assert shown.header == ["role     left", f"{INDENT}right"]
    assert shown.rows == ["contact  first", f"{INDENT}second", "intake   third"]


def test_a_further_line_with_nothing_on_it_is_left_out() -> None:
    rows = [("monday", "5", "█████"), ("tuesday", "0", "")]
    shown = text_table(("day", "people#", ""), rows, 16)
    assert shown.header == ["day      people"]
    assert shown.rows == ["monday        5", f"{INDENT}█████", "tuesday       0"]


def test_a_column_that_is_wider_than_the_terminal_is_wrapped_at_spaces() -> None:
    shown = text_table(("place", "detail"), [("0/1", "the value is not JSON")], 14)
    assert shown.rows == ["0/1", f"{INDENT}the value", f"{INDENT}is not", f"{INDENT}JSON"]


def test_line_breaks_in_a_value_become_spaces() -> None:
    assert text_table(("a", "b"), [("x\ny", None)], 80).rows == [f"x y  {EMPTY}"]


@given(st.text("漢字aé", min_size=1, max_size=60), st.integers(2, 40))
def test_lines_are_as_wide_as_the_terminal_counts(text: str, width: int) -> None:
    shown = text_table(("n", "value"), [("x", text)], width)
    assert max(cell_len(line) for line in shown.rows) <= width
    assert without_spaces("".join(shown.rows)).count("漢") == text.count("漢")


def test_a_value_gives_the_terminal_no_orders() -> None:
    shown = text_table(("value",), [("a\x1b[31mb\tc\u202ed",)], 80)
    assert shown.rows == ["a\\u001b[31mb\\u0009c\\u202ed"]
