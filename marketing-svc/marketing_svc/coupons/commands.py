"""Issuing and revoking coupon batches."""

from dataclasses import replace
from datetime import datetime

from marketing_svc.benefits.commands.counters import lock_counters, open_counter
from marketing_svc.coupons import store
from marketing_svc.coupons.rules import Batch, State, normal, possible
from marketing_svc.promotions import queries as promotions
from marketing_svc.promotions.commands.exhaustion import settle
from marketing_svc.promotions.commands.steps import lock_shop
from marketing_svc.promotions.rules.promotion import CODE
from marketing_svc.promotions.rules.promotion import State as PromotionState
from svc_kit.refusals import Fault, IllegalTransition, NotFound, Refusal, ValidationFailed
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


class CouponCodeTaken(Refusal):
    slug, status = "coupon-code-taken", 409
    title = {"en": "The shop already has a coupon with this code", "zh": "该店铺已有此优惠码"}


async def issue_batch(
    tx: Tx,
    *,
    promotion_id: str,
    code: str,
    total: int,
    per_customer: int,
    from_at: datetime | None,
    until: datetime | None,
) -> Batch:
    """The promotion may be running already. Raises ValidationFailed, CouponCodeTaken. Effects: promotion.available."""
    promotion = await promotions.promotion(tx.con, promotion_id)
    assert promotion is not None, "the caller knows its shop"
    await lock_counters(tx, [promotion.id, promotion.campaign_id])
    await lock_shop(tx, promotion.shop)
    promotion = await promotions.promotion(tx.con, promotion_id)
    assert promotion is not None
    faults = []
    if promotion.trigger != CODE:
        en = "Only a promotion with the trigger code takes coupons"
        faults.append(Fault("/promotion_id", "wrong-trigger", en, "仅触发方式为 code 的活动可使用优惠券"))
    if promotion.state is PromotionState.ENDED:
        faults.append(Fault("/promotion_id", "promotion-ended", "The promotion has ended", "该活动已结束"))
    if until is not None and until <= tx.now:
        faults.append(Fault("/validity/until", "already-over", "This moment has passed", "该时间已过"))
    if faults:
        raise ValidationFailed(faults)
    batch = Batch(
        tx.ids.new("cpb"),
        promotion_id,
        promotion.shop,
        normal(code),
        total,
        per_customer,
        State.ACTIVE,
        from_at,
        until,
        tx.now,
        1,
    )
    if not await store.insert(tx.con, batch):
        taken = Fault("/code", "coupon-code-taken", f"{batch.code} is in use", f"{batch.code} 已被占用")
        raise CouponCodeTaken([taken])
    await open_counter(tx, batch.id, cap=total)
    await settle(tx, {promotion_id})
    return batch


async def revoke_batch(tx: Tx, batch_id: str, *, version: int) -> Batch:
    """Nobody takes the code from now on; what is locked or used stays.

    Raises NotFound, StaleVersion, IllegalTransition. Effects: promotion.exhausted.
    """
    known = await store.by_id(tx.con, batch_id)
    promotion = await promotions.promotion(tx.con, known.promotion_id) if known else None
    if known is None or promotion is None:
        raise NotFound()
    await lock_counters(tx, [known.id, promotion.id, promotion.campaign_id])
    await lock_shop(tx, promotion.shop)
    batch = await store.lock(tx.con, batch_id)
    assert batch is not None
    require_version(batch.version, version)
    if batch.state is not State.ACTIVE:
        raise IllegalTransition(state=batch.state.value, possible=possible(batch.state))
    batch = replace(batch, state=State.REVOKED, version=batch.version + 1)
    await store.update_state(tx.con, batch)
    await settle(tx, {promotion.id})
    return batch
