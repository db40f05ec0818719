"""P4: what is promised is there, at every commit: one hot sku, fifty bundles, the stock keeper killed."""

from collections import Counter
from collections.abc import Sequence

from tests.checkers.stock import oversold
from tests.faults.promise import Finding, Promise, Stage, at_least, none, told
from tests.faults.selling import FATES_SEEN, Sold, least_of_each, least_snapshots, sold_out


async def run(stage: Stage) -> Sequence[Finding]:
    sold = await sold_out(stage)
    assert sold.report is not None
    levels = [one for one in sold.report.drift if "movements = " in one.check or one.check == "reservations = reserved"]
    for one in sold.report.drift:
        stage.say(f"in the end: {one}")
    return [
        at_least("inventory-svc killed", sold.kills, stage.form.pick(test=1, short=10, soak=20)),
        told("seconds during which its database was 20 ms away", sold.delayed_seconds),
        *traffic(stage, sold),
        at_least("snapshots taken while it went on", sold.snapshots, least_snapshots(stage)),
        none("conservation: Σ reservations = Σ movements = reserved, violations in snapshots", sold.violations),
        told("promises checked against what lay there", sum(one.kind == "reserved" for one in sold.ledger)),
        none("oversold", oversold(sold.ledger)),
        none("ledger ≠ level", len(levels)),
        none("drift between the services", len(sold.report.drift)),
        none("parked keys", len(sold.report.parked)),
    ]


def traffic(stage: Stage, sold: Sold) -> list[Finding]:
    least = least_of_each(stage)
    fates = Counter(order.status for order in sold.orders)
    bundles = sum(not order.skus.isdisjoint(sold.goods.bundles) for order in sold.orders)
    return [
        told("orders", len(sold.orders)),
        at_least("orders of bundles", bundles, least),
        *(at_least(f"orders {fate}", fates[fate], least) for fate in FATES_SEEN),
        at_least("corrections of the stock", sold.adjusted, least),
    ]


PROMISE = Promise(
    number="P4",
    words="Nothing is sold that is not there: Σ reservations = Σ movements = reserved at every instant",
    needs="suite",
    run=run,
)
