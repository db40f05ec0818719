"""Opening, locking and widening counters. They are locked before shops, promotions and campaigns."""

from collections.abc import Collection

from marketing_svc.benefits import store
from marketing_svc.benefits.rules.counting import Counter
from svc_kit.refusals import Fault, Refusal
from svc_kit.transaction import Tx


class BudgetInUse(Refusal):
    slug, status = "budget-in-use", 409
    title = {"en": "More is already spent or reserved than this cap allows", "zh": "已使用或预留的金额超过该上限"}


async def open_counter(tx: Tx, subject_id: str, *, cap: int | None = None, hard_cap_minor: int | None = None) -> None:
    await store.insert_counter(tx.con, subject_id, cap=cap, hard_cap_minor=hard_cap_minor)


async def lock_counters(tx: Tx, subject_ids: Collection[str | None]) -> dict[str, Counter]:
    """By id. Whoever changes what a promotion may give holds its counter and its campaign's: so nobody misses a
    crossing."""
    return await store.lock_counters(tx.con, {one for one in subject_ids if one is not None})


async def change_cap(tx: Tx, counter: Counter, cap: int | None) -> None:
    """Of a locked counter that nobody has taken from."""
    await store.change_caps(tx.con, counter.subject_id, cap=cap, hard_cap_minor=counter.hard_cap_minor)


async def change_budget(tx: Tx, counter: Counter, hard_cap_minor: int | None) -> None:
    """Of a locked counter. Raises BudgetInUse."""
    if hard_cap_minor is not None and hard_cap_minor < counter.taken_minor:
        fault = Fault(
            "/hard_cap",
            "budget-in-use",
            f"{counter.taken_minor} are already spent or reserved",
            f"已使用或预留 {counter.taken_minor}",
            least_minor=counter.taken_minor,
        )
        raise BudgetInUse([fault])
    await store.change_caps(tx.con, counter.subject_id, cap=counter.cap, hard_cap_minor=hard_cap_minor)
