"""Every change of a shop tells its whole present state."""

from dataclasses import asdict

from catalog_svc.shops.rules import Shop
from svc_contracts.events.catalog import DeliveryMethod, ShopChanged


def changed(shop: Shop) -> ShopChanged:
    return ShopChanged(
        shop=shop.slug,
        name=shop.name,
        channel=shop.channel,
        currency=shop.currency,
        time_zone=shop.time_zone,
        locales=list(shop.locales),
        delivery_methods=[DeliveryMethod(**asdict(method)) for method in shop.delivery_methods],
        payment_methods=list(shop.payment_methods),
        unpaid_expiry_seconds=shop.unpaid_expiry_seconds,
        state=shop.state,
    )
