"""metrics-svc's table of contents."""

from fastapi import FastAPI

from metrics_svc.events_in import PROJECT, TRAFFIC
from metrics_svc.kpis import api as kpis
from metrics_svc.settings import MetricsSettings
from svc_kit import assembly as kit
from svc_kit.assembly import Service

SERVICE = Service(name="metrics-svc", settings=MetricsSettings, routers=(kpis.router,), consumers=(PROJECT, TRAFFIC))


def create_app(settings: MetricsSettings | None = None) -> FastAPI:
    return kit.create_app(SERVICE, settings)
