"""`touchstream campaign report`: the results of a campaign as a page for people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from processors.campaign.dates import REPORT
from processors.campaign.reports import FINAL, PROVISIONAL, report_values
from schemas.base.times import from_datetime, to_datetime
from schemas.internal.states import CampaignRecord
from sinks.campaign_report_query import ReportHistory, report_history
from streams.base.settings import Settings
from streams.cli.command_settings import connected_settings
from streams.cli.errors import CommandError, command_error_of
from streams.cli.options import CampaignId, Json, Tenant
from streams.cli.output import format_time, print_json, print_stderr
from streams.cli.report_markdown import report_markdown
from streams.cli.report_sections import report_sections
from streams.cli.stored_campaigns import StoredCampaigns, read_campaigns
from streams.kafka.topics import layout_of

_NO_HISTORY = ReportHistory(None, None, [])


def report(
    campaign_id: CampaignId,
    tenant: Tenant,
    html: Annotated[
        Path | None, Option("--html", metavar="FILE", help="Write the page with figures.")
    ] = None,
    markdown: Annotated[
        Path | None, Option("--md", metavar="FILE", help="Write the page as Markdown.")
    ] = None,
    json: Json = False,
) -> None:
    """Write the results of a campaign as a page, in HTML with figures or in Markdown.

    The page has its dates and targets, how far people got, how their runs ended, what was sent, and
    its experiments. Without a file it is printed as Markdown.

    The numbers are those of the final report that the engine has emitted, once the attribution
    window has closed; before that they are those by which the campaign is decided now, and may
    still change. The figures by day come from PostgreSQL; without it the page has none.

    Example: touchstream campaign report java-nyc-q1 --tenant acme --html report.html
    """
    settings = connected_settings()
    stored = read_campaigns(settings, layout_of(settings), tenant, campaign_id)
    campaign = stored.campaign(campaign_id)
    if campaign.definition.outreach is None and not campaign.definition.decides_by_counts():
        raise CommandError(
            f"{campaign_id} is no outreach campaign and has no experiment: nothing of it is counted"
            " for a report"
        )
    history = _history(settings, campaign, stored)
    values, lead = chosen_values(campaign, stored, history)
    if json:
        print_json({"lead": lead, **values})
    if html is not None:
        from streams.cli.report_page import report_page  # plotly takes a third of a second

        sections = report_sections(values)
        _write(html, report_page(values["name"], lead, sections, history.days))
    if markdown is not None or not (json or html):
        text = report_markdown(values["name"], lead, report_sections(values))
        if markdown is None:
            print(text, end="")
        else:
            _write(markdown, text)


def chosen_values(
    campaign: CampaignRecord, stored: StoredCampaigns, history: ReportHistory
) -> tuple[Mapping[str, Any], str]:
    """The values of the final report, or else those of now; and what they are, in a sentence."""
    final = history.report
    if final is not None and final.get("final") and history.reported_at is not None:
        at = format_time(from_datetime(history.reported_at))
        return final, f"The final report, of {at}. Later answers are not part of it."
    as_of = "" if stored.as_of is None else f" as of {format_time(stored.as_of)}"
    if campaign.status not in ("completed", "archived"):
        values = report_values(stored.tenant, campaign, PROVISIONAL)
        return values, f"Provisional numbers{as_of}: the campaign goes on."
    if REPORT in campaign.dates:
        values = report_values(stored.tenant, campaign, PROVISIONAL)
        return values, f"Provisional numbers{as_of}: the campaign is over, and late answers count."
    values = report_values(stored.tenant, campaign, FINAL)
    return values, f"Numbers{as_of}, after the final report."


def _history(
    settings: Settings, campaign: CampaignRecord, stored: StoredCampaigns
) -> ReportHistory:
    """What PostgreSQL has; nothing, with a warning, where it does not answer."""
    zone_name = report_values(stored.tenant, campaign, PROVISIONAL)["timezone"]
    since = to_datetime(campaign.ended_at) if campaign.ended_at else None
    ids = (campaign.tenant_id, campaign.campaign_id)
    try:
        return report_history(settings.dsn(), *ids, zone_name, since)
    except Exception as error:
        failure = command_error_of(error)
        if failure is None:
            raise
        print_stderr(f"warning: without the figures by day: {failure.message}")
        return _NO_HISTORY


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    print_stderr(f"{file}: written")
