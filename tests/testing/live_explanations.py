"""What `touchstream why` explains on a running engine, from PostgreSQL and from the logs."""

import json
from typing import Any

from tests.testing.command_line import Touchstream, wait_until


def explained_by_both(touchstream: Touchstream, *query: object) -> dict[str, Any]:
    """The explanation of a person, a run or a touch, once PostgreSQL and the logs give the same."""
    found: list[dict[str, Any]] = []

    def is_the_same() -> bool:
        projected = touchstream("why", *query, "--json")
        folded = touchstream("why", *query, "--json", "--from-log")
        if projected.code or folded.code:
            return False
        found[:] = [_sorted_facts(projected.json())]
        return found[0] == _sorted_facts(folded.json())

    wait_until(is_the_same)
    return found[0]


def _sorted_facts(result: dict[str, Any]) -> dict[str, Any]:
    """The result with its facts sorted: the order of facts of two processors at one moment is not
    defined."""
    for facts in (result["besides"], *(run["timeline"] for run in result["runs"])):
        facts.sort(key=lambda fact: (fact["at"], json.dumps(fact, sort_keys=True)))
    return result
