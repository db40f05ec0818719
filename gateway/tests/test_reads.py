"""Public reads: remembered for two seconds, the same for everybody, bounded."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.front.door import is_composed, is_public_read
from gateway.front.reads import Answer, PublicReads, answer_of, matches
from svc_kit.clock import FixedClock

from .conftest import VISITOR, Gateway, Opened, served
from .test_sign_in import refusal

pytestmark = pytest.mark.anyio

SHOP = "/v1/store/sample"
PUBLIC = (b"cache-control", b"public, max-age=2")
IMMUTABLE = (b"cache-control", b"public, max-age=31536000, immutable")


def kept(body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    return answer_of(200, [PUBLIC, *headers], body)


def reads_of(clock: FixedClock, **more: int) -> PublicReads:
    return PublicReads(**({"seconds": 2.0, "entries_max": 3, "bytes_max": 800} | more), clock=clock)  # type: ignore[arg-type]


def key(name: str) -> tuple[bytes, bytes, str]:
    return name.encode(), b"", "en"


class Source:
    """Counts how often it is asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> Answer:
        self.asked += 1
        await self.open.wait()
        return self.answer


async def test_an_answer_is_remembered_for_its_seconds() -> None:
    clock = FixedClock()
    reads, source = reads_of(clock), Source(kept(b"a"))

    for passed, asked in ((0.0, 1), (1.9, 1), (0.1, 2), (0.0, 2)):
        clock.advance(passed)
        assert await reads.answer(key("a"), source) is source.answer
        assert source.asked == asked


async def test_what_never_changes_is_kept_until_pushed_out() -> None:
    clock = FixedClock()
    reads, source = reads_of(clock), Source(answer_of(200, [IMMUTABLE], b"picture"))
    await reads.answer(key("a"), source)

    clock.advance(86_400)

    assert reads.known(key("a")) is source.answer


async def test_many_who_ask_at_once_cost_one_question() -> None:
    reads, source = reads_of(FixedClock()), Source(kept(b"a"))
    source.open.clear()
    waiting = [asyncio.create_task(reads.answer(key("a"), source)) for _ in range(50)]
    await asyncio.sleep(0)

    # The first one leaves; the others still get it.
    waiting[0].cancel()
    source.open.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [source.answer] * 49
    assert source.asked == 1


async def test_what_may_not_be_kept_is_shared_with_nobody() -> None:
    reads, source = reads_of(FixedClock()), Source(Answer(404, [], b"{}", None))

    await asyncio.gather(*(reads.answer(key("a"), source) for _ in range(3)))

    assert (source.asked, len(reads)) == (3, 0)


async def test_a_failure_is_everybodys_who_waited_and_nobodys_afterwards() -> None:
    reads = reads_of(FixedClock())
    go_on = asyncio.Event()

    async def fails() -> Answer:
        await go_on.wait()
        raise ZeroDivisionError

    waiting = [asyncio.create_task(reads.answer(key("a"), fails)) for _ in range(3)]
    await asyncio.sleep(0)
    go_on.set()

    assert [type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)] == [ZeroDivisionError] * 3
    source = Source(kept(b"a"))
    assert await reads.answer(key("a"), source) is source.answer


async def test_entries_are_bounded_in_count_and_in_bytes() -> None:
    reads = reads_of(FixedClock())
    for name in "abcd":
        await reads.answer(key(name), Source(kept(b"x" * 10)))
        reads.known(key("a"))

    # `a` was used, so `b` left first.
    assert [name for name in "abcd" if reads.known(key(name))] == ["a", "c", "d"]
    assert (len(reads), reads.size) == (3, 30)

    small = reads_of(FixedClock(), entries_max=100)
    for n in range(20):
        await small.answer(key(str(n)), Source(kept(b"x" * 100)))
    await small.answer(key("large"), Source(kept(b"x" * 101)))

    assert (len(small), small.size) == (8, 800)
    assert small.known(key("large")) is None
    await small.answer(key("19"), Source(kept(b"y")))
    assert small.size == 800


@pytest.mark.parametrize(
    ("status", "headers", "may"),
    [
        (200, [PUBLIC], True),
        (200, [], False),
        (200, [(b"cache-control", b"no-store")], False),
        (200, [(b"cache-control", b"private, max-age=2")], False),
        (404, [PUBLIC], False),
        (500, [PUBLIC], False),
    ],
)
def test_only_what_says_public_is_kept(status: int, headers: list[tuple[bytes, bytes]], may: bool) -> None:
    assert (answer_of(status, headers, b"a").etag is not None) is may


def test_a_services_own_etag_stands_and_else_the_bytes_decide() -> None:
    assert kept(b"a", (b"etag", b'"theirs"')).etag == b'"theirs"'
    assert kept(b"a").etag == kept(b"a").etag != kept(b"b").etag


@pytest.mark.parametrize(
    ("header", "same"),
    [(b'"a"', True), (b'W/"a"', True), (b'"b", "a"', True), (b"*", True), (b'"b"', False), (b"a", False), (b"", False)],
)
def test_if_none_match_compares_weakly(header: bytes, same: bool) -> None:
    assert matches(header, b'"a"') is same


