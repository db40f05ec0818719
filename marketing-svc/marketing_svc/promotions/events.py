"""Every change of a promotion tells its whole present state; prices travel as what differs."""

from collections.abc import Iterator, Mapping

from marketing_svc.promotions.rules.pricing import Shown
from marketing_svc.promotions.rules.promotion import Promotion, plain_conditions, plain_reward
from svc_contracts.events.campaign import PriceChangedSku, PromotionChanged, PromotionPriceChanged

SKUS_PER_EVENT_MAX = 500  # an event holds at most 256 KiB


def changed(promotion: Promotion) -> PromotionChanged:
    return PromotionChanged.model_validate(
        {
            "promotion_id": promotion.id,
            "campaign_id": promotion.campaign_id,
            "shop": promotion.shop,
            "name": promotion.name,
            "trigger": promotion.trigger,
            "scope": promotion.scope,
            "state": promotion.state.value,
            "conditions": plain_conditions(promotion.conditions),
            "reward": plain_reward(promotion.reward),
            "from": promotion.from_at,
            "until": promotion.until,
        }
    )


def prices_changed(promotion: Promotion, skus: Mapping[str, Shown | None]) -> Iterator[PromotionPriceChanged]:
    rows = list(skus.items())
    for begin in range(0, len(rows), SKUS_PER_EVENT_MAX):
        prices = [
            PriceChangedSku.model_validate(
                {
                    "sku": sku,
                    "amount_minor": price.amount_minor if price else None,
                    "until": price.until if price else None,
                }
            )
            for sku, price in rows[begin : begin + SKUS_PER_EVENT_MAX]
        ]
        yield PromotionPriceChanged(promotion_id=promotion.id, shop=promotion.shop, skus=prices)
