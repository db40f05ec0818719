"""What goes straight through: what reaches a service of a request, who is let pass, and the answer that comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import orjson
import pytest

from catalog_svc.app import SERVICE as CATALOG
from svc_kit.access import InternalTokens
from svc_kit.clock import SystemClock
from svc_kit.testing import PUBLIC, runtime_of

from .conftest import CARTS, PASSWORD, VISITOR, Opened, head_of, raw_server, served
from .test_sign_in import refusal

pytestmark = pytest.mark.anyio

ORDERS = "/v1/admin/orders"


class Echo:
    """A service that says what reached it as a whole."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        seen = {
            "method": scope["method"],
            "target": scope["raw_path"].decode() + "?" + scope["query_string"].decode(),
            "headers": headers,
            "body": body,
        }
        self.requests.append(seen)
        own = [
            (b"content-type", b"application/json"),
            (b"x-request-id", b"theirs-theirs"),
            (b"location", b"/v1/admin/orders/ord_1"),
            (b"set-cookie", b"theirs=1"),
            (b"x-own", b"kept"),
        ]
        shown = orjson.dumps({"length": len(body)})
        await send({"type": "http.response.start", "status": 207, "headers": own})
        await send({"type": "http.response.body", "body": shown[:5], "more_body": True})
        await send({"type": "http.response.body", "body": shown[5:]})


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, str]]:
    app = Echo()
    async with served(app) as url:
        yield app, url


def claims_of(request: dict[str, Any], audience: str) -> dict[str, Any]:
    """Of the token that a service got, verified as that service does."""
    tokens = InternalTokens(service=audience, signing_key="", verify_keys={"gateway": PUBLIC}, clock=SystemClock())
    return tokens.verify(request["headers"]["authorization"].removeprefix("Bearer "))


async def test_a_request_reaches_its_service_and_the_answer_comes_back(
    gateway_of: Opened, echo: tuple[Echo, str]
) -> None:
    app, url = echo
    gateway = await gateway_of(services={"order-svc": url})

    # aiohttp's client would spell the query anew.
    async with httpx.AsyncClient(base_url=gateway.url, headers={"Content-Type": "application/json"}) as client:
        answer = await client.post(f"{CARTS}?a=%2F%20b&c=d+e", content=b'{"lines":[]}')

    [request] = app.requests
    assert (request["method"], request["target"]) == ("POST", f"{CARTS}?a=%2F%20b&c=d+e")
    assert request["body"] == b'{"lines":[]}'
    assert request["headers"]["content-type"] == "application/json"
    assert (answer.status_code, answer.json()) == (207, {"length": 12})
    assert answer.headers["x-own"] == "kept"
    assert answer.headers["location"] == "/v1/admin/orders/ord_1"
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-request-id"] == request["headers"]["x-request-id"]
    assert answer.headers["x-request-id"].startswith("req_")


async def test_only_what_a_service_may_know_of_a_client_reaches_it(gateway_of: Opened, echo: tuple[Echo, str]) -> None:
    app, url = echo
    gateway = await gateway_of(services={"order-svc": url})
    passed = {
        "accept": "application/json", "accept-language": "zh-CN", "content-type": "application/json",
        "idempotency-key": "key-1-key-1-key-1", "prefer": "wait=5", "x-order-token": "t", "x-visitor-id": VISITOR,
        "x-request-id": "client-chose-this",
    }  # fmt: skip
    forged = {
        "x-correlation-id": "forged", "traceparent": "00-forged", "x-internal-token": "forged", "x-scopes": "*",
        "x-forwarded-for": "10.0.0.1", "cookie": "a=b", "x-real-ip": "10.0.0.1", "forwarded": "for=10.0.0.1",
    }  # fmt: skip

    answer = await gateway.http.post(CARTS, content=b"{}", headers=passed | forged)

    [request] = app.requests
    own = {"host", "content-length", "authorization"}
    assert {name: value for name, value in request["headers"].items() if name not in own} == passed
    assert set(request["headers"]) == own | set(passed)
    assert answer.headers["x-request-id"] == "client-chose-this"


