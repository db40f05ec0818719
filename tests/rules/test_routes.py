"""What every route of every service keeps to."""

import importlib
import inspect
from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from svc_contracts.suite import SERVICES
from svc_kit.assembly import Service


def routes_of(package: str) -> Iterator[APIRoute]:
    service: Service = importlib.import_module(f"{package}.app").SERVICE
    for router in service.routers:
        yield from (route for route in router.routes if isinstance(route, APIRoute))


def all_of(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from all_of(one)


def is_async(call: object) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004


@pytest.mark.parametrize("package", [entry.package for entry in SERVICES.values()])
def test_nothing_of_a_request_runs_in_a_thread(package: str) -> None:
    """FastAPI hands plain functions to a pool of threads: that costs more than the request."""
    plain = {
        f"{route.path}: {one.call}"
        for route in routes_of(package)
        for one in (route.dependant, *all_of(route.dependant))
        if not is_async(one.call)
    }

    assert plain == set()
