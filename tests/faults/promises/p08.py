"""P8: whatever dies on the way, every order comes to an end or waits for somebody, and has what belongs to it."""

from collections import Counter
from collections.abc import Sequence

from tests.checkers.lives import stuck, unpaired
from tests.faults.chaos import HEAL_SECONDS, Seen, chaos, plan_of
from tests.faults.promise import Finding, Promise, Stage, at_least, at_most, none, told


async def run(stage: Stage) -> Sequence[Finding]:
    plan, seen = plan_of(stage.form), await chaos(stage)
    assert seen.report is not None
    return [
        *variety(stage, seen),
        at_least("least kills of one service", min(seen.kills.get(name, 0) for name in plan.victims), plan.rounds),
        told("seconds without a broker", plan.broker_away),
        told("seconds without a provider", plan.provider_away),
        at_most("all at rest after the last fault, s", seen.healed_after, HEAL_SECONDS),
        none(
            "refused for no reason (4xx but 409)", sum(n for (status, _), n in seen.refusals.items() if status != 409)
        ),
        none("stuck orders", len(stuck(seen.lives, seen.at))),
        none("goods, payments, coupons without their order, or the other way round", len(unpaired(seen.lives))),
        none("drift between the services", len(seen.report.drift)),
        none("not at rest in the end", not seen.report.at_rest),
        none("parked keys", len(seen.report.parked)),
    ]


def variety(stage: Stage, seen: Seen) -> list[Finding]:
    """An empty run proves nothing."""
    ends = Counter(life.status for life in seen.lives)
    stage.say(f"ends: {dict(ends)}; fates: {seen.fates}; refusals: {dict(seen.refusals)}")
    least = stage.form.pick(test=2, short=6, soak=7)
    return [
        at_least("orders", len(seen.lives), plan_of(stage.form).orders),
        at_least("different ends", len(ends), least),
        told("orders with coupons", sum(life.has_benefits for life in seen.lives)),
        told("orders paid", sum(life.paid_in > 0 for life in seen.lives)),
        told("orders refunded", sum(life.paid_back > 0 for life in seen.lives)),
    ]


PROMISE = Promise(
    number="P8",
    words="Every order comes to its end, or waits for somebody who can do something: none is stuck",
    needs="suite",
    run=run,
)
