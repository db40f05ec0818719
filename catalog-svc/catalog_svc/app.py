"""catalog-svc's table of contents."""

from fastapi import FastAPI

from catalog_svc.categories import api as categories
from catalog_svc.events_in import PROJECT
from catalog_svc.listings import api as listings
from catalog_svc.media import api as media
from catalog_svc.prices import api as prices
from catalog_svc.products import api as products
from catalog_svc.settings import CatalogSettings
from catalog_svc.shops import api as shops
from catalog_svc.storefront import api as storefront
from catalog_svc.timers import TIMERS
from svc_kit import assembly as kit
from svc_kit.assembly import Service

SERVICE = Service(
    name="catalog-svc",
    settings=CatalogSettings,
    routers=(
        shops.router,
        categories.router,
        products.router,
        prices.router,
        listings.router,
        media.router,
        storefront.router,
    ),
    consumers=(PROJECT,),
    timers=TIMERS,
)


def create_app(settings: CatalogSettings | None = None) -> FastAPI:
    return kit.create_app(SERVICE, settings)
