"""inventory-svc's table of contents."""

from fastapi import FastAPI

from inventory_svc.events_in import DECIDE, PROJECT
from inventory_svc.fulfilment import api as fulfilment
from inventory_svc.reservations import api as reservations
from inventory_svc.settings import InventorySettings
from inventory_svc.stock import api as stock
from inventory_svc.timers import TIMERS
from inventory_svc.warehouses import api as warehouses
from svc_kit import assembly as kit
from svc_kit.assembly import Service

SERVICE = Service(
    name="inventory-svc",
    settings=InventorySettings,
    routers=(warehouses.router, stock.router, reservations.router, fulfilment.router),
    consumers=(DECIDE, PROJECT),
    timers=TIMERS,
)


def create_app(settings: InventorySettings | None = None) -> FastAPI:
    return kit.create_app(SERVICE, settings)
