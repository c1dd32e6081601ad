"""State diagrams generated from the tables of the processors.

`python -m processors.diagrams` prints the diagrams. With `--write FILE` it replaces the part of a
page between the markers START and END. A test compares docs/state-machines.md with the tables.
"""

import sys
from pathlib import Path

from processors.campaign.lifecycle import STATUS_CHANGES
from processors.contact.state_machine import ENROLLMENT, TOUCH
from schemas.internal.enrollment import Phase

START, END = "<!-- diagrams -->\n", "<!-- end -->"


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


def text() -> str:
    """All diagrams, each under its heading."""
    parts = {"A touch": touch(), "An enrollment": enrollment(), "A campaign": campaign()}
    return "\n".join(f"### {title}\n\n{diagram}" for title, diagram in parts.items())


def _name(phase: Phase) -> str:
    return phase.name.lower()


def _diagram(lines: list[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"```mermaid\nstateDiagram-v2\n{body}\n```\n"


def with_diagrams(page: str) -> str:
    """The page with the current diagrams between its markers. Raises ValueError without markers."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the page must have the lines {START.strip()} and {END}")
    return f"{before}{START}{text()}{END}{after}"


def main(arguments: list[str]) -> None:
    match arguments:
        case []:
            sys.stdout.write(text())
        case ["--write", name]:
            page = Path(name)
            page.write_text(with_diagrams(page.read_text("utf-8")), "utf-8")
        case _:
            sys.exit("usage: python -m processors.diagrams [--write FILE]")


if __name__ == "__main__":
    main(sys.argv[1:])
