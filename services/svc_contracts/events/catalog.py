"""catalog.events: shops, categories, products and offers, each as its whole present state."""

from typing import ClassVar, Literal

from pydantic import Field

from svc_contracts.events.base import AmountMinor, At, Components, Event, LocalText, Part, Sku
from svc_contracts.money import Currency
from svc_contracts.topics import CATALOG, Topic


class DeliveryMethod(Part):
    id: str
    name: LocalText
    fee_minor: AmountMinor
    free_from_minor: AmountMinor | None = None


class ShopChanged(Event):
    topic: ClassVar[Topic] = CATALOG
    type: ClassVar[str] = "shop.changed"
    key_field: ClassVar[str] = "shop"

    shop: str
    name: LocalText
    channel: str
    currency: Currency
    time_zone: str
    locales: list[str]
    delivery_methods: list[DeliveryMethod]
    payment_methods: list[str]
    unpaid_expiry_seconds: int
    state: Literal["draft", "onboarding", "ready_for_review", "open", "suspended", "closed"]


class CategoryChanged(Event):
    topic: ClassVar[Topic] = CATALOG
    type: ClassVar[str] = "category.changed"
    key_field: ClassVar[str] = "category_id"

    category_id: str
    parent_id: str | None
    path: list[str] = Field(description="category ids from the root to this one")
    name: LocalText


class ProductChanged(Event):
    topic: ClassVar[Topic] = CATALOG
    type: ClassVar[str] = "product.changed"
    key_field: ClassVar[str] = "product_id"

    product_id: str
    category_id: str
    category_path: list[str]
    brand: str | None
    title: LocalText
    slug: str
    skus: list[Sku]


class PriceRules(Part):
    match: Literal["all", "any"] = "all"
    channels: list[str] = []
    member_levels: list[str] = []
    segments: list[str] = []
    quantity_min: int | None = None
    quantity_max: int | None = None


class Price(Part):
    list_id: str
    position: int
    amount_minor: AmountMinor
    currency: Currency
    rules: PriceRules = PriceRules()
    from_: At | None = Field(default=None, alias="from")
    until: At | None = None


class OfferSku(Part):
    sku: Sku
    options: dict[str, str] = {}
    weight_g: int | None = None
    backorder_limit: int = 0
    components: list[Components] = []
    prices: list[Price]


class ListingWindow(Part):
    from_: At | None = Field(default=None, alias="from")
    until: At | None = None


class ListingChanged(Event):
    """The whole offer of a product in a shop: order-svc quotes from its copy of this."""

    topic: ClassVar[Topic] = CATALOG
    type: ClassVar[str] = "listing.changed"
    key_field: ClassVar[str] = "listing_id"

    listing_id: str
    shop: str
    product_id: str
    category_path: list[str]
    brand: str | None
    title: LocalText
    slug: str
    image: str | None = None
    state: Literal[
        "draft", "checking", "pending_review", "rejected", "scheduled", "live", "paused", "unlisted", "archived"
    ]
    window: ListingWindow = ListingWindow()
    skus: list[OfferSku]
