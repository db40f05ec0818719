"""PostgreSQL as this project brings it: durable, closed between services, and replaceable by one that is there."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from svc_local import postgres as server
from svc_local.databases import DatabaseUrls, Passwords, url_as, url_in
from svc_local.testing import PostgresForTests
from svc_local.troubles import Trouble

pytestmark = pytest.mark.anyio

PASSWORDS = Passwords(app="app's", owner="owner's")


@pytest.fixture
def made(postgres: PostgresForTests) -> DatabaseUrls:
    """Two databases of two services that have nothing to do with each other."""
    postgres.databases.ensure("local_right", passwords=PASSWORDS)
    return postgres.databases.ensure("local_left", passwords=PASSWORDS)


async def test_what_is_committed_is_on_the_disk(postgres: PostgresForTests) -> None:
    names = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")

    values = [postgres.databases.fetchval(f"SELECT current_setting('{name}')") for name in names]

    assert values == ["on"] * len(names)


async def test_the_server_is_bound_to_this_machine_alone(postgres: PostgresForTests) -> None:
    assert postgres.databases.fetchval("SELECT current_setting('listen_addresses')") == "127.0.0.1"


async def test_the_app_role_changes_rows_but_no_structure(made: DatabaseUrls) -> None:
    owner = await asyncpg.connect(made.owner)
    await owner.execute("CREATE TABLE IF NOT EXISTS thing (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
    await owner.execute("CREATE SCHEMA IF NOT EXISTS anew")
    await owner.execute("CREATE TABLE IF NOT EXISTS anew.thing (name text)")
    await owner.close()

    app = await asyncpg.connect(made.app)
    try:
        await app.execute("INSERT INTO thing (name) VALUES ('a')")
        await app.execute("UPDATE thing SET name = 'b'")
        await app.execute("INSERT INTO anew.thing VALUES ('a')")
        await app.execute("DELETE FROM thing")
        for statement in ("CREATE TABLE other ()", "DROP TABLE thing", "ALTER TABLE thing ADD x int", "TRUNCATE thing"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)
    finally:
        await app.close()


async def test_no_role_enters_the_database_of_another_service(made: DatabaseUrls) -> None:
    for url in (url_in(made.app, "local_right"), url_in(made.owner, "local_right")):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="CONNECT"):
            await asyncpg.connect(url)


async def test_a_wrong_password_is_refused(made: DatabaseUrls) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url_as(made.app, "local_left_app", "guess", "local_left"))


async def test_a_clone_has_the_rows_and_the_rights_of_its_template(
    postgres: PostgresForTests, made: DatabaseUrls
) -> None:
    owner = await asyncpg.connect(url_in(made.owner, "local_left"))
    await owner.execute("CREATE TABLE IF NOT EXISTS kept (name text)")
    await owner.execute("INSERT INTO kept VALUES ('a')")
    await owner.close()

    copy = postgres.databases.clone("local_left", "local_left_copy", roles_of="local_left")

    app = await asyncpg.connect(copy.app)
    assert await app.fetchval("SELECT count(*) FROM kept") == 1
    await app.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="CONNECT"):
        await asyncpg.connect(url_as(copy.app, "local_right_app", PASSWORDS.app, "local_left_copy"))
    postgres.databases.drop("local_left_copy")


async def test_each_test_gets_a_migrated_database_of_its_own(database_of: Callable[[str], DatabaseUrls]) -> None:
    first, second = database_of("order_svc"), database_of("order_svc")

    assert first.app != second.app
    con = await asyncpg.connect(first.app)
    try:
        assert await con.fetchval("SELECT count(*) FROM outbox") == 0
    finally:
        await con.close()


async def test_an_existing_server_is_used_when_a_setting_names_it(postgres: PostgresForTests) -> None:
    cluster = await server.external(postgres.url)

    assert (cluster.url, cluster.pid) == (postgres.url, None)


async def test_an_existing_server_that_is_too_old_is_refused_with_its_version() -> None:
    server.refuse_old(170000, "17.0")
    with pytest.raises(Trouble, match=r"names PostgreSQL 16\.9; this needs 17 or newer"):
        server.refuse_old(169999, "16.9")


async def test_an_existing_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(Trouble, match="YUNYING_POSTGRES_URL names a PostgreSQL that does not let us in"):
        await server.external("postgresql://nobody@127.0.0.1:9/postgres")


async def test_a_role_that_may_not_create_databases_is_refused(made: DatabaseUrls) -> None:
    with pytest.raises(Trouble, match="needs CREATEDB and CREATEROLE"):
        await server.external(made.app)


def test_a_cluster_of_another_major_version_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("17\n")

    with pytest.raises(Trouble, match="was made by PostgreSQL 17 and this brings 18"):
        server.prepare(tmp_path, password="x")

    assert [entry.name for entry in tmp_path.iterdir()] == ["PG_VERSION"]
