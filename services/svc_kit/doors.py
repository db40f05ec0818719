"""The transactional door: a route with a `Write` runs in one transaction, committed before the response is sent."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict

from svc_kit import idempotency
from svc_kit.access import Principal, Scope, authenticate
from svc_kit.idempotency import Key, Replay, Stored
from svc_kit.problems import render_for
from svc_kit.refusals import Forbidden, Refusal
from svc_kit.transaction import Tx

if TYPE_CHECKING:
    from svc_kit.assembly import Runtime


class Body(BaseModel):
    """What clients send: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class QuickRequest(Request):
    """Reads JSON four times as fast as Starlette's own; what it will not read is left to the other."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            try:
                self._json = orjson.loads(await self.body())
            except orjson.JSONDecodeError:
                return await super().json()
        return self._json


class CommandRoute(APIRoute):
    """Access first, then the body, then the command; the transaction ends before the answer leaves."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        described, self.dependant = self.dependant, lightened(self.dependant)
        original = super().get_route_handler()
        self.dependant = described
        scopes = scopes_of(self)

        async def handle(given: Request) -> Response:
            request = QuickRequest(given.scope, given.receive, given._send)
            if scopes:
                principal = authenticate(request)
                for name in scopes:
                    if name not in principal.scopes:
                        raise Forbidden(detail=f"This needs the scope {name}", scope=name)
            async with AsyncExitStack() as stack:
                request.scope["yunying.stack"] = stack
                try:
                    return await _answer(original, request)
                except Replay as replay:
                    return render_stored(replay.stored)

        return handle


def scopes_of(route: APIRoute) -> list[str]:
    return [one.dependency.name for one in route.dependencies if isinstance(one.dependency, Scope)]


async def _answer(original: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """With a key, a refusal takes back what the command did and keeps the key with the answer."""
    try:
        response = await original(request)
    except Refusal as refusal:
        key: Key | None = request.scope.get("yunying.key")
        if key is None or not idempotency.storable(refusal.status):
            raise
        tx: Tx = request.scope["yunying.tx"]
        await tx.con.execute("ROLLBACK TO SAVEPOINT command")
        tx.pending.clear()
        tx.after.clear()
        response = render_for(request, refusal)
    if (key := request.scope.get("yunying.key")) is not None and idempotency.storable(response.status_code):
        await idempotency.store(request.scope["yunying.tx"], [(key, stored_of(response))])
    return response


def stored_of(response: Response, resource_id: str | None = None) -> Stored:
    headers = {name: response.headers[name] for name in idempotency.STORED_HEADERS if name in response.headers}
    return Stored(response.status_code, headers, bytes(response.body), resource_id)


def render_stored(stored: Stored) -> Response:
    return Response(stored.body, stored.status, headers={**stored.headers, "Idempotent-Replayed": "true"})


class Router(APIRouter):
    """An APIRouter whose routes are doors."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(route_class=CommandRoute, **arguments)


# Dependencies are coroutines even where they await nothing: FastAPI hands plain functions to a pool of threads, which
# cost more than all the rest of a request (a hundred switches of the interpreter's lock at 64 clients).
async def _runtime(request: Request) -> "Runtime":
    runtime: Runtime = request.app.state.runtime
    return runtime


async def _who(request: Request) -> Principal:
    return authenticate(request)


async def _write(request: Request) -> Tx:
    runtime: Runtime = request.app.state.runtime
    stack: AsyncExitStack = request.scope["yunying.stack"]
    who = authenticate(request)
    key = await idempotency.key_of(request, who)
    tx = await stack.enter_async_context(runtime.db.transaction(actor=who.actor))
    if key is not None:
        [verdict] = await idempotency.claim(tx, [key])
        if isinstance(verdict, Stored):
            raise Replay(verdict)
        if verdict is not None:
            raise verdict
        await tx.con.execute("SAVEPOINT command")
        request.scope["yunying.tx"], request.scope["yunying.key"] = tx, key
    return tx


# FastAPI evaluates annotations, and asyncpg's classes take no parameters at run time.
async def _read(request: Request) -> Any:
    stack: AsyncExitStack = request.scope["yunying.stack"]
    return await stack.enter_async_context(request.app.state.runtime.db.read())


def lightened(dependant: Dependant) -> Dependant:
    """The same route, whose scopes are left to the door and which asks the kit for itself once its parameters hold.
    FastAPI looks at each dependency as if it had a path, headers and a body of its own (12 µs).
    """
    call, others = dependant.call, []
    own: list[tuple[str, Callable[[Request], Awaitable[Any]]]] = []
    if call is None or not iscoroutinefunction(call):
        return dependant
    for each in dependant.dependencies:
        if each.call in OWN and each.name:
            own.append((each.name, each.call))
        elif each.name or not isinstance(each.call, Scope):
            others.append(each)
    name = dependant.request_param_name or "_request"

    @wraps(call)
    async def endpoint(**values: Any) -> Any:
        request = values[name]
        if dependant.request_param_name is None:
            del values[name]
        for wanted, ask in own:
            values[wanted] = await ask(request)
        return await call(**values)

    return replace(dependant, dependencies=others, call=endpoint, request_param_name=name)


OWN = (_runtime, _who, _write, _read)
Write = Annotated[Tx, Depends(_write)]
Who = Annotated[Principal, Depends(_who)]

if TYPE_CHECKING:
    Read = Annotated[asyncpg.Connection[Any], Depends(_read)]
    Rt = Annotated[Runtime, Depends(_runtime)]
else:
    # FastAPI reads the annotations at run time, where these types are out of reach.
    Read = Annotated[Any, Depends(_read)]
    Rt = Annotated[Any, Depends(_runtime)]
