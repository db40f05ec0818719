"""`make faults`: breaks the suite on purpose and prints what became of each promise.

PROMISE=P12,P14 chooses, SEED=… replays, FORM=soak runs the rows as they are written.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from tests.faults import reporting
from tests.faults.book import promises
from tests.faults.promise import Finding, Form, Promise, Stage, standing_on


def main() -> int:
    form = Form(os.environ.get("FORM") or "short")
    wanted = {name.strip().upper() for name in os.environ.get("PROMISE", "").split(",") if name.strip()}
    book = promises()
    if unknown := wanted - {promise.number for promise in book}:
        print(f"No promise {', '.join(sorted(unknown))}; there are {', '.join(one.number for one in book)}.")
        return 2
    chosen = [promise for promise in book if not wanted or promise.number in wanted]
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    print(f"{len(chosen)} promises, {form.value} form, seed {seed} (SEED={seed} replays the faults)", flush=True)
    began = time.monotonic()
    with ExitStack() as shared:
        broken = asyncio.run(Run(form, seed, shared).all(chosen))
    took = time.monotonic() - began
    print(f"\n{len(chosen) - len(broken)} of {len(chosen)} promises held in {took:.0f} s: reports/reliability.html")
    if broken:
        print(f"Broken: {', '.join(broken)}. One again: make faults PROMISE={broken[0]} SEED={seed}")
    return 1 if broken else 0


class Run:
    """One call of the command. Servers and suite are started when the first promise asks for them, and shared."""

    def __init__(self, form: Form, seed: int, shared: ExitStack) -> None:
        self.form = form
        self.seed = seed
        self.stack = shared
        self.shared: dict[str, Any] = {}
        self.starting = asyncio.Lock()
        self.began = time.monotonic()

    async def all(self, chosen: Sequence[Promise]) -> list[str]:
        """The numbers of those that did not hold."""
        beside = [asyncio.create_task(self.one(promise)) for promise in chosen if promise.waits]
        held = {promise.number: await self.one(promise) for promise in chosen if not promise.waits}
        waited = [promise.number for promise in chosen if promise.waits]
        held |= dict(zip(waited, await asyncio.gather(*beside), strict=True))
        return [promise.number for promise in chosen if not held[promise.number]]

    async def one(self, promise: Promise) -> bool:
        self.say(promise, promise.words)
        began = time.monotonic()
        try:
            async with self.standing(promise) as on:
                began = time.monotonic()
                stage = Stage(self.form, self.seed, on, lambda text: self.say(promise, text))
                findings = list(await promise.run(stage))
        except Exception as fault:  # noqa: BLE001 - one run that fails must not hide the others
            findings = [Finding(f"the run ended: {type(fault).__name__}: {fault}"[:300], 1, "= 0", False)]
        seconds = time.monotonic() - began
        for one in findings:
            mark = "·" if one.target == "told" else "✓" if one.holds else "✗"
            self.say(promise, f"{mark} {one.figure}: {one.value:g}" + ("" if mark == "·" else f" ({one.target})"))
        self.say(promise, f"{seconds:.0f} s")
        reporting.keep(promise, findings, form=self.form, seed=self.seed, seconds=seconds)
        return all(one.holds for one in findings)

    @asynccontextmanager
    async def standing(self, promise: Promise) -> AsyncIterator[Any]:
        if promise.needs in ("ground", "suite"):
            async with self.starting:
                if promise.needs not in self.shared:
                    self.shared[promise.needs] = await asyncio.to_thread(self.stack.enter_context, standing_on(promise))
            yield self.shared[promise.needs]
            return
        own = standing_on(promise)
        made = await asyncio.to_thread(own.__enter__)
        try:
            yield made
        finally:
            await asyncio.to_thread(own.__exit__, None, None, None)

    def say(self, promise: Promise, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {promise.number:<4} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
