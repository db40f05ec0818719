"""What the other services would say to order-svc: the shops and goods it copies, and the replies about an order."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from svc_contracts.events import Event
from svc_contracts.events.base import Components
from svc_contracts.events.campaign import BenefitItem, BenefitsLocked, BenefitsRefused, BenefitsReleased, BenefitsUsed
from svc_contracts.events.catalog import DeliveryMethod, ListingChanged, ListingWindow, OfferSku, Price, ShopChanged
from svc_contracts.events.order import RefusedBenefit, Shortage
from svc_contracts.events.stock import (
    Allocation,
    FulfilmentAccepted,
    ShipmentDelivered,
    ShipmentShipped,
    ShippedLine,
    StockRefused,
    StockReleased,
    StockReleaseRefused,
    StockReserved,
    WarehouseChanged,
)

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Shanghai


def allocation(line_id: str = "l1", sku: str = "A", units: int = 2) -> Allocation:
    return Allocation(line_id=line_id, sku=sku, warehouse="main", quantity=units)


def shop(slug: str = "demo", **changes: Any) -> ShopChanged:
    given: dict[str, Any] = {
        "shop": slug,
        "name": {"en": "Demo"},
        "channel": "web",
        "currency": "CNY",
        "time_zone": "Asia/Shanghai",
        "locales": ["en"],
        "delivery_methods": [DeliveryMethod(id="standard", name={"en": "Standard"}, fee_minor=800)],
        "payment_methods": ["sandbox", "cod"],
        "unpaid_expiry_seconds": 900,
        "state": "open",
    }
    return ShopChanged(**{**given, **changes})


def listing(sku: str, each: int, *, of: str = "demo", parts: Mapping[str, int] | None = None) -> ListingChanged:
    prices = [Price(list_id="plt_1", position=1, amount_minor=each, currency="CNY")]
    components = [Components(sku=part, quantity=count) for part, count in (parts or {}).items()]
    return ListingChanged(
        listing_id=f"lst_{of}_{sku}",
        shop=of,
        product_id=f"prd_{sku}",
        category_path=["cat_1"],
        brand=None,
        title={"en": f"Goods {sku}"},
        slug=sku.lower(),
        state="live",
        window=ListingWindow(),
        skus=[OfferSku(sku=sku, components=components, prices=prices)],
    )


def warehouse(code: str = "main") -> WarehouseChanged:
    return WarehouseChanged(
        code=code, kind="own", region="CN-SH", priority=1, channels=["web", "mall"], cut_off="17:00",
        handling_hours=24, calendar="every_day", state="active",
    )  # fmt: skip


class Neighbours:
    """Their words, at hand on the house."""

    allocation = staticmethod(allocation)
    shop = staticmethod(shop)
    listing = staticmethod(listing)

    @staticmethod
    def reserved(order_id: str, units: Mapping[str, int] | None = None, *, attempt: int = 1) -> StockReserved:
        found = [allocation(f"l{n}", sku, count) for n, (sku, count) in enumerate((units or {"A": 2}).items(), start=1)]
        return StockReserved(order_id=order_id, attempt=attempt, allocations=found)

    @staticmethod
    def refused(order_id: str, sku: str = "A", wanted: int = 2, available: int = 1, *, attempt: int = 1) -> Event:
        short = Shortage(line_id="l1", sku=sku, wanted=wanted, available=available)
        return StockRefused(order_id=order_id, attempt=attempt, shortages=[short])

    @staticmethod
    def released(order_id: str) -> Event:
        return StockReleased(order_id=order_id)

    @staticmethod
    def release_refused(order_id: str) -> Event:
        return StockReleaseRefused(order_id=order_id, shipped_lines=[ShippedLine(line_id="l1", quantity=2)])

    @staticmethod
    def accepted(order_id: str) -> Event:
        return FulfilmentAccepted(order_id=order_id, fulfilment_id="ful_1", warehouse="main", at=NOW)

    @staticmethod
    def shipped(order_id: str, units: int = 2, *, parcel: str = "shp_1") -> ShipmentShipped:
        return ShipmentShipped(**_parcel(order_id, units, parcel))

    @staticmethod
    def delivered(order_id: str, units: int = 2, *, parcel: str = "shp_1") -> ShipmentDelivered:
        return ShipmentDelivered(**_parcel(order_id, units, parcel))

    @staticmethod
    def benefits(how: str, order_id: str, why: Any = "coupon-exhausted") -> Event:
        items = [BenefitItem(promotion_id="pro_1", code="TEN", amount_minor=200)]
        match how:
            case "locked":
                return BenefitsLocked(order_id=order_id, items=items)
            case "released":
                return BenefitsReleased(order_id=order_id, items=items)
            case "used":
                return BenefitsUsed(order_id=order_id, items=items)
        return BenefitsRefused(order_id=order_id, items=[RefusedBenefit(promotion_id="pro_1", code="TEN", why=why)])

    @staticmethod
    def decision(data: dict[str, Any], left: dict[str, int]) -> Event:
        """As inventory-svc decides about an order.placed, all or nothing; takes from `left` what it promises."""
        lines = data["lines"]
        short = [
            Shortage(line_id=one["line_id"], sku=one["sku"], wanted=one["quantity"], available=left.get(one["sku"], 0))
            for one in lines
            if left.get(one["sku"], 0) < one["quantity"]
        ]
        if short:
            return StockRefused(order_id=data["order_id"], attempt=data["attempt"], shortages=short)
        for one in lines:
            left[one["sku"]] -= one["quantity"]
        found = [allocation(one["line_id"], one["sku"], one["quantity"]) for one in lines]
        return StockReserved(order_id=data["order_id"], attempt=data["attempt"], allocations=found)


def _parcel(order_id: str, units: int, parcel: str) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "fulfilment_id": "ful_1",
        "warehouse": "main",
        "at": NOW,
        "shipment_id": parcel,
        "carrier": "SF",
        "tracking_no": f"SF-{parcel}",
        "lines": [ShippedLine(line_id="l1", quantity=units)],
    }
