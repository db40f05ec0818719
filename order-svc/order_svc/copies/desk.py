"""What this process remembers of the copies: quoting reads nothing while nothing changed.

Whoever changes the copies raises a mark. A process asks for the mark once a second, at once where it made the change
itself, and forgets everything when the mark has moved: what it says is at most a second old.
"""

import asyncio
from collections.abc import Collection
from weakref import WeakKeyDictionary

from order_svc.copies import store
from order_svc.copies.queries import ShopDesk
from order_svc.copies.rules import Offer, ShopFacts, best
from svc_contracts.events.stock import WarehouseChanged
from svc_kit.transaction import Database

MARK_TRUSTED_SECONDS = 1.0
OFFERS_KEPT_MAX = 50_000


class Desk:
    """One per database; it never holds on to it."""

    def __init__(self) -> None:
        self.mark = -1
        self.asked_at: float | None = None
        self.changes = 0
        self.asking = asyncio.Lock()
        self._forget()

    def _forget(self) -> None:
        self.shops = ShopDesk()
        self.known: dict[tuple[str, str], list[Offer]] = {}
        self.depots: list[WarehouseChanged] | None = None

    def look_again(self) -> None:
        """The copies changed in this process."""
        self.changes += 1
        self.asked_at = None

    async def shop(self, db: Database, name: str) -> ShopFacts | None:
        """None: no such shop."""
        await self._check(db)
        return await self.shops.facts(db, name, at=db.clock.now())

    async def offers(self, db: Database, shop: str, skus: Collection[str]) -> dict[str, Offer]:
        """{sku: the offer to sell it by}; skus that no listing of the shop ever had are missing."""
        await self._check(db)
        known = self.known
        found = {key: known[key] for sku in skus if (key := (shop, sku)) in known}
        if missing := [key for sku in skus if (key := (shop, sku)) not in found]:
            found |= await self._read(db, missing)
        at = db.clock.now()
        return {sku: some[0] if len(some) == 1 else best(some, at)[sku] for (_, sku), some in found.items()}

    async def warehouses(self, db: Database) -> list[WarehouseChanged]:
        await self._check(db)
        if self.depots is not None:
            return self.depots
        mark = self.mark
        async with db.read() as con:
            found = await store.warehouses(con)
        if mark == self.mark:
            self.depots = found
        return found

    async def _read(self, db: Database, missing: list[tuple[str, str]]) -> dict[tuple[str, str], list[Offer]]:
        """What nobody ever sold is not kept: anybody could fill the memory with it."""
        mark, known = self.mark, self.known
        found: dict[tuple[str, str], list[Offer]] = {}
        async with db.read() as con:
            for offer in await store.offers(con, missing):
                found.setdefault((offer.shop, offer.sku.sku), []).append(offer)
        # Read before the mark moved, perhaps: then it is good for this answer and no longer.
        if mark == self.mark:
            if len(known) >= OFFERS_KEPT_MAX:
                known.clear()
            known.update(found)
        return found

    async def _check(self, db: Database) -> None:
        if self._is_fresh(db):
            return
        async with self.asking:
            if self._is_fresh(db):
                return
            now, changes = db.clock.monotonic(), self.changes
            async with db.read() as con:
                mark = await store.mark(con)
            if mark != self.mark:
                self._forget()
                self.mark = mark
            # A change of this process that came meanwhile may be too late for what was read.
            if changes == self.changes:
                self.asked_at = now

    def _is_fresh(self, db: Database) -> bool:
        return self.asked_at is not None and db.clock.monotonic() - self.asked_at < MARK_TRUSTED_SECONDS


_desks: "WeakKeyDictionary[Database, Desk]" = WeakKeyDictionary()


def desk_of(db: Database) -> Desk:
    if (desk := _desks.get(db)) is None:
        desk = _desks[db] = Desk()
    return desk
