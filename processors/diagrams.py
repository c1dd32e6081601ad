"""State diagrams generated from the tables of the processors.

`python -m processors.diagrams` prints the diagrams; with the name of a page it replaces the part
`diagrams` of that page (`make generate`). A test compares docs/state-machines.md with the tables.
"""

import sys
from pathlib import Path

from processors.campaign.lifecycle import STATUS_CHANGES
from processors.contact.state_machine import ENROLLMENT, TOUCH
from processors.dispatch.call_leases import LEASE
from schemas.base.generated_part import write_generated_part
from schemas.internal.enrollment import Phase

NAME = "diagrams"


def touch() -> str:
    """The phases of a touch, as Mermaid. Inputs that leave the phase as it is are left out."""
    edges: dict[tuple[str, str], list[str]] = {}
    for phase, row in TOUCH.items():
        for given, becomes in row.items():
            for target in becomes:
                if target is not phase:
                    edges.setdefault((_name(phase), _name(target)), []).append(given.value)
    return _diagram([f"{a} --> {b}: {', '.join(on)}" for (a, b), on in edges.items()])


def enrollment() -> str:
    """The statuses of an enrollment."""
    return _diagram(
        [
            f"{status.name.lower()} --> {target.name.lower()}"
            for status, targets in ENROLLMENT.items()
            for target in targets
        ]
    )


def campaign() -> str:
    """The statuses of a campaign (C-8)."""
    return _diagram(
        [
            f"{status} --> {becomes}: {action}"
            for status, row in STATUS_CHANGES.items()
            for action, becomes in row.items()
        ]
    )


def lease() -> str:
    """The states of the slot of a call (F-18). Inputs that leave the state as it is are left
    out."""
    edges: dict[tuple[str, str], list[str]] = {}
    for state, row in LEASE.items():
        for given, becomes in row.items():
            if becomes is not state:
                edges.setdefault((state.value, becomes.value), []).append(given.value)
    return _diagram([f"{a} --> {b}: {', '.join(on)}" for (a, b), on in edges.items()])


def text() -> str:
    """All diagrams, each under its heading."""
    parts = {
        "A touch": touch(),
        "An enrollment": enrollment(),
        "A campaign": campaign(),
        "The slot of a call": lease(),
    }
    return "\n".join(f"### {title}\n\n{diagram}" for title, diagram in parts.items())


def _name(phase: Phase) -> str:
    return phase.name.lower()


def _diagram(lines: list[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"```mermaid\nstateDiagram-v2\n{body}\n```\n"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write_generated_part(Path(sys.argv[1]), NAME, text())
    else:
        sys.stdout.write(text())
