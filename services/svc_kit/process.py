"""One process of a service with its roles; stops without losing a request."""

import argparse
import asyncio
import contextlib
import ctypes
import gc
import importlib
import os
import signal
import socket
from collections.abc import Collection, Coroutine
from typing import Any

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from svc_contracts.suite import SERVICES
from svc_kit import announcing, idempotency, leaving, topics
from svc_kit.assembly import Runtime, Service, create_app, operations_app
from svc_kit.consuming import ConsumerRunner
from svc_kit.effects import EffectRunner
from svc_kit.relay import Relay
from svc_kit.serving import Server
from svc_kit.telemetry import configure_logs
from svc_kit.timers import TimerRunner, pause

log = structlog.get_logger()
ROLES = ("api", "relay", "consume", "timers")
FINISH_SECONDS = 10.0
BACKGROUND_SECONDS = 5.0
HOUSEKEEPING_SECONDS = 600.0
# Longer than clients keep an idle connection (aiohttp 15 s, httpx 5 s): who closes first must not be the server,
# or a request that is just being sent is lost.
KEEP_ALIVE_SECONDS = 75
COLLECT_AFTER = (20_000, 20, 50)
# As <malloc.h> numbers them.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE_BYTES = 131_072


class BackgroundEnded(RuntimeError):
    """A relay, a consumer or a timer loop ended although nobody asked it to."""


def run(package: str, *, sock: socket.socket | None = None, roles: Collection[str] = ()) -> None:
    """`python -m <package> [--roles api,relay]`. With `sock` it listens there: a restart queues, it does not refuse."""
    if not roles:
        parser = argparse.ArgumentParser(prog=package)
        parser.add_argument(
            "--roles", default=",".join(ROLES), help="which of api, relay, consume, timers this process has"
        )
        roles = parser.parse_args([] if sock is not None else None).roles.split(",")
    module = importlib.import_module(f"{package}.app")
    service: Service = module.SERVICE
    settings = service.settings()
    configure_logs(service.name, settings.log_level)
    own_app = getattr(module, "create_app", None)
    app = own_app(settings) if own_app else create_app(service, settings)
    spare_the_collector()
    give_memory_back()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app, service, settings, frozenset(roles), sock))


def spare_the_collector() -> None:
    """What is imported stays: looking through it again and again took a quarter of the processor's time under load.

    Requests leave few cycles, so the youngest generation may grow before anybody looks.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def give_memory_back() -> None:
    """What was large and is free goes back to the system. By itself glibc raises its threshold with every large piece
    that is freed, so that pictures and long answers stay with the process for ever.
    """
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, LARGE_BYTES)


async def serve(
    app: FastAPI, service: Service, settings: Any, roles: frozenset[str], sock: socket.socket | None
) -> None:
    stop, notice = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, notice.set)
    async with app.router.lifespan_context(app):
        runtime: Runtime = app.state.runtime
        if settings.kafka_bootstrap_servers and roles & {"relay", "consume"}:
            await topics.ensure(settings.kafka_bootstrap_servers)
        works = runners(runtime, roles, stop)
        background = [asyncio.create_task(work, name=getattr(work, "__qualname__", None)) for work in works]
        # The gateway puts its raw pass-through before the routes.
        front = getattr(app.state, "front", app) if "api" in roles else operations_app(app)
        config = uvicorn.Config(
            front, host=settings.host, port=settings.port or SERVICES[service.name].port, lifespan="off",
            access_log=False, log_config=None, http="httptools", timeout_graceful_shutdown=int(FINISH_SECONDS),
            backlog=2_048, server_header=False, date_header=False, timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )  # fmt: skip
        server = Server(config)
        server.capture_signals = unhandled  # type: ignore[method-assign]
        serving = asyncio.create_task(server.serve(sockets=[sock] if sock else None))
        waiting = asyncio.create_task(notice.wait())
        ended, _ = await asyncio.wait([serving, waiting, *background], return_when=asyncio.FIRST_COMPLETED)
        lost = [task for task in background if task in ended]
        runtime.ready = False
        if lost:
            log.error("background work ended", work=[task.get_name() for task in lost])
            server.should_exit = True
        elif not serving.done():
            server.say_goodbye()
            if settings.stop_notice_seconds >= leaving.NOTICE_SECONDS_MIN:
                runtime.leaving.set()
            await asyncio.sleep(settings.stop_notice_seconds)
            server.should_exit = True
        await asyncio.wait([serving], timeout=FINISH_SECONDS + 1)
        stop.set()
        for door in service.batches:
            runtime.batch(door).called.set()
        if background:
            _, late = await asyncio.wait(background, timeout=BACKGROUND_SECONDS)
            for task in late:
                task.cancel()
        waiting.cancel()
        if serving.done() and not serving.cancelled() and (fault := serving.exception()):
            raise fault
        if lost:
            # Half a service looks healthy and is not: whoever started us starts us again, whole.
            raise BackgroundEnded from next((one.exception() for one in lost if not one.cancelled()), None)


def unhandled() -> Any:
    """Signals are ours: uvicorn would raise them again after its own stop."""
    return contextlib.nullcontext()


def runners(runtime: Runtime, roles: frozenset[str], stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    service, settings = runtime.service, runtime.settings
    found: list[Coroutine[Any, Any, None]] = []
    if "api" in roles:
        found += [runtime.batch(door).run(stop) for door in service.batches]
    if "relay" in roles and settings.kafka_bootstrap_servers:
        place = f"{socket.gethostname()}-{settings.slot}-{settings.port or os.getpid()}"
        relay = Relay(runtime.db, settings.kafka_bootstrap_servers, runtime.metrics, member=place)
        runtime.statuses["relay"] = relay.status
        if "api" not in roles:
            runtime.red.append(relay.is_red)
        found.append(relay.run(stop))
    elif settings.kafka_bootstrap_servers:
        # Somebody else's relay sends what this process commits.
        found.append(announcing.announce(runtime.db, stop, others=lambda: True))
    if "consume" in roles and settings.kafka_bootstrap_servers:
        for consumer in service.consumers:
            runner = ConsumerRunner(consumer, runtime.db, settings, runtime.metrics)
            runner.leaving = runtime.leaving
            runtime.statuses[consumer.group] = runner.status
            if "api" not in roles:
                runtime.red.append(runner.is_red)
            found.append(runner.run(stop))
    if "timers" in roles:
        timers = TimerRunner(service.timers, runtime.db, runtime.metrics)
        runtime.statuses["timers"] = timers.status
        found += [timers.run(stop), housekeeping(runtime, stop)]
        if service.effects:
            effects = EffectRunner(service.effects, runtime)
            runtime.statuses["effects"] = effects.status
            found.append(effects.run(stop))
    return found


async def housekeeping(runtime: Runtime, stop: asyncio.Event) -> None:
    """Old inbox rows and keys leave, a bounded number at once."""
    while not stop.is_set():
        try:
            async with runtime.db.transaction(by_range=True) as tx:
                await idempotency.purge(tx)
                await tx.con.execute(
                    "DELETE FROM inbox WHERE ctid IN (SELECT ctid FROM inbox "
                    "WHERE processed_at < now() - interval '14 days' LIMIT 5000)"
                )
        except Exception as fault:  # noqa: BLE001 - tried again later
            log.warning("housekeeping failed", error=repr(fault))
        await pause(stop, HOUSEKEEPING_SECONDS)
