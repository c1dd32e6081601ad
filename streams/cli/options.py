"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant's id.")]
MaybeTenant = Annotated[
    str | None, typer.Option("--tenant", help="The tenant's id, if the document has none.")
]
CampaignId = Annotated[str, typer.Argument(metavar="ID", help="The campaign's id.")]
DefinitionFile = Annotated[Path, typer.Argument(help="YAML or JSON.", exists=True, dir_okay=False)]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait at most.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the engine's answer.")]
WaitForRest = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait until the logs stop growing.")
]
