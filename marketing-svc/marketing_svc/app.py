"""marketing-svc's table of contents."""

from fastapi import FastAPI

from marketing_svc.benefits import api as benefits
from marketing_svc.campaigns import api as campaigns
from marketing_svc.coupons import api as coupons
from marketing_svc.events_in import DECIDE, PROJECT
from marketing_svc.promotions import api as promotions
from marketing_svc.settings import MarketingSettings
from marketing_svc.timers import TIMERS
from svc_kit import assembly as kit
from svc_kit.assembly import Service

SERVICE = Service(
    name="marketing-svc",
    settings=MarketingSettings,
    routers=(campaigns.router, promotions.router, coupons.router, benefits.router),
    consumers=(DECIDE, PROJECT),
    timers=TIMERS,
)


def create_app(settings: MarketingSettings | None = None) -> FastAPI:
    return kit.create_app(SERVICE, settings)
