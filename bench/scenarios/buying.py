"""What buyers do: one call, or the whole way to the payment."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from bench.load import closed_loop, one_by_one
from bench.shop import ADDRESS, CONTACT, PRICE_MINOR, REGION, money
from bench.stand import SECONDS, WARM_SECONDS, Figure, Stand
from bench.wire import request

BASE = "order_insert_16"
ALONE_TIMES = 150
CREATED = 201
Buy = Callable[[int], Awaitable[str]]


async def buy_now(stand: Stand) -> list[Figure]:
    """One call, two lines of a thousand skus; counted when decided."""

    async def buy(n: int) -> str:
        status, _ = await stand.post(n, f"{base(stand)}/checkout", whole_order(stand, two(stand)), keyed(stand))
        return "ok" if status == CREATED else str(status)

    aims = {16: "p99 ≤ 150 ms", 64: "≥ 0.15, towards 0.25", 200: ""}
    found = await alone(stand, "buy_now", buy, "one_buyer_checkout_ms", "≤ 15 ms")
    return [*found, *(await many(stand, "buy_now", "orders", buy, aims))]


async def checkout(stand: Stand) -> list[Figure]:
    """Short: quote with lines, checkout, payment: three calls. Long: cart, its quote, checkout, payment, and the
    order looked at: five.
    """

    async def short(n: int) -> str:
        who = stand.visitor()
        return await from_quote(stand, n, who, {"lines": two(stand)})

    async def long(n: int) -> str:
        who = stand.visitor()
        status, cart = await stand.post(n, f"{base(stand)}/carts", {"lines": two(stand)}, who)
        if status != CREATED:
            return f"cart {status}"
        return await from_quote(stand, n, who, {"cart_id": cart["id"]}, look=True)

    aims = {16: "p99 ≤ 150 ms", 64: "≥ 0.06, towards 0.12"}
    found = await alone(stand, "checkout", short, "one_buyer_short_way_ms", "≤ 60 ms")
    found += await many(stand, "checkout", "short_ways", short, aims)
    found += await alone(stand, "checkout", long, "one_buyer_long_way_ms", "≤ 60 ms")
    return found + await many(stand, "checkout", "long_ways", long, {64: "≥ 0.06, towards 0.12"})


async def from_quote(stand: Stand, n: int, who: dict[str, str], wanted: dict[str, Any], *, look: bool = False) -> str:
    body = {**wanted, "region": REGION, "delivery_method": "standard"}
    status, quote = await stand.post(n, f"{base(stand)}/quotes", body, who)
    if status != CREATED:
        return f"quote {status}"
    accepted = {"quote_id": quote["id"], "expected_total": quote["total"], **about_the_buyer()}
    status, order = await stand.post(n, f"{base(stand)}/checkout", accepted, who | key())
    if status != CREATED:
        return f"checkout {status}"
    mine = {**who, "X-Order-Token": order["order_token"]}
    path = f"{base(stand)}/orders/{order['id']}"
    status, _ = await stand.post(n, f"{path}/payments", {"method": "sandbox"}, mine | key())
    if status != CREATED:
        return f"payment {status}"
    if look:
        status, _ = await stand.wire(n).ask(request("GET", path, mine))
        return "ok" if status == 200 else f"order {status}"
    return "ok"


async def alone(stand: Stand, scenario: str, buy: Buy, figure: str, aim: str) -> list[Figure]:
    """One buyer after another: the median in milliseconds."""
    found = await stand.measure(scenario, figure, lambda: one_by_one(buy, times=ALONE_TIMES), aim=aim, times=1)
    return [
        Figure(
            scenario, figure, found.p50_ms or 0.0, aim=aim, p50_ms=found.p50_ms, p99_ms=found.p99_ms,
            outcomes=found.outcomes, cpu_seconds=found.cpu_seconds, calls=found.calls, rss_mib=found.rss_mib,
        )
    ]  # fmt: skip


async def many(stand: Stand, scenario: str, what: str, buy: Buy, aims: dict[int, str]) -> list[Figure]:
    found = []
    for clients, aim in aims.items():

        async def once(clients: int = clients) -> Any:
            return await closed_loop(buy, clients=clients, seconds=SECONDS, warm_seconds=WARM_SECONDS)

        figure = f"{what}_per_second_{clients}"
        found.append(await stand.measure(scenario, figure, once, yardstick=BASE, aim=aim))
    return found


def base(stand: Stand) -> str:
    return f"/v1/store/{stand.shop.slug}"


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(12)}


def keyed(stand: Stand) -> dict[str, str]:
    return stand.visitor() | key()


def two(stand: Stand) -> list[dict[str, object]]:
    return [{"sku": sku, "quantity": 1} for sku in stand.chance.sample(stand.shop.skus, 2)]


def about_the_buyer() -> dict[str, Any]:
    return {"contact": CONTACT, "address": ADDRESS, "payment_method": "sandbox"}


def whole_order(stand: Stand, lines: list[dict[str, object]]) -> dict[str, Any]:
    units = sum(int(str(line["quantity"])) for line in lines)
    return {
        "lines": lines,
        "region": REGION,
        "delivery_method": "standard",
        "expected_total": money(units * PRICE_MINOR),
        **about_the_buyer(),
    }
