"""Outreach campaigns for tests: documents that are valid, of which a test changes one thing."""

from typing import Any

from tests.testing.builders import TENANT, step

OUTREACH = "java-q1"
OWNER = "owner-1"


def experiment(name: str = "java-q1", **changes: Any) -> dict[str, Any]:
    """An A/B test of half and half between the templates `a` and `b`."""
    fields = {"id": name, "variant_a_template_id": "a", "variant_b_template_id": "b"}
    return {**fields, **changes}


def outreach_document(
    outreach: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    steps: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A draft with one e-mail from the template `t`, which is due at once; it has an owner, and no
    target. `outreach` and `settings` are further fields of these sections."""
    document = {
        "tenant_id": TENANT,
        "campaign_id": OUTREACH,
        "name": "Java developers",
        "kind": "outreach",
        "settings": settings or {},
        "outreach": {"owner_id": OWNER, **(outreach or {})},
        "steps": [step()] if steps is None else steps,
    }
    return {**document, **changes}


def experiment_document(settings: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """An outreach campaign whose only step has the experiment with `changes`, and no template for
    who takes no part."""
    tested = step(template_id=None, experiment=experiment(**changes))
    return outreach_document(settings=settings, steps=[tested])
