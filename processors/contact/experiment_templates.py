"""The template of a step for one person, and the experiment of the step."""

from typing import Any

from processors.contact.context import StepTemplate
from schemas.internal.enrollment import Assignment, RunResults

TAKES_NO_PART = {"holdout": "holdout", "layer": "outside_layer"}
"""Why a step sends nothing to people who take no part in its experiment, by how they were
assigned."""


_NONE = ("", "")


def experiment_and_variant(template: StepTemplate) -> tuple[str, str]:
    """The experiment and the variant whose template it is; both are empty if it is none's."""
    assignment = template.assignment
    if assignment is None or not assignment.variant:
        return _NONE
    return assignment.experiment_id, assignment.variant


def reason_without_template(template: StepTemplate) -> str:
    """Why a touch is skipped that has no template."""
    assignment = template.assignment
    if assignment is None or assignment.variant or template.template_id is not None:
        return "no_template"
    return TAKES_NO_PART[assignment.assigned_by]


def assignment_values(assignment: Assignment) -> dict[str, Any]:
    """A person's variant in an experiment, as facts have it."""
    return {
        "experiment_id": assignment.experiment_id,
        "variant": assignment.variant,
        "bucket": assignment.bucket,
        "split": assignment.split,
        "assigned_by": assignment.assigned_by,
    }


def variant_values(results: RunResults) -> list[dict[str, Any]]:
    """A person's variants, as the fact of the run's start has them."""
    return [assignment_values(each) for each in results.variants]
