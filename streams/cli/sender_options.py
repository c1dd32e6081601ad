"""The options of `touchstream sender set`."""

from typing import Annotated

from typer import Argument, Option

from schemas.channels import CHANNELS

Number = int | None
Texts = list[str] | None

_CHANNELS = [name for name, row in CHANNELS.items() if not row.by_pool]

SenderId = Annotated[str, Argument(metavar="ID", help="The account's id.")]
ChannelOption = Annotated[str, Option("--channel", help=f"One of {', '.join(_CHANNELS)}.")]
PerHour = Annotated[Number, Option(help="Commands in any hour.")]
PerDay = Annotated[Number, Option(help="Commands in any 24 hours.")]
PerWeek = Annotated[Number, Option(help="Commands in any 7 days.")]
PerMonth = Annotated[Number, Option(help="Commands in any 30 days.")]
CalendarWindow = Annotated[
    Texts, Option(help="day, week or month: its limit is one of the calendar. Repeatable.")
]
Spacing = Annotated[Number, Option(metavar="SECONDS", help="The least time between two commands.")]
Jitter = Annotated[Number, Option(metavar="SECONDS", help="Up to so much more between them.")]
DomainPerHour = Annotated[Number, Option(help="To one mail domain in any hour.")]
DomainPerDay = Annotated[Number, Option(help="To one mail domain in any 24 hours.")]
ActionLimit = Annotated[
    Texts,
    Option(
        metavar="ACTION:LIMIT=N",
        help="A limit of one action, such as send_inmail:per_month=40. Repeatable.",
    ),
]
WindowOption = Annotated[
    str | None, Option("--window", metavar="HH:MM-HH:MM", help="Its hours; default: always.")
]
Days = Annotated[Texts, Option("--day", help="mon … sun: sends on these days. Repeatable.")]
Timezone = Annotated[
    str | None, Option(help="Of its hours and calendar; default: the tenant's time zone.")
]
FirstWeekday = Annotated[str, Option(help="The day with which a week of the calendar begins.")]
WarmUpOption = Annotated[
    str | None,
    Option(
        "--warm-up",
        metavar="START:STEP:TARGET",
        help="A new account: START a day, STEP more after each sending day, up to TARGET.",
    ),
]
DayJitter = Annotated[int, Option(metavar="PERCENT", help="How far below its limit a day may be.")]
MaxNewPerDay = Annotated[Number, Option(help="First touches of runs in any 24 hours.")]
Lag = Annotated[
    Number,
    Option(metavar="SECONDS", help="A command may be so late at the provider: longer windows."),
]
Premium = Annotated[bool, Option("--premium", help="A premium account: no limit of InMails.")]
Paused = Annotated[bool, Option("--paused", help="The account sends nothing for now.")]
OnGone = Annotated[
    str | None,
    Option(help="Once it is removed: rotate (another one writes on) or hold (a week, then skip)."),
]
