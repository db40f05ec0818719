"""P1: many sends of one Idempotency-Key at once, over two processes that die, with answers that get lost.

The second process only answers requests: it comes and goes without a rebalance of the consumers.
"""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import httpx
from tests.checkers.keys import Sent, doubled, missing, mistaken, told_apart
from tests.faults.promise import Finding, Form, Promise, Stage, at_least, exactly, none, told
from tests.faults.trouble import Troublemaker, answer_of
from tests.rig.people import ADDRESS, CONTACT, REGION, Buyer, World, money, opened
from tests.rig.proxy import Mode
from tests.rig.suite import GATEWAY_EDGE, Suite

from svc_local.reconcile.__main__ import settled
from svc_local.testing import eventually

PRICE_MINOR = 10_000
SENDS = 20
KILL_EVERY_SECONDS = 0.3
FIRST, SECOND = "order-svc", "order-svc-1"
EDGES = (GATEWAY_EDGE, "gateway>order-svc")
# What the two bodies ask for; they differ in nothing else.
UNITS = {"this": 1, "other": 2}
MADE = "SELECT remark AS key, id, units FROM orders WHERE shop = $1 ORDER BY id"
NEVER_STORED = "SELECT count(*) FROM idempotency_key WHERE status >= 500 OR status IN (401, 403, 422, 429)"


async def run(stage: Stage) -> Sequence[Finding]:
    keys = stage.form.pick(test=3, short=60, soak=200)
    trouble = Troublemaker(stage.suite, stage.chance)
    async with second_process(stage.suite):
        with opened(stage.suite.for_tests()) as world:
            sku = await world.goods(4 * 4 * keys)
            senders = [Sender(world, sku, stage.chance, mixed=mixed) for mixed in (False, True) for _ in range(keys)]
            stage.chance.shuffle(senders)
            async with trouble.going_on(
                lambda: trouble.kill_one_every(KILL_EVERY_SECONDS, (FIRST, SECOND)),
                *(cutting(trouble, edge) for edge in EDGES),
            ):
                await all_send(stage, senders)
            await asyncio.to_thread(stage.suite.until_ready)
            during = await orders_of(stage, world)
            for group in groups(stage.form, senders):
                await asyncio.gather(*(sender.settle() for sender in group))
            report = await settled(stage.suite.databases)
            after = await orders_of(stage, world)
            stored = await value_of(stage, NEVER_STORED)
            await world.close()
    killed = sum(trouble.kills.values())
    return [
        told("keys", len(senders)),
        exactly("sends at once per key", min(len(sender.sent[:SENDS]) for sender in senders), SENDS),
        at_least("processes killed", killed, stage.form.pick(test=2, short=20, soak=100)),
        told("times answers were cut", trouble.cuts),
        *answers(senders, during, after),
        none("answers kept that must not be (5xx, 401, 403, 422, 429)", stored),
        none("drift between the services", len(report.drift)),
        none("parked keys", len(report.parked)),
    ]


