"""Staff: hired, changed, shut out; roles and what they open; the first owner."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from gateway.app import SERVICE
from gateway.owner import ensure_owner
from gateway.settings import GatewaySettings
from svc_contracts.scopes import ROLES, scopes_of_roles
from svc_kit.testing import runtime_of

from .conftest import OWNER, PASSWORD, Gateway
from .test_sign_in import faults, refusal

pytestmark = pytest.mark.anyio
STAFF = "/v1/admin/staff"


async def test_staff_are_hired_sign_in_and_have_the_scopes_of_their_roles(gateway: Gateway) -> None:
    owner = await gateway.owner()

    answer = await owner.post(
        STAFF, json={"login": "Demo-Merchant", "password": PASSWORD, "roles": ["merchandiser", "warehouse"]}
    )

    made = answer.json()
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{STAFF}/{made['staff_id']}"
    assert made["staff_id"].startswith("stf_")
    assert (made["login"], made["roles"], made["shops"], made["state"], made["version"]) == (
        "demo-merchant", ["merchandiser", "warehouse"], None, "active", 1,
    )  # fmt: skip
    session = await gateway.sign_in("demo-merchant", PASSWORD)
    assert (session["staff_id"], session["person_id"]) == (made["staff_id"], None)
    assert session["roles"] == ["merchandiser", "warehouse"]
    denied = await gateway.signed(session).get(STAFF)
    assert refusal(denied) == (403, "forbidden")
    assert denied.json()["scope"] == "admin:read"
    assert (await owner.get(made_at(made))).json() == made


def made_at(made: dict[str, Any]) -> str:
    return f"{STAFF}/{made['staff_id']}"


async def test_a_login_that_is_taken_is_refused_also_where_a_member_has_it(gateway: Gateway) -> None:
    owner = await gateway.owner()
    await gateway.hire(owner, "approver", "approver")

    again = await owner.post(STAFF, json={"login": "APPROVER", "password": PASSWORD, "roles": ["analyst"]})

    assert refusal(again) == (409, "already-registered")
    assert faults(again) == [("/login", "already-registered")]
    assert await gateway.count("account") == 2


async def test_every_fault_of_a_hiring_is_named_and_nobody_hired(gateway: Gateway) -> None:
    owner = await gateway.owner()

    answer = await owner.post(STAFF, json={"login": "no spaces", "password": PASSWORD, "roles": ["king", "analyst"]})
    empty = await owner.post(STAFF, json={"login": "li", "password": PASSWORD, "roles": [], "admin": True})

    assert refusal(answer) == (422, "validation-failed")
    assert faults(answer) == [("/login", "not-a-login"), ("/roles/0", "unknown-role")]
    assert answer.json()["errors"][1]["known"] == sorted(ROLES)
    assert {pointer for pointer, _ in faults(empty)} == {"/roles", "/admin"}
    assert await gateway.count("account") == 1


async def test_nobody_but_who_may_administer_hires(gateway: Gateway) -> None:
    owner = await gateway.owner()
    await gateway.hire(owner, "li", "merchandiser", "operator")
    li = gateway.signed(await gateway.sign_in("li", PASSWORD))
    member = gateway.signed(await gateway.member())
    body = {"login": "mine", "password": PASSWORD, "roles": ["owner"]}

    assert refusal(await gateway.http.post(STAFF, json=body)) == (401, "unauthenticated")
    for somebody in (li, member):
        denied = await somebody.post(STAFF, json=body)
        assert refusal(denied) == (403, "forbidden")
        assert denied.json()["scope"] == "admin:write"
    assert await gateway.count("account") == 3


async def test_a_change_of_roles_takes_hold_at_once(gateway: Gateway) -> None:
    owner = await gateway.owner()
    made = await gateway.hire(owner, "li", "owner")
    session = await gateway.sign_in("li", PASSWORD)
    li = gateway.signed(session)
    assert (await li.get(STAFF)).status_code == 200

    changed = await owner.patch(made_at(made), json={"version": 1, "roles": ["analyst"], "shops": ["sample"]})

    assert changed.status_code == 200, changed.text
    assert changed.json() == {**made, "roles": ["analyst"], "shops": ["sample"], "version": 2}
    assert refusal(await li.get(STAFF)) == (401, "unauthenticated")
    token = {"refresh_token": session["refresh_token"]}
    assert refusal(await gateway.http.post("/v1/auth/sessions/refresh", json=token))[0] == 401
    again = await gateway.sign_in("li", PASSWORD)
    assert (again["roles"], again["shops"]) == (["analyst"], ["sample"])
    free = await owner.patch(made_at(made), json={"version": 2, "shops": "all"})
    assert free.json()["shops"] is None


async def test_a_disabled_person_is_out_and_comes_back_with_a_new_password(gateway: Gateway) -> None:
    owner = await gateway.owner()
    made = await gateway.hire(owner, "li", "analyst")

    await owner.patch(made_at(made), json={"version": 1, "state": "disabled"})
    shut = await gateway.http.post("/v1/auth/sessions", json={"login": "li", "password": PASSWORD})
    await owner.patch(made_at(made), json={"version": 2, "state": "active", "password": "another good one"})
    old = await gateway.http.post("/v1/auth/sessions", json={"login": "li", "password": PASSWORD})

    assert refusal(shut) == (401, "bad-credentials")
    assert refusal(old) == (401, "bad-credentials")
    assert (await gateway.sign_in("li", "another good one"))["staff_id"] == made["staff_id"]


async def test_a_stale_version_and_an_unknown_person_change_nothing(gateway: Gateway) -> None:
    owner = await gateway.owner()
    made = await gateway.hire(owner, "li", "analyst")
    await owner.patch(made_at(made), json={"version": 1, "name": "Li"})

    stale = await owner.patch(made_at(made), json={"version": 1, "roles": ["owner"]})
    unknown = await owner.patch(f"{STAFF}/stf_nobody", json={"version": 1, "name": "x"})

    assert refusal(stale) == (409, "stale-version")
    assert stale.json()["current_version"] == 2
    assert refusal(unknown) == (404, "not-found")
    now = (await owner.get(made_at(made))).json()
    assert (now["name"], now["roles"], now["version"]) == ("Li", ["analyst"], 2)


async def test_the_last_owner_stays_also_when_two_remove_each_other(gateway: Gateway) -> None:
    owner = await gateway.owner()
    second = await gateway.hire(owner, "second", "owner")
    [first] = [one for one in (await owner.get(STAFF)).json()["items"] if one["login"] == OWNER]
    other = gateway.signed(await gateway.sign_in("second", PASSWORD))
    closing = {"version": 1, "state": "disabled"}

    answers = await asyncio.gather(
        owner.patch(made_at(second), json=closing), other.patch(made_at(first), json=closing)
    )

    assert Counter(answer.status_code for answer in answers) in ({200: 1, 409: 1}, {200: 1, 401: 1})
    async with gateway.runtime.db.read() as con:
        assert await con.fetchval("SELECT count(*) FROM account WHERE state = 'active'") == 1


@pytest.mark.parametrize("change", [{"state": "disabled"}, {"roles": ["analyst"]}, {"shops": ["sample"]}])
async def test_the_only_owner_cannot_leave(gateway: Gateway, change: dict[str, Any]) -> None:
    owner = await gateway.owner()
    [mine] = (await owner.get(STAFF)).json()["items"]

    answer = await owner.patch(made_at(mine), json={"version": 1, **change})

    assert refusal(answer) == (409, "last-owner")
    assert (await owner.get(made_at(mine))).json() == mine


async def test_somebody_for_a_few_shops_speaks_for_no_others(gateway: Gateway) -> None:
    owner = await gateway.owner()
    await gateway.hire(owner, "local", "owner", shops=["a"])
    everywhere = await gateway.hire(owner, "everywhere", "analyst")
    local = gateway.signed(await gateway.sign_in("local", PASSWORD))
    body = {"login": "new", "password": PASSWORD, "roles": ["analyst"]}

    assert refusal(await local.post(STAFF, json=body)) == (403, "forbidden")
    assert refusal(await local.post(STAFF, json={**body, "shops": ["a", "b"]})) == (403, "forbidden")
    assert refusal(await local.patch(made_at(everywhere), json={"version": 1, "name": "x"})) == (403, "forbidden")
    made = await local.post(STAFF, json={**body, "shops": ["a"]})
    assert made.status_code == 201
    wider = await local.patch(made_at(made.json()), json={"version": 1, "shops": "all"})
    assert refusal(wider) == (403, "forbidden")


async def test_staff_come_in_pages_and_roles_say_what_they_open(gateway: Gateway) -> None:
    owner = await gateway.owner()
    for n in range(4):
        await gateway.hire(owner, f"clerk{n}", "service")

    first = (await owner.get(STAFF, params={"limit": 3})).json()
    rest = (await owner.get(STAFF, params={"limit": 3, "cursor": first["next_cursor"]})).json()

    assert [one["login"] for one in first["items"] + rest["items"]] == [OWNER, *(f"clerk{n}" for n in range(4))]
    assert rest["next_cursor"] is None
    roles = {one["role"]: one["scopes"] for one in (await owner.get("/v1/admin/roles")).json()["items"]}
    assert roles == {role: sorted(scopes_of_roles([role])) for role in ROLES}
    assert not any(scope.startswith("internal:") for scopes in roles.values() for scope in scopes)


def settings_of(urls: Any, **more: Any) -> GatewaySettings:
    given = {"owner_login": "Boss", "owner_password": PASSWORD, **more}
    return GatewaySettings(yunying_env="test", database_url=urls.app, **given)


async def test_the_first_owner_is_made_once_and_keeps_a_changed_password(database: Any) -> None:
    urls = database

    assert await ensure_owner(settings_of(urls)) is True
    assert await ensure_owner(settings_of(urls, owner_password="some other password")) is False

    async with runtime_of(SERVICE, urls) as runtime, runtime.db.read() as con:
        row = await con.fetchrow("SELECT a.*, l.login FROM account a JOIN login l ON l.account_id = a.id")
        assert (row["login"], row["kind"], row["roles"], row["shops"]) == ("boss", "staff", ["owner"], None)
        assert await runtime.state.passwords.match(PASSWORD, row["password_hash"])


@pytest.mark.parametrize("wrong", [{"owner_login": ""}, {"owner_login": "a@b.cn"}, {"owner_password": "short"}])
async def test_an_owner_nobody_could_sign_in_as_is_refused(database: Any, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="OWNER_"):
        await ensure_owner(settings_of(database, **wrong))


async def test_the_command_reads_the_environment_and_may_run_again(database: Any) -> None:
    environment = {
        **os.environ,
        "YUNYING_ENV": "development",
        "DATABASE_URL": database.app,
        "OWNER_LOGIN": "owner",
        "OWNER_PASSWORD": PASSWORD,
    }

    def create() -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "gateway", "create-owner"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    first, again = await asyncio.to_thread(create), await asyncio.to_thread(create)
    environment["OWNER_LOGIN"] = "?"
    refused = await asyncio.to_thread(create)

    assert (first.returncode, first.stdout) == (0, "The owner can sign in.\n"), first.stderr
    assert (again.returncode, again.stdout) == (0, "The owner is there already; nothing was changed.\n")
    assert refused.returncode == 1
    assert refused.stderr.startswith("create-owner: OWNER_LOGIN has to begin with a letter")
    assert PASSWORD not in first.stdout + first.stderr
