"""The payment sandbox: a provider that behaves as badly as asked, and calls back as real ones do.

`POST /charges`, `POST /refunds` {key, order_id, amount_minor, currency, outcome?}; the same key asked twice answers
the same. `GET /charges/{key}`, `GET /refunds/{key}`. Its memory is the process's.
"""

import asyncio
import hashlib
import hmac
import os
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import aiohttp
import orjson
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from svc_contracts.suite import PORT_PAYMENT_SANDBOX

Outcome = Literal[
    "succeed", "fail", "timeout_then_succeed", "timeout_then_fail", "wrong_amount", "callback_twice"
]  # fmt: skip
Kind = Literal["charges", "refunds"]
TIMEOUT_SECONDS = 30.0
SETTLES_AFTER_SECONDS = 2.0
CALLBACK_TRIES = 8
CALLBACK_FIRST_WAIT_SECONDS = 0.2
REMEMBERED_MAX = 200_000


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=128)]
    order_id: str
    amount_minor: Annotated[int, Field(ge=1)]
    currency: str
    outcome: Outcome = "succeed"


@dataclass(slots=True)
class Movement:
    """What the provider knows about one key."""

    key: str
    order_id: str
    kind: Kind
    amount_minor: int
    currency: str
    state: Literal["pending", "succeeded", "failed"]

    def view(self) -> dict[str, Any]:
        digest = hashlib.sha256(f"{self.kind}/{self.key}".encode()).hexdigest()
        return {
            "key": self.key,
            "order_id": self.order_id,
            "kind": self.kind.removesuffix("s"),
            "state": self.state,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "provider_ref": f"sbx_{digest[:24]}",
        }


def signature(secret: str, body: bytes, at: int) -> str:
    """`t=<unix>,v1=<hex HMAC-SHA256(secret, t.body)>`."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Provider:
    def __init__(self, *, callback_url: str, secret: str) -> None:
        self.callback_url = callback_url
        self.secret = secret
        self.movements: dict[tuple[Kind, str], Movement] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.client: aiohttp.ClientSession | None = None

    async def ask(self, kind: Kind, asked: Asked) -> dict[str, Any]:
        """Answers at once, or only after the caller has given up (`timeout_…`)."""
        known = self.movements.get((kind, asked.key))
        if known is None:
            known = self.begin(kind, asked)
            if asked.outcome.startswith("timeout"):
                await asyncio.sleep(TIMEOUT_SECONDS)
        return known.view()

    def begin(self, kind: Kind, asked: Asked) -> Movement:
        if len(self.movements) >= REMEMBERED_MAX:
            raise HTTPException(507, "the sandbox is full; restart it")
        amount = asked.amount_minor - 1 if asked.outcome == "wrong_amount" else asked.amount_minor
        late = asked.outcome.startswith("timeout")
        end: Literal["succeeded", "failed"] = "failed" if asked.outcome.endswith("fail") else "succeeded"
        movement = Movement(asked.key, asked.order_id, kind, amount, asked.currency, "pending" if late else end)
        self.movements[kind, asked.key] = movement
        times = 2 if asked.outcome == "callback_twice" else 1
        task = asyncio.create_task(self.settle(movement, end, SETTLES_AFTER_SECONDS if late else 0.0, times))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return movement

    async def settle(
        self, movement: Movement, end: Literal["succeeded", "failed"], after_seconds: float, times: int
    ) -> None:
        await asyncio.sleep(after_seconds)
        movement.state = end
        view = movement.view()
        body = orjson.dumps({"id": f"evt_{view['provider_ref']}", **view})
        for _ in range(times):
            await self.call_back(body)

    def session(self) -> aiohttp.ClientSession:
        """One for all: building one costs more than the call."""
        if self.client is None:
            self.client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0))
        return self.client

    async def call_back(self, body: bytes) -> None:
        wait = CALLBACK_FIRST_WAIT_SECONDS
        for _ in range(CALLBACK_TRIES):
            headers = {
                "Content-Type": "application/json",
                "X-Signature": signature(self.secret, body, int(time.time())),
            }
            try:
                async with self.session().post(self.callback_url, data=body, headers=headers) as answer:
                    if answer.ok:
                        return
            except (aiohttp.ClientError, TimeoutError) as fault:
                print(f"callback waits: {fault!r}", flush=True)
            await asyncio.sleep(wait)
            wait *= 2


def create_app(*, callback_url: str, secret: str) -> FastAPI:
    provider = Provider(callback_url=callback_url, secret=secret)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        yield
        for task in provider.tasks:
            task.cancel()
        await asyncio.gather(*provider.tasks, return_exceptions=True)
        await provider.session().close()

    app = FastAPI(title="payment sandbox", lifespan=lifespan)

    @app.post("/charges")
    async def charge(asked: Asked) -> dict[str, Any]:
        return await provider.ask("charges", asked)

    @app.post("/refunds")
    async def refund(asked: Asked) -> dict[str, Any]:
        return await provider.ask("refunds", asked)

    @app.get("/{kind}/{key}")
    async def look(kind: Kind, key: str) -> dict[str, Any]:
        if (known := provider.movements.get((kind, key))) is None:
            raise HTTPException(404, "never asked")
        return known.view()

    return app


def run(sock: socket.socket | None = None) -> None:
    """Serves on the socket that the supervisor holds, else on HOST and PORT."""
    app = create_app(callback_url=os.environ["CALLBACK_URL"], secret=callback_secret())
    config = uvicorn.Config(
        app,
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ.get("PORT", str(PORT_PAYMENT_SANDBOX))),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[sock] if sock else None)


def callback_secret() -> str:
    """From the environment, else from the file of that name in the folder SECRETS_DIR."""
    given = os.environ.get("PAYMENT_SANDBOX_SECRET")
    return given or (Path(os.environ["SECRETS_DIR"]) / "payment_sandbox_secret").read_text().strip()


if __name__ == "__main__":
    run()
