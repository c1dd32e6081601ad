"""Tenants never mix (S1-43 … S1-47): checked for every table and view of the catalog."""

import re
from collections.abc import Iterator

import msgspec
import psycopg
import pytest

from schemas.base.times import DAY
from schemas.internal.facts import FactKind
from schemas.internal.states import Conversion
from sinks.migrate import migrate
from tests.sinks.conftest import Database
from tests.testing.recorded_outreach import (
    counted,
    message,
    outreach_campaign,
    outreach_fact,
    outreach_run,
)
from tests.testing.recorded_world import (
    T0,
    TENANTS,
    Log,
    campaign,
    contact,
    enrollment,
    fact,
    world_of_all_kinds,
)
from tests.testing.repository_files import text_of

PAGE = "docs/postgresql.md"

INTERNAL = {
    "touchstream.migrations",
    "touchstream.places",
    "touchstream.tasks",
    "touchstream.call_pools",  # two of its columns can be read
    "outreach.members",
}
OF_ALL_TENANTS = {"touchstream.presets", "reviews.campaigns", "reviews.campaign_touches"}

RELATIONS = b"""
    SELECT format('%s.%s', n.nspname, c.relname), c.relkind::text,
        c.relrowsecurity AND c.relforcerowsecurity,
        coalesce(c.reloptions @> '{security_invoker=true}', false), c.relispartition
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('touchstream', 'reviews', 'prospecting', 'calls', 'outreach')
        AND c.relkind IN ('r', 'p', 'v', 'm')"""

REFUSED = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ObjectNotInPrerequisiteState,  # a view over more than one table
)

Relation = tuple[str, str, bool, bool, bool]


def relations(dsn: str) -> list[Relation]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(RELATIONS).fetchall()


@pytest.fixture(scope="module")
def reader(server: Database, migrated: str) -> Iterator[tuple[str, str]]:
    """A database with the rows of both tenants: its DSN, and the DSN of a read-only role."""
    dsn = server.create(migrated)
    both = world_of_all_kinds()
    for tenant_id in TENANTS:
        record = campaign(tenant_id, campaign="outreach")
        outreach = msgspec.structs.replace(record.definition, kind="prospecting", service_type=None)
        both.campaign(msgspec.structs.replace(record, definition=outreach))
        run = enrollment(tenant_id, campaign_id="outreach", enrollment_id=f"{tenant_id}-bob")
        both.contact(tenant_id, contact(tenant_id, run), "bob")
        both.fact(fact(tenant_id, FactKind.TOUCH_SENT, campaign_id="outreach"))
        add_outreach(both, tenant_id)
    both.write(dsn)
    role = server.login(dsn, "a_reader")
    server.run("GRANT touchstream_reader TO a_reader")
    yield dsn, role


def add_outreach(log: Log, tenant_id: str) -> None:
    """A person of an outreach campaign of whom everything is known that its views show."""
    conversion = Conversion(T0, "interview", f"{tenant_id}-i", None, None, "", {})
    run = outreach_run(
        tenant_id,
        message(),
        name="pia",
        variables={"user_id": f"{tenant_id}-u", "lead_id": f"{tenant_id}-l"},
        results={"responded_at": T0 + DAY, "opted_out_at": T0 + DAY},
    )
    conversion.weights = {run.enrollment_id: 1_000_000}
    state = contact(tenant_id, run, conversions={"interview": conversion}, opted_out={"all": T0})
    log.campaign(outreach_campaign(tenant_id, counts=counted("A", runs=1)))
    log.contact(tenant_id, state, "pia")
    log.fact(outreach_fact(tenant_id, FactKind.TOUCH_COMMANDED, "pia"))


def rows_of(reader: str, relation: str, tenant: str | None) -> list[tuple[object, ...]]:
    with psycopg.connect(reader) as connection:
        if tenant is not None:
            connection.execute("SELECT set_config('touchstream.tenant_id', %s, false)", (tenant,))
        return connection.execute(f"SELECT * FROM {relation}".encode()).fetchall()


def test_every_table_has_row_security_and_every_view_uses_the_rights_of_its_reader(
    reader: tuple[str, str],
) -> None:
    for name, kind, forced, invoker, _ in relations(reader[0]):
        if name not in INTERNAL:
            assert invoker if kind == "v" else forced, name


def test_a_reader_sees_its_own_tenant_and_nothing_of_another(reader: tuple[str, str]) -> None:
    for name, _, _, _, partition in relations(reader[0]):
        if name in INTERNAL or partition:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                rows_of(reader[1], name, "acme")
            continue
        for own, other in (TENANTS, TENANTS[::-1]):
            rows = rows_of(reader[1], name, own)
            assert rows, f"{name} shows nothing to prove"
            assert not [row for row in rows if other in row], name
            assert name in OF_ALL_TENANTS or all(own in row for row in rows), name


def test_without_a_tenant_only_presets_are_seen(reader: tuple[str, str]) -> None:
    for name, _, _, _, partition in relations(reader[0]):
        if name not in INTERNAL and not partition:
            assert bool(rows_of(reader[1], name, None)) == (name in OF_ALL_TENANTS), name


def test_a_login_that_is_bound_to_a_tenant_reads_no_other_whatever_it_sets(
    reader: tuple[str, str],
) -> None:
    """As docs/postgresql.md binds it."""
    (recipe,) = re.findall(r"```\n(CREATE ROLE acme_dashboard.*?)```", text_of(PAGE), re.DOTALL)
    with psycopg.connect(reader[0], autocommit=True) as owner:
        owner.execute(recipe.encode())
    login = psycopg.conninfo.make_conninfo(reader[0], user="acme_dashboard", password="a password")
    with psycopg.connect(login, autocommit=True) as bound:
        for name, _, _, _, partition in relations(reader[0]):
            if name in INTERNAL or partition:
                continue
            bound.execute("RESET ALL")
            assert bound.execute(f"SELECT * FROM {name}".encode()).fetchall(), name
            bound.execute("SET touchstream.tenant_id = 'bolt'")
            for role in (b"SET ROLE NONE", b"SET ROLE touchstream_reader"):
                bound.execute(role)
                rows = bound.execute(f"SELECT * FROM {name}".encode()).fetchall()
                assert not [row for row in rows if "bolt" in row], name
                assert not rows or name in OF_ALL_TENANTS, name
            bound.execute("RESET ROLE")
    for tenant in TENANTS:  # other readers read as before
        assert rows_of(reader[1], "touchstream.contacts", tenant)


def test_a_reader_changes_nothing(reader: tuple[str, str]) -> None:
    for name, _, _, _, _ in relations(reader[0]):
        with psycopg.connect(reader[1]) as connection:
            connection.execute("SELECT set_config('touchstream.tenant_id', 'acme', false)")
            with pytest.raises(REFUSED):
                connection.execute(f"DELETE FROM {name}".encode())


def test_an_owner_without_special_rights_writes_under_forced_security(server: Database) -> None:
    dsn = server.create()
    owner = server.login(dsn, "an_owner", "CREATEROLE")
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    server.run(f"ALTER DATABASE {name} OWNER TO an_owner")
    migrate(owner)
    log: Log = world_of_all_kinds().write(owner)
    assert len(log.records) == 34
    with psycopg.connect(owner) as connection:
        assert connection.execute("SELECT count(*) FROM touchstream.facts").fetchall() == [(10,)]
