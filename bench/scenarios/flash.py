"""Many want the same: a flash sale of 100 units, and a sku that sells all the time."""

import asyncio
from collections.abc import Callable
from typing import Any

from bench.load import Measured, all_at_once, closed_loop
from bench.scenarios.buying import BASE, CREATED, base, keyed, whole_order
from bench.shop import REGION, Goods
from bench.stand import SECONDS, WARM_SECONDS, Figure, Stand

BUYERS = 500
UNITS = 100
SALES = 3
HOT_CLIENTS = 64
KNOWN_SECONDS = 20.0


async def flash_sale(stand: Stand) -> list[Figure]:
    """500 buyers with open connections press the button in the same moment. Three sales."""
    runs = [await one_sale(stand) for _ in range(SALES)]
    return [
        worst_of("seconds_to_last_answer", [run["last"] for run in runs], max, aim="≤ 1"),
        worst_of("accepted", [run["accepted"] for run in runs], min, aim="= 100"),
        worst_of("oversold", [run["oversold"] for run in runs], max, aim="= 0"),
        worst_of("answered_with_a_decision", [run["decided"] for run in runs], min, aim="= 500"),
    ]


def worst_of(figure: str, values: list[float], pick: Callable[[list[float]], float], *, aim: str) -> Figure:
    return Figure("flash_sale", figure, pick(values), aim=aim, repeats=tuple(values))


async def one_sale(stand: Stand) -> dict[str, float]:
    with Goods(stand.report["gateway_url"], stand.report["credentials"], stand.shop) as goods:
        sku = goods.offer(UNITS)
    await goods_are_known(stand, sku)
    await asyncio.gather(*(stand.wire(n).open() for n in range(BUYERS) if stand.wire(n).transport is None))
    orders: list[str] = []

    async def buy(n: int) -> str:
        status, answer = await stand.post(n, f"{base(stand)}/checkout", whole_order(stand, line(sku)), keyed(stand))
        if status == CREATED:
            orders.append(answer["id"])
        return {CREATED: "ok", 409: "sold out", 202: "undecided"}.get(status, str(status))

    run = await all_at_once(buy, clients=BUYERS)
    with Goods(stand.report["gateway_url"], stand.report["credentials"], stand.shop) as goods:
        level = goods.level(sku)
    return {
        "last": max(run.latencies),
        "accepted": run.outcomes["ok"],
        "oversold": max(0, len(set(orders)) - UNITS) + max(0, int(level["reserved"]) - UNITS),
        "decided": run.outcomes["ok"] + run.outcomes["sold out"],
    }


async def hot_sku(stand: Stand) -> list[Figure]:
    """One sku with units without end, bought by everybody: whole orders through the gateway."""
    with Goods(stand.report["gateway_url"], stand.report["credentials"], stand.shop) as goods:
        sku = goods.offer(1_000_000)
    await goods_are_known(stand, sku)

    async def buy(n: int) -> str:
        status, _ = await stand.post(n, f"{base(stand)}/checkout", whole_order(stand, line(sku)), keyed(stand))
        return "ok" if status == CREATED else str(status)

    async def once() -> Measured:
        return await closed_loop(buy, clients=HOT_CLIENTS, seconds=SECONDS, warm_seconds=WARM_SECONDS)

    return [await stand.measure("hot_sku", f"orders_per_second_{HOT_CLIENTS}", once, yardstick=BASE)]


def line(sku: str) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": 1}]


async def goods_are_known(stand: Stand, sku: str) -> None:
    """order-svc learns of new goods by an event."""
    body = {"lines": line(sku), "region": REGION, "delivery_method": "standard"}
    for _ in range(int(KNOWN_SECONDS / 0.1)):
        status, _ = await stand.post(0, f"{base(stand)}/quotes", body, stand.visitor())
        if status == CREATED:
            await asyncio.sleep(1.0)
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{sku} did not reach order-svc within {KNOWN_SECONDS:.0f} s")
