"""Registering, signing in, refreshing, signing out: over the running gateway on a real database."""

import asyncio
import base64
import json
from collections import Counter
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.sessions.commands import digest_of
from svc_kit.clock import FixedClock
from svc_kit.testing import SEED

from .conftest import ACCESS_KEY, PASSWORD, VISITOR, Gateway, Opened

pytestmark = pytest.mark.anyio

MEMBERS, SESSIONS = "/v1/auth/members", "/v1/auth/sessions"
REFRESH, CURRENT = f"{SESSIONS}/refresh", f"{SESSIONS}/current"


def new_member(**more: Any) -> dict[str, Any]:
    return {"email": "chen@example.com", "password": PASSWORD, "name": "陈小雨", **more}


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def faults(answer: Any) -> list[tuple[str, str]]:
    return [(one["pointer"], one["code"]) for one in answer.json()["errors"]]


async def test_a_member_registers_and_signs_in_by_either_login(gateway: Gateway) -> None:
    made = await gateway.http.post(MEMBERS, json=new_member(phone="138 0013 8000", visitor_id=VISITOR))

    assert made.status_code == 201, made.text
    person_id = made.json()["person_id"]
    assert person_id.startswith("per_")
    for login in ("Chen@Example.com", "+8613800138000", "13800138000"):
        session = await gateway.sign_in(login, PASSWORD)
        assert session["person_id"] == person_id
        assert (session["roles"], session["shops"], session["expires_in"]) == ([], None, 900)
        assert session["staff_id"] is None