async def test_who_asks_travels_in_an_internal_token_and_no_other(gateway_of: Opened, echo: tuple[Echo, str]) -> None:
    app, url = echo
    gateway = await gateway_of(services={"order-svc": url, "inventory-svc": url})
    owner = await gateway.owner()
    await gateway.hire(owner, "li", "warehouse", shops=["sample"])
    li = await gateway.sign_in("li", PASSWORD)
    member = await gateway.member()

    await gateway.http.get(f"{CARTS}/crt_1")
    await gateway.signed(member).get(f"{CARTS}/crt_1")
    await gateway.signed(li).get("/v1/admin/stock-levels")
    await gateway.http.post("/v1/callbacks/sandbox", content=b"{ raw }", headers={"X-Signature": "t=1,v1=ab"})

    visitor, person, staff, callback = app.requests
    tokens = [request["headers"]["authorization"] for request in app.requests]
    assert not any(session["access_token"] in token for session in (li, member) for token in tokens)
    seen = claims_of(visitor, "order-svc")
    assert (seen["kind"], seen["sub"], seen["scopes"]) == ("visitor", "anonymous", ["store"])
    assert "sid" not in seen
    seen = claims_of(person, "order-svc")
    assert (seen["kind"], seen["sub"], seen["scopes"]) == ("person", member["person_id"], ["store"])
    assert seen["sid"].startswith("ses_")
    seen = claims_of(staff, "inventory-svc")
    assert (seen["kind"], seen["sub"]) == ("staff", li["staff_id"])
    assert (seen["scopes"], seen["shops"]) == (["fulfilment:write", "stock:read", "stock:write"], ["sample"])
    seen = claims_of(callback, "order-svc")
    assert (seen["kind"], seen["sub"]) == ("svc", "gateway")
    assert "internal:callbacks" in seen["scopes"]
    assert (callback["body"], callback["headers"]["x-signature"]) == (b"{ raw }", "t=1,v1=ab")
    assert all(claims["exp"] - claims["iat"] <= 60 for claims in (seen,))


async def test_an_internal_token_is_minted_once_per_session_and_service(
    gateway_of: Opened, echo: tuple[Echo, str]
) -> None:
    app, url = echo
    gateway = await gateway_of(services={"order-svc": url, "inventory-svc": url})
    member, guest = gateway.signed(await gateway.member()), gateway.http

    for client in (member, guest, member, guest):
        await client.get(f"{CARTS}/crt_1")

    tokens = [request["headers"]["authorization"] for request in app.requests]
    assert (tokens[0], tokens[1]) == (tokens[2], tokens[3])
    assert tokens[0] != tokens[1]


async def test_paths_nobody_serves_are_nowhere_and_nobody_is_asked(gateway_of: Opened, echo: tuple[Echo, str]) -> None:
    app, url = echo
    names = ("catalog-svc", "order-svc", "inventory-svc", "marketing-svc", "metrics-svc")
    gateway = await gateway_of(services=dict.fromkeys(names, url))
    owner = await gateway.owner()

    for path in (
        "/", "/metrics", "/internal/v1/addresses/adr_1", "/internal/v1/benefit-quotes", "/v1/admin/nothing", "/v1/live",
        "/v1/admin/orders/", "//v1/admin/orders", "/v1/admin//orders", "/v1/admin/orders/%2e%2e/x",
        "/v1/admin/orders/%2E%2E", "/v1/admin/kpis/%2e%2e/%2e%2e/%2e%2e/internal/v1/x", "/v1/callbacks/unknown",
        "/V1/admin/orders", "/v1/store/sample/nothing", "/media/a/b", "/v1/store/",
    ):  # fmt: skip
        raw = httpx.Request("GET", gateway.url)
        raw.url = raw.url.copy_with(raw_path=path.encode())
        raw.headers["Authorization"] = owner.headers["Authorization"]
        answer = await owner.send(raw)
        assert refusal(answer) == (404, "not-found"), path
    assert app.requests == []


async def test_nobody_without_a_token_reaches_the_back_office(gateway_of: Opened, echo: tuple[Echo, str]) -> None:
    app, url = echo
    gateway = await gateway_of(services={"order-svc": url})

    answer = await gateway.http.get(ORDERS, headers={"Accept-Language": "zh-CN"})

    assert refusal(answer) == (401, "unauthenticated")
    assert answer.json()["title"] == "请先登录"
    assert app.requests == []


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 1_048_576])
async def test_bodies_up_to_the_limit_arrive_whole(gateway_of: Opened, echo: tuple[Echo, str], size: int) -> None:
    app, url = echo
    gateway = await gateway_of(services={"order-svc": url})
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    whole = await gateway.http.post(CARTS, content=body)
    streamed = await gateway.http.post(CARTS, content=in_pieces(body))

    assert (whole.json(), streamed.json()) == ({"length": size}, {"length": size})
    assert [request["body"] == body for request in app.requests] == [True, True]
    assert app.requests[0]["headers"]["content-length"] == str(size)


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


