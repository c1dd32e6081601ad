"""The options of `touchstream tenant set`."""

from typing import Annotated, get_args

from typer import Argument, Option

from schemas.base.field_types import NumberKind

Text = str | None
Texts = list[str] | None
Number = int | None

TenantId = Annotated[str, Argument(metavar="ID", help="The tenant's id.")]
Timezone = Annotated[
    str, Option(help="IANA name, such as America/New_York, or the name Windows has.")
]
PerHour = Annotated[
    Texts,
    Option(help="CHANNEL=N or CHANNEL=none; default: 100, or the limits of its sender accounts."),
]
ChannelPerDay = Annotated[
    Texts, Option(help="CHANNEL=N in any 24 hours; then none for an hour but that of --per-hour.")
]
DomainPerHour = Annotated[Texts, Option(help="CHANNEL=N to one mail domain in any hour.")]
DomainPerDay = Annotated[Texts, Option(help="CHANNEL=N to one mail domain in any 24 hours.")]
Quiet = Annotated[Text, Option(help="HH:MM-HH:MM; default: 21:00-08:00.")]
StrictStart = Annotated[Text, Option(help="HH:MM, when quiet hours begin in stricter regions.")]
StrictRegion = Annotated[Texts, Option(help="A region with a stricter law, such as FL or Florida.")]
Delay = Annotated[Texts, Option(help="SERVICE=HOURS before the first touch.")]
PerDay = Annotated[Number, Option(help="Most touches of one person in any 24 hours.")]
PerWeek = Annotated[Number, Option(help="Most touches of one person in any 7 days.")]
Fence = Annotated[Text, Option(help="A time; earlier events are history and cause no sends.")]
CountryCode = Annotated[
    Text, Option(help="Of phone numbers and regions, such as US; default: the zone's.")
]
OptOutWord = Annotated[
    Texts, Option(help="A whole text that is an opt-out, beside STOP and its like.")
]
OptOutScope = Annotated[
    str, Option(help="What an opt-out by one click or a complaint closes: channel, or all.")
]
CallingHours = Annotated[
    bool, Option("--calling-hours", help="Call and text only when the law of the region allows it.")
]
CallsAtOnce = Annotated[Number, Option(help="Most calls under way, 1 to 100; default: 2.")]
PoolCalls = Annotated[
    Number, Option(help="Begin no call while so many of the whole pool are under way.")
]
Agent = Annotated[
    Texts, Option(help="ID or ID=N: an agent that campaigns may name, with N calls at a time.")
]
CallerNumber = Annotated[
    Texts, Option(help="NUMBER or NUMBER=N: a number to call from, with N calls at a time.")
]
AllowNumber = Annotated[
    Texts,
    Option(help=f"Call numbers of a kind that costs extra: {', '.join(get_args(NumberKind))}."),
]
