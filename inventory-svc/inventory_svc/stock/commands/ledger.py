"""The ledger: lock levels, write movements, and let the movements alone change the counters."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from inventory_svc.stock import store
from inventory_svc.stock.events import events_of
from inventory_svc.stock.rules import RAISE_DEFICIT, Level, Movement, Telling, applied, deltas, tell
from svc_kit import timers
from svc_kit.consumer import Received
from svc_kit.timers import Due
from svc_kit.transaction import Tx

ANNOUNCE = "announce"  # the timer that says later what was too early to say at once


async def lock_levels(tx: Tx, keys: Collection[str]) -> dict[str, Level]:
    """The levels that exist among `keys`, locked in key order until the commit."""
    return await store.lock_levels(tx.con, keys) if keys else {}


async def lock_or_create_levels(tx: Tx, pairs: Iterable[tuple[str, str]]) -> dict[str, Level]:
    """The levels of (sku, warehouse), made where they were missing, locked in key order."""
    pairs = set(pairs)
    await store.create_levels(tx.con, pairs)
    return await store.lock_levels(tx.con, [f"{sku}@{warehouse}" for sku, warehouse in pairs])


async def post(
    tx: Tx, levels: Mapping[str, Level], movements: Sequence[Movement], *, cause: Received | None = None
) -> dict[str, Level]:
    """Write the movements and what they do to the locked `levels`; returns the levels that changed.

    Effects: stock.level_changed and alert events. A movement beyond what is there meets the table's CHECK: a bug here.
    """
    if not movements:
        return {}
    changes = deltas(movements)
    raising = {movement.key for movement in movements if movement.kind in RAISE_DEFICIT}
    tellings = [
        tell(applied(levels[key], change, may_raise_deficit=key in raising), tx.now) for key, change in changes.items()
    ]
    actor = (tx.actor.kind, tx.actor.id)
    await store.append_movements(tx.con, movements, actor=actor, at=tx.now)
    await store_and_emit(tx, tellings, changes, cause=cause)
    return {telling.level.key: telling.level for telling in tellings}


async def store_and_emit(
    tx: Tx,
    tellings: Sequence[Telling],
    changes: Mapping[str, Mapping[str, int]],
    *,
    cause: Received | None = None,
) -> None:
    """Write locked levels with what they have to tell."""
    await store.update_levels(tx.con, [telling.level for telling in tellings], changes)
    opened = [(tx.ids.new("alr"), telling.level.key, kind) for telling in tellings for kind in telling.opened]
    closed = [(telling.level.key, kind) for telling in tellings for kind in telling.closed]
    due = [Due(telling.level.key, ANNOUNCE, telling.due_at) for telling in tellings if telling.due_at is not None]
    if opened:
        await store.open_alerts(tx.con, opened, at=tx.now)
    if closed:
        await store.close_alerts(tx.con, closed, at=tx.now)
    if due:
        await timers.schedule(tx, due)
    for telling in tellings:
        for event, seq in events_of(telling, tx.now):
            tx.emit(event, seq=seq, cause=cause)
