"""Who sees what of outreach (C-27, S4-105 … S4-107), with real logins of two organizations."""

from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest

from schemas.base.times import HOUR
from schemas.internal.facts import FactKind
from schemas.internal.states import Conversion
from tests.sinks.conftest import Database
from tests.testing.recorded_outreach import (
    JAVA,
    TERMS,
    WRITTEN_AT,
    counted,
    message,
    outreach_campaign,
    outreach_fact,
    outreach_run,
)
from tests.testing.recorded_world import Log, contact, tenant

OWN, OTHERS = f"acme/{JAVA}", "acme/cto-q1"
"""The campaign of owner-1, and one of owner-2."""

MEMBERS = {
    "m_owner": ("acme", "owner-1", "member"),
    "m_admin": ("acme", "boss", "admin"),
    "m_manager": ("acme", "manager", "ta_manager"),
    "m_recruiter": ("acme", "recruiter", "recruiter"),
    "m_nobody": ("acme", "nobody", "member"),
    "m_bolt": ("bolt", "owner-1", "admin"),
    "m_stranger": None,
}
"""The logins. A user of bolt has the same user id as an owner of acme."""

SEEN = {
    "m_owner": {OWN},
    "m_admin": {OWN, OTHERS},
    "m_manager": {OWN, OTHERS},
    "m_recruiter": {OWN, OTHERS},
    "m_nobody": set(),
    "m_bolt": {f"bolt/{JAVA}", "bolt/cto-q1"},
    "m_stranger": set(),
}

CHANGED = {"m_owner": {OWN}, "m_admin": {OWN, OTHERS}, "m_bolt": SEEN["m_bolt"]}
"""Who may do all, with which campaigns."""

VIEWS = (
    *("campaigns", "campaign_contacts", "engagement_tracking", "campaign_performance_summary"),
    *("campaign_progress", "campaign_metrics", "ab_tests", "ab_test_results", "ab_test_strata"),
    *("conversions", "opt_out_lag", "organizations", "user_profiles", "leads"),
    *("message_templates", "contacts_kept", "touches_kept"),
)


def log_of_two() -> Log:
    """Two campaigns of each organization, with one person each."""
    log = Log()
    for name in ("acme", "bolt"):
        log.tenant(tenant(name))
        for owner, campaign_id, who in (("owner-1", JAVA, "ada"), ("owner-2", "cto-q1", "bob")):
            terms = msgspec.structs.replace(TERMS, owner_id=owner, created_by="")
            made: dict[str, Any] = {"terms": terms, "counts": counted("A", runs=1)}
            log.campaign(outreach_campaign(name, campaign_id=campaign_id, **made))
            run = outreach_run(
                *(name, message()),
                name=who,
                campaign_id=campaign_id,
                variables={"lead_id": f"{name}-{who}", "user_id": f"{name}-{who}"},
                results={"responded_at": WRITTEN_AT + HOUR},
            )
            weights = {run.enrollment_id: 1_000_000}
            credit = Conversion(WRITTEN_AT, "interview", f"{name}-i", None, None, "", weights)
            other = Conversion(WRITTEN_AT, "deal", f"{name}-d", None, None, "", {}, "nothing_sent")
            done = {"i": credit, "d": other}
            state = contact(name, run, conversions=done, opted_out={"all": WRITTEN_AT})
            log.contact(name, state, who)
            log.fact(outreach_fact(name, FactKind.TOUCH_COMMANDED, who))
    return log


@pytest.fixture(scope="module")
def logins(server: Database, migrated: str) -> Iterator[dict[str, str]]:
    """The DSN of each login, and of the owner of the database."""
    dsn = server.create(migrated)
    log_of_two().write(dsn)
    made = {name: server.login(dsn, name) for name in MEMBERS}
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name, member in MEMBERS.items():
            connection.execute(f"GRANT touchstream_member TO {name}".encode())
            if member is not None:
                insert = b"INSERT INTO outreach.members VALUES (%s, %s, %s, %s)"
                connection.execute(insert, (name, *member))
    yield {"owner": dsn, **made}


def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("login", MEMBERS)
def test_a_login_sees_the_campaigns_of_its_role_in_its_organization(
    logins: dict[str, str], login: str
) -> None:
    campaigns = rows(logins[login], "SELECT id FROM outreach.campaigns")
    assert {row[0] for row in campaigns} == SEEN[login]
    people = rows(logins[login], "SELECT campaign_id FROM outreach.campaign_contacts")
    assert {row[0] for row in people} == SEEN[login]
    events = rows(logins[login], "SELECT campaign_id FROM outreach.engagement_tracking")
    assert {row[0] for row in events} == SEEN[login]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("login", MEMBERS)
def test_no_view_shows_another_organization(logins: dict[str, str], login: str, view: str) -> None:
    found = repr(rows(logins[login], f"SELECT * FROM outreach.{view}"))
    member = MEMBERS[login]
    if member is None:
        assert found == "[]"
        return
    other = "bolt" if member[0] == "acme" else "acme"
    assert other not in found
    if login == "m_nobody":
        assert view == "organizations" or found == "[]"
    if login == "m_owner":
        assert "cto-q1" not in found and "acme-bob" not in found
    assert (member[0] in found) or not SEEN[login]


