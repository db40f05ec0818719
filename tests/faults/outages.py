"""A fault of the database under traffic: what people are told, how soon all is well again, what differs then."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from tests.checkers.refusing import unclean, untrue
from tests.faults.promise import Finding, Stage, at_least, at_most, none, told
from tests.faults.strollers import Asked, strolling
from tests.faults.trouble import answer_of
from tests.rig.people import World
from tests.rig.suite import Suite

from svc_local.reconcile.__main__ import Report, settled
from svc_local.testing import eventually

HEALED_SECONDS = 15.0
PEOPLE = 24
PRICE_MINOR = 10_000
MADE = {"checkout": "SELECT id FROM orders WHERE shop = $1", "cart": "SELECT id FROM cart WHERE shop = $1"}
TWICE = "SELECT count(remark) - count(DISTINCT remark) FROM orders WHERE shop = $1"
# What buyers are refused where they are, whatever the database does.
THEIR_OWN = (409,)


@dataclass(slots=True)
class Outage:
    """`healed`: seconds from the end of the fault until a fresh order was decided."""

    name: str
    asked: list[Asked] = field(default_factory=list)
    healed: float = 0.0
    report: Report | None = None
    also: tuple[int, ...] = THEIR_OWN


@dataclass(slots=True)
class Outages:
    stage: Stage
    suite: Suite
    world: World
    shop: str
    skus: Sequence[str]
    per_second: float
    all: list[Outage] = field(default_factory=list)

    @asynccontextmanager
    async def under(self, name: str, *, also: tuple[int, ...] = THEIR_OWN) -> AsyncIterator[Outage]:
        """The block breaks things and repairs them; nobody else does anything."""
        outage = Outage(name, also=also)
        self.all.append(outage)
        chance = self.stage.chance
        async with strolling(
            self.world, self.shop, self.skus, chance, people=PEOPLE, per_second=self.per_second
        ) as outage.asked:
            await asyncio.sleep(0.7)
            yield outage
            outage.healed = await self.heal()
        outage.report = await settled(self.suite.databases)
        self.tell(outage)

    async def heal(self) -> float:
        began = time.monotonic()
        await asyncio.to_thread(self.suite.until_ready)
        await eventually(self.sells, within_seconds=60, because="a fresh order is decided")
        return time.monotonic() - began

    async def sells(self) -> bool:
        buyer = self.world.passer_by(self.shop)
        answer = await answer_of(buyer.buy_now((self.skus[0], 1), total_minor=PRICE_MINOR))
        return answer is not None and answer.status_code == 201

    def tell(self, outage: Outage) -> None:
        counts: dict[str, int] = {}
        for one in outage.asked:
            name = f"{one.status} {one.problem or ''}".strip()
            counts[name] = counts.get(name, 0) + 1
        words = ", ".join(f"{count} × {name}" for name, count in sorted(counts.items()))
        self.stage.say(f"{outage.name}: well again after {outage.healed:.1f} s; {words}")
        for one in outage.asked:
            if unclean([(one.status, one.problem)], outage.also):
                self.stage.say(f"{outage.name}, unclean: {one}")
        assert outage.report is not None
        for drift in outage.report.drift:
            self.stage.say(f"{outage.name}, in the end: {drift}")

    async def findings(self) -> list[Finding]:
        asked = [one for outage in self.all for one in outage.asked]
        reports = [outage.report for outage in self.all if outage.report is not None]
        refused = sum((one.status or 0) >= 500 for one in asked)
        return [
            told("requests", len(asked)),
            at_least("requests refused meanwhile", refused, len(self.all)),
            at_least("orders accepted", sum(one.kind == "checkout" and one.made is not None for one in asked), 10),
            none("told as done and not there", await self.not_there(asked)),
            none("orders placed twice", await value_of(self.suite, "orders", TWICE, self.shop)),
            none("answers that are neither good nor a clean refusal", sum(map(unclean_of, self.all))),
            *(at_most(f"{one.name}: well again, s", one.healed, HEALED_SECONDS) for one in self.all),
            none("drift between the services", sum(len(one.drift) for one in reports)),
            none("times something was left on its way", sum(not one.at_rest for one in reports)),
            none("parked keys", sum(len(one.parked) for one in reports)),
        ]

    async def not_there(self, asked: Sequence[Asked]) -> int:
        count = 0
        for kind, sql in MADE.items():
            there = [row["id"] for row in await rows_of(self.suite, "orders", sql, self.shop)]
            count += untrue([one.made for one in asked if one.kind == kind and one.made is not None], there)
        return count


def unclean_of(outage: Outage) -> int:
    return unclean(((one.status, one.problem) for one in outage.asked), outage.also)


async def rows_of(suite: Suite, database: str, sql: str, *arguments: Any) -> list[Any]:
    con = await asyncpg.connect(suite.databases[database], timeout=10)
    try:
        return list(await con.fetch(sql, *arguments))
    finally:
        await con.close()


async def value_of(suite: Suite, database: str, sql: str, *arguments: Any) -> int:
    [row] = await rows_of(suite, database, sql, *arguments)
    return int(row[0])
