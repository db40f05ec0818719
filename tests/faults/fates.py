"""Buyers whose orders end in every way there is, and the staff that has to do with them, while everything breaks."""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from tests.faults.trouble import answer_of
from tests.rig.people import ADDRESS, REGION, Buyer, Staff, World, key, money

PRICE_MINOR, OFF_MINOR = 10_000, 1_000
INSIST_SECONDS = 12.0
STEP_SECONDS = 0.3
SHIPPING = ("accept", "pick", "pack", "ship", "deliver")


@dataclass(frozen=True, slots=True)
class Market:
    """`scarce` runs out; of `common` there is plenty; `coupon` takes OFF_MINOR off, for a while."""

    shop: str
    scarce: str
    common: str
    bundle: str
    coupon: str


def is_busy(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and answer.json()["type"] == "/problems/request-in-progress"


@dataclass(slots=True)
class Crowd:
    """Everybody of one run. `placed`: what is known to have been placed; `fates`: how often each was begun;
    `refusals`: by status and problem, how often.
    """

    world: World
    market: Market
    staff: Staff
    placed: set[str] = field(default_factory=set)
    fates: Counter[str] = field(default_factory=Counter)
    refusals: Counter[tuple[int, str]] = field(default_factory=Counter)

    async def insist(self, asking: Callable[[dict[str, str]], Awaitable[httpx.Response]]) -> httpx.Response | None:
        """The same request with the same key until there is an answer to it; None where that took too long."""
        headers = key()
        until = asyncio.get_running_loop().time() + INSIST_SECONDS
        while asyncio.get_running_loop().time() < until:
            answer = await answer_of(asking(headers), within_seconds=INSIST_SECONDS)
            if answer is not None and answer.status_code < 500 and not is_busy(answer):
                if not answer.is_success:
                    self.refusals[answer.status_code, answer.json()["type"]] += 1
                return answer
            await asyncio.sleep(STEP_SECONDS)
        return None


class Chancer:
    """Somebody who buys again and again, as a new person each time, with another end in mind."""

    def __init__(self, crowd: Crowd, chance: random.Random) -> None:
        self.crowd = crowd
        self.market = crowd.market
        self.chance = chance

    async def live(self, enough: Callable[[], bool]) -> None:
        while not enough():
            name, weight = zip(*FATES.items(), strict=True)
            [fate] = self.chance.choices(name, weights=[one[1] for one in weight])
            self.crowd.fates[fate] += 1
            await FATES[fate][0](self)

    # What one may do.

    async def buy(self, **more: Any) -> tuple[Buyer, str | None]:
        """The order's id, where it was placed and that was told."""
        buyer = self.crowd.world.passer_by(self.market.shop)
        sku = self.chance.choice((self.market.scarce, self.market.common, self.market.common, self.market.bundle))
        quantity = self.chance.randint(1, 2)
        total = quantity * PRICE_MINOR
        coupon = {"coupon_code": self.market.coupon} if self.chance.random() < 0.35 else {}
        headers = more.pop("headers", {})

        def ask(keyed: dict[str, str], total_minor: int, given: dict[str, Any]) -> Awaitable[httpx.Response]:
            return buyer.buy_now((sku, quantity), total_minor=total_minor, headers=keyed | headers, **given, **more)

        answer = None
        if coupon:
            answer = await self.crowd.insist(lambda keyed: ask(keyed, total - OFF_MINOR, coupon))
        if answer is None or not answer.is_success:
            # Without: where marketing-svc is away, full prices hold.
            answer = await self.crowd.insist(lambda keyed: ask(keyed, total, {}))
        if answer is None or not answer.is_success:
            return buyer, None
        order_id = str(answer.json()["id"])
        self.crowd.placed.add(order_id)
        return buyer, order_id

    async def pay(self, buyer: Buyer, order_id: str, outcome: str = "succeed") -> httpx.Response | None:
        path = f"{buyer.base}/orders/{order_id}/payments"
        body = {"method": "sandbox", "sandbox_outcome": outcome}
        token = buyer.token_of(order_id)
        return await self.crowd.insist(lambda keyed: buyer.http.post(path, json=body, headers=keyed | token))

    async def cancel(self, buyer: Buyer, order_id: str) -> None:
        path = f"{buyer.base}/orders/{order_id}/cancel"
        token = buyer.token_of(order_id)
        await self.crowd.insist(lambda keyed: buyer.http.post(path, json={}, headers=keyed | token))

    async def bought_and_paid(self, outcome: str = "succeed") -> tuple[Buyer, str | None]:
        buyer, order_id = await self.buy()
        if order_id is not None:
            await self.pay(buyer, order_id, outcome)
        return buyer, order_id

    async def ship(self, order_id: str, steps: int = len(SHIPPING)) -> None:
        """As far as it goes: what is cancelled meanwhile goes no further."""
        staff = self.crowd.staff.http
        for _ in range(20):
            answer = await answer_of(staff.get("/v1/admin/fulfilments", params={"order_id": order_id}))
            if answer is not None and answer.status_code == 200 and (items := answer.json()["items"]):
                break
            await asyncio.sleep(STEP_SECONDS)
        else:
            return
        for action in SHIPPING[:steps]:
            item = {"id": items[0]["id"]}
            if action == "ship":
                item |= {"carrier": "sf", "tracking_no": f"F{secrets.token_hex(8)}"}
            body = {"action": action, "items": [item]}
            await self.crowd.insist(
                lambda keyed, body=body: staff.post("/v1/admin/fulfilments/bulk", json=body, headers=keyed)  # type: ignore[misc]
            )

    async def release(self, order_id: str) -> None:
        """Staff has looked into what holds the order."""
        staff = self.crowd.staff.http
        for _ in range(20):
            answer = await answer_of(staff.get("/v1/admin/holds", params={"order_id": order_id, "state": "open"}))
            if answer is not None and answer.status_code == 200 and (items := answer.json()["items"]):
                break
            await asyncio.sleep(STEP_SECONDS)
        else:
            return
        path, body = (
            f"/v1/admin/holds/{items[0]['id']}/release",
            {"version": items[0]["version"], "note": "Looked into"},
        )
        await self.crowd.insist(lambda keyed: staff.post(path, json=body, headers=keyed))

    # How it may go.

    async def leaves_it(self) -> None:
        await self.buy()

    async def pays(self) -> None:
        await self.bought_and_paid(self.chance.choice(("succeed", "succeed", "callback_twice", "timeout_then_succeed")))

    async def fails_to_pay(self) -> None:
        await self.bought_and_paid(self.chance.choice(("fail", "timeout_then_fail")))

    async def pays_at_the_second_try(self) -> None:
        buyer, order_id = await self.bought_and_paid("fail")
        if order_id is not None:
            await self.pay(buyer, order_id)

    async def cancels_at_once(self) -> None:
        """Before anybody has decided: what they decide then comes late."""
        buyer, order_id = await self.buy(headers={"Prefer": "wait=0"})
        if order_id is not None:
            await self.cancel(buyer, order_id)

    async def cancels_unpaid(self) -> None:
        buyer, order_id = await self.buy()
        if order_id is not None:
            await self.cancel(buyer, order_id)

    async def cancels_paid(self) -> None:
        buyer, order_id = await self.bought_and_paid(self.chance.choice(("succeed", "callback_twice")))
        if order_id is not None:
            await asyncio.sleep(self.chance.uniform(0.0, 1.0))
            await self.cancel(buyer, order_id)

    async def cancels_while_paying(self) -> None:
        buyer, order_id = await self.buy()
        if order_id is not None:
            outcome = self.chance.choice(("succeed", "timeout_then_succeed", "timeout_then_fail"))
            paying = asyncio.create_task(self.pay(buyer, order_id, outcome))
            await asyncio.sleep(self.chance.uniform(0.0, 0.5))
            await self.cancel(buyer, order_id)
            await paying

    async def gets_it(self) -> None:
        _, order_id = await self.bought_and_paid()
        if order_id is not None:
            await self.ship(order_id, self.chance.randint(1, len(SHIPPING)))

    async def cancels_while_it_leaves(self) -> None:
        buyer, order_id = await self.bought_and_paid()
        if order_id is not None:
            shipping = asyncio.create_task(self.ship(order_id, 4))
            await asyncio.sleep(self.chance.uniform(0.2, 1.5))
            await self.cancel(buyer, order_id)
            await shipping

    async def pays_at_the_door(self) -> None:
        buyer, order_id = await self.buy(payment_method="cod")
        if order_id is not None:
            await self.ship(order_id) if self.chance.random() < 0.5 else await self.cancel(buyer, order_id)

    async def forgets_the_street(self) -> None:
        """Held; it stays so for whoever looks, is looked into, or is cancelled."""
        buyer, order_id = await self.buy(address={name: ADDRESS[name] for name in REGION})
        if order_id is not None:
            await self.pay(buyer, order_id)
            then = self.chance.choice(("wait", "release", "cancel"))
            if then == "release":
                await self.release(order_id)
            elif then == "cancel":
                await self.cancel(buyer, order_id)

    async def comes_by_another_channel(self) -> None:
        """Paid there already, or not; short goods hold it."""
        world, market = self.crowd.world, self.market
        sku = self.chance.choice((market.scarce, market.common))
        price = money(PRICE_MINOR)
        line = {"sku": sku, "quantity": 1, "gross": price, "discount": money(0), "net": price}
        now = datetime.now(UTC).isoformat()
        address = {**ADDRESS, "name": "陈小雨", "phone": "+8613800138000"}
        body = {
            "shop": market.shop, "buyer_ref": secrets.token_hex(8), "placed_at": now, "region": REGION,
            "lines": [line], "delivery_fee": money(0), "total": price, "address": address,
            "paid_at": now if self.chance.random() < 0.7 else None,
        }  # fmt: skip
        path = f"/v1/admin/channel-orders/{world.name}/{secrets.token_hex(8)}"
        answer = await self.crowd.insist(lambda keyed: self.crowd.staff.http.put(path, json=body))
        if answer is not None and answer.is_success:
            order_id = str(answer.json()["id"])
            self.crowd.placed.add(order_id)
            if sku == market.scarce and self.chance.random() < 0.5:
                # Asked for again where it was short: held again, or there by now.
                await self.release(order_id)


FATES: dict[str, tuple[Callable[[Chancer], Awaitable[None]], int]] = {
    "leaves it": (Chancer.leaves_it, 4),
    "pays": (Chancer.pays, 8),
    "fails to pay": (Chancer.fails_to_pay, 2),
    "pays at the second try": (Chancer.pays_at_the_second_try, 2),
    "cancels at once": (Chancer.cancels_at_once, 4),
    "cancels unpaid": (Chancer.cancels_unpaid, 3),
    "cancels paid": (Chancer.cancels_paid, 4),
    "cancels while paying": (Chancer.cancels_while_paying, 3),
    "gets it": (Chancer.gets_it, 3),
    "cancels while it leaves": (Chancer.cancels_while_it_leaves, 3),
    "pays at the door": (Chancer.pays_at_the_door, 2),
    "forgets the street": (Chancer.forgets_the_street, 2),
    "comes by another channel": (Chancer.comes_by_another_channel, 3),
}
