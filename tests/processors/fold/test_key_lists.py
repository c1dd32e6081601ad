"""Lists of keys against sorted sets of them."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from processors.fold import key_lists
from processors.fold.key_lists import KeyLists

keys = st.binary(max_size=2)


@given(st.sets(keys), st.lists(keys), keys)
def test_a_list_has_each_key_once_and_in_order(
    restored: set[bytes], entered: list[bytes], after: bytes
) -> None:
    with patch.object(key_lists, "_PART_MAX", 3):
        lists = KeyLists()
        for key in restored:
            lists.restore(b"a", key)
        lists.restored()
        for key in entered:
            lists.add(b"a", key)
        expected = sorted(restored | set(entered))
        assert list(lists.after(b"a", b"")) == [key for key in expected if key > b""]
        assert list(lists.after(b"a", after)) == [key for key in expected if key > after]
        assert list(lists.after(b"b", b"")) == []
