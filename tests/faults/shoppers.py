"""People who buy while things break: what they ask for, what they are told, what they do then."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from tests.faults.promise import Stage
from tests.faults.trouble import answer_of
from tests.rig.history import History, Operation, Told
from tests.rig.people import REGION, Buyer, World, key

from svc_local.testing import eventually

PRICE_MINOR = 10_000
ANSWER_SECONDS = 12.0
REFUSALS_UNTIL_GONE = 2
ASKED_AGAIN = 4
STOCK_SHORT = "/problems/stock-short"


@dataclass(frozen=True, slots=True)
class Goods:
    """`plenty`: never short; `last`: sold to the last unit; `held`: one unit each; the rest is for the storm."""

    hot: str
    fellows: tuple[str, ...]
    bundles: tuple[str, ...]
    plenty: tuple[str, ...]
    last: tuple[str, ...]
    held: tuple[str, ...]


def now() -> float:
    return asyncio.get_running_loop().time()


async def buy(history: History, buyer: Buyer, sku: str, quantity: int, *, what: str = "checkout") -> Operation:
    """`facts`: what was asked for, the status and the body that came."""
    operation = history.begin(what, sku, now())
    operation.facts = {"sku": sku, "quantity": quantity, "shop": buyer.shop}
    asking = buyer.buy_now((sku, quantity), total_minor=quantity * PRICE_MINOR)
    take(operation, await answer_of(asking, within_seconds=ANSWER_SECONDS))
    return operation


def take(operation: Operation, answer: httpx.Response | None) -> None:
    operation.ended = now()
    if answer is None:
        return
    said = answer.json()
    operation.facts |= {"status": answer.status_code, "body": said, "problem": said.get("type")}
    order_id = said.get("id") if answer.is_success else said.get("order_id")
    if order_id:
        operation.facts["order_id"] = order_id
    if answer.is_success:
        operation.told = Told.OK
    elif answer.status_code < 500:
        operation.told = Told.REFUSED


class Shopper:
    """Buys without end; every order is of somebody nobody has seen before."""

    def __init__(self, history: History, world: World, shop: str, chance: random.Random) -> None:
        self.history = history
        self.world = world
        self.shop_name = shop
        self.chance = chance

    async def shop(self, goods: Goods, over: asyncio.Event) -> None:
        while not over.is_set():
            buyer = self.world.passer_by(self.shop_name)
            operation = await buy(self.history, buyer, self.choice(goods), self.chance.randint(1, 3))
            if operation.told is Told.OK:
                await self.go_on(buyer, operation.facts["order_id"])
            elif operation.told is Told.UNKNOWN:
                await asyncio.sleep(0.1)

    def choice(self, goods: Goods) -> str:
        kinds = ((goods.hot,), goods.fellows, goods.bundles, goods.plenty)
        [among] = self.chance.choices(kinds, weights=(4, 1, 4, 2))
        return self.chance.choice(among)

    async def go_on(self, buyer: Buyer, order_id: str) -> None:
        """Leaves it to expire, cancels it, pays, or pays and cancels."""
        plan = self.chance.choice(("leave", "cancel", "cancel", "pay", "pay and cancel"))
        if plan.startswith("pay"):
            await self.then("pay", order_id, pay(buyer, order_id))
        if plan.endswith("cancel"):
            await self.then("cancel", order_id, buyer.cancel(order_id))

    async def then(self, what: str, order_id: str, asking: Any) -> None:
        operation = self.history.begin(what, order_id, now())
        take(operation, await answer_of(asking, within_seconds=ANSWER_SECONDS))


async def pay(buyer: Buyer, order_id: str, **more: Any) -> httpx.Response:
    path = f"{buyer.base}/orders/{order_id}/payments"
    body = {"method": "sandbox", **more}
    return await buyer.http.post(path, json=body, headers=key() | buyer.token_of(order_id))


# The sale.


@dataclass(frozen=True, slots=True)
class Holder:
    """Has the only unit of `sku`, unpaid."""

    sku: str
    buyer: Buyer


async def sell(history: History, world: World, goods: Goods, stage: Stage, *, at_once: int) -> list[Holder]:
    """Everybody buys of what is left until they were refused; meanwhile some ask again for what they hold."""
    chances = [random.Random(stage.chance.random()) for _ in range(at_once)]
    holders = [Holder(sku, world.passer_by()) for sku in goods.held]
    await asyncio.gather(
        *(buy_the_last(history, world, goods.last, chance) for chance in chances),
        *(hold(history, holder) for holder in holders),
    )
    return holders


async def buy_the_last(history: History, world: World, last: Sequence[str], chance: random.Random) -> None:
    single, bundle = last
    refused = 0
    while refused < REFUSALS_UNTIL_GONE:
        # Single units are the most wanted: where they were refused, nothing may be left.
        sku, quantity = chance.choice(((single, 1), (single, 1), (single, 2), (single, 3), (bundle, 1)))
        operation = await buy(history, world.passer_by(), sku, quantity)
        refused += operation.facts.get("problem") == STOCK_SHORT
        if operation.told is Told.UNKNOWN:
            await asyncio.sleep(0.1)


async def hold(history: History, holder: Holder) -> None:
    """Buys the only unit by a quote, and checks the same quote out again, as people do who are not answered."""
    because = "a quote is given while inventory-svc is away"
    quote = await eventually(lambda: quoted(holder), within_seconds=20, because=because)
    body = {"quote_id": quote["id"], "expected_total": quote["total"]}
    for n in range(ASKED_AGAIN):
        operations = [history.begin("hold", holder.sku, now()) for _ in range(1 if n == 0 else 2)]
        asking = [answer_of(holder.buyer.checkout(body), within_seconds=ANSWER_SECONDS) for _ in operations]
        for operation, answer in zip(operations, await asyncio.gather(*asking), strict=True):
            take(operation, answer)


async def quoted(holder: Holder) -> Any:
    body = {"lines": [{"sku": holder.sku, "quantity": 1}], "region": REGION, "delivery_method": "standard"}
    answer = await answer_of(holder.buyer.http.post(f"{holder.buyer.base}/quotes", json=body))
    return answer.json() if answer is not None and answer.status_code == 201 else False


async def ask_for_more(history: History, holders: Sequence[Holder]) -> None:
    """Another cart of those who hold the last unit: refused, with the order in which they hold it."""
    await asyncio.gather(*(buy(history, holder.buyer, holder.sku, 1, what="more") for holder in holders))
