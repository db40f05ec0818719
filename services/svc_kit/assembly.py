"""A service's table of contents, and what is open while it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import orjson
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from prometheus_client import generate_latest
from starlette.exceptions import HTTPException

from svc_contracts.ids import Ids
from svc_contracts.suite import SERVICES
from svc_kit import failpoints, upstream
from svc_kit.access import InternalTokens
from svc_kit.batches import Batch, Batched
from svc_kit.clock import Clock, clock_of
from svc_kit.consumer import Consumer
from svc_kit.doors import scopes_of
from svc_kit.front import Front
from svc_kit.problems import MEDIA_TYPE, Problem, refusal_of_status, refusal_of_validation, render_for
from svc_kit.refusals import Fault, Overloaded, Refusal, StorageFull, ValidationFailed
from svc_kit.settings import KitSettings
from svc_kit.telemetry import Metrics
from svc_kit.timers import Timer
from svc_kit.transaction import Database
from svc_kit.trouble import PASSING, TROUBLE

log = structlog.get_logger()
VERSION = "0.1.0"
FULL_RETRY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    settings: type[KitSettings]
    routers: tuple[APIRouter, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    timers: tuple[Timer, ...] = ()
    effects: tuple[Any, ...] = ()
    batches: tuple[Batched[Any, Any], ...] = ()
    resources: "Callable[[Runtime], AbstractAsyncContextManager[None]] | None" = None
    # Routes that need no scope, by path: the gateway's sign-in and nothing else.
    open_paths: frozenset[str] = frozenset()
    # Where the service shows its own document; None: a route of its own answers there.
    openapi_url: str | None = "/openapi.json"


@dataclass(slots=True)
class Runtime:
    """Everything that is open. `ready` turns false first when the process stops."""

    service: Service
    settings: Any
    db: Database
    clock: Clock
    ids: Ids
    tokens: InternalTokens
    metrics: Metrics
    app: FastAPI
    client: httpx.AsyncClient
    state: SimpleNamespace = field(default_factory=SimpleNamespace)
    ready: bool = True
    # Set with the notice of a stop, where it is long enough for others to take over what this process consumes.
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    statuses: dict[str, Callable[[], Mapping[str, Any]]] = field(default_factory=dict)
    # What turns `/readyz` red in a process that has no clients: its relay, its consumers.
    red: list[Callable[[], bool]] = field(default_factory=list)
    _upstreams: dict[str, upstream.Upstream] = field(default_factory=dict)
    _batches: dict[str, Batch[Any, Any]] = field(default_factory=dict)

    def upstream(self, name: str) -> upstream.Upstream:
        """Signed calls to another service. Raises KeyError for one without an address."""
        if name not in self._upstreams:
            self._upstreams[name] = upstream.Upstream(
                name,
                base_url=self.settings.service_urls[name],
                client=self.client,
                tokens=self.tokens,
                clock=self.clock,
            )
        return self._upstreams[name]

    def batch(self, door: Batched[Any, Any]) -> Batch[Any, Any]:
        if door.name not in self._batches:
            self._batches[door.name] = Batch(door, self.db)
        return self._batches[door.name]


def create_app(
    service: Service, settings: KitSettings | None = None, *, clock: Clock | None = None, ids: Ids | None = None
) -> FastAPI:
    """The service's HTTP side. Raises ValueError for a route without a scope: deny by default."""
    settings = settings or service.settings()
    failpoints.configure(settings.failpoints)
    clock = clock or clock_of(settings.clock_jumps)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_runtime(service, app, settings, clock, ids or Ids(now=clock.now)) as runtime:
            app.state.runtime = runtime
            yield

    app = FastAPI(
        title=service.name, version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url=service.openapi_url, telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip
    app.state.metrics = Metrics()
    for router in service.routers:
        require_scopes(router, service.open_paths)
        app.router.routes.extend(router.routes)
    app.include_router(operations())
    add_refusals(app, service.routers)
    app.add_middleware(Front, metrics=app.state.metrics, body_bytes_max=settings.body_bytes_max, clock=clock)
    describe_problems(app)
    return app


def require_scopes(router: APIRouter, open_paths: frozenset[str]) -> None:
    for route in router.routes:
        if isinstance(route, APIRoute) and not scopes_of(route) and route.path not in open_paths:
            raise ValueError(f"{sorted(route.methods or ())} {route.path} names no scope")


@asynccontextmanager
async def open_runtime(
    service: Service, app: FastAPI, settings: KitSettings, clock: Clock, ids: Ids
) -> AsyncIterator[Runtime]:
    if service.name not in SERVICES:
        raise KeyError(service.name)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(
            Database.open(
                settings.database_url, source=service.name, clock=clock, ids=ids, size=settings.database_pool_size
            )
        )
        pool = app.state.metrics.pool
        pool.labels("open").set_function(db.pool.get_size)
        pool.labels("idle").set_function(db.pool.get_idle_size)
        tokens = InternalTokens(
            service=service.name,
            signing_key=settings.internal_signing_key,
            verify_keys=settings.internal_verify_keys,
            clock=clock,
        )
        client = await stack.enter_async_context(upstream.new_client())
        runtime = Runtime(service, settings, db, clock, ids, tokens, app.state.metrics, app, client)
        if service.resources is not None:
            await stack.enter_async_context(service.resources(runtime))
        yield runtime


def operations() -> APIRouter:
    """`/livez`: the process runs. `/readyz`: its own database answers; which replica it is, what its relay and its
    consumers do is in the body.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz(request: Request) -> Response:
        runtime: Runtime = request.app.state.runtime
        body: dict[str, Any] = {name: status() for name, status in runtime.statuses.items()}
        ready = runtime.ready and not any(is_red() for is_red in runtime.red)
        try:
            async with runtime.db.read() as con:
                await con.fetchval("SELECT 1", timeout=1.0)
        except TROUBLE:
            ready, body["database"] = False, "away"
        content = orjson.dumps({"ready": ready, "slot": runtime.settings.slot, **body}, default=str)
        return Response(content, 200 if ready else 503, media_type="application/json")

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        return Response(generate_latest(request.app.state.metrics.registry), media_type="text/plain; version=0.0.4")

    return router


def operations_app(app: FastAPI) -> FastAPI:
    """For a process without the role `api`: the same runtime, and nothing but these three addresses."""
    bare = FastAPI(title=app.title, version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
    bare.state = app.state
    bare.include_router(operations())
    return bare


class InternalError(Refusal):
    slug, status = "internal-error", 500
    title = {"en": "Something broke on our side", "zh": "服务器内部错误"}


def add_refusals(app: FastAPI, routers: Sequence[APIRouter] = ()) -> None:
    """Refusals, passing trouble and bugs become problems (style.md, three kinds of errors)."""

    async def refused(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, Refusal)
        return render_for(request, fault)

    async def invalid(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, RequestValidationError)
        return render_for(request, refusal_of_validation(fault))

    async def by_router(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)
        headers = dict(fault.headers or {})
        if fault.status_code == 405:
            # The router names the methods of the first route at this address; there may be more.
            headers["Allow"] = ", ".join(allowed_methods(routers, request.url.path)) or headers.get("Allow", "")
        return render_for(request, refusal_of_status(fault.status_code) or InternalError(), headers=headers)

    async def passing(request: Request, fault: Exception) -> Response:
        log.warning("database trouble", error=type(fault).__name__)
        return render_for(request, Overloaded(retry_after_seconds=1))

    async def full(request: Request, fault: Exception) -> Response:
        log.error("database has no room left")
        return render_for(request, StorageFull(retry_after_seconds=FULL_RETRY_SECONDS))

    async def unstorable(request: Request, fault: Exception) -> Response:
        # U+0000, which no text of PostgreSQL holds, wherever in the request it came from.
        words = Fault("", "unstorable-text", "A text has a character that cannot be stored", "文本包含无法保存的字符")
        return render_for(request, ValidationFailed([words]))

    async def bug(request: Request, fault: Exception) -> Response:
        log.error("request failed", route=request.url.path, exc_info=fault)
        return render_for(request, InternalError())

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, by_router)
    for trouble in PASSING:
        app.add_exception_handler(trouble, passing)
    app.add_exception_handler(asyncpg.DiskFullError, full)
    for text in (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError):
        app.add_exception_handler(text, unstorable)
    app.add_exception_handler(Exception, bug)


def allowed_methods(routers: Sequence[APIRouter], path: str) -> list[str]:
    routes = [one for router in routers for one in router.routes if isinstance(one, APIRoute)]
    return sorted({method for one in routes if one.path_regex.match(path) for method in one.methods or ()})


def describe_problems(app: FastAPI) -> None:
    """The document names what we send: problems, not FastAPI's own validation body."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            described = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(described.pop("$defs", {}))
            schemas["Problem"] = described
            schemas.pop("HTTPValidationError", None)
            schemas.pop("ValidationError", None)
            for operations_ in document.get("paths", {}).values():
                for operation in operations_.values():
                    if "application/json" in operation.get("responses", {}).get("422", {}).get("content", {}):
                        reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
                        operation["responses"]["422"]["content"] = {MEDIA_TYPE: reference}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