def answers(senders: "Sequence[Sender]", during: Sequence[Any], after: Sequence[Any]) -> list[Finding]:
    """`during`, `after`: the orders there were when the faults ended, and in the end."""
    sent = [one for sender in senders for one in sender.sent]
    first = [one for sender in senders for one in sender.sent[:SENDS]]
    counts = Counter(str(row["key"]) for row in after)
    counts_then = Counter(str(row["key"]) for row in during)
    winners = {row["key"]: next(body for body, units in UNITS.items() if units == row["units"]) for row in after}
    named = {one.key for one in first if one.is_taken}
    return [
        at_least("sends without an answer", sum(one.status is None for one in first), len(senders) // 4),
        at_least("sends that were told of their order", sum(one.is_taken for one in first), len(senders) // 4),
        told("sends answered by a trouble (5xx)", sum((one.status or 0) >= 500 for one in first)),
        told("keys done whose first sends nobody answered", len(counts_then.keys() - named)),
        at_least("other bodies refused with 422", sum(one.status == 422 for one in sent), len(senders) // 2),
        none("double effects", doubled(counts)),
        none("told as done and not there, while it went on", missing(first, counts_then)),
        none("keys without an effect in the end", len(senders) - len(counts)),
        none("keys with different orders in their answers", told_apart(sent)),
        none("keys whose answers name another order than there is", others(sent, after)),
        none("bodies mistaken for another, or another taken for this", mistaken(sent, winners)),
        none("keys with different answers in the end", sum(len(sender.last) != 1 for sender in senders)),
    ]


@asynccontextmanager
async def second_process(suite: Suite) -> AsyncIterator[None]:
    member = await asyncio.to_thread(suite.add, FIRST, 1, roles=("api",))
    assert member.name == SECOND
    try:
        yield
    finally:
        await asyncio.to_thread(suite.remove, SECOND)


class Sender:
    """A buyer with one key. `mixed`: half of the sends ask for something else under the same key."""

    def __init__(self, world: World, sku: str, chance: random.Random, *, mixed: bool) -> None:
        self.chance = chance
        self.buyer: Buyer = world.buyer()
        self.key = secrets.token_hex(16)
        self.sku = sku
        self.mixed = mixed
        self.sent: list[Sent] = []
        self.last: set[bytes] = set()

    async def send(self, body: str, **more: str) -> httpx.Response | None:
        units = UNITS[body]
        whole = {
            "lines": [{"sku": self.sku, "quantity": units}], "region": REGION, "delivery_method": "standard",
            "expected_total": money(units * PRICE_MINOR), "contact": CONTACT, "address": ADDRESS,
            "payment_method": "sandbox", "remark": self.key,
        }  # fmt: skip
        headers = {"Idempotency-Key": self.key, **more}
        answer = await answer_of(self.buyer.http.post(f"{self.buyer.base}/checkout", json=whole, headers=headers))
        self.sent.append(self.heard(body, answer))
        return answer

    def heard(self, body: str, answer: httpx.Response | None) -> Sent:
        if answer is None:
            return Sent(self.key, body, None)
        said = answer.json()
        if answer.status_code in (201, 202):
            return Sent(self.key, body, answer.status_code, made=said["id"])
        return Sent(self.key, body, answer.status_code, said["type"], made=said.get("order_id"))

    async def send_all(self, bodies: Sequence[str]) -> None:
        await asyncio.gather(*(self.send_soon(body) for body in bodies))

    async def send_soon(self, body: str) -> None:
        """Half at once, half while those are under way or just done. Most do not wait for the decision: who waits is
        mostly still waiting when the process dies.
        """
        await asyncio.sleep(max(0.0, self.chance.uniform(-0.3, 0.3)))
        await self.send(body, Prefer=f"wait={self.chance.choice('000001125')}")

    async def settle(self) -> None:
        """Nothing is broken any more: every body has its definite answer, and the right one the same twice."""
        for body in UNITS if self.mixed else ("this",):
            for _ in range(2):
                await eventually(partial(self.decided, body), within_seconds=20, because="the key is answered")

    async def decided(self, body: str) -> bool:
        answer = await self.send(body)
        assert answer is not None
        if answer.status_code == 201:
            self.last.add(answer.content)
        return answer.status_code in (201, 422)


async def all_send(stage: Stage, senders: Sequence[Sender]) -> None:
    for n, group in enumerate(groups(stage.form, senders)):
        plans = []
        for sender in group:
            bodies = ["this", "other"] * (SENDS // 2) if sender.mixed else ["this"] * SENDS
            stage.chance.shuffle(bodies)
            plans.append(sender.send_all(bodies))
        await asyncio.gather(*plans)
        if n % 4 == 3:
            stage.say(f"{(n + 1) * len(group)} of {len(senders)} keys sent")


def cutting(trouble: Troublemaker, edge: str) -> Callable[[], Awaitable[None]]:
    return lambda: trouble.cut([edge], Mode.LOSE_ANSWERS, lasts=(0.2, 0.4), rests=0.6)


def groups(form: Form, senders: Sequence[Sender]) -> list[Sequence[Sender]]:
    size = form.pick(test=2, short=8, soak=8)
    return [senders[n : n + size] for n in range(0, len(senders), size)]


def others(sent: Sequence[Sent], rows: Sequence[Any]) -> int:
    there = {(row["key"], row["id"]) for row in rows}
    return len({one.key for one in sent if one.made is not None and (one.key, one.made) not in there})


async def orders_of(stage: Stage, world: World) -> list[Any]:
    con = await asyncpg.connect(stage.suite.databases["orders"], timeout=10)
    try:
        return list(await con.fetch(MADE, world.shop))
    finally:
        await con.close()


async def value_of(stage: Stage, sql: str) -> int:
    con = await asyncpg.connect(stage.suite.databases["orders"], timeout=10)
    try:
        return int(await con.fetchval(sql))
    finally:
        await con.close()


PROMISE = Promise(
    number="P1",
    words="What carries one Idempotency-Key is done once, whoever dies and whatever answer gets lost",
    needs="suite",
    run=run,
)
