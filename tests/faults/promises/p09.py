"""P9: what was taken for an order that stops short comes back whole, late replies included. The same run as P8."""

from collections.abc import Sequence

from tests.checkers.lives import leaks
from tests.faults.chaos import chaos
from tests.faults.promise import Finding, Promise, Stage, at_least, none, told


async def run(stage: Stage) -> Sequence[Finding]:
    seen = await chaos(stage)
    dead = [life for life in seen.lives if life.is_dead]
    leaked = leaks(seen.lives)
    late = stage.form.pick(test=0, short=1, soak=5)
    return [
        at_least("orders that stopped short", len(dead), stage.form.pick(test=3, short=60, soak=300)),
        at_least("of these paid, and paid back", sum(life.paid_back > 0 for life in dead), 2 * late),
        at_least("of these with coupons", sum(life.has_benefits for life in dead), 2 * late),
        at_least("decided only after their time had run out", seen.late_decisions, late),
        told("paid or not only after their time had run out", seen.late_payments),
        none("leaked units", leaked.units),
        none("leaked uses of promotions and coupons", leaked.uses),
        none("leaked money, minor units, as the provider says", leaked.money_minor),
        none("counters of uses and budgets that differ from what uses them", len(seen.counters)),
    ]


PROMISE = Promise(
    number="P9",
    words="What was taken for an order that stops short comes back once and whole: goods, coupons, money",
    needs="suite",
    run=run,
)
