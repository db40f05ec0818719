"""campaign.events: benefits taken and returned, promotions and campaigns as their whole present state."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from svc_contracts.events.base import AmountMinor, At, Event, LocalText, Part, Sku
from svc_contracts.events.order import RefusedBenefit
from svc_contracts.topics import CAMPAIGN, Topic


class BenefitItem(Part):
    promotion_id: str
    code: str | None = None
    amount_minor: AmountMinor


class BenefitReply(Event):
    topic: ClassVar[Topic] = CAMPAIGN
    key_field: ClassVar[str] = "order_id"

    order_id: str
    attempt: int = 1


class BenefitsLocked(BenefitReply):
    type: ClassVar[str] = "benefits.locked"

    items: list[BenefitItem]


class BenefitsRefused(BenefitReply):
    type: ClassVar[str] = "benefits.refused"

    items: list[RefusedBenefit]


class BenefitsReleased(BenefitReply):
    type: ClassVar[str] = "benefits.released"

    items: list[BenefitItem] = []


class BenefitsUsed(BenefitReply):
    type: ClassVar[str] = "benefits.used"

    items: list[BenefitItem]


class PromotionEvent(Event):
    topic: ClassVar[Topic] = CAMPAIGN
    key_field: ClassVar[str] = "promotion_id"

    promotion_id: str


class PromotionChanged(PromotionEvent):
    type: ClassVar[str] = "promotion.changed"

    campaign_id: str | None = None
    shop: str
    name: LocalText
    trigger: Literal["automatic", "code", "claim"]
    scope: Literal["catalogue", "order", "shipping"]
    state: Literal["draft", "scheduled", "active", "paused", "ended"]
    conditions: dict[str, Any] = {}
    reward: dict[str, Any] = {}
    from_: At | None = Field(default=None, alias="from")
    until: At | None = None


class PriceChangedSku(Part):
    sku: Sku
    amount_minor: AmountMinor | None = Field(description="null: the promotion price is over")
    from_: At | None = Field(default=None, alias="from")
    until: At | None = None


class PromotionPriceChanged(PromotionEvent):
    """The price that catalogue pages show for a promotion; a list without the sku's amount takes it back."""

    type: ClassVar[str] = "promotion.price_changed"

    shop: str
    skus: list[PriceChangedSku]


class PromotionExhausted(PromotionEvent):
    type: ClassVar[str] = "promotion.exhausted"

    at: At


class PromotionAvailable(PromotionEvent):
    type: ClassVar[str] = "promotion.available"

    at: At


class CampaignEvent(Event):
    topic: ClassVar[Topic] = CAMPAIGN
    key_field: ClassVar[str] = "campaign_id"

    campaign_id: str
    shop: str
    name: LocalText
    at: At


class CampaignStarted(CampaignEvent):
    type: ClassVar[str] = "campaign.started"


class CampaignEnded(CampaignEvent):
    type: ClassVar[str] = "campaign.ended"
