"""Recording the facts of orders."""

from collections.abc import Sequence

from metrics_svc.facts import store
from metrics_svc.facts.rules import Told, fold, words_of
from svc_kit.consumer import Received
from svc_kit.transaction import Tx


async def record_orders(tx: Tx, events: Sequence[Received]) -> None:
    """Placed, paid, rejected, refunded: a whole batch in one statement per table. Early, late and repeated events
    end in the same rows.
    """
    batch = fold(Told(one.event, one.event_id, (one.timeline, one.seq)) for one in events)
    if batch.placed:
        words = await store.numbered(tx.con, words_of(told.event for told in batch.placed.values()))
        news = await store.upsert_placed(tx.con, list(batch.placed.values()), words)
        written = [(news[order_id], told.event) for order_id, told in batch.placed.items() if order_id in news]
        await store.replace_lines(tx.con, written, words)
    if batch.paid:
        await store.upsert_paid(tx.con, list(batch.paid.values()))
    if batch.rejected:
        await store.upsert_rejected(tx.con, list(batch.rejected.values()))
    if batch.refunded:
        await store.insert_refunds(tx.con, list(batch.refunded.values()))