async def test_larger_bodies_are_refused_said_beforehand_or_not(gateway_of: Opened, echo: tuple[Echo, str]) -> None:
    app, url = echo
    gateway = await gateway_of(services={"order-svc": url, "catalog-svc": url})
    headers = {"Authorization": (await gateway.owner()).headers["Authorization"]}

    async with httpx.AsyncClient(base_url=gateway.url, headers=headers) as owner:
        for path, limit in ((CARTS, 1_048_576), ("/v1/admin/media", 5_242_880)):
            for content in (b"x" * (limit + 1), in_pieces(b"x" * (limit + 1))):
                answer = await owner.post(path, content=content)
                assert refusal(answer) == (413, "payload-too-large")
                assert answer.json()["limit_bytes"] == limit
        picture = await owner.post("/v1/admin/media", content=b"x" * 5_242_880)

    assert picture.json() == {"length": 5_242_880}
    assert [len(request["body"]) for request in app.requests] == [5_242_880]


async def test_a_large_answer_is_streamed_while_it_comes(gateway_of: Opened) -> None:
    seen = asyncio.Event()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        await seen.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
        await writer.drain()

    async with raw_server(slowly) as url:
        gateway = await gateway_of(services={"order-svc": url})
        async with gateway.http.stream("GET", f"{CARTS}/crt_1") as answer:
            pieces = answer.aiter_bytes()
            assert await anext(pieces) == b"first"
            seen.set()
            assert await anext(pieces) == b"second"


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (["https://shop.example"], "https://shop.example", "https://shop.example"),
        (["https://shop.example"], "https://evil.example", None),
        (["*"], "https://any.example", "*"),
        ([], "https://shop.example", None),
    ],
)
async def test_pages_of_other_origins_may_call_where_the_setting_says_so(
    gateway_of: Opened, origins: list[str], origin: str, allowed: str | None
) -> None:
    gateway = await gateway_of(cors_origins=origins)

    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = await gateway.http.options(CARTS, headers=asked)
    away = await gateway.http.post(CARTS, headers={"Origin": origin})
    own = await gateway.http.post("/v1/auth/sessions", headers={"Origin": origin}, json={})

    assert preflight.status_code == 204
    assert [one.headers.get("access-control-allow-origin") for one in (preflight, away, own)] == [allowed] * 3
    assert ("Idempotency-Key" in preflight.headers.get("access-control-allow-headers", "")) is (allowed is not None)


async def test_the_real_catalogue_is_reached_with_the_scopes_of_who_asks(
    gateway_of: Opened, database_of: Callable[[str], Any]
) -> None:
    async with runtime_of(CATALOG, database_of("catalog_svc")) as catalogue, served(catalogue.app) as url:
        gateway = await gateway_of(services={"catalog-svc": url})
        owner = await gateway.owner()
        await gateway.hire(owner, "analyst", "analyst")
        analyst = gateway.signed(await gateway.sign_in("analyst", PASSWORD))
        category = {"name": {"zh": "茶", "en": "Tea"}}

        made = await owner.post("/v1/admin/categories", json=category)
        denied = await analyst.post("/v1/admin/categories", json=category)
        invalid = await owner.post("/v1/admin/categories", json={**category, "colour": "red"})
        method = await owner.delete("/v1/admin/categories")
        nobody = await owner.get("/v1/admin/categories/cat_nobody")

        assert made.status_code == 201, made.text
        assert (await owner.get(made.headers["location"])).json()["name"] == category["name"]
        assert refusal(denied) == (403, "forbidden")
        assert denied.json()["scope"] == "catalog:write"
        assert refusal(invalid) == (422, "validation-failed")
        assert refusal(method) == (405, "method-not-allowed")
        assert method.headers["allow"] == "GET, POST"
        assert refusal(nobody) == (404, "not-found")
        listed = await owner.get("/v1/admin/categories")
        assert [one["id"] for one in listed.json()["items"]] == [made.json()["id"]]


async def test_metrics_open_to_their_token_alone(gateway_of: Opened) -> None:
    gateway = await gateway_of(metrics_token="m" * 20)
    await gateway.http.post(CARTS, json={})

    closed = await gateway.http.get("/metrics")
    opened = await gateway.client(Authorization="Bearer " + "m" * 20).get("/metrics")

    assert refusal(closed) == (404, "not-found")
    assert 'http_requests_total{method="POST",route="refused",status="503"} 1.0' in opened.text
