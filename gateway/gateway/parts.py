"""What is open while the gateway runs; the rooms' routes find it in `runtime.state`."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, cast

from gateway.accounts.passwords import Passwords
from gateway.documents.queries import Documents
from gateway.front.cors import Cors
from gateway.front.door import Door
from gateway.front.identity import Identity
from gateway.front.reads import PublicReads
from gateway.front.upstreams import Upstreams
from gateway.sessions.ended import EndedSessions
from gateway.sessions.throttle import Throttle
from gateway.sessions.tokens import AccessTokens, seed_of
from gateway.settings import GatewaySettings
from gateway.tracking.sending import Traffic
from svc_kit.assembly import Runtime
from svc_kit.settings import KEY_BYTES


@asynccontextmanager
async def open_parts(runtime: Runtime) -> AsyncIterator[None]:
    """Everything of the gateway's own, and the door before its routes (`app.state.front`)."""
    settings, clock, state = cast(GatewaySettings, runtime.settings), runtime.clock, runtime.state
    seed = seed_of(settings.access_signing_key, runtime.ids.random_bytes(KEY_BYTES))
    async with AsyncExitStack() as stack:
        state.access_tokens = AccessTokens(seed=seed, seconds=settings.access_token_seconds, clock=clock)
        state.ended = EndedSessions(runtime.db, access_token_seconds=settings.access_token_seconds)
        state.passwords = Passwords()
        stack.callback(state.passwords.close)
        state.throttle = Throttle(
            failures_max=settings.sign_in_failures_max,
            failure_seconds=settings.sign_in_failure_seconds,
            attempts_max=settings.address_attempts_max,
            attempts_per_second=settings.address_attempts_per_second,
            clock=clock,
        )
        urls = {name: url for name, url in settings.service_urls.items() if name != runtime.service.name}
        opened = Upstreams.open(
            urls,
            connections_max=settings.upstream_connections_max,
            connect_ms=settings.upstream_connect_ms,
            time_box_seconds=settings.upstream_time_box_seconds,
        )
        state.upstreams = await stack.enter_async_context(opened)
        state.identity = Identity(state.access_tokens, runtime.tokens, state.ended, clock)
        state.documents = Documents(runtime.app, state.upstreams, clock)
        state.reads = PublicReads(
            seconds=settings.cache_seconds,
            entries_max=settings.cache_entries_max,
            bytes_max=settings.cache_bytes_max,
            clock=clock,
        )
        state.traffic = await stack.enter_async_context(Traffic.open(runtime))
        await state.ended.read()
        await stack.enter_async_context(background(state.ended.run()))
        runtime.app.state.front = door_of(runtime, settings)
        yield


def door_of(runtime: Runtime, settings: GatewaySettings) -> Door:
    state = runtime.state
    return Door(
        app=runtime.app,
        settings=settings,
        clock=runtime.clock,
        metrics=runtime.metrics,
        upstreams=state.upstreams,
        identity=state.identity,
        reads=state.reads,
        cors=Cors(settings.cors_origins),
        ids=runtime.ids,
    )


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