async def test_the_database_holds_neither_password_nor_refresh_token_nor_visitor(gateway: Gateway) -> None:
    await gateway.http.post(MEMBERS, json=new_member(visitor_id=VISITOR))
    session = await gateway.sign_in("chen@example.com", PASSWORD)

    async with gateway.runtime.db.read() as con:
        account = dict(await con.fetchrow("SELECT * FROM account"))
        tokens = [row["digest"] for row in await con.fetch("SELECT digest FROM refresh_token")]
    assert account["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert VISITOR not in repr(account)
    assert account["visitor"].startswith("vis_")
    assert tokens == [digest_of(session["refresh_token"])]


async def test_a_login_belongs_to_one_person_however_it_is_spelt(gateway: Gateway) -> None:
    await gateway.http.post(MEMBERS, json=new_member(phone="13800138000"))

    again = await gateway.http.post(MEMBERS, json=new_member(email="CHEN@example.com", phone="+8613800138000"))

    assert refusal(again) == (409, "already-registered")
    assert faults(again) == [("/email", "already-registered"), ("/phone", "already-registered")]
    assert (await gateway.count("account"), await gateway.count("login")) == (1, 2)


async def test_one_of_many_who_register_the_same_address_at_once_has_it(gateway: Gateway) -> None:
    answers = await asyncio.gather(*(gateway.http.post(MEMBERS, json=new_member()) for _ in range(8)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    assert (await gateway.count("account"), await gateway.count("login")) == (1, 1)


async def test_every_fault_of_a_registration_is_named_and_nothing_kept(gateway: Gateway) -> None:
    shape = await gateway.http.post(
        MEMBERS, json={"email": "chen@example.com", "password": "short", "name": " ", "age": 3}
    )
    words = await gateway.http.post(MEMBERS, json=new_member(email="chen", phone="12"))
    neither = await gateway.http.post(MEMBERS, json={"password": PASSWORD, "name": "Chen"})

    assert refusal(shape) == (422, "validation-failed")
    assert {pointer for pointer, _ in faults(shape)} == {"/password", "/name", "/age"}
    assert faults(words) == [("/email", "not-an-email"), ("/phone", "not-a-phone-number")]
    assert refusal(neither) == (422, "validation-failed")
    assert "12345" not in shape.text
    assert await gateway.count("account") == 0


async def test_a_wrong_password_and_an_unknown_login_are_the_same_refusal(gateway: Gateway) -> None:
    await gateway.http.post(MEMBERS, json=new_member())

    wrong = await gateway.http.post(SESSIONS, json={"login": "chen@example.com", "password": "not this one"})
    unknown = await gateway.http.post(SESSIONS, json={"login": "li@example.com", "password": PASSWORD})
    nonsense = await gateway.http.post(SESSIONS, json={"login": "%%%", "password": PASSWORD})

    for answer in (wrong, unknown, nonsense):
        assert refusal(answer) == (401, "bad-credentials")
        assert {name for name in answer.json() if name != "request_id"} == {"type", "title", "status"}
    assert await gateway.count("session") == 0


async def test_a_refresh_token_is_exchanged_for_the_next_one(gateway: Gateway) -> None:
    first = await gateway.member()

    second = (await gateway.http.post(REFRESH, json={"refresh_token": first["refresh_token"]})).json()
    third = (await gateway.http.post(REFRESH, json={"refresh_token": second["refresh_token"]})).json()

    assert len({one["refresh_token"] for one in (first, second, third)}) == 3
    assert third["person_id"] == first["person_id"]
    assert await gateway.count("session") == 1
    assert (await gateway.signed(third).delete(CURRENT)).status_code == 204


async def test_a_refresh_token_used_twice_ends_the_whole_family(gateway: Gateway) -> None:
    first = await gateway.member()
    second = (await gateway.http.post(REFRESH, json={"refresh_token": first["refresh_token"]})).json()

    stolen = await gateway.http.post(REFRESH, json={"refresh_token": first["refresh_token"]})

    assert refusal(stolen) == (401, "refresh-reused")
    after = await gateway.http.post(REFRESH, json={"refresh_token": second["refresh_token"]})
    assert refusal(after) == (401, "unauthenticated")
    again = await gateway.http.post(REFRESH, json={"refresh_token": first["refresh_token"]})
    assert refusal(again) == (401, "refresh-reused")
    # Its access tokens hold no longer either.
    assert refusal(await gateway.signed(second).delete(CURRENT)) == (401, "unauthenticated")
    async with gateway.runtime.db.read() as con:
        assert await con.fetchval("SELECT ended_why FROM session") == "refresh-reused"


async def test_of_many_who_exchange_the_same_token_at_once_one_gets_the_next(gateway: Gateway) -> None:
    session = await gateway.member()
    body = {"refresh_token": session["refresh_token"]}

    answers = await asyncio.gather(*(gateway.http.post(REFRESH, json=body) for _ in range(6)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 5}
    assert {refusal(one)[1] for one in answers if one.status_code == 401} == {"refresh-reused"}


async def test_other_sessions_of_the_same_person_go_on(gateway: Gateway) -> None:
    phone = await gateway.member()
    laptop = await gateway.sign_in("chen@example.com", PASSWORD)

    assert (await gateway.signed(phone).delete(CURRENT)).status_code == 204

    assert refusal(await gateway.http.post(REFRESH, json={"refresh_token": phone["refresh_token"]}))[0] == 401
    assert (await gateway.http.post(REFRESH, json={"refresh_token": laptop["refresh_token"]})).status_code == 200


async def test_signing_out_needs_somebody_and_ends_the_access_token_at_once(gateway: Gateway) -> None:
    me = gateway.signed(await gateway.member())

    assert refusal(await gateway.http.delete(CURRENT)) == (401, "unauthenticated")
    assert (await me.delete(CURRENT)).status_code == 204
    assert refusal(await me.delete(CURRENT)) == (401, "unauthenticated")


async def test_another_process_hears_of_the_end_of_a_session(gateway: Gateway) -> None:
    session = await gateway.member()
    me = gateway.signed(session)
    async with gateway.runtime.db.read() as con:
        await con.execute("UPDATE session SET ended_at = now(), ended_why = 'signed-out'")

    await gateway.runtime.state.ended.read()

    assert refusal(await me.delete(CURRENT)) == (401, "unauthenticated")


async def test_tokens_end_with_their_time(gateway_of: Opened) -> None:
    clock = FixedClock()
    gateway = await gateway_of(clock=clock)
    session = await gateway.member()
    me = gateway.signed(session)
    probe = "/v1/admin/roles"
    assert refusal(await me.get(probe)) == (403, "forbidden")

    clock.advance(899)
    assert refusal(await me.get(probe)) == (403, "forbidden")
    clock.advance(1)
    assert refusal(await me.get(probe)) == (401, "unauthenticated")

    renewed = (await gateway.http.post(REFRESH, json={"refresh_token": session["refresh_token"]})).json()
    assert refusal(await gateway.signed(renewed).get(probe)) == (403, "forbidden")
    clock.advance(30 * 86_400)
    over = await gateway.http.post(REFRESH, json={"refresh_token": renewed["refresh_token"]})
    assert refusal(over) == (401, "unauthenticated")


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def forged(token: str, kind: str) -> str:
    """The same person's token, changed in one way."""
    head, body, signature = token.split(".")
    claims = claims_of(token)
    header = {name: value for name, value in jwt.get_unverified_header(token).items() if name != "alg"}
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    ours = Ed25519PrivateKey.from_private_bytes(base64.b64decode(ACCESS_KEY))
    internal = Ed25519PrivateKey.from_private_bytes(base64.b64decode(SEED))

    def encoded(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    match kind:
        case "words":
            return f"{head}.{encoded({**claims, 'roles': ['owner'], 'kind': 'staff'})}.{signature}"
        case "no algorithm":
            return f"{encoded({**header, 'alg': 'none'})}.{body}."
        case "another key":
            return jwt.encode(claims, other, algorithm="EdDSA", headers=header)
        case "public key as a secret":
            shown = ours.public_key().public_bytes_raw()
            return jwt.encode(claims, shown + b"\0" * 32, algorithm="HS256", headers=header)
        case "another audience":
            return jwt.encode({**claims, "aud": "order-svc"}, ours, algorithm="EdDSA", headers=header)
        case "another kind":
            return jwt.encode(claims, ours, algorithm="EdDSA", headers={**header, "typ": "JWT"})
        case "no expiry":
            return jwt.encode({k: v for k, v in claims.items() if k != "exp"}, ours, algorithm="EdDSA", headers=header)
        case "an internal one":
            own = {"iss": "gateway", "aud": "gateway", "sub": "stf_1", "kind": "staff", "scopes": ["admin:read"]}
            times = {"iat": claims["iat"], "exp": claims["iat"] + 60}
            return jwt.encode(own | times, internal, algorithm="EdDSA", headers={"kid": "gateway"})
    raise ValueError(kind)


@pytest.mark.parametrize(
    "kind",
    ["words", "no algorithm", "another key", "public key as a secret", "another audience", "another kind",
     "no expiry", "an internal one"],
)  # fmt: skip
async def test_a_forged_token_opens_nothing(gateway: Gateway, kind: str) -> None:
    token = (await gateway.member())["access_token"]

    answer = await gateway.client(Authorization=f"Bearer {forged(token, kind)}").get("/v1/admin/roles")

    assert refusal(answer) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic b3duZXI6eA==", "Bearer " + "x" * 9_000])
async def test_what_is_no_token_is_refused(gateway: Gateway, header: str) -> None:
    answer = await gateway.client(Authorization=header).get("/v1/admin/roles")

    assert refusal(answer) == (401, "unauthenticated")


async def test_an_old_token_does_not_stand_in_the_way_of_signing_in(gateway: Gateway) -> None:
    await gateway.member()
    old = gateway.client(Authorization="Bearer long.since.over")

    answer = await old.post(SESSIONS, json={"login": "chen@example.com", "password": PASSWORD})

    assert answer.status_code == 201


async def test_a_login_that_fails_too_often_has_to_wait_and_others_do_not(gateway_of: Opened) -> None:
    clock = FixedClock()
    gateway = await gateway_of(clock=clock, sign_in_failures_max=3, sign_in_failure_seconds=20)
    await gateway.member()
    await gateway.member("li@example.com")
    wrong = {"login": "chen@example.com", "password": "not this one"}
    for _ in range(3):
        assert refusal(await gateway.http.post(SESSIONS, json=wrong)) == (401, "bad-credentials")

    limited = await gateway.http.post(SESSIONS, json={**wrong, "password": PASSWORD})

    assert refusal(limited) == (429, "rate-limited")
    assert limited.headers["retry-after"] == "20"
    await gateway.sign_in("li@example.com", PASSWORD)
    clock.advance(20)
    await gateway.sign_in("chen@example.com", PASSWORD)
    # Success forgives the failures before it.
    assert refusal(await gateway.http.post(SESSIONS, json=wrong)) == (401, "bad-credentials")


async def test_an_address_that_tries_too_often_has_to_wait(gateway_of: Opened) -> None:
    gateway = await gateway_of(clock=FixedClock(), address_attempts_max=10, address_attempts_per_second=0.5)
    for n in range(10):
        await gateway.http.post(SESSIONS, json={"login": f"nobody{n}", "password": PASSWORD})

    signing = await gateway.http.post(SESSIONS, json={"login": "somebody", "password": PASSWORD})
    registering = await gateway.http.post(MEMBERS, json=new_member())

    assert refusal(signing) == (429, "rate-limited")
    assert signing.headers["retry-after"] == "2"
    assert refusal(registering) == (429, "rate-limited")
    assert await gateway.count("account") == 0
