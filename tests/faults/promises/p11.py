"""P11: what concerns one key happens in one order, in every topic and in every consumer. The same run as P8."""

from collections.abc import Sequence

from tests.checkers.effects import inversions
from tests.checkers.sequences import holes, overtaken
from tests.faults.chaos import chaos
from tests.faults.promise import Finding, Promise, Stage, at_least, none, told


async def run(stage: Stage) -> Sequence[Finding]:
    seen = await chaos(stage)
    numbers: dict[str, list[int]] = {}
    for one in seen.records:
        numbers.setdefault(f"{one.topic} {one.key}", []).append(one.seq)
    # Of this run's orders the beginning was seen too; orders of an earlier one may still end.
    headless = [life.id for life in seen.lives if min(numbers.get(f"order.events {life.id}", [0])) != 1]
    effects = sum(map(len, seen.taken.values()))
    return [
        at_least("records in the topics", len(seen.records), stage.form.pick(test=50, short=1_000, soak=5_000)),
        at_least("keys", len(numbers), stage.form.pick(test=10, short=200, soak=1_000)),
        told("records that came twice", len(seen.records) - len({one.event_id for one in seen.records})),
        none("inversions in the topics", inversions((f"{one.topic} {one.key}", one.seq) for one in seen.records)),
        none("gaps in the topics", sum(map(len, holes(numbers).values())) + len(headless)),
        at_least("effects in consumers", effects, stage.form.pick(test=50, short=1_000, soak=5_000)),
        none("inversions in consumers", sum(overtaken(taken) for taken in seen.taken.values())),
        none("events that a consumer never took", seen.untaken),
    ]


PROMISE = Promise(
    number="P11",
    words="What concerns one order, level or offer happens in one order everywhere, whoever dies or hands over",
    needs="suite",
    run=run,
)
