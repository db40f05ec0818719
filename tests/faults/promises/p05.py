"""P5: nobody hears "sold out" while there is some, nor because of what they hold themselves. The same run as P4."""

from collections.abc import Sequence
from typing import Any

from tests.checkers.answers import untrue
from tests.checkers.stock import unsold_while_refusing
from tests.faults.promise import Finding, Promise, Stage, at_least, exactly, none, told
from tests.faults.selling import Sold, least_of_plenty, sold_out
from tests.faults.shoppers import STOCK_SHORT
from tests.rig.history import Operation


async def run(stage: Stage) -> Sequence[Finding]:
    sold = await sold_out(stage)
    single, _ = sold.goods.last
    orders = sold.of(*sold.goods.last)
    refused = [order for order in orders if order.status == "rejected"]
    statuses = {order.id: order.status for order in sold.orders}
    checkouts = [(one.facts.get("status"), one.facts.get("order_id")) for one in sold.history.operations]
    return [
        at_least("inventory-svc killed", sold.kills, stage.form.pick(test=1, short=10, soak=20)),
        told(
            "units sold of what is not added to", sum(order.wanted[single] for order in orders if order not in refused)
        ),
        at_least("refused because it was sold out", len(refused), stage.form.pick(test=8, short=32, soak=32)),
        none("unsold while refusing", unsold_while_refusing(sold.free, [order.wanted for order in refused])),
        told("units left of it", sold.free[single]),
        *plenty(stage, sold),
        *holders(sold),
        none("answers that did not come true", untrue(checkouts, statuses)),
    ]


def plenty(stage: Stage, sold: Sold) -> list[Finding]:
    orders = sold.of(*sold.goods.plenty)
    asked = [one for one in sold.history.of("checkout") if one.key in sold.goods.plenty]
    return [
        at_least("orders of goods of which there is plenty", len(orders), least_of_plenty(stage)),
        none("of these rejected", sum(order.status == "rejected" for order in orders)),
        none("of these not even taken (4xx)", sum(400 <= one.facts.get("status", 0) < 500 for one in asked)),
    ]


def holders(sold: Sold) -> list[Finding]:
    """Each has the only unit, asked again by the same quote, and at last by another cart."""
    again = list(sold.history.of("hold"))
    orders = sold.of(*sold.goods.held)
    own = {order.skus: order.id for order in orders if order.status != "rejected"}
    more = list(sold.history.of("more"))
    return [
        at_least("asked again for what they hold", sum("order_id" in one.facts for one in again), len(sold.goods.held)),
        none("rejected because of their own hold", sum(one.facts.get("problem") == STOCK_SHORT for one in again)),
        none("told of another order than their own", sum(not_own(one, own) for one in again)),
        exactly("orders per holder", len(own) / len(sold.goods.held), 1),
        none("another cart refused without naming the order that holds it", sum(unnamed(one, own) for one in more)),
    ]


def not_own(one: Operation, own: dict[frozenset[str], str]) -> bool:
    return one.facts.get("order_id", own.get(frozenset({one.key}))) != own.get(frozenset({one.key}))


def unnamed(one: Operation, own: dict[frozenset[str], str]) -> bool:
    faults: list[Any] = one.facts.get("body", {}).get("errors", [])
    return [fault.get("your_unpaid_order") for fault in faults] != [own.get(frozenset({one.key}))]


PROMISE = Promise(
    number="P5",
    words='Nobody hears "sold out" while there is some, nor because of what they hold themselves',
    needs="suite",
    run=run,
)
