"""The page of limits names the reasons, defaults and deadlines that the code has."""

import re

from processors.dispatch.call_leases import MARGIN_US
from processors.shared.limit_rules import EXACT_UP_TO, IDLE_DAYS
from processors.shared.limit_scopes import DEFAULT_PER_HOUR
from schemas.base.times import SECOND
from schemas.campaigns.compiled_definition import CallSettings
from schemas.channels import CHANNELS
from schemas.internal.call_states import KnownPool
from schemas.internal.limit_terms import TenantCallTerms
from tests.testing.repository_files import PRODUCT, text_of, tracked

PAGE = " ".join(text_of("docs/limits.md").split())


def test_every_reason_of_the_page_is_one_of_the_code() -> None:
    table = text_of("docs/limits.md").partition("## Which limits there are")[2]
    cells = re.findall(r"\|([^|]*)\|$", table.partition("###")[0], re.MULTILINE)
    reasons = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    code = "\n".join(
        text_of(name)
        for name in tracked()
        if name.startswith(tuple(PRODUCT)) and name.endswith(".py")
    )
    assert len(reasons) > 20
    built = {f"sender_{unit}" for unit in ("hour", "day", "week", "month")}
    assert {name for name in reasons - built if f'"{name}"' not in code} == set()


def test_the_page_has_the_defaults_of_the_table_of_channels() -> None:
    email = CHANNELS["email"].sender_defaults[""]
    assert (
        f"| e-mail | {email.per_hour} | {email.per_day:,} | | | {email.spacing_seconds} s |" in PAGE
    )
    requests = CHANNELS["linkedin"].sender_defaults["send_connection_request"]
    assert f"connection requests | | | {requests.per_week} |" in PAGE
    inmails = CHANNELS["linkedin"].sender_defaults["send_inmail"]
    assert f"InMails | | | | {inmails.per_month};" in PAGE
    assert f"{DEFAULT_PER_HOUR} commands an hour" in PAGE
    assert f"Up to {EXACT_UP_TO:,} commands a window" in PAGE
    assert {name for name, row in CHANNELS.items() if row.sender_defaults} == {"email", "linkedin"}


def test_the_page_has_the_numbers_of_a_warm_up() -> None:
    start, step, target = 5, 2, 50
    days = [min(target, start + step * day) for day in range(24)]
    assert days.index(target) == 23 and sum(days[:14]) == 252
    assert "sending day 23, counted from 0; the first 14 sending days allow 252" in PAGE
    assert f"{IDLE_DAYS} of them halve the limit" in PAGE


def test_the_page_has_the_slots_and_deadlines_of_calls() -> None:
    assert f"(`--calls-at-once`) | {TenantCallTerms().slots} | 1 to 100" in PAGE
    assert f"(`touchstream pool set`) | {KnownPool('calls').slots} | 1 to 1,000" in PAGE
    usual = CallSettings()
    times = (usual.place_us, usual.ring_us, usual.max_us)
    strict = [(sum(times[place:]) + MARGIN_US) // SECOND for place in range(3)]
    prompt = [(time + MARGIN_US) // SECOND for time in times]
    for seconds, sooner in zip(strict, prompt, strict=True):
        assert re.search(rf"\| {seconds:,} s after the \w+ \| {sooner:,} s after the \w+ \|", PAGE)
