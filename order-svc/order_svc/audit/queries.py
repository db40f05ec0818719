"""Reading holds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from order_svc.audit import store
from order_svc.audit.rules import Contact, Hold, HoldReason, HoldState


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold and whom one tried to reach about it."""

    hold: Hold
    contacts: tuple[Contact, ...]


async def hold(con: asyncpg.Connection, hold_id: str) -> HoldView | None:
    found = await store.hold(con, hold_id)
    return (await _with_contacts(con, [found]))[0] if found else None


async def open_holds_of(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, list[HoldView]]:
    """Orders without an open hold are missing."""
    found: dict[str, list[HoldView]] = {}
    for view in await _with_contacts(con, await store.open_holds(con, order_ids)):
        found.setdefault(view.hold.order_id, []).append(view)
    return found


async def holds(
    con: asyncpg.Connection,
    *,
    order_id: str | None,
    states: Sequence[HoldState],
    reasons: Sequence[HoldReason],
    shops: Collection[str] | None,
    due_until: datetime | None,
    after: str,
    limit: int,
) -> list[HoldView]:
    """The oldest first."""
    found = await store.page(
        con,
        order_id=order_id,
        states=states,
        reasons=reasons,
        shops=shops,
        due_until=due_until,
        after=after,
        limit=limit,
    )
    return await _with_contacts(con, found)


async def _with_contacts(con: asyncpg.Connection, found: Sequence[Hold]) -> list[HoldView]:
    made = await store.contacts(con, [one.id for one in found]) if found else {}
    return [HoldView(one, tuple(made.get(one.id, ()))) for one in found]
