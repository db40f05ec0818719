"""A product is brought to a shop: a draft, or submitted at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from catalog_svc.listings import store
from catalog_svc.listings.commands.announcing import tell
from catalog_svc.listings.commands.refusals import AlreadyListed, gate_blocked
from catalog_svc.listings.commands.steps import keep_dates
from catalog_svc.listings.queries import offers
from catalog_svc.listings.rules import GateCheck, Listing, State, blocks
from catalog_svc.listings.store import LogEntry
from catalog_svc.products.queries import products_by_id
from catalog_svc.shops.queries import shops_by_slug
from svc_kit.refusals import Fault, NotFound, Refusal, ValidationFailed
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


@dataclass(frozen=True, slots=True)
class NewListing:
    product_id: str
    shop: str
    publish_at: datetime | None = None
    unpublish_at: datetime | None = None


async def create_listing(tx: Tx, item: NewListing) -> Listing:
    """A draft. Raises ValidationFailed, AlreadyListed. Effects: listing.changed."""
    faults = []
    if item.product_id not in await products_by_id(tx.con, [item.product_id]):
        faults.append(_unknown("/product_id", item.product_id))
    if item.shop not in await shops_by_slug(tx.con, [item.shop]):
        faults.append(_unknown("/shop", item.shop))
    if faults:
        raise ValidationFailed(faults)
    [outcome] = await create_listings(tx, [item], submit=False)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


async def create_listings(tx: Tx, items: Sequence[NewListing], *, submit: bool) -> list[Listing | Refusal]:
    """Products and shops exist. With `submit` only what passes the gate comes in, as pending review.

    Effects: listing.changed.
    """
    made = await offers(tx.con, {(item.product_id, item.shop) for item in items})
    gates: dict[str, list[GateCheck]] = {}
    outcomes: list[Listing | Refusal] = []
    for item in items:
        listing = _fresh(tx, item)
        if submit:
            gates[listing.id] = made[item.product_id, item.shop].gate()
            if blocks(gates[listing.id]):
                outcomes.append(gate_blocked(gates[listing.id]))
                continue
            listing = replace(listing, state=State.PENDING_REVIEW, submitted_by=tx.actor.id)
        outcomes.append(listing)
    fresh = [one for one in outcomes if isinstance(one, Listing)]
    went_in = await store.insert(tx.con, fresh, gates) if fresh else set()
    taken = [one for one in fresh if one.id in went_in]
    await _log(tx, taken)
    await keep_dates(tx, [one for one in taken if one.publish_at or one.unpublish_at])
    await tell(tx, taken, made)
    return [AlreadyListed() if isinstance(one, Listing) and one.id not in went_in else one for one in outcomes]


def _fresh(tx: Tx, item: NewListing) -> Listing:
    dates = (item.publish_at, item.unpublish_at)
    return Listing(
        tx.ids.new("lst"),
        item.product_id,
        item.shop,
        State.DRAFT,
        *dates,
        None,
        None,
        None,
        tx.now,
        version=1,
        event_seq=1,
    )


async def _log(tx: Tx, listings: Sequence[Listing]) -> None:
    entries = []
    for one in listings:
        entries.append(LogEntry(one.id, "create", State.DRAFT, State.DRAFT, None))
        if one.state is State.PENDING_REVIEW:
            entries.append(LogEntry(one.id, "submit", State.DRAFT, State.CHECKING, None))
            entries.append(LogEntry(one.id, "pass", State.CHECKING, State.PENDING_REVIEW, None))
    if entries:
        await store.append_log(tx.con, entries, actor=(tx.actor.kind, tx.actor.id), at=tx.now)


async def change_dates(tx: Tx, listing_id: str, *, version: int, changes: Mapping[str, Any]) -> Listing:
    """publish_at and unpublish_at. Raises NotFound, StaleVersion, ValidationFailed. Effects: listing.changed."""
    listing = (await store.lock(tx.con, [listing_id])).get(listing_id)
    if listing is None:
        raise NotFound()
    require_version(listing.version, version)
    listing = replace(listing, **changes, version=version + 1, event_seq=listing.event_seq + 1)
    if listing.publish_at and listing.unpublish_at and listing.publish_at >= listing.unpublish_at:
        words = {"en": "It would end before it begins", "zh": "下架时间早于上架时间"}
        raise ValidationFailed([Fault(pointer="/unpublish_at", code="empty-window", **words)])
    await store.update(tx.con, [listing], {})
    await keep_dates(tx, [listing])
    await tell(tx, [listing], await offers(tx.con, {(listing.product_id, listing.shop)}))
    return listing


def _unknown(pointer: str, what: str) -> Fault:
    return Fault(pointer=pointer, code="unknown", en=f"There is no {what}", zh=f"{what} 不存在")
