"""Lists of keys in their order, by name: which states a sweep has to visit, found without a scan.

They are derived from the states and never stored. A key enters a list and stays there, also after a
rollback or when its state no longer belongs there: whoever reads a list looks at each state.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator

ListsOf = Callable[[bytes, bytes], Iterable[bytes]]
"""A function that returns the names of the lists in which a stored state stands, from its key and
its encoded form."""

_PART_MAX = 2_000


def in_no_list(key: bytes, payload: bytes) -> Iterable[bytes]:
    """The lists of the states of a processor that has none."""
    return ()


class _KeyList:
    """One list, in parts of bounded size, so that an entry moves few others. `loose` has the keys
    of a restore that are not in order yet."""

    __slots__ = ("lasts", "loose", "parts")

    def __init__(self) -> None:
        self.parts: list[list[bytes]] = []
        self.lasts: list[bytes] = []
        self.loose: list[bytes] = []

    def add(self, key: bytes) -> None:
        parts, lasts = self.parts, self.lasts
        if not parts or key > lasts[-1]:
            if not parts or len(parts[-1]) >= _PART_MAX:
                parts.append([])
                lasts.append(key)
            parts[-1].append(key)
            lasts[-1] = key
            return
        at = bisect_left(lasts, key)
        part = parts[at]
        if part[bisect_left(part, key)] == key:
            return
        insort(part, key)
        if len(part) > _PART_MAX:
            half = len(part) // 2
            parts.insert(at, part[:half])
            lasts.insert(at, part[half - 1])
            del part[:half]

    def order(self) -> None:
        keys, self.loose = self.loose, []
        keys.sort()
        self.parts = [keys[at : at + _PART_MAX] for at in range(0, len(keys), _PART_MAX)]
        self.lasts = [part[-1] for part in self.parts]

    def after(self, key: bytes) -> Iterator[bytes]:
        at = bisect_right(self.lasts, key)
        for part in self.parts[at:]:
            yield from part[bisect_right(part, key) :] if part[0] <= key else part


class KeyLists:
    """All lists of a task, by their names."""

    def __init__(self) -> None:
        self._lists: dict[bytes, _KeyList] = {}

    def add(self, name: bytes, key: bytes) -> None:
        """Enters a key in a list; one that is there already stays."""
        known = self._lists.get(name)
        if known is None:
            known = self._lists[name] = _KeyList()
        known.add(key)

    def restore(self, name: bytes, key: bytes) -> None:
        """Enters a key that is in the list once at most. `restored` must be called after the last
        one."""
        known = self._lists.get(name)
        if known is None:
            known = self._lists[name] = _KeyList()
        known.loose.append(key)

    def restored(self) -> None:
        """Brings the restored keys into order."""
        for known in self._lists.values():
            known.order()

    def after(self, name: bytes, key: bytes) -> Iterator[bytes]:
        """The keys of a list after `key`, in order. The list must not change meanwhile."""
        known = self._lists.get(name)
        return iter(()) if known is None else known.after(key)
