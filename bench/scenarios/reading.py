"""What visitors look at: the list, one product, a search. Cold: an address nobody asked for lately."""

import itertools
import re
import urllib.request
from collections.abc import Callable, Iterator

from bench.load import Measured, closed_loop
from bench.stand import SECONDS, WARM_SECONDS, Figure, Stand

CLIENTS = 16
ADDRESSES = 200
PAGE = 24
BARE = "bare_fastapi"
WORDS = ("oolong", "kettle", "jasmine", "teapot", "porcelain", "travel", "gift", "black", "green", "cup")


async def product_list(stand: Stand) -> list[Figure]:
    """24 items with price and availability."""

    def address(n: int) -> str:
        return f"/v1/store/{stand.shop.slug}/products?limit={PAGE}&min_price_minor={n}"

    return await cold_and_warm(stand, "product_list", address, aim="≥ 0.5")


async def product_page(stand: Stand) -> list[Figure]:
    """Composed of three services' parts."""
    slugs = [sku.lower() for sku in stand.shop.skus]

    def address(n: int) -> str:
        # Beyond the shop's thousand, another province's delivery promise.
        slug, round_ = slugs[n % len(slugs)], n // len(slugs)
        return f"/v1/store/{stand.shop.slug}/products/{slug}" + (f"?region=P{round_}" if round_ else "")

    return await cold_and_warm(stand, "product_page", address, aim="≥ 0.5")


async def search(stand: Stand) -> list[Figure]:
    """A word or two; another filter makes another address."""

    def address(n: int) -> str:
        words = WORDS[n % len(WORDS)] if n % 3 else f"{WORDS[n % len(WORDS)]}+{WORDS[(n // 7) % len(WORDS)]}"
        return f"/v1/store/{stand.shop.slug}/products?limit={PAGE}&q={words}&min_price_minor={n}"

    return await cold_and_warm(stand, "search", address, aim="≥ 0.2")


async def cold_and_warm(stand: Stand, name: str, address: Callable[[int], str], *, aim: str) -> list[Figure]:
    fresh = itertools.count(ADDRESSES)

    async def cold(n: int) -> str:
        return told(await stand.get(n, address(next(fresh))))

    async def warm(n: int) -> str:
        return told(await stand.get(n, address(stand.chance.randrange(ADDRESSES))))

    async def once(call: Callable[[int], object]) -> Measured:
        return await closed_loop(call, clients=CLIENTS, seconds=SECONDS, warm_seconds=WARM_SECONDS)  # type: ignore[arg-type]

    figures = [
        await stand.measure(name, "cold_per_second", lambda: once(cold), yardstick=BARE),
    ]
    asked = upstream_requests(stand)
    figures.append(await stand.measure(name, "warm_per_second", lambda: once(warm), yardstick=BARE, aim=aim))
    answered = sum(figures[-1].outcomes.values())
    missed = upstream_requests(stand) - asked
    figures.append(Figure(name, "warm_hit_rate", 1 - missed / answered))
    return figures


def told(answer: tuple[int, bytes]) -> str:
    return "ok" if answer[0] == 200 else str(answer[0])


def upstream_requests(stand: Stand) -> float:
    """What reached catalog-svc: the gateway's cache answered the rest. Both read by its own metrics page."""
    port = stand.report["ports"]["catalog-svc"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    return sum(numbers(page, "http_requests_total"))


def numbers(page: str, name: str) -> Iterator[float]:
    for found in re.finditer(rf'^{name}{{[^}}]*route="([^"]*)"[^}}]*}} (\S+)$', page, re.MULTILINE):
        if "store" in found.group(1):
            yield float(found.group(2))
