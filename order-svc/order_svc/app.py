"""order-svc's table of contents."""

from fastapi import FastAPI

from order_svc.addresses import api as addresses
from order_svc.audit import api as audit
from order_svc.carts import api as carts
from order_svc.channels import api as channels
from order_svc.delivery import api as delivery
from order_svc.events_in import DECIDE, PROJECT
from order_svc.orders.api import admin as orders
from order_svc.orders.api import store
from order_svc.orders.commands.placing import PLACE
from order_svc.payments import api as payments
from order_svc.payments.commands.callbacks import TAKE
from order_svc.payments.commands.starting import START
from order_svc.payments.effects import EFFECTS
from order_svc.quotes import api as quotes
from order_svc.quotes.commands import KEEP
from order_svc.settings import OrderSettings
from order_svc.timers import TIMERS
from svc_kit import assembly as kit
from svc_kit.assembly import Service

SERVICE = Service(
    name="order-svc",
    settings=OrderSettings,
    routers=(
        store.router,  # first, for routes are tried in this order and the checkout is the hottest
        carts.router,
        quotes.router,
        delivery.router,
        payments.router,
        orders.router,
        audit.router,
        channels.router,
        addresses.router,
    ),
    consumers=(DECIDE, PROJECT),
    timers=TIMERS,
    effects=EFFECTS,
    batches=(KEEP, PLACE, START, TAKE),
)


def create_app(settings: OrderSettings | None = None) -> FastAPI:
    return kit.create_app(SERVICE, settings)
