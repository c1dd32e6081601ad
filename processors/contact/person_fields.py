"""What an order states about the person of an outreach campaign (S4-35, S4-36): variables of the
run, of which the tables of the campaign need some after its end."""

from schemas.campaigns.contact_types import CONTACT_TYPES
from schemas.internal.enrollment import Enrollment

CONTACT_TYPE = "contact_type"

_IDS = (CONTACT_TYPE, "user_id", "lead_id")
_TEXTS = ("company_name", "title")


def type_is_invalid(variables: dict[str, str] | None) -> bool:
    """Whether an order states a type of contact that does not exist."""
    return (variables or {}).get(CONTACT_TYPE, CONTACT_TYPES[0]) not in CONTACT_TYPES


def keep_fields(run: Enrollment) -> None:
    """Keeps the fields of the person before the variables of a run that ends are deleted."""
    results, variables = run.results, run.variables
    if results is not None and variables:
        results.person = {name: variables[name] for name in (*_IDS, *_TEXTS) if name in variables}


def erase_fields(run: Enrollment) -> None:
    """Deletes what was kept of a person; ids stay (C-32)."""
    if run.results is not None:
        kept = run.results.person
        run.results.person = {name: kept[name] for name in _IDS if name in kept}
