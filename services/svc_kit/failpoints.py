"""Named places where a test kills, delays or fails. Nothing happens unless FAILPOINTS says so, and never in production.

`FAILPOINTS="relay.after_send=kill:0.01,transaction.before_commit=sleep:0.5,consumer.before_commit=raise"`: the number
after `kill` and `raise` is a probability (1 when absent), after `sleep` seconds.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

PLACES = frozenset(
    {
        "transaction.before_commit",
        "transaction.after_commit",
        "relay.before_send",
        "relay.after_send",
        "relay.before_delete",
        "consumer.before_commit",
        "consumer.after_commit",
        "effect.after_call",
        "batch.before_commit",
    }
)


class FailpointHit(RuntimeError):
    """A test asked for this failure."""


@dataclass(frozen=True, slots=True)
class Rule:
    action: Literal["kill", "sleep", "raise"]
    amount: float


_rules: dict[str, Rule] = {}
_chance: Callable[[], float] = lambda: int.from_bytes(os.urandom(6), "big") / 2**48  # noqa: E731


def configure(text: str, *, chance: Callable[[], float] | None = None) -> None:
    """Raises ValueError for a place or an action that does not exist."""
    global _chance
    _rules.clear()
    for entry in filter(None, text.split(",")):
        place, _, action = entry.partition("=")
        verb, _, amount = action.partition(":")
        if place not in PLACES or verb not in ("kill", "sleep", "raise"):
            raise ValueError(f"no failpoint {entry!r}; places: {', '.join(sorted(PLACES))}")
        _rules[place] = Rule(verb, float(amount or 1))  # type: ignore[arg-type]
    if chance is not None:
        _chance = chance


async def reach(place: str) -> None:
    """Called by the kit where something may go wrong; free when no rule is set."""
    if not _rules or (rule := _rules.get(place)) is None:
        return
    if rule.action == "sleep":
        await asyncio.sleep(rule.amount)
    elif _chance() < rule.amount:
        if rule.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise FailpointHit(place)
