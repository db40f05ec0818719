"""Writing promotions down: everything may change while they are drafts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from marketing_svc.benefits.commands.counters import change_cap, lock_counters, open_counter
from marketing_svc.campaigns import queries as campaigns
from marketing_svc.copies import queries as copies
from marketing_svc.promotions import store
from marketing_svc.promotions.commands.exhaustion import settle
from marketing_svc.promotions.commands.refusals import unknown_campaign, unknown_shop
from marketing_svc.promotions.events import changed
from marketing_svc.promotions.rules.engine import CATALOGUE, EXCLUSIVE, Conditions, Reward
from marketing_svc.promotions.rules.promotion import AUTOMATIC, LEAST, Promotion, State, possible
from svc_kit.refusals import Fault, IllegalTransition, NotFound, ValidationFailed
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


@dataclass(frozen=True, slots=True)
class Draft:
    """What is said about a promotion, checked together."""

    shop: str
    campaign_id: str | None
    name: dict[str, str]
    trigger: str
    scope: str
    conditions: Conditions
    reward: Reward
    priority: int
    stacking: str
    group: str | None
    from_at: datetime | None
    until: datetime | None
    total: int | None
    per_customer: int | None


async def create_promotion(tx: Tx, draft: Draft) -> Promotion:
    """Raises ValidationFailed. Effects: promotion.changed."""
    await lock_counters(tx, [draft.campaign_id])
    shop = await copies.shop(tx.con, draft.shop)
    if shop is not None:
        await store.open_shop(tx.con, draft.shop)
        await store.lock_shops(tx.con, [draft.shop])
    await _require_sound(tx, draft, [] if shop else [unknown_shop(draft.shop)])
    assert shop is not None
    promotion = Promotion(
        **_facts(draft),
        id=tx.ids.new("prm"),
        currency=shop.currency,
        state=State.DRAFT,
        paused_by_campaign=False,
        exhausted=False,
        ended_at=None,
        created_at=tx.now,
        version=1,
        event_seq=1,
    )
    await store.insert(tx.con, promotion)
    await open_counter(tx, promotion.id, cap=promotion.total)
    tx.emit(changed(promotion), seq=promotion.event_seq)
    # Its campaign may have nothing left to give.
    await settle(tx, {promotion.id})
    return promotion


async def change_promotion(tx: Tx, promotion_id: str, *, version: int, changes: dict[str, Any]) -> Promotion:
    """`changes`: fields of Draft. Raises NotFound, StaleVersion, IllegalTransition, ValidationFailed."""
    known = (await store.by_ids(tx.con, [promotion_id])).get(promotion_id)
    if known is None:
        raise NotFound()
    counters = await lock_counters(tx, [promotion_id, known.campaign_id, changes.get("campaign_id")])
    await store.lock_shops(tx.con, [known.shop])
    promotion = await store.lock(tx.con, promotion_id)
    assert promotion is not None
    require_version(promotion.version, version)
    if promotion.state is not State.DRAFT:
        raise IllegalTransition(state=promotion.state.value, possible=possible(promotion.state))
    draft = replace(Draft(**{name: getattr(promotion, name) for name in Draft.__slots__}), **changes)
    await _require_sound(tx, draft, [])
    promotion = replace(promotion, **_facts(draft), version=promotion.version + 1, event_seq=promotion.event_seq + 1)
    await store.update(tx.con, [promotion])
    await change_cap(tx, counters[promotion_id], promotion.total)
    tx.emit(changed(promotion), seq=promotion.event_seq)
    await settle(tx, {promotion_id})
    return promotion


def _facts(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in Draft.__slots__}


async def _require_sound(tx: Tx, draft: Draft, faults: list[Fault]) -> None:
    """Raises ValidationFailed with everything that is wrong."""
    faults = [*faults, *_wrong(draft, tx.now)]
    if draft.campaign_id is not None:
        campaign = await campaigns.campaign(tx.con, draft.campaign_id)
        if campaign is None or campaign.shop != draft.shop or campaign.is_over:
            faults.append(unknown_campaign())
    if faults:
        raise ValidationFailed(faults)


def _wrong(draft: Draft, now: datetime) -> Iterator[Fault]:
    if draft.trigger == AUTOMATIC and draft.scope == CATALOGUE:
        for name in LEAST:
            if getattr(draft.conditions, name):
                en = "A price on a page cannot depend on the rest of the cart"
                yield Fault(f"/conditions/{name}", "needs-a-cart", en, "页面价格不能取决于购物车的其他内容")
    if (draft.stacking == EXCLUSIVE) != (draft.group is not None):
        en = "Exclusive promotions name the group in which they exclude each other; others have none"
        yield Fault("/group", "group-of-exclusive", en, "互斥活动须指定互斥组，其他活动不得指定")
    if draft.until is not None and draft.until <= now:
        yield Fault("/window/until", "already-over", "This moment has passed", "该时间已过")
    if draft.from_at is not None and draft.until is not None and draft.from_at >= draft.until:
        yield Fault("/window", "window-without-length", "It would end before it begins", "结束时间须晚于开始时间")
