"""The index of groups: which states are members of which groups, so that a count takes O(1) time.

It is derived from the states and never stored. A count is the number of states that are there, and
no number that somebody raises and lowers.
"""


class StateGroups:
    """The members of each group, and the groups of each member, by their keys."""

    def __init__(self) -> None:
        self._members: dict[bytes, dict[bytes, None]] = {}
        self._groups_of: dict[bytes, tuple[bytes, ...]] = {}

    def place(self, key: bytes, groups: tuple[bytes, ...]) -> None:
        """Makes a state the member of these groups, and of no others."""
        if self._groups_of.get(key, ()) == groups:
            return
        self.remove(key)
        if groups:
            self._groups_of[key] = groups
            for group in groups:
                self._members.setdefault(group, {})[key] = None

    def remove(self, key: bytes) -> None:
        """Makes a state the member of no group."""
        for group in self._groups_of.pop(key, ()):
            members = self._members[group]
            del members[key]
            if not members:
                del self._members[group]

    def count(self, group: bytes) -> int:
        """How many members a group has."""
        return len(self._members.get(group, ()))

    def members(self, group: bytes) -> list[bytes]:
        """The keys of the members, sorted, because the order of the index depends on its past."""
        return sorted(self._members.get(group, ()))
