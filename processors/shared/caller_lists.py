"""The agents and caller numbers of a tenant: what is not in a list does not exist.

A tenant that has listed none may name any, and only its own limit holds for them.
"""

from schemas.channels import PHONE
from schemas.internal.limit_terms import TenantCallTerms


def has_agent(terms: TenantCallTerms | None, agent_id: str | None) -> bool:
    """Whether a tenant has an agent; no agent is always fine."""
    return agent_id is None or terms is None or not terms.agents or agent_id in terms.agents


def has_number(terms: TenantCallTerms | None, number: str | None, country: str) -> bool:
    """Whether a tenant has a caller number, in any spelling; `country` is the tenant's."""
    if number is None or terms is None or not terms.numbers:
        return True
    return number in terms.numbers or PHONE.canonical(number, country) in terms.numbers
