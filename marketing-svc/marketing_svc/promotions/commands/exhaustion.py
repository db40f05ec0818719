"""Whether promotions still have something to give: derived from counters, said at the crossing in both directions."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import asyncpg

from marketing_svc.benefits.queries.counters import counters
from marketing_svc.benefits.rules.counting import Counter
from marketing_svc.coupons import queries as coupons
from marketing_svc.coupons.rules import Batch
from marketing_svc.coupons.rules import State as BatchState
from marketing_svc.promotions import store
from marketing_svc.promotions.commands import ticking
from marketing_svc.promotions.rules.promotion import CODE, Promotion
from svc_contracts.events.campaign import PromotionAvailable, PromotionExhausted
from svc_kit.transaction import Tx


async def settle(tx: Tx, subject_ids: Collection[str]) -> None:
    """After counters crossed between full and not: tell of the promotions that live on them.

    The counters are locked by the caller. Locks: shops, then promotions. Effects: promotion.exhausted, available.
    """
    if not subject_ids:
        return
    owners = await coupons.promotions_of(tx.con, subject_ids)
    promotion_ids = {*subject_ids, *owners}
    shops = await store.shops_touched(tx.con, promotion_ids, subject_ids)
    await store.lock_shops(tx.con, shops)
    touched = await store.lock_touched(tx.con, promotion_ids, subject_ids)
    exhausted = await _exhausted(tx.con, touched)
    turned = [one for one in touched if one.exhausted != (one.id in exhausted)]
    await _tell(tx, turned)


async def _tell(tx: Tx, turned: Sequence[Promotion]) -> None:
    if not turned:
        return
    turned = [replace(one, exhausted=not one.exhausted, event_seq=one.event_seq + 1) for one in turned]
    await store.update(tx.con, turned)
    for one in turned:
        kind = PromotionExhausted if one.exhausted else PromotionAvailable
        tx.emit(kind(promotion_id=one.id, at=tx.now), seq=one.event_seq)
    await ticking.wake(tx, {one.shop for one in turned if one.is_shown})


async def _exhausted(con: asyncpg.Connection, promotions: Sequence[Promotion]) -> set[str]:
    batches: dict[str, list[Batch]] = {}
    for batch in await coupons.of_promotions(con, {one.id for one in promotions if one.trigger == CODE}):
        batches.setdefault(batch.promotion_id, []).append(batch)
    subjects = {subject for one in promotions for subject in (one.id, one.campaign_id) if subject is not None}
    subjects |= {batch.id for some in batches.values() for batch in some}
    known = await counters(con, subjects)
    return {one.id for one in promotions if is_exhausted(one, batches.get(one.id, []), known)}


def is_exhausted(promotion: Promotion, batches: Sequence[Batch], known: dict[str, Counter]) -> bool:
    """Its own counter, its campaign's or all of its coupons have nothing left."""
    if known[promotion.id].is_full or (promotion.campaign_id is not None and known[promotion.campaign_id].is_full):
        return True
    open_ones = [batch for batch in batches if batch.state is BatchState.ACTIVE and not known[batch.id].is_full]
    return bool(batches) and not open_ones
