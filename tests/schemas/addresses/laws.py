"""What holds for the forms of every kind of address, whatever the text is."""

from schemas.channels import Address


def assert_forms_are_final(row: Address, text: str, country: str = "") -> None:
    """The canonical form of a form is the form, and so is what a command carries."""
    form = row.canonical(text, country)
    assert row.canonical(form, country) == form
    sent_to = row.recipient(text, country)
    if sent_to:
        assert row.canonical(sent_to, country) == form
        assert row.recipient(sent_to, country) == sent_to == row.clean(sent_to)


def assert_only_what_is_accepted_can_be_written_to(
    row: Address, text: str, country: str = ""
) -> None:
    """What is stored is written to, and a text that is refused is not."""
    try:
        stored = row.clean(text)
    except ValueError:
        assert row.recipient(text, country) == ""
    else:
        assert row.clean(stored) == stored
        assert bool(row.recipient(text, country)) == bool(stored)
        assert row.canonical(stored, country) == row.canonical(text, country)
