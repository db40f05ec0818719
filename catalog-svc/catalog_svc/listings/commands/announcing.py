"""What is told when a listing or what it offers changes: the event, and the shop front's own copy."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from catalog_svc.listings import store
from catalog_svc.listings.commands.refusals import gate_blocked
from catalog_svc.listings.events import changed, offer_skus
from catalog_svc.listings.offers import Offer
from catalog_svc.listings.queries import offers
from catalog_svc.listings.rules import Listing, State, blocks
from catalog_svc.products.queries import products_of_skus
from catalog_svc.storefront.commands import show, withdraw
from catalog_svc.storefront.rules import Showing, next_turn
from svc_kit import timers
from svc_kit.timers import Due
from svc_kit.transaction import Tx

OfferKey = tuple[str, str]

REPRICE = "reprice"


async def announce_products(tx: Tx, product_ids: Collection[str], shop: str | None = None) -> None:
    """The products' content or prices changed. Effects: listing.changed of each listing of theirs.

    Raises: GateBlocked where something live would no longer pass.
    """
    listings = await store.lock_of_products(tx.con, product_ids, shop)
    if not listings:
        return
    made = await offers(tx.con, {(one.product_id, one.shop) for one in listings})
    for one in listings:
        checks = made[one.product_id, one.shop].gate()
        if one.state is State.LIVE and blocks(checks):
            raise gate_blocked(checks)
    listings = [replace(one, event_seq=one.event_seq + 1) for one in listings]
    await store.update(tx.con, listings, {})
    await tell(tx, listings, made)


async def announce_skus(tx: Tx, shop: str, skus: Collection[str]) -> None:
    """Prices of these skus changed in the shop."""
    if skus and (product_ids := await products_of_skus(tx.con, skus)):
        await announce_products(tx, product_ids, shop)


async def tell(tx: Tx, listings: Sequence[Listing], made: dict[OfferKey, Offer]) -> None:
    """Emit each listing as it now is, with the `event_seq` it now has, and show or withdraw it."""
    shown, gone = [], []
    for listing in listings:
        offer = made[listing.product_id, listing.shop]
        tx.emit(changed(listing, offer), seq=listing.event_seq)
        if listing.state is State.LIVE:
            shown.append(_showing(listing, offer))
        else:
            gone.append(listing.id)
    await withdraw(tx, gone)
    await _show(tx, shown)


async def reprice_due(tx: Tx, listing_ids: Sequence[str]) -> None:
    """A price of theirs began or ended (the timer `reprice`): the shop front sorts and filters by what is now true.

    Nobody is told: every offer carries its prices with their windows.
    """
    live = [one for one in (await store.lock(tx.con, listing_ids)).values() if one.state is State.LIVE]
    made = await offers(tx.con, {(one.product_id, one.shop) for one in live})
    await _show(tx, [_showing(one, made[one.product_id, one.shop]) for one in live])


async def _show(tx: Tx, shown: Sequence[Showing]) -> None:
    await show(tx, shown)
    turns = {one.listing_id: next_turn(one.skus, at=tx.now) for one in shown}
    if due := [Due(id, REPRICE, at) for id, at in turns.items() if at is not None]:
        await timers.schedule(tx, due)


def _showing(listing: Listing, offer: Offer) -> Showing:
    product = offer.product
    assert listing.published_at is not None, "what is live was published"
    return Showing(
        listing_id=listing.id,
        shop=listing.shop,
        channel=offer.shop.channel,
        product_id=product.id,
        slug=product.slug,
        category_path=tuple(category.id for category in offer.path),
        category_names=tuple(category.name for category in offer.path),
        brand=product.brand,
        title=product.title,
        keywords=product.keywords,
        description=tuple(detail.text for detail in product.details),
        image=product.media[0].url if product.media else None,
        published_at=listing.published_at,
        skus=tuple(offer_skus(offer)),
    )
