"""Reading payments."""

from dataclasses import dataclass

import asyncpg

from order_svc.orders.rules.order import LedgerRow
from order_svc.payments import store
from order_svc.payments.rules import Attempt, MoneyBack


@dataclass(frozen=True, slots=True)
class Payments:
    attempts: list[Attempt]
    refunds: list[MoneyBack]
    ledger: list[LedgerRow]


async def attempt(con: asyncpg.Connection, attempt_id: str) -> Attempt | None:
    return await store.attempt(con, attempt_id)


async def attempts_of(con: asyncpg.Connection, order_id: str) -> list[Attempt]:
    """By number."""
    return (await store.attempts(con, [order_id])).get(order_id, [])


async def payments_of(con: asyncpg.Connection, order_id: str) -> Payments:
    return Payments(
        await attempts_of(con, order_id), await store.refunds(con, order_id), await store.ledger(con, order_id)
    )
