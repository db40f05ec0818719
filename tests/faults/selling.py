"""A shop under load whose stock keeper dies again and again: what P4 and P5 look at, in one run.

The storm: orders, cancellations, expiries, payments and corrections of the stock on one hot sku, its fellows and fifty
bundles of them. The sale: a stock that is neither added to nor given back is sold to the last unit. Beside both: goods
of which there is plenty, and buyers who ask again for what they hold.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
from tests.checkers.stock import Moved
from tests.faults.promise import Stage
from tests.faults.shoppers import Goods, Shopper, ask_for_more, sell
from tests.faults.trouble import Troublemaker, answer_of
from tests.rig.history import History, Told
from tests.rig.people import World, key, new_sku, opened

from svc_local.reconcile import rules
from svc_local.reconcile.__main__ import Report, settled
from svc_local.reconcile.reading import HELD, LEVELS, MOVED, moved_of, signs_of, snapshot

BUYERS = 32
BUNDLES = 50
UNPAID_SECONDS = 3
PLENTY = 1_000_000
VICTIM = "inventory-svc"
FATES_SEEN = ("cancelled", "expired", "confirmed", "rejected")
EDGE = "inventory-svc>postgres"
DELAY_SECONDS = 0.01  # each way
LOOK_EVERY_SECONDS = 1.0
# So much longer the storm may last on a slow machine, until every fate has been there often enough.
LONGER_SECONDS_MAX = 60.0
ADJUST_EVERY_SECONDS = 0.4

ORDERS = """
SELECT o.id, o.shop, o.status, o.reason, jsonb_agg(jsonb_build_array(l.sku, l.quantity, l.components))::text AS lines
FROM orders o JOIN order_line l ON l.order_id = o.id WHERE o.shop = ANY($1::text[]) GROUP BY o.id
"""
FATES = """
SELECT count(o.id) AS orders FROM unnest($2::text[]) AS f (status)
LEFT JOIN orders o ON o.shop = $1 AND o.status = f.status GROUP BY f.status
"""
LEDGER = "SELECT key, kind, cause_kind, quantity FROM stock_movement ORDER BY id"
FREE = """
SELECT sku, sum(on_hand - damaged - quality_hold - reserved - prelocked - safety_stock)::bigint AS units
FROM stock_level GROUP BY sku
"""


@dataclass(frozen=True, slots=True)
class Bought:
    """An order in the end. `wanted`: {sku: units} with bundles taken apart; `skus`: of its lines."""

    id: str
    shop: str
    status: str
    reason: str | None
    skus: frozenset[str]
    wanted: dict[str, int]


@dataclass(slots=True)
class Sold:
    """What was seen."""

    goods: Goods
    hasty: str
    history: History = field(default_factory=History)
    kills: int = 0
    snapshots: int = 0
    violations: int = 0
    adjusted: int = 0
    delayed_seconds: float = 0.0
    orders: list[Bought] = field(default_factory=list)
    ledger: list[Moved] = field(default_factory=list)
    free: dict[str, int] = field(default_factory=dict)
    report: Report | None = None

    def of(self, *skus: str) -> list[Bought]:
        """The orders of nothing but these."""
        return [order for order in self.orders if order.skus <= set(skus)]

    def asked_for(self, skus: Sequence[str]) -> int:
        """Orders of them that somebody was told of so far."""
        return sum(one.told is Told.OK and one.key in skus for one in self.history.of("checkout"))


_seen: dict[tuple[int, str, int], Sold] = {}


async def sold_out(stage: Stage) -> Sold:
    """The run of this stage: whoever asks second, for another promise, gets what the first one saw."""
    name = (id(stage.on), stage.form.value, stage.seed)
    if name not in _seen:
        _seen[name] = await run(stage)
    return _seen[name]


async def run(stage: Stage) -> Sold:
    with opened(stage.suite.for_tests()) as world:
        hasty = world.open_shop(f"{world.name}-hasty", unpaid_expiry_seconds=UNPAID_SECONDS)
        sold = Sold(await stocked(stage, world, hasty), hasty)
        trouble = Troublemaker(stage.suite, stage.chance)
        seconds = stage.form.pick(test=2.0, short=24.0, soak=60.0)
        kills = stage.form.pick(test=1, short=10, soak=20)
        # Each death costs five seconds, the lease of its relay: with too many of them nobody sells anything.
        sale_kill_every_seconds = stage.form.pick(test=60.0, short=1.5, soak=4.0)
        async with trouble.going_on(lambda: look_every_second(stage, sold)):
            async with trouble.going_on(
                lambda: trouble.kill_one_every(seconds / (kills + 0.5), (VICTIM,), times=kills)
            ):
                await storm(stage, world, sold, trouble, seconds)
            stage.say(f"the storm is over after {len(sold.history.operations)} operations")
            in_the_sale = stage.form.pick(test=0, short=2, soak=20)
            async with trouble.going_on(
                lambda: trouble.kill_one_every(sale_kill_every_seconds, (VICTIM,), times=in_the_sale)
            ):
                holders = await sell(sold.history, world, sold.goods, stage, at_once=buyers_of(stage))
            stage.say("the sale is over")
        await asyncio.to_thread(stage.suite.until_ready)
        await ask_for_more(sold.history, holders)
        sold.report = await settled(stage.suite.databases)
        await read(stage, world, sold)
        await world.close()
    sold.kills = sum(trouble.kills.values())
    return sold


def buyers_of(stage: Stage) -> int:
    return stage.form.pick(test=8, short=BUYERS, soak=BUYERS)


async def stocked(stage: Stage, world: World, hasty: str) -> Goods:
    units = stage.form.pick(test=1, short=4, soak=10)
    chance = stage.chance
    hot, *fellows = [new_sku() for _ in range(7)]
    bundles = {
        new_sku(): {hot: chance.randint(1, 2), **{sku: chance.randint(1, 3) for sku in chance.sample(fellows, 2)}}
        for _ in range(BUNDLES)
    }
    plenty, more, pair, last, duo = (new_sku() for _ in range(5))
    held = [new_sku() for _ in range(stage.form.pick(test=2, short=8, soak=20))]
    far = world.add_warehouse(priority=2)
    world.offer({sku: {} for sku in (hot, *fellows, plenty)}, shop=hasty)
    world.offer({**bundles, pair: {plenty: 2}}, shop=hasty)
    world.offer({sku: {} for sku in (last, more, *held)})
    world.offer({duo: {last: 2, more: 1}})
    world.receive({hot: 20 * units, **dict.fromkeys(fellows, 40 * units), plenty: PLENTY})
    world.receive({hot: 20 * units, **dict.fromkeys(fellows, 10 * units)}, warehouse=far)
    world.receive({last: stage.form.pick(test=12, short=250, soak=900), more: PLENTY, **dict.fromkeys(held, 1)})
    await world.quotable(pair, shop=hasty)
    await world.quotable(duo)
    return Goods(hot, tuple(fellows), tuple(bundles), (plenty, pair), (last, duo), tuple(held))


async def storm(stage: Stage, world: World, sold: Sold, trouble: Troublemaker, seconds: float) -> None:
    over = asyncio.Event()
    shoppers = [Shopper(sold.history, world, sold.hasty, trouble.own_chance()) for _ in range(buyers_of(stage))]
    shopping = [asyncio.create_task(shopper.shop(sold.goods, over)) for shopper in shoppers]
    adjusting = asyncio.create_task(adjust_until(over, world, sold, trouble))
    await asyncio.sleep(seconds / 3)
    began = time.monotonic()
    await asyncio.to_thread(stage.suite.edges.delay, EDGE, DELAY_SECONDS)
    await asyncio.sleep(seconds / 3)
    await asyncio.to_thread(stage.suite.edges.delay, EDGE, 0.0)
    sold.delayed_seconds = time.monotonic() - began
    await asyncio.sleep(seconds / 3)
    await until_every_fate(stage, sold)
    over.set()
    await asyncio.gather(*shopping, adjusting)


def least_of_each(stage: Stage) -> int:
    """An empty run proves nothing: every fate has to have been there, and stock was counted anew as often."""
    return stage.form.pick(test=1, short=20, soak=50)


def least_of_plenty(stage: Stage) -> int:
    return stage.form.pick(test=1, short=30, soak=100)


def least_snapshots(stage: Stage) -> int:
    return stage.form.pick(test=3, short=20, soak=55)


async def until_every_fate(stage: Stage, sold: Sold) -> None:
    """Gives up in time: the figures tell what was missing."""
    least, until = least_of_each(stage), time.monotonic() + LONGER_SECONDS_MAX
    async with connected(stage, "orders") as con:
        while time.monotonic() < until:
            seen = [row["orders"] for row in await con.fetch(FATES, sold.hasty, FATES_SEEN)]
            seen += [sold.adjusted, sold.asked_for(sold.goods.bundles)]
            is_plenty = sold.asked_for(sold.goods.plenty) >= least_of_plenty(stage)
            if is_plenty and min(seen) >= least and sold.snapshots >= least_snapshots(stage):
                return
            await asyncio.sleep(0.25)


async def adjust_until(over: asyncio.Event, world: World, sold: Sold, trouble: Troublemaker) -> None:
    """Goods are counted anew, more or less; now and then some come in."""
    chance = trouble.own_chance()
    staff = world.staff()
    while not over.is_set():
        sku = chance.choice((sold.goods.hot, *sold.goods.fellows))
        line = {"sku": sku, "warehouse": world.warehouse, "delta": chance.randint(-4, 6), "reason": "counted"}
        body = {"lines": [line]}
        answer = await answer_of(staff.http.post("/v1/admin/stock-adjustments", json=body, headers=key()))
        sold.adjusted += answer is not None and answer.is_success
        await asyncio.sleep(chance.uniform(0.5, 1.5) * ADJUST_EVERY_SECONDS)


async def look_every_second(stage: Stage, sold: Sold) -> None:
    """Σ reservations = Σ movements = reserved, in one snapshot, while everything goes on."""
    due = time.monotonic()
    while True:
        due += LOOK_EVERY_SECONDS
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        async with snapshot(stage.suite.databases["inventory"]) as con:
            levels = await con.fetch(LEVELS)
            held = {row["key"]: row["units"] for row in await con.fetch(HELD)}
            moved = moved_of(await con.fetch(MOVED))
        for drift in rules.levels(levels, held, moved):
            sold.violations += 1
            stage.say(f"while it went on: {drift}")
        sold.snapshots += 1


async def read(stage: Stage, world: World, sold: Sold) -> None:
    async with connected(stage, "orders") as con:
        sold.orders = [bought(row) for row in await con.fetch(ORDERS, [world.shop, sold.hasty])]
    async with connected(stage, "inventory") as con:
        sold.ledger = [moved(row) for row in await con.fetch(LEDGER)]
        sold.free = {row["sku"]: row["units"] for row in await con.fetch(FREE)}


def bought(row: Any) -> Bought:
    wanted: dict[str, int] = {}
    lines = orjson.loads(row["lines"])
    for sku, quantity, components in lines:
        for part in components or [{"sku": sku, "quantity": 1}]:
            wanted[part["sku"]] = wanted.get(part["sku"], 0) + part["quantity"] * quantity
    return Bought(row["id"], row["shop"], row["status"], row["reason"], frozenset(line[0] for line in lines), wanted)


def moved(row: Any) -> Moved:
    signs = signs_of(row["kind"], row["cause_kind"])
    return Moved(row["key"], row["kind"], {counter: sign * row["quantity"] for counter, sign in signs.items()})


@asynccontextmanager
async def connected(stage: Stage, database: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    con = await asyncpg.connect(stage.suite.databases[database], timeout=10)
    try:
        yield con
    finally:
        await con.close()
