"""Every example of a campaign can be published: in a fresh engine it gets its first version."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from schemas.internal import messages as m
from tests.testing.builders import tenant
from tests.testing.repository_files import ROOT
from tests.testing.world import START, World

EXAMPLES = [
    path for path in sorted((ROOT / "examples").glob("*.yaml")) if path.name != "setup.yaml"
]


def published(document: dict[str, Any]) -> list[tuple[str, str | None, Any]]:
    """The facts about the campaign after its document was published twice."""
    world = World()
    world.append(tenant(tenant_id=document["tenant_id"]))
    world.settle()
    ids = document["tenant_id"], document["campaign_id"]
    for number in (1, 2):
        text = msgspec.json.encode(document)
        world.append(m.PublishCampaign(*ids, f"c#{number}", START, text))
        world.settle()
    facts = [fact for fact in world.facts() if fact.fact.startswith("campaign.")]
    return [(fact.fact, fact.reason, fact.version) for fact in facts]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_published_once(path: Path) -> None:
    kinds = published(yaml.safe_load(path.read_text("utf-8")))
    assert ("campaign.published", None, 1) in kinds
    assert not [kind for kind in kinds if kind[0] == "campaign.refused"]
    assert {version for _, _, version in kinds} == {1}


def test_outreach_with_errors_is_refused_with_all_of_them() -> None:
    document = yaml.safe_load((ROOT / "examples/talent.yaml").read_text("utf-8"))
    document["steps"][0]["experiment"]["variant_b_template_id"] = "java-short"
    document["outreach"]["target_contacts_count"] = 0
    kinds = published(document)
    assert kinds == [("campaign.refused", "CAMPAIGN_INVALID", None)] * 2
