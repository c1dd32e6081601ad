"""Automatic replies are recognised by the headers that state how a message came to be, and by no
others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.public.auto_reply import is_automatic, is_opt_out
from schemas.public.auto_reply_subjects import is_automatic_subject


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"auto-submitted": "auto-generated; owner=x"},
        {"Auto-Submitted": "(a (nested) comment) Auto-Replied (vacation)"},
        {"AUTO-SUBMITTED ": " auto-notified "},
        {"X-Autoreply": "yes"},
        {"X-Autorespond": "Re: Offer"},
        {"X-Auto-Reply": "true"},
        {"X-AutoReply-From": "ann@example.com"},
        {"X-Mail-Autoreply": "1"},
        {"X-FC-MachineGenerated": "true"},
        {"X-POST-MessageClass": "9; Autoresponder"},
        {"Delivered-To": "Autoresponder"},
        {"Precedence": "auto_reply"},
        {"X-Precedence": "Auto-Reply"},
        {"Return-Path": "<>"},
        {"Return-Path": "< >"},
        {"Content-Type": "multipart/report; report-type=delivery-status"},
        {"Subject": "Automatic reply: Your offer"},
        {"Subject": "=?utf-8?B?6Ieq5YuV6L+U5L+h?="},
        {"Subject": "=?iso-8859-1?Q?R=E9ponse_automatique?= : offre"},
        {"Precedence": "list", "Auto-Submitted": "auto-replied"},
    ],
)
def test_headers_of_an_automatic_reply_are_recognised(headers: dict[str, str]) -> None:
    assert is_automatic(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Auto-Submitted": "no"},
        {"Auto-Submitted": "No (a person) ; x=y"},
        {"Auto-Submitted": ""},
        {"X-Auto-Response-Suppress": "All"},
        {"X-Auto-Response-Suppress": "DR, OOF, AutoReply"},
        {"Precedence": "list"},
        {"Precedence": "bulk"},
        {"PRECEDENCE": " Junk "},
        {"Precedence": "first-class"},
        {"X-Autoreply": "no"},
        {"X-Autoreply": '"No"'},
        {"X-Autoreply": "n"},
        {"X-Autorespond": "disabled"},
        {"X-Auto-Reply": "False"},
        {"X-Autorespond": "0"},
        {"X-FC-MachineGenerated": "false"},
        {"X-POST-MessageClass": "1"},
        {"Delivered-To": "ann@example.com"},
        {"Return-Path": "<ann@example.com>"},
        {"Return-Path": ""},
        {"List-Id": "<team.example.com>"},
        {"Content-Type": "multipart/alternative; boundary=x"},
        {"Subject": "auto_reply"},
        {"Subject": "=?utf-8?B?broken"},
        {"Subject": "=?no-such-charset?Q?x?="},
        {"X-Apple-Unsubscribe": "true"},
    ],
)
def test_headers_that_state_nothing_about_the_writer_are_not_automatic(
    headers: dict[str, str],
) -> None:
    assert not is_automatic(headers)


@pytest.mark.parametrize(
    "subject",
    [
        *("Automatic reply: x", "AUTOMATIC REPLY", "Auto-Reply: x", "Autoreply", "Auto: Re: x"),
        *("Out of office", "Out of Office: x", "Out of Office Re: x", "OOO until Monday"),
        *(
            "[Auto-Reply] x",
            "Automated response - x",
            "Abwesenheitsnotiz",
            "Automatische Antwort: x",
        ),
        *("Réponse automatique : x", "Reponse automatique", "Respuesta automática: x"),
        *("Risposta automatica: x", "Resposta automática: x", "Automatisch antwoord: x"),
        *("Automatyczna odpowiedź: x", "Autosvar: x", "Automatiskt svar: x", "Fuera de la oficina"),
        *("Out of Office AutoReply: x", "Out of Office: Automatic reply: x", "Auto-Responder: x"),
        *("I am out of the office", "I'm out of the office until Monday", "Außer Haus: x"),
        *("自動返信: x", "【自動返信】お問い合わせ", "自动回复：x", "자동 회신: x", "Автоответ: x"),
    ],
)
def test_subjects_of_automatic_replies_are_recognised(subject: str) -> None:
    assert is_automatic_subject(subject)


@pytest.mark.parametrize(
    "subject",
    [
        *("", "Re: Out of office", "AW: Abwesenheitsnotiz", "Fwd: Automatic reply: x"),
        *("Out of office furniture", "Automatic replying", "Automation", "Absence of evidence"),
        *("Automatic replies for our team?", "Question about auto-reply", "Oooh, interesting"),
        *("Auto: quote for my car", "Auto: 2019 VW Golf", "Auto", "Auto: reply please"),
        *("I am out of the office chairs that you asked for", "Autosvarta"),
        *("Your automatic reply", "Re: your offer"),
    ],
)
def test_subjects_of_people_are_not_automatic(subject: str) -> None:
    assert not is_automatic_subject(subject)


@given(st.dictionaries(st.sampled_from(["Subject", "Auto-Submitted", "Return-Path"]), st.text()))
def test_any_text_of_a_header_has_an_answer(headers: dict[str, str]) -> None:
    assert is_automatic(headers) in (True, False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("True ", True), ("yes", True), ("false", False), ("no", False), ("", False)],
)
def test_a_mail_program_unsubscribes_by_a_header_of_its_own(value: str, expected: bool) -> None:
    headers = {"x-apple-unsubscribe": value, "Auto-Submitted": "auto-replied"}
    assert is_opt_out(headers) is expected
    assert not is_opt_out({"Auto-Submitted": "auto-replied"})