@pytest.mark.parametrize(
    ("path", "public", "composed"),
    [
        ("/v1/store/sample", True, False),
        ("/v1/store/sample/products", True, False),
        ("/v1/store/sample/products/tea", True, True),
        ("/v1/store/sample/products/tea/promotions", False, False),
        ("/v1/store/sample/carts", False, False),
        ("/v1/store/sample/orders/products", False, True),
        ("/media/abc", True, False),
        ("/media/abc/def", False, False),
        ("/v1/admin/products", False, False),
    ],
)
def test_public_reads_are_the_shop_its_products_and_pictures(path: str, public: bool, composed: bool) -> None:
    assert is_public_read(path) is public
    if public:
        assert is_composed(path) is composed


class Catalogue:
    """Says how often it was asked, by whom, and in which words."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append(headers | {"target": scope["path"] + "?" + scope["query_string"].decode()})
        own = [(b"content-type", b"application/json")]
        status = 404 if scope["path"].endswith("nothing") else 200
        own += [PUBLIC] if status == 200 else []
        await send({"type": "http.response.start", "status": status, "headers": own})
        await send({"type": "http.response.body", "body": b'{"n": %d}' % len(self.seen)})


@pytest.fixture
async def catalogue() -> AsyncIterator[tuple[Catalogue, str]]:
    app = Catalogue()
    async with served(app) as url:
        yield app, url


async def shop_of(gateway_of: Opened, url: str, clock: FixedClock) -> Gateway:
    return await gateway_of(services={"catalog-svc": url}, clock=clock)


async def test_everybody_gets_the_same_bytes_until_they_are_old(
    gateway_of: Opened, catalogue: tuple[Catalogue, str]
) -> None:
    app, url = catalogue
    clock = FixedClock()
    gateway = await shop_of(gateway_of, url, clock)
    member = gateway.signed(await gateway.member())
    forged = gateway.client(Authorization="Bearer forged")

    first = await gateway.http.get(SHOP, headers={"X-Visitor-Id": VISITOR})
    others = [await client.get(SHOP) for client in (member, forged)]

    assert [one.json() for one in (first, *others)] == [{"n": 1}] * 3
    assert len({one.headers["x-request-id"] for one in (first, *others)}) == 3
    assert len({one.headers["etag"] for one in (first, *others)}) == 1
    assert first.headers["cache-control"] == "public, max-age=2"
    [seen] = app.seen
    assert "x-visitor-id" not in seen
    clock.advance(2.0)
    assert (await gateway.http.get(SHOP)).json() == {"n": 2}


async def test_path_query_and_language_are_different_questions(
    gateway_of: Opened, catalogue: tuple[Catalogue, str]
) -> None:
    app, url = catalogue
    gateway = await shop_of(gateway_of, url, FixedClock())

    for path, words in (
        (f"{SHOP}/products?q=tea", "en"), (f"{SHOP}/products?q=pot", "en"), (f"{SHOP}/products?q=tea", "zh-CN"),
        (f"{SHOP}/products?q=tea", "en-GB, zh;q=0.5"), (SHOP, "en"),
    ):  # fmt: skip
        await gateway.http.get(path, headers={"Accept-Language": words})

    assert [one["accept-language"] for one in app.seen] == ["en", "en", "zh-CN", "en"]
    assert app.seen[0]["target"] == f"{SHOP}/products?q=tea"


async def test_whoever_has_it_already_is_told_so(gateway_of: Opened, catalogue: tuple[Catalogue, str]) -> None:
    _, url = catalogue
    gateway = await shop_of(gateway_of, url, FixedClock())
    etag = (await gateway.http.get(SHOP)).headers["etag"]

    same = await gateway.http.get(SHOP, headers={"If-None-Match": f'"other", {etag}'})
    other = await gateway.http.get(SHOP, headers={"If-None-Match": '"other"'})
    head = await gateway.http.head(SHOP)

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert same.headers["cache-control"] == "public, max-age=2"
    assert same.headers["x-request-id"]
    assert (other.status_code, other.json()) == (200, {"n": 1})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "8")


async def test_what_is_not_there_is_asked_for_again(gateway_of: Opened, catalogue: tuple[Catalogue, str]) -> None:
    app, url = catalogue
    gateway = await shop_of(gateway_of, url, FixedClock())

    for _ in range(2):
        answer = await gateway.http.get("/v1/store/nothing")
        assert (answer.status_code, "etag" in answer.headers) == (404, False)

    assert len(app.seen) == 2


async def test_without_the_catalogue_a_remembered_page_still_comes(gateway_of: Opened) -> None:
    clock = FixedClock()
    app = Catalogue()
    async with served(app) as url:
        gateway = await shop_of(gateway_of, url, clock)
        await gateway.http.get(SHOP)

    remembered = await gateway.http.get(SHOP)
    clock.advance(2.0)
    away = await gateway.http.get(SHOP)

    assert remembered.json() == {"n": 1}
    assert refusal(away) == (503, "upstream-unavailable")
