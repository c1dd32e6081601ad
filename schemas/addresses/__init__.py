"""What an address is, by its kind: which texts are one, how they are compared, and how they are
written to.

Each module has the functions of one row of `ADDRESSES` in schemas/channels.py:

- `clean(text)`: the text as it is stored, trimmed; AddressInvalid if it is not exactly one address.
- `forms(text, country)`: the canonical form, which is one for all spellings; and the form that a
  command has, which is empty if the text is no address.

Nearly every address is plain: it is in all forms already, and one regular expression shows that.
The forms of the others are kept for a while, because a person's address is looked at several times.
"""