def test_every_view_of_the_schema_is_in_the_list(logins: dict[str, str]) -> None:
    query = """SELECT c.relname::text FROM pg_class AS c WHERE c.relkind IN ('r', 'v', 'm')
        AND c.relnamespace = 'outreach'::regnamespace"""
    assert {row[0] for row in rows(logins["owner"], query)} == {*VIEWS, "members"}


@pytest.mark.parametrize(
    "setting",
    [
        "SET touchstream.tenant_id = 'bolt'",
        "SET ROLE touchstream_member",
        "SET row_security = on",
        "SET search_path = touchstream",
    ],
)
def test_nothing_that_a_session_sets_opens_another_organization(
    logins: dict[str, str], setting: str
) -> None:
    with psycopg.connect(logins["m_admin"]) as connection:
        connection.execute(setting.encode())
        found = connection.execute("SELECT org_id FROM outreach.campaigns").fetchall()
    assert found == [("acme",), ("acme",)]


@pytest.mark.parametrize(
    "attempt",
    [
        "SELECT * FROM outreach.members",
        "INSERT INTO outreach.members VALUES ('m_admin', 'bolt', 'x', 'admin')",
        "UPDATE outreach.members SET org_id = 'bolt'",
        "SELECT * FROM touchstream.contacts",
        "SELECT * FROM touchstream.facts",
        "SET SESSION AUTHORIZATION m_bolt",
        "SET ROLE m_bolt",
        "SET ROLE touchstream_reader",
        "ALTER TABLE outreach.campaigns DISABLE ROW LEVEL SECURITY",
    ],
)
def test_a_member_has_no_way_around_the_views(logins: dict[str, str], attempt: str) -> None:
    with psycopg.connect(logins["m_admin"]) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(attempt.encode())
        connection.rollback()
        off = b"SET row_security = off"
        connection.execute(off)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM outreach.campaigns")


@pytest.mark.parametrize("view", [*VIEWS, "members"])
@pytest.mark.parametrize("login", ["m_owner", "m_admin", "m_recruiter"])
def test_nobody_changes_a_projection(logins: dict[str, str], login: str, view: str) -> None:
    refused = (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.ObjectNotInPrerequisiteState,  # a view over more than one table
    )
    with psycopg.connect(logins[login]) as connection, pytest.raises(refused):
        connection.execute(f"DELETE FROM outreach.{view}".encode())


@pytest.mark.parametrize("login", MEMBERS)
def test_owner_and_admin_could_change_and_the_other_roles_only_read(
    logins: dict[str, str], login: str
) -> None:
    """The policies of C-27 for themselves: with the right to write, which nobody has, only the
    owner and the admin of the organization could use it, and only inside of it."""
    with psycopg.connect(logins["owner"]) as connection:
        connection.execute("GRANT UPDATE ON outreach.campaigns TO touchstream_member")
        connection.commit()
    try:
        with psycopg.connect(logins[login]) as connection:
            query = b"UPDATE outreach.campaigns SET name = name RETURNING id"
            changed = {row[0] for row in connection.execute(query).fetchall()}
            if changed:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("UPDATE outreach.campaigns SET org_id = 'elsewhere'")
            connection.rollback()
    finally:
        with psycopg.connect(logins["owner"]) as connection:
            connection.execute("REVOKE UPDATE ON outreach.campaigns FROM touchstream_member")
    assert changed == CHANGED.get(login, set())


@pytest.mark.parametrize("login", MEMBERS)
@pytest.mark.parametrize(
    "action", ["read", "edit", "activate", "pause", "resume", "complete", "reassign", "archive"]
)
def test_an_application_can_ask_what_a_login_may_do(
    logins: dict[str, str], login: str, action: str
) -> None:
    """S4-107."""
    allowed = SEEN[login] if action == "read" else CHANGED.get(login, set())
    for campaign_id in (OWN, OTHERS, f"bolt/{JAVA}", "bolt/cto-q1"):
        query = f"SELECT outreach.may('{action}', '{campaign_id}')"
        assert rows(logins[login], query) == [(campaign_id in allowed,)]
    assert rows(logins[login], f"SELECT outreach.may('fly', '{OWN}')") == [(False,)]


def test_the_dashboard_of_the_source_shows_a_login_its_own_organization(
    logins: dict[str, str],
) -> None:
    query = """SELECT c.id, COUNT(cc.id) FROM outreach.campaigns c
        LEFT JOIN outreach.campaign_contacts cc ON c.id = cc.campaign_id
        WHERE c.org_id = 'bolt' GROUP BY c.id"""
    assert rows(logins["m_admin"], query) == []
    assert len(rows(logins["m_bolt"], query)) == 2


def test_a_login_without_the_role_sees_nothing(server: Database, logins: dict[str, str]) -> None:
    login = server.login(logins["owner"], "m_without")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows(login, "SELECT * FROM outreach.campaigns")


def test_a_role_that_does_not_exist_is_refused(logins: dict[str, str]) -> None:
    with (
        psycopg.connect(logins["owner"]) as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute("INSERT INTO outreach.members VALUES ('x', 'acme', 'x', 'king')")
