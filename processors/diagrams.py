"""State diagrams made from the tables: `python -m processors.diagrams` prints what ARCHITECTURE.md
shows, and a test holds the two together."""

from processors.campaign.lifecycle import CAMPAIGN
from processors.contact.state_machine import ENROLLMENT, TOUCH
from schemas.internal.enrollment import Phase


def touch() -> str:
    """The life of a touch, as Mermaid; what stays as it is is left out."""
    edges: dict[tuple[str, str], list[str]] = {}
    for phase, row in TOUCH.items():
        for given, becomes in row.items():
            for target in becomes:
                if target is not phase:
                    edges.setdefault((_name(phase), _name(target)), []).append(given.value)
    return _diagram([f"{a} --> {b}: {', '.join(on)}" for (a, b), on in edges.items()])


def enrollment() -> str:
    """The life of an enrollment."""
    return _diagram(
        [
            f"{status.name.lower()} --> {target.name.lower()}"
            for status, targets in ENROLLMENT.items()
            for target in targets
        ]
    )


def campaign() -> str:
    """The life of a campaign (C-8)."""
    return _diagram(
        [
            f"{status} --> {becomes}: {action}"
            for status, row in CAMPAIGN.items()
            for action, becomes in row.items()
        ]
    )


def text() -> str:
    """All of them, each under its heading."""
    parts = {"A touch": touch(), "An enrollment": enrollment(), "A campaign": campaign()}
    return "\n".join(f"### {title}\n\n{diagram}" for title, diagram in parts.items())


def _name(phase: Phase) -> str:
    return phase.name.lower()


def _diagram(lines: list[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"```mermaid\nstateDiagram-v2\n{body}\n```\n"


if __name__ == "__main__":
    print(text())
